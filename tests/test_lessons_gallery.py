"""Lessons run as notebooks, and as pages with what they print and draw."""

import re

import pytest

from keras_course import cli
from keras_course.lessons import gallery, handout
from tests import test_browser as browser
from tests.test_lessons_checks import LESSONS
from tests.test_repository import ROOT


def test_formulas_are_shown_without_a_network():
    pytest.importorskip("latex2mathml")
    text = gallery.with_mathml("It costs $x^2$.\n\n$$ y = \\sqrt{x} $$\n\nNot \\$3 and \\$4.")
    assert text.count("<math") == 2 and 'display="block"' in text
    assert text.startswith("It costs <math") and text.endswith("Not \\$3 and \\$4.")


LESSON = """# %% [markdown]
# # 1 Sums
# Slides 3 to 4.
# %%
def add(a, b):
    # TODO 1.1: add them
    ### BEGIN SOLUTION
    return a + b
    ### END SOLUTION


# %%
from tqdm.auto import tqdm

for number in tqdm(range(3)):
    pass
print("together", add(1, 2))
"""


def test_the_command_makes_a_page_of_each_lesson_and_an_index(tmp_path, capsys):
    for name in ("nbclient", "nbconvert", "ipykernel", "latex2mathml"):
        pytest.importorskip(name)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "ex01_sums.py").write_text(LESSON)
    pages = tmp_path / "pages"
    given = ["--solutions", str(tmp_path / "solutions"), "--output", str(pages)]
    assert cli.main(["handout", "gallery", *given]) == 0
    made = [pages / "ex01_sums.html", pages / "index.html"]
    assert capsys.readouterr().out.split() == [str(path) for path in made]
    text = made[0].read_text(encoding="utf-8")
    assert "together 3" in text and "widget-view" not in text
    assert '<a href="ex01_sums.html">1 Sums</a>' in made[1].read_text(encoding="utf-8")


@pytest.mark.staff
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
    for path in paths if browser.BROWSER else ():
        measured, console = browser.measure(tmp_path, path.read_text(encoding="utf-8"))
        assert measured == [(width, width, 0) for width in browser.WIDTHS], path.name
        assert console == []
