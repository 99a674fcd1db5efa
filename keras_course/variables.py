"""All that a compiled model remembers: weights, statistics, random states, and its optimizer.

With these values back in place a model trains on, bit for bit, as if nothing had come between.
"""

import contextlib
from pathlib import Path

import keras
import numpy as np

from keras_course import files, integrity


def read(model: keras.Model) -> list[np.ndarray]:
    """Return the values of the model's and its optimizer's variables."""
    return [np.array(variable) for variable in of(model)]


def write(model: keras.Model, values: list[np.ndarray]) -> None:
    """Give the variables the values that `read` returned."""
    for variable, value in zip(of(model), values, strict=True):
        variable.assign(value)


def catch_up(model: keras.Model) -> None:
    """Let callbacks see and set the variables as they are after the last step.

    Within an epoch JAX's trainer keeps their values elsewhere, and what is set meanwhile is lost.
    On TensorFlow there is nothing to do.
    """
    if keras.backend.backend() == "jax":
        model.jax_state_sync()


def save(model: keras.Model, path: Path) -> None:
    with files.whole(path) as temporary:
        np.savez(temporary, *read(model))


def read_file(path: Path) -> list[np.ndarray]:
    """Return the values that `save` wrote. Errors: integrity.Damaged."""
    with np.load(integrity.check_zip(path)) as values:
        return [values[f"arr_{i}"] for i in range(len(values.files))]


def load(model: keras.Model, path: Path) -> None:
    write(model, read_file(path))


def of(model: keras.Model) -> list:
    """Return the model's and its optimizer's variables."""
    if not model.optimizer.built:  # LossScaleOptimizer would make its variables a second time
        strategy = getattr(model, "distribute_strategy", None)  # TensorFlow's, of several devices
        with strategy.scope() if strategy else contextlib.nullcontext():
            model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def number(variable) -> float | int:
    """Return the value of a variable, which may be mirrored on several devices."""
    return keras.ops.convert_to_numpy(variable).item()
