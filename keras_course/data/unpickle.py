"""Reading a pickle of NumPy arrays of whole numbers and plain containers, and of nothing else.

A pickle is a program: it may call anything it names. Here a name stands for code of this file
alone, which takes bytes, a shape and a type; any other name ends the reading. NumPy's constructors
are not called: they take bytes for pointers to objects.
"""

import io
import pickle

import numpy as np

from keras_course.errors import UserError


class _Type:
    """A type of whole numbers, as `numpy.dtype` is pickled: its name, then a state with the order
    of its bytes."""

    def __init__(self, name, *_):
        self.name, self.order = _text(name), "|"

    def __setstate__(self, state):
        self.order = _text(state[1])

    def get(self):
        found = np.dtype(self.order + self.name)
        if found.kind not in "iu":
            raise UserError(f"it has numbers of type {found}; expected whole ones")
        return found


class _Array:
    """An array, as `numpy.ndarray` is pickled: empty, then a state with all that it holds."""

    def __init__(self, *_):
        self.values = np.empty(0, "u1")

    def __setstate__(self, state):
        _, shape, kind, by_columns, data = state
        self.values = _array(data, kind, shape, "F" if by_columns else "C")

    def __array__(self, dtype=None, copy=None):
        return self.values


def _array(data, kind, shape, order, *_):
    return np.frombuffer(data, kind.get()).reshape(shape, order=order)


def _bytes(text, encoding):
    """Return the bytes that Python 3 writes as text, always in Latin-1, for older protocols."""
    if encoding != "latin1":
        raise UserError(f"it has text in {encoding}; expected latin1")
    return text.encode("latin1")


def _text(value):
    return value.decode("ascii") if isinstance(value, bytes) else value


ADMITTED = {("numpy", "ndarray"): None, ("numpy", "dtype"): _Type, ("_codecs", "encode"): _bytes}
for _module in ("numpy.core", "numpy._core"):  # that of NumPy 1, and of 2
    ADMITTED[f"{_module}.multiarray", "_reconstruct"] = _Array
    ADMITTED[f"{_module}.numeric", "_frombuffer"] = _array


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in ADMITTED:
            raise UserError(
                f"it calls {module}.{name}, which no data set needs; do not use this file"
            )
        return ADMITTED[module, name]


def loads(data: bytes) -> object:
    """Return what a pickle holds; text of Python 2 comes as bytes, arrays as what `np.asarray`
    takes.

    Errors: UserError where it names anything but arrays and plain containers, or is damaged.
    """
    try:
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except UserError:
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UserError(f"it is damaged ({type(error).__name__})") from error
