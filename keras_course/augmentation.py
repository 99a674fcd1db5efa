"""Augmentation (slides 42-45): new, different but valid images from those at hand.

A name is a sum of parts, as in "flip_shift_color"; "none" is the empty sum. The parts are Keras
preprocessing layers, applied to whole batches, each image with its own draw.
"""

import functools
from collections.abc import Sequence

import keras
from keras import ops

from keras_course.errors import UserError, unknown
from keras_course.layers import RandomColorJitter, RandomRotation90, RandomShift

PARTS = {
    "flip": lambda: keras.layers.RandomFlip("horizontal"),
    "shift": lambda: RandomShift(4),
    "shift2": lambda: RandomShift(2),
    "color": lambda: RandomColorJitter(0.2),
    "rotate90": lambda: RandomRotation90(),
    # A square of 12x12 in 32x32 becomes grey. The idea is that of DeVries & Taylor 2017, section 3,
    # https://arxiv.org/abs/1708.04552, whose square has another size and may cross the border.
    "cutout": lambda: keras.layers.RandomErasing((1.0, 1.0), (9 / 64, 9 / 64), fill_value=127.5),
}


class Draws(keras.random.SeedGenerator):
    """A seed generator whose numbers are computed from a tensor instead of kept in a variable.

    A variable would be shared by the threads of an input pipeline, and the draws would depend on
    which thread came first.
    """

    def __init__(self, key):  # no super().__init__: it would create that variable
        self.key = key
        self.drawn = 0

    def next(self, ordered=True):
        self.drawn += 1
        return self.key + ops.convert_to_tensor([0, self.drawn], self.key.dtype)


def check(name: str) -> list[str]:
    """Return the parts of an augmentation such as "flip_shift", or raise a `UserError`."""
    parts = [] if name == "none" else name.split("_")
    for part in parts:
        if part not in PARTS:
            raise unknown("augmentation", part, ["none", *PARTS])
    if len(set(parts)) < len(parts):
        raise UserError(f"augmentation must name each part once. Received: {name!r}.")
    return parts


def check_size(name: str, height: int, width: int) -> None:
    """Raise a `UserError` where images of this size cannot be augmented so."""
    check(name)
    for layer in layers_of(name):
        if hasattr(layer, "check_size"):
            layer.check_size(height, width)


@functools.cache  # what was compiled with them can be used again
def layers_of(name: str) -> tuple[keras.layers.Layer, ...]:
    """Return the preprocessing layers of an augmentation such as "flip_shift"."""
    return tuple(PARTS[part]() for part in check(name))


def augment(images, layers: Sequence[keras.layers.Layer], key):
    """Return the augmented images: the same `key` gives the same draws, in any thread.

    images: (batch, height, width, channels), 0..255. key: two integers, as a tensor.
    """
    draws = Draws(key)
    for layer in layers:
        transformation = layer.get_random_transformation(images, training=True, seed=draws)
        images = layer.transform_images(images, transformation, training=True)
    return images
