"""The embedded data set: 32x32 colour images of one shape each, drawn by this project.

Ten classes, 10,000 training and 2,000 test images. Position, size, proportions, rotation, colour
and shading of the shape vary, and so do the background (gradient, waves, spots, a line), a bar
that may cover part of the shape, and noise: neither a pixel nor a colour gives the class away.

Which transformations keep the label, and which keep the image probable:

    horizontal flip     both: a mirrored image is as probable as the image
    shift by 4 pixels   both: at worst a corner of the shape leaves the image
    change of colour    both: no class prefers a colour
    rotation by 90      the label only: a lying heart is a heart, but all shapes here stand upright
                        to within 26 degrees

The same seed gives the same bytes on every machine and NumPy version; `drawing` says how.
"""

from typing import NamedTuple

import numpy as np

from keras_course.data import drawing
from keras_course.data.drawing import Chance
from keras_course.data.outlines import SHAPES

SIDE = 32  # pixels
BATCH = 100  # images drawn at a time, from a stream of their own; a multiple of the classes
TRAIN_IMAGES, TEST_IMAGES = 10_000, 2_000
CLASS_NAMES = tuple(SHAPES)


class Drawing(NamedTuple):
    images: np.ndarray  # uint8, (n, 32, 32, 3), 0 to 255
    labels: np.ndarray  # int64, (n,), index into CLASS_NAMES
    masks: np.ndarray  # bool, (n, 32, 32): pixels of which the visible shape covers half or more
    boxes: np.ndarray  # int64, (n, 4): top, left, bottom, right of the mask; image[top:bottom, ...]


def _draw_batch(seed: int, number: int):
    """Return images, labels and masks of batch `number`; every class BATCH / 10 times."""
    chance = Chance(BATCH, seed, number)
    uniform = chance.uniform

    # Each ten images in a row have one of each class.
    order = chance.words(BATCH).reshape(-1, len(CLASS_NAMES))
    labels = np.argsort(order, axis=1, kind="stable").ravel().astype(np.int64)

    images = drawing.background(chance, SIDE)
    x, y, size = uniform(12, 19), uniform(12, 19), uniform(8, 12)  # near the middle
    shape = drawing.paint_shape(chance, images, labels, x, y, size)

    # In half of the images a bar lies over the shape, up to 8 pixels from its centre.
    turn, distance = uniform(-1, 1), uniform(-8, 8)
    cosine, sine = drawing.rotation(turn)
    half_width = np.where(uniform(0, 1) < 0.5, uniform(1, 2.2), np.float32(-1))  # -1: none
    bar = drawing.bar(x + distance * cosine, y + distance * sine, half_width, turn, SIDE)
    drawing.paint(images, bar, chance.colour(**drawing.CLUTTER))
    return drawing.noisy(chance, images), labels, shape * (1 - bar) >= 0.5


def draw(count: int, seed: int = 0) -> Drawing:
    """Return the first `count` images of an endless row that belongs to `seed` (0 or more).

    Each ten images in a row, from the first on, hold every class once. 12,000 images take about
    2 s on one core.
    """
    batches = [_draw_batch(seed, number) for number in range(-(-count // BATCH))]
    images, labels, masks = (np.concatenate(part)[:count] for part in zip(*batches, strict=True))
    return Drawing(images, labels, masks, drawing.boxes(masks))


def train() -> Drawing:
    """Return the 10,000 training images: seed 0."""
    return draw(TRAIN_IMAGES, seed=0)


def test() -> Drawing:
    """Return the 2,000 test images: seed 1."""
    return draw(TEST_IMAGES, seed=1)
