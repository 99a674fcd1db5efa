"""Reading a pickle of NumPy arrays and plain containers, and of nothing else.

A pickle is a program: it may call anything it names. Here it may name the four things that a NumPy
array or the bytes of another Python version are made of; any other name ends the reading.
"""

import _codecs
import io
import pickle

import numpy as np

from keras_course.errors import UserError

RECONSTRUCT = np.empty(0).__reduce__()[0]  # its module has another name in each NumPy
ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _codecs.encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in ADMITTED:
            raise UserError(
                f"it calls {module}.{name}, which no data set needs; do not use this file"
            )
        return ADMITTED[module, name]


def loads(data: bytes) -> object:
    """Return what a pickle holds; text of Python 2 comes as bytes.

    Errors: UserError where it names anything but arrays and plain containers, or is damaged.
    """
    try:
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except UserError:
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UserError(f"it is damaged ({type(error).__name__})") from error
