"""The versions that results depend on."""

import importlib

import keras
import numpy as np


def imported() -> dict[str, str]:
    """Return those of Keras, its backend and NumPy, as they are imported: TensorFlow has several
    distributions, of other names."""
    modules = (keras, importlib.import_module(keras.backend.backend()), np)
    return {module.__name__: module.__version__ for module in modules}
