"""The input pipeline: batches in an order, and with draws, that depend on seed and epoch alone.

Batch first, then augment: mapped over whole batches the layers cost a sixth of what they cost
image by image. The batches are made by `tf_batches.py`, or under JAX by `jax_batches.py`; both show
the same images in the same order. Their draws differ, as their random generators do.
"""

import importlib
from collections.abc import Callable, Sequence

import keras
import numpy as np


def order(count: int, batch_size: int, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which images make up each step of an epoch, and the key of each step's draws.

    The indices have the shape (steps, batch_size): what is left over after the last full batch is
    not seen in this epoch, and is other images in the next. The keys have the shape (steps, 2).
    """
    random = np.random.default_rng((seed, epoch))
    steps = count // batch_size
    indices = random.permutation(count)[: steps * batch_size].reshape(steps, batch_size)
    keys = random.integers(2**31, size=(steps, 2), dtype=np.int32)
    return indices, keys


def turned(count: int, seed: int, epoch: int) -> np.ndarray:
    """Return which images are mirrored in an epoch: half of them, in the next the other half."""
    return np.random.default_rng(seed).integers(2, size=count, dtype=bool) ^ bool(epoch % 2)


def training_batches(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    *,
    layers: Sequence[keras.layers.Layer] = (),
    seed: int = 0,
    first_epoch: int = 0,
    alternate: bool = False,
    then: Callable | None = None,
):
    """Return endless batches (images, labels) for `fit`, one epoch after the other.

    images: (n, height, width, channels) with values 0..255; they come out as float32, augmented
    by `layers`. alternate: mirror half of the images, drawn once, in even epochs and the other
    half in odd ones (Jordan 2024, section 3.6): two epochs show every image both ways, where draws
    show half of them the same way twice. then: a last function of images and labels, of
    `keras.ops`. Give `fit` the `steps_per_epoch = n // batch_size`.

    They are the same from the start each time they are iterated; `skip(steps)` returns the rest.
    """
    return _backend().training_batches(
        images, labels, batch_size, layers, seed, first_epoch, alternate, then
    )


def looked_at_once(batch_size: int) -> int:
    """Return the size of the batches of a validation, or a test, beside such batches in training.

    It takes less memory for an image than training, which has chosen its own to fit.
    """
    return min(256, max(32, 2 * batch_size))


def evaluation_batches(images: np.ndarray, labels: np.ndarray, batch_size: int = 256):
    """Return batches of all images in their order, none left out, none augmented."""
    return _backend().evaluation_batches(images, labels, batch_size)


def _backend():
    name = "jax" if keras.backend.backend() == "jax" else "tf"
    return importlib.import_module(f"keras_course.data.{name}_batches")
