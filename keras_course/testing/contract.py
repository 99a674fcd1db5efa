"""What is said when a network breaks the contract, and when two outputs count as equal."""

from typing import NoReturn

import keras
import numpy as np

# How far outputs that should be equal may differ, as a share of the largest.
FLOAT32, HALF = 1e-5, 2e-2


class ContractBroken(AssertionError):
    """A network does not do what training, saving or export rely on."""


def fail(what: str, expected: object, cause: str) -> NoReturn:
    """Raise a `ContractBroken` that says what was found, what was expected and what causes it."""
    raise ContractBroken(f"{what}; expected {expected}.\n    Usual cause: {cause}")


def outputs(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def tolerance(model):
    full = all(layer.compute_dtype == "float32" for layer in model.layers)
    return FLOAT32 if full else HALF


def difference(these, those):
    """Return the largest difference as a share of the largest output, at least of 1."""
    with np.errstate(invalid="ignore"):  # of what is not finite the difference is nan
        return float(np.max(np.abs(these - those)) / max(1, np.max(np.abs(those))))
