"""Two results compared, with words for the difference that tell what to look at."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

TOLERANCE = 1e-4  # of the largest number: float32 in another order
OF_A_COUNT = 1e-9  # of the number: float64 in another order, and never one more or less
FEW = 6  # numbers that are shown one by one


def same(one: Any, other: Any) -> bool:
    """Return whether two results agree, numbers up to rounding."""
    return difference(one, other) is None


def difference(answer: Any, expected: Any) -> str | None:
    """Return in words how an answer differs from what was expected, or None where it does not.

    Both may be numbers, texts, booleans, None, arrays, or lists, tuples and dictionaries of such.
    An array may come as any type that NumPy understands as one, a number with any type of number.
    """
    if answer is None and expected is not None:
        return f"returned None; expected {shown(expected)}. Is the `return` missing?"
    if _is_symbol(answer):
        return f"returned {shown(answer)}, which has no numbers yet; expected {shown(expected)}"
    if isinstance(expected, Mapping):
        return _of_mapping(answer, expected)
    if isinstance(expected, list | tuple):
        return _of_sequence(answer, expected)
    if isinstance(expected, np.ndarray) and expected.ndim:
        return _of_array(answer, expected)
    if isinstance(expected, int | float | np.number | np.ndarray) and not isinstance(
        expected, bool
    ):
        return _of_number(answer, expected)
    if isinstance(expected, str) and isinstance(answer, str):
        answer = str(answer)  # NumPy has a kind of its own
    if type(answer) is not type(expected) or answer != expected:
        return f"returned {shown(answer)}; expected {shown(expected)}"
    return None


def kind(value: Any) -> str:
    """Return what a result is, in a word: lists and tuples are one kind, and so are all numbers."""
    if isinstance(value, list | tuple):
        return "list"
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return "number"
    return "array" if hasattr(value, "__array__") else type(value).__name__


def shown(value: Any) -> str:
    """Return a value as a message shows it: an array of more than a few numbers by its shape."""
    if _is_symbol(value):
        return f"a Keras tensor of shape {'x'.join(map(str, value.shape))}"
    if hasattr(value, "__array__") and not isinstance(value, np.generic):
        array = np.asarray(value)
        if array.size > FEW or not array.size:
            return f"an array of shape {'x'.join(map(str, array.shape))}"
        return np.array2string(array, precision=4, separator=", ").replace("\n", "")
    if isinstance(value, float | np.floating):
        if 1e4 <= abs(value) < 1e9 and not float(value).is_integer():
            return f"{value:,.1f}"
        return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:.4g}"
    if isinstance(value, np.generic):
        return str(value)
    if isinstance(value, list | tuple) and any(hasattr(each, "shape") for each in value):
        return f"a {type(value).__name__} of {len(value)}"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_symbol(value):
    """Return whether it stands for numbers to come, as between the layers of a model."""
    return type(value).__name__ == "KerasTensor"  # Keras need not be imported for a list of numbers


def _of_mapping(answer, expected):
    if not isinstance(answer, Mapping):
        return f"returned {shown(answer)}; expected a dictionary of {', '.join(map(str, expected))}"
    missing = [str(key) for key in expected if key not in answer]
    if missing:
        return f"returned a dictionary without {', '.join(missing)}"
    for key, value in expected.items():
        if found := difference(answer[key], value):
            return f"{found.replace('returned', 'gave', 1)} ({key})"  # not all is returned
    return None


def _of_sequence(answer, expected):
    if isinstance(answer, np.ndarray) and answer.ndim == 1:
        answer = answer.tolist()
    if not isinstance(answer, list | tuple):
        return f"returned {shown(answer)}; expected a list of {len(expected)} values"
    if len(answer) != len(expected):
        return f"returned {len(answer)} values; expected {len(expected)}"
    for number, (one, other) in enumerate(zip(answer, expected, strict=True), start=1):
        if found := difference(one, other):
            return f"{found} (value {number} of {len(expected)})"
    return None


def _of_array(answer, expected):
    if isinstance(answer, list | tuple | str | Mapping) or not hasattr(answer, "__array__"):
        return f"returned a {type(answer).__name__}; expected {shown(expected)}"
    answer = np.asarray(answer)
    if answer.shape != expected.shape:
        return (
            f"returned an array of shape {'x'.join(map(str, answer.shape)) or 'no axes'}; "
            f"expected {'x'.join(map(str, expected.shape))}"
        )
    strict = expected.dtype.kind in "bu"  # yes and no, and pixels of a byte, are types of their own
    if answer.dtype.kind not in "fiub" or (strict and answer.dtype != expected.dtype):
        return f"returned numbers of type {answer.dtype}; expected {expected.dtype}"
    answer, wanted = answer.astype("float64"), expected.astype("float64")
    finite = np.isfinite(wanted)
    if count := np.sum(finite & ~np.isfinite(answer)):
        return f"returned {count} numbers that are not finite (nan or inf)"
    if count := np.sum(~finite & np.isfinite(answer)):
        return f"returned {count} finite numbers where nan or inf was expected"
    distance = np.abs(np.where(finite, answer - np.where(finite, wanted, 0), 0))
    wrong = distance > TOLERANCE * max(np.abs(wanted[finite]).max(initial=0), 1e-3)
    if not wrong.any():
        return None
    if answer.size <= FEW:
        return f"returned {shown(answer)}; expected {shown(wanted)}"
    where = np.unravel_index(distance.argmax(), distance.shape)
    place = ", ".join(map(str, where))
    return (
        f"returned {answer[where]:.4g} at [{place}]; expected {wanted[where]:.4g}, "
        f"and {wrong.sum():,} of {wrong.size:,} numbers are wrong"
    )


def _of_number(answer, expected):
    if isinstance(answer, bool | str | list | tuple) or np.shape(answer) != ():
        return f"returned {shown(answer)}; expected a number"
    try:
        number = float(answer)
    except (TypeError, ValueError):
        return f"returned a {type(answer).__name__}; expected a number"
    if math.isnan(number) or math.isnan(float(expected)):
        both = math.isnan(number) and math.isnan(float(expected))
        return None if both else f"returned {shown(number)}; expected {shown(float(expected))}"
    rounding = OF_A_COUNT if isinstance(expected, int | np.integer) else TOLERANCE
    if not math.isclose(number, float(expected), rel_tol=rounding, abs_tol=1e-7):
        return f"returned {shown(number)}; expected {shown(float(expected))}"
    return None
