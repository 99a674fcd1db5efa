"""Checks refuse what students get wrong, each with its own diagnosis, and accept what is right."""

import copy
import functools
import importlib
import inspect

import numpy as np
import pytest

from benchmarks import lessons as timed
from benchmarks.checks import answers, diagnosis, todo
from keras_course.lessons import check as checking
from keras_course.lessons import staff, student
from keras_course.lessons.check import NOTHING_USUAL, CheckFailed
from tests.test_repository import ROOT


def lessons(folder):
    return sorted(path.stem for path in (ROOT / folder).glob("ex*.py"))


LESSONS = lessons("keras_course/lessons/checks")


def written(folder):
    """Return check and function of each answer in a folder of the tests, which may be missing."""
    checks = {lesson: dict(student.of_lesson(lesson).values()) for lesson in LESSONS}
    return [
        pytest.param(checks[lesson][todo(name)], answer, id=f"{lesson}:{name}")
        for lesson in lessons(f"tests/{folder}")
        for name, answer in answers(folder, lesson).items()
    ]


NEW = int(np.random.SeedSequence().entropy % 2**32)  # in each process; a failure tells it
on_draws = pytest.mark.parametrize(
    "seed", [1, pytest.param(NEW, marks=pytest.mark.slow)], ids=["known", "new"]
)


@functools.cache
def on_one_draw(check, seed):
    """Return the check with cases of the seed, which finds out once, not for each answer, what the
    right function and the usual mistakes make of them."""
    twin, found = copy.copy(check), {}
    cases = [dict(case) for case in check.cases(np.random.default_rng(seed))]
    known = {id(function) for function in (check.right, *check.mistakes.values())}

    def observe(function, **inputs):
        if id(function) not in known:
            return check.observe(function, **inputs)
        key = id(function), frozen(inputs)
        if key not in found:
            found[key] = checking._outcome(check.observe, function, inputs)
        if found[key].error is not None:
            raise found[key].error
        return found[key].value

    twin.cases, twin.observe = (lambda random: cases), observe
    return twin


def frozen(value):
    """Return plain values and arrays as what a dictionary takes for a key."""
    if isinstance(value, dict):
        return tuple((name, frozen(each)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(frozen, value))
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    return repr(value)


@on_draws
@pytest.mark.parametrize(("check", "function"), written("mistakes"))
def test_a_mistake_is_named(check, function, seed):
    with pytest.raises(CheckFailed) as failed:
        on_one_draw(check, seed)(function)
    words, said = inspect.getdoc(function), str(failed.value).replace(function.__name__, "")
    assert words in said, seed
    assert NOTHING_USUAL not in said, seed


@pytest.mark.staff
@on_draws
@pytest.mark.parametrize(("check", "function"), written("answers"))
def test_another_style_is_right(check, function, seed, capsys):
    on_one_draw(check, seed)(function)
    assert capsys.readouterr().out == f"{check.number} ok\n"


def test_the_last_convolution_is_the_last_one_though_an_earlier_one_is_equal():
    from keras_course.lessons.checks import ex04_alexnet_vgg as checks

    table = [("conv", 6, 3, 1), ("pool", 2), ("conv", 6, 3, 1)]
    weights = 3 * 3 * 6 * 6
    assert checks._of_the_last(table, side=12, channels=3) == (weights, weights * 6 * 6)


def test_a_diagnosis_is_the_cause_that_is_told_or_what_is_said():
    def wrong():
        """Return a list."""

    told = "1.1 wrong() returned a list; expected 3\n    Usual cause: it is.\n    Slide 3."
    assert diagnosis(told, wrong) == "it is."
    assert (
        diagnosis(told.replace("Usual cause", "Cause"), wrong) == "n () returned a list; expected n"
    )


def test_a_lesson_has_changed_when_its_code_or_that_of_its_checks_has(tmp_path, monkeypatch):
    monkeypatch.setattr(timed, "CHECKS", tmp_path)
    path = tmp_path / "ex05_twice.py"
    path.write_text("A = 1\n")
    before = timed.digest("ex05_twice", "a = 1\n")
    assert timed.digest("ex05_twice", "a = 2\n") != before
    path.write_text("# Why.\n\nA = 1\n")
    assert timed.digest("ex05_twice", "# %%\na = 1\n") == before
    path.write_text("A = 2\n")
    assert timed.digest("ex05_twice", "a = 1\n") != before


def test_every_todo_has_mistakes_with_diagnoses_of_their_own():
    for lesson in LESSONS:
        mistakes = vars(importlib.import_module(f"tests.mistakes.{lesson}"))
        for name, _ in student.of_lesson(lesson).values():
            told = {mistakes[key].__doc__ for key in mistakes if key.startswith(f"{name}__")}
            assert len(told) >= staff.MISTAKES, (lesson, name)


@pytest.mark.staff
def test_the_course_holds_together(capsys):
    assert staff.verify(ROOT) == []
    assert "solutions: every check says ok" in capsys.readouterr().out
