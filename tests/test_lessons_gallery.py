"""Lessons run as notebooks, and as pages with what they print and draw."""

import re

import pytest

from keras_course.lessons import gallery, handout
from tests.test_lessons_checks import LESSONS
from tests.test_repository import ROOT


def test_formulas_are_shown_without_a_network():
    pytest.importorskip("latex2mathml")
    text = gallery.with_mathml("It costs $x^2$.\n\n$$ y = \\sqrt{x} $$\n\nNot \\$3 and \\$4.")
    assert text.count("<math") == 2 and 'display="block"' in text
    assert text.startswith("It costs <math") and text.endswith("Not \\$3 and \\$4.")


@pytest.mark.lessons
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_runs_as_a_notebook_and_becomes_a_page(lesson, tmp_path):
    paths = list(gallery.gallery(ROOT / "solutions", tmp_path, only={int(lesson[2:4])}))
    assert [path.name for path in paths] == [f"{lesson}.html", "index.html"]
    text = paths[0].read_text(encoding="utf-8")
    numbers = re.findall(r"# TODO (\d+\.\d+):", handout.texts(ROOT / "solutions")[lesson])
    assert all(f"{number} ok" in text for number in numbers)
    assert "data:image/png;base64" in text
    assert "BEGIN SOLUTION" not in text and "Answer" in text
    assert not re.findall(r'(?:src|href)="https?://[^"]+\.(?:js|css)', text)
    assert f'href="{lesson}.html"' in paths[1].read_text(encoding="utf-8")
