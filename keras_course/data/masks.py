"""The embedded data set with a class for each pixel: 0 is the background, the shapes follow.

A bar over a shape is background; a pixel belongs to a shape that covers half of it or more.
"""

from typing import NamedTuple

import numpy as np
from keras import ops

from keras_course import augmentation
from keras_course.data import pipeline, shapes, splits
from keras_course.errors import UserError

CLASS_NAMES = ("background", *shapes.CLASS_NAMES)
MOVING = {"flip", "shift", "shift2", "rotate90"}


class MaskedImages(NamedTuple):
    images: np.ndarray  # uint8, (n, 32, 32, 3), 0 to 255
    masks: np.ndarray  # uint8, (n, 32, 32), index into CLASS_NAMES


def load(validation_fraction: float = 0.1, seed: int = 0) -> tuple[MaskedImages, MaskedImages]:
    """Return the training and the validation images: those of `data.load("shapes")`."""
    drawing = shapes.train()
    rest, part = splits.stratified(drawing.labels, validation_fraction, seed)
    images, masks = of(drawing)
    return MaskedImages(images[rest], masks[rest]), MaskedImages(images[part], masks[part])


def test() -> MaskedImages:
    """Return the 2,000 test images."""
    return of(shapes.test())


def of(drawing: shapes.Drawing) -> MaskedImages:
    """Return images as `shapes.draw` makes them with the class of each of their pixels."""
    classes = np.where(drawing.masks, drawing.labels[:, None, None] + 1, 0)
    return MaskedImages(drawing.images, classes.astype("uint8"))


def training_batches(
    train: MaskedImages, batch_size: int, *, augmentation_name: str, seed: int, first_epoch: int = 0
):
    """Return endless batches (images, masks), as `pipeline.training_batches`.

    A mask moves with its image, as one more channel of it: the parts of the augmentation must
    move whole pixels and nothing else, like those of "flip_shift". Errors: UserError for others.
    """
    if others := set(augmentation.check(augmentation_name)) - MOVING:
        raise UserError(
            "Images with masks can only be augmented by moving their pixels: "
            f"{', '.join(sorted(MOVING))}. Received: {', '.join(sorted(others))}."
        )
    stacked = np.concatenate([train.images, train.masks[..., None]], axis=-1)
    return pipeline.training_batches(
        stacked,
        np.zeros(len(stacked), "int64"),  # no label of an image: its pixels have theirs
        batch_size,
        layers=augmentation.layers_of(augmentation_name),
        seed=seed,
        first_epoch=first_epoch,
        then=_apart,
    )


def _apart(stacked, _):
    return stacked[..., :-1], ops.cast(stacked[..., -1], "int32")
