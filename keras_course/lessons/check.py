"""Does a function do what its TODO asks for, and if not, which mistake is that?

A check calls the function on fresh random inputs and compares what comes back with what the right
function gives. Where they differ, it calls functions with the mistakes that people usually make,
and names the one that gives the same as the student's.
"""

import contextlib
import copy
import inspect
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_course.lessons.compare import difference, kind, same, shown
from keras_course.time_limit import TimeLimitExceeded, time_limit

PACKAGE = str(Path(__file__).parents[1])
SECONDS = 30  # for all calls of one check
NOTHING_USUAL = "None of the usual mistakes gives this. Try an example that you can do by hand."
ANY_INPUT = "the result is the same whatever it is given: does it use its arguments?"
OF_ANOTHER_KIND = {  # by what came and what was expected
    ("list", "array"): "a list is not an array. Convert it with np.array.",
    ("generator", "list"): "a `yield` makes a generator. Collect the values in a list.",
    ("set", "list"): "a set has no order. Return a list.",
    ("number", "list"): "several values are expected, as `return a, b` returns them.",
}
OF_ANY_ARRAY = {
    "everything has the wrong sign": np.negative,
    "the axes are in another order": lambda array: np.moveaxis(array, -1, min(1, array.ndim - 1)),
    "rows and columns are swapped": lambda array: np.swapaxes(array, *_rows_and_columns(array)),
    "it is upside down, or from right to left": lambda array: np.flip(
        array, _rows_and_columns(array) if array.ndim == 4 else None
    ),
}


def _rows_and_columns(array):
    """Return these axes, of images or of one image."""
    return (1, 2) if array.ndim == 4 else (0, min(1, array.ndim - 1))


class CheckFailed(AssertionError):
    """A check's answer other than ok; `state` is "todo", "wrong" or "error"."""

    def __init__(self, message: str, state: str):
        super().__init__(message)
        self.state = state

    def _render_traceback_(self):
        """What a notebook shows: the message, not the inside of the check."""
        return [str(self)]


class Unusable(Exception):
    """`observe` cannot look at a result; the message says what came back."""


def call(function: Callable, **inputs: Any) -> Any:
    """Call the function as it is."""
    return function(**inputs)


class Check:
    """The check of one TODO; calling it with a function prints "5.1 ok" or raises `CheckFailed`.

    number: of the TODO. slides: of the lecture, like "25". right: the function as it should be.
    cases: from a random generator to some inputs, a dictionary of arguments each; those that are
    drawn tell a function that does the work from one that knows the answer. mistakes: from what
    the mistake is, in words, to a function that makes it. observe: how a function and the inputs
    become what is compared, left out: by calling it.
    """

    def __init__(
        self,
        number: str,
        *,
        slides: str,
        right: Callable,
        cases: Callable[[np.random.Generator], Iterable[Mapping[str, Any]]],
        mistakes: Mapping[str, Callable],
        observe: Callable = call,
    ):
        self.number, self.slides, self.right, self.cases = number, slides, right, cases
        self.mistakes, self.observe = mistakes, observe

    def __call__(self, function: Callable) -> None:
        try:
            with time_limit(SECONDS):
                self._judge(function)
        except TimeLimitExceeded:
            text = f"did not finish within {SECONDS} s: is there an endless loop?"
            raise self._failed(f"{_name(function)} {text}", "error") from None
        print(f"{self.number} ok")

    def _judge(self, function):
        if not callable(function):
            raise self._failed(f"got {shown(function)}; expected a function.", "error")
        cases = [dict(case) for case in self.cases(np.random.default_rng())]
        given = [copy.deepcopy(case) for case in cases]
        outcomes = [_outcome(self.observe, function, case) for case in given]
        for outcome in outcomes:
            if outcome.todo:
                raise self._failed(f"is still to be done: {outcome.todo}", "todo") from None
        expected = [self.observe(self.right, **copy.deepcopy(case)) for case in cases]
        for case, after, outcome, right in zip(cases, given, outcomes, expected, strict=True):
            said = outcome.failure or difference(outcome.value, right)
            changed = [name for name in case if not _unchanged(case[name], after[name])]
            if not said and not changed:
                continue
            call = f"{_name(function)}({self._arguments(function, case)})"
            if not said:
                text = "changed its argument " + " and ".join(changed)
                cause = "the caller still needs it. Work on a copy, or make a new array."
            else:
                text = said
                cause = self._mistake(cases, outcomes) or _general_mistake(outcomes, expected)
            state = "error" if outcome.failure else "wrong"
            lines = [f"{call} {text}"]
            if cause:
                lines.append(f"Usual cause: {cause}")
            elif state == "wrong" and kind(outcome.value) == kind(right):
                lines.append(NOTHING_USUAL)  # of another kind: that is said already
            raise self._failed("\n    ".join(lines), state)

    def _arguments(self, function, case):
        """Return those of a call in words; where the check only looks on, those that the function
        can have."""
        given = {name: shown(value) for name, value in case.items()}
        if self.observe is not call:
            with contextlib.suppress(TypeError, ValueError):  # not all that is written in C has one
                takes = inspect.signature(function).parameters.items()
                given = {
                    name: given.get(name, "...")
                    for name, parameter in takes
                    if name in given or parameter.default is parameter.empty
                }
        return ", ".join(f"{name}={value}" for name, value in given.items())

    def _mistake(self, cases, outcomes):
        """Return the mistake that gives the same as the function, whatever the inputs."""
        for text, wrong in self.mistakes.items():
            if all(
                _alike(outcome, _outcome(self.observe, wrong, copy.deepcopy(case)))
                for case, outcome in zip(cases, outcomes, strict=True)
            ):
                return text
        return None

    def _failed(self, text, state):
        slides = f"Slide{'' if self.slides.isdigit() else 's'} {self.slides}"
        more = f"{slides}; `keras-course hint {self.number}` says more."
        return CheckFailed(f"{self.number} {text}\n    {more}", state)


