"""Checks refuse what students get wrong, each with its own diagnosis, and accept what is right."""

import importlib
import inspect
import re

import pytest

from keras_course.lessons import student
from keras_course.lessons.check import NOTHING_USUAL, CheckFailed
from tests.test_repository import ROOT

LESSONS = sorted(path.stem for path in (ROOT / "solutions").glob("ex*.py"))


def written(folder):
    """Return check and function of each answer in a folder of the tests."""
    found = []
    for lesson in LESSONS:
        module = importlib.import_module(f"tests.{folder}.{lesson}")
        checks = dict(student.of_lesson(lesson).values())
        for name, function in vars(module).items():
            if ("__" in name and inspect.isroutine(function)) or inspect.isclass(function):
                todo, _, style = name.partition("__")
                if style:
                    found.append(pytest.param(checks[todo], function, id=f"{lesson}:{name}"))
    return found


@pytest.mark.parametrize(("check", "function"), written("mistakes"))
def test_a_mistake_is_named(check, function):
    with pytest.raises(CheckFailed) as failed:
        check(function)
    words = inspect.getdoc(function)
    assert words in str(failed.value)
    assert NOTHING_USUAL not in str(failed.value) or words.startswith(("returned", "raised"))


@pytest.mark.parametrize(("check", "function"), written("answers"))
def test_another_style_is_right(check, function, capsys):
    check(function)
    assert capsys.readouterr().out == f"{check.number} ok\n"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_todo_has_its_mistakes_and_its_other_styles(lesson):
    mistakes = importlib.import_module(f"tests.mistakes.{lesson}")
    answers = importlib.import_module(f"tests.answers.{lesson}")
    for name, _ in student.of_lesson(lesson).values():
        told = {
            vars(mistakes)[key].__doc__ for key in vars(mistakes) if key.startswith(f"{name}__")
        }
        assert len(told) >= 4, name
        assert len([key for key in vars(answers) if key.startswith(f"{name}__")]) >= 2, name


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_solutions_pass_in_a_process_of_their_own(lesson):
    path = ROOT / "solutions" / f"{lesson}.py"
    results = student.check(path, lesson, list(student.of_lesson(lesson)))
    assert [result["message"] for result in results] == [
        f"{number} ok" for number in student.of_lesson(lesson)
    ]
    assert [number for number in student.of_lesson(lesson)] == re.findall(
        r"# TODO (\d+\.\d+):", path.read_text(encoding="utf-8")
    )
