"""The embedded scenes: 64x64 colour images of one to five shapes, with a box around each.

The shapes, backgrounds, clutter and noise are those of `shapes`, drawn by the same code. The shapes
are 12 to 26 pixels high and may lie over each other, in half of the scenes a bar lies over them
all. A box is the smallest around what is seen of its shape.

3,000 training, 500 validation and 500 test scenes, each part with a seed of its own; the same bytes
on every machine and NumPy version.
"""

from typing import NamedTuple

import numpy as np

from keras_course.data import drawing
from keras_course.data.drawing import Chance
from keras_course.data.outlines import SHAPES

SIDE = 64  # pixels
MOST = 5  # shapes in a scene
CLASS_NAMES = tuple(SHAPES)
BATCH = 50  # scenes drawn at a time, from a stream of their own
PROPOSALS = 12  # places that are tried for the shapes of a scene
APART = 0.65  # of the sum of two shapes' half sides: how near their centres may come
SEEDS = {"train": 0, "validation": 1, "test": 2}
SIZES = {"train": 3_000, "validation": 500, "test": 500}
OUTSIDE = np.float32(-10 * SIDE)  # where a shape is put that is not there


class Scenes(NamedTuple):
    images: np.ndarray  # uint8, (n, 64, 64, 3), 0 to 255
    boxes: np.ndarray  # float32, (n, 5, 4): top, left, bottom, right in pixels; 0 for none
    labels: np.ndarray  # int64, (n, 5), index into CLASS_NAMES; -1 for none


def places(chance: Chance):
    """Return column, row and half side of up to five shapes a scene, each (5, n).

    Of twelve proposals those are taken, up to the number that the scene wants, that leave the ones
    before them to be seen.
    """
    wanted = 1 + np.floor(chance.uniform(0, MOST))
    taken = np.zeros(chance.count)
    placed = np.full((3, MOST, chance.count), OUTSIDE)
    placed[2] = 1
    scene = np.arange(chance.count)
    for _ in range(PROPOSALS):
        size = chance.uniform(6, 13)
        x, y = (size + (SIDE - 1 - 2 * size) * chance.uniform(0, 1) for _ in range(2))
        across, down, sizes = x - placed[0], y - placed[1], size + placed[2]
        apart = across * across + down * down >= (APART * sizes) ** 2
        fits = (taken < wanted) & apart.all(axis=0)
        slot = taken[fits].astype("int64")
        placed[:, slot, scene[fits]] = x[fits], y[fits], size[fits]
        taken += fits
    return placed


def _draw_batch(seed: int, number: int):
    """Return images, boxes and labels of batch `number`."""
    chance = Chance(BATCH, SIDE, seed, number)  # SIDE: other streams than those of `shapes`
    uniform, last = chance.uniform, SIDE - 1
    images = drawing.background(chance, SIDE, lines=2, spots=8)
    seen, labels = [], []
    for x, y, size in zip(*places(chance), strict=True):
        label = np.floor(uniform(0, len(SHAPES))).astype("int64")
        cover = drawing.paint_shape(chance, images, label, x, y, size)
        seen = [*(below * (1 - cover) for below in seen), cover]
        labels.append(np.where(x == OUTSIDE, -1, label))
    half_width = np.where(uniform(0, 1) < 0.5, uniform(1, 2.2), np.float32(-1))  # -1: none
    bar = drawing.bar(uniform(0, last), uniform(0, last), half_width, uniform(-1, 1), SIDE)
    drawing.paint(images, bar, chance.colour(**drawing.CLUTTER))
    masks = np.stack(seen, axis=1) * (1 - bar[:, None]) >= 0.5
    labels = np.stack(labels, axis=1)
    boxes = drawing.boxes(masks.reshape(-1, SIDE, SIDE)).reshape(BATCH, MOST, 4)
    boxes[labels < 0] = 0
    return drawing.noisy(chance, images), boxes.astype("float32"), labels


def draw(count: int, seed: int = 0) -> Scenes:
    """Return the first `count` scenes of an endless row that belongs to `seed` (0 or more)."""
    batches = [_draw_batch(seed, number) for number in range(-(-count // BATCH))]
    return Scenes(*(np.concatenate(part)[:count] for part in zip(*batches, strict=True)))


def load(part: str) -> Scenes:
    """Return the scenes of "train", "validation" or "test"."""
    return draw(SIZES[part], SEEDS[part])