class _Outcome:
    """What came back: a value, or the words for an exception."""

    def __init__(self, value=None, error=None):
        self.value, self.error = value, error

    @property
    def todo(self):
        if not isinstance(self.error, NotImplementedError):
            return None
        if not str(self.error) and _is_written_by_hand(self._frames()[-1]):
            return "what the TODO says"  # nbgrader leaves no words
        found = re.match(r"TODO [\d.]+: (.+)", str(self.error))
        return found[1] if found else None

    @property
    def failure(self):
        if self.error is None or isinstance(self.error, Unusable):
            return self.error and str(self.error)
        written = list(filter(_is_written_by_hand, self._frames()))
        where = f" in line {written[-1].lineno}, `{written[-1].line}`" if written else ""
        message = str(self.error).strip().split("\n")[0]
        return f"raised {type(self.error).__name__}{where}: {message}"

    def _frames(self):
        return traceback.extract_tb(self.error.__traceback__)


def _is_written_by_hand(frame):
    """Return whether a frame of a traceback is of the student's code."""
    return not frame.filename.startswith(PACKAGE) and "site-packages" not in frame.filename


def _outcome(observe, function, inputs):
    try:
        return _Outcome(value=observe(function, **inputs))
    except TimeLimitExceeded:
        raise
    except Exception as error:
        return _Outcome(error=error)


def _unchanged(before, after):
    """Return whether an argument is still what it was; a dictionary may also have lost keys."""
    return same(before, after) and same(after, before)


def _alike(one, other):
    if one.error is None and other.error is None:
        return same(one.value, other.value)
    return type(one.error) is type(other.error) and _bare(one.error) == _bare(other.error)


def _bare(error):
    """Return an exception's words without the numbers that Keras gives to layers; of shapes that do
    not fit, the shapes alone: an addition is written in several ways, and in either order."""
    words = str(error)
    if re.search("incompatible shapes|Cannot broadcast shape", words):
        shapes = re.findall(r"[(\[]([\d, None]+)[)\]]", words)
        return sorted(tuple(re.findall(r"\d+", shape)) for shape in shapes)
    return sorted(re.sub(r"_\d+\b|0x[0-9a-f]+", "", words).split())  # a * b, or b * a


def _general_mistake(outcomes, expected):
    """Return a mistake that any function can make."""
    values = [outcome.value for outcome in outcomes if outcome.error is None]
    if len(values) < len(expected):
        return None
    kinds = {(kind(value), kind(right)) for value, right in zip(values, expected, strict=True)}
    if len(kinds) == 1 and kinds <= OF_ANOTHER_KIND.keys():
        return OF_ANOTHER_KIND[kinds.pop()]
    if all(same(values[0], value) for value in values) and not all(
        same(expected[0], right) for right in expected
    ):
        return ANY_INPUT
    if not all(isinstance(value, np.ndarray) and value.ndim for value in [*values, *expected]):
        return None
    for text, turn in OF_ANY_ARRAY.items():
        if all(same(value, turn(right)) for value, right in zip(values, expected, strict=True)):
            return text
    return None


def _name(function):
    return getattr(function, "__name__", type(function).__name__)
