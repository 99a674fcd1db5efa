"""What the embedded images are drawn with: shapes, strokes, colours and chance.

`shapes` draws images of one shape with it, `scenes` of several. A function draws one thing into
each of n square images at a time; `side` is their height and width in pixels.

The same seed gives the same bytes on every machine and NumPy version: random numbers are raw words
of PCG64, a stream that NumPy promises not to change (NEP 19), and the rest is element-wise
arithmetic that IEEE 754 rounds exactly (+, -, *, /, square root) in float32. No sine, no power, no
matrix product, no sum.
"""

import numpy as np

from keras_course.data.outlines import SHAPES, disc

CLUTTER = {"saturation": (0.2, 1), "value": (0.2, 1)}  # the colours of the shapes, and others


class Chance:
    """Random numbers for `count` images at a time, from a stream that belongs to `seed`."""

    def __init__(self, count: int, *seed: int):
        self.count, self._source = count, np.random.PCG64(seed)

    def words(self, count: int) -> np.ndarray:
        """Return `count` numbers of 64 random bits."""
        return self._source.random_raw(count)

    def uniform(self, low: float, high: float) -> np.ndarray:
        """Return float32 numbers, low <= number < high, one an image."""
        words = self.words(self.count) >> np.uint64(40)  # 24 bits, what a float32 holds
        return low + (high - low) * (words.astype(np.float32) * 2.0**-24)

    def colour(self, saturation, value) -> list[np.ndarray]:
        """Return any hue with a saturation and value of these ranges, as red, green and blue."""
        return planes(rgb(self.uniform(0, 1), self.uniform(*saturation), self.uniform(*value)))


def per_image(values: np.ndarray) -> np.ndarray:
    """Return one value an image so that it is the value of each of its pixels."""
    return values[:, None, None]


def planes(colour: np.ndarray) -> list[np.ndarray]:
    """Return one colour an image, (n, 3), as red, green and blue, each for all pixels."""
    return [per_image(channel) for channel in colour.T]


def pixels(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns and the rows of the pixels' centres, (side,) and (side, 1)."""
    columns = np.arange(side, dtype=np.float32)
    return columns, columns[:, None]


def rotation(turn):
    """Cosine and sine of the angle whose half has the tangent `turn`: arithmetic only."""
    square = turn * turn
    return (1 - square) / (1 + square), 2 * turn / (1 + square)


def coverage(name: str, x, y, size, turn, stretch, mirror, side: int = 32) -> np.ndarray:
    """Return how much of each pixel one shape an image covers: float32, (n, side, side), 0 to 1.

    `name` is one of SHAPES, the rest are float32 arrays of shape (n,): centre `x` (column) and `y`
    (row) in pixels, half of the side in pixels, tangent of half the angle clockwise, factor by
    which it is narrower and taller, and -1 for a mirrored shape or 1.
    """
    columns, rows = pixels(side)
    x, y, size, turn, stretch, mirror = map(per_image, (x, y, size, turn, stretch, mirror))
    cosine, sine = rotation(turn)
    across, down = columns - x, rows - y
    u = (cosine * across + sine * down) * (mirror * stretch / size)
    v = (cosine * down - sine * across) / (stretch * size)
    return np.clip(SHAPES[name](u, v) * size + 0.5, 0, 1)


def spot(x, y, radius, side: int) -> np.ndarray:
    """Like `coverage`, of a disc."""
    columns, rows = pixels(side)
    return np.clip(disc(columns - per_image(x), rows - per_image(y), per_image(radius)) + 0.5, 0, 1)


def bar(x, y, half_width, turn, side: int) -> np.ndarray:
    """Like `coverage`, of a bar through (x, y) from edge to edge of the image."""
    columns, rows = pixels(side)
    x, y, half_width, turn = map(per_image, (x, y, half_width, turn))
    cosine, sine = rotation(turn)
    distance = cosine * (columns - x) + sine * (rows - y)
    return np.clip(half_width + 0.5 - np.abs(distance), 0, 1)


def wave(phase):
    """Triangle wave of period 1, 0 to 1."""
    return np.abs(2 * (phase - np.floor(phase)) - 1)


def rgb(hue, saturation, value):
    """Colours of the HSV model, (n, 3); a hue outside 0..1 goes round again."""
    hue = hue[:, None] + np.array([0, 2 / 3, 1 / 3], np.float32)
    pure = np.clip(np.abs(6 * (hue - np.floor(hue)) - 3) - 1, 0, 1)
    return value[:, None] * (1 - saturation[:, None] * (1 - pure))


def paint(images, cover, colour) -> None:
    """Lay `colour`, (n, 3) or with a value for each pixel, over the three planes of `images`."""
    for plane, its in zip(images, colour, strict=True):
        plane += cover * (its - plane)


def background(chance: Chance, side: int, *, lines: int = 1, spots: int = 3) -> np.ndarray:
    """Return images to draw on, float32, (3, n, side, side), 0 to 1, with clutter on them."""
    columns, rows = pixels(side)
    uniform, last = chance.uniform, side - 1

    # Two dark neighbouring colours, blended by a gradient and one or two waves.
    hue = uniform(0, 1)
    one = rgb(hue, uniform(0.2, 0.9), uniform(0.1, 0.6))
    other = rgb(hue + uniform(-0.2, 0.2), uniform(0.2, 0.9), uniform(0.1, 0.6))
    blend = (
        0.5
        + per_image(uniform(-0.03, 0.03)) * (columns - last / 2)
        + per_image(uniform(-0.03, 0.03)) * (rows - last / 2)
    )
    fx, fy = per_image(uniform(-0.16, 0.16)), per_image(uniform(-0.16, 0.16))  # periods a pixel
    first = wave(fx * columns + fy * rows + per_image(uniform(0, 1)))
    second = wave(fy * columns - fx * rows + per_image(uniform(0, 1)))
    waves = first + per_image(uniform(0, 1)) * (second - first)
    blend = np.clip(blend + per_image(uniform(0, 0.8)) * (waves - 0.5), 0, 1)
    images = np.empty((3, chance.count, side, side), np.float32)
    for plane, start, stop in zip(images, planes(one), planes(other), strict=True):
        plane[:] = start + blend * (stop - start)

    # Clutter has the colours of the shapes: colour alone does not find the shape.
    for _ in range(lines):
        x, y, half_width, turn = (
            uniform(0, last),
            uniform(0, last),
            uniform(0.4, 1.2),
            uniform(-1, 1),
        )
        paint(images, bar(x, y, half_width, turn, side), chance.colour(**CLUTTER))
    for _ in range(spots):
        x, y, radius = uniform(0, last), uniform(0, last), uniform(1.5, 4)
        paint(images, spot(x, y, radius, side), chance.colour(**CLUTTER))
    return images


def paint_shape(chance: Chance, images: np.ndarray, labels, x, y, size) -> np.ndarray:
    """Draw a shape into each image and return its `coverage`.

    labels: indices into SHAPES, (n,); x, y, size: as for `coverage`. The shape stands upright to
    within 26 degrees and is mostly brighter than the background.
    """
    side = images.shape[-1]
    columns, rows = pixels(side)
    uniform = chance.uniform
    turn, stretch = uniform(-0.23, 0.23), uniform(0.88, 1.12)
    mirror = np.where(uniform(0, 1) < 0.5, np.float32(-1), np.float32(1))
    cover = np.empty((chance.count, side, side), np.float32)
    for kind, name in enumerate(SHAPES):
        its = labels == kind
        values = (value[its] for value in (x, y, size, turn, stretch, mirror))
        cover[its] = coverage(name, *values, side)
    shading = (
        1
        + per_image(uniform(-0.025, 0.025)) * (columns - per_image(x))
        + per_image(uniform(-0.025, 0.025)) * (rows - per_image(y))
    )
    colour = chance.colour(saturation=(0.35, 1), value=(0.6, 1))
    paint(images, cover, [channel * shading for channel in colour])
    return cover


def noisy(chance: Chance, images: np.ndarray) -> np.ndarray:
    """Return finished images, uint8, (n, side, side, 3), with noise.

    It is the difference of two hexadecimal digits (standard deviation 6.5) times 0.4 to 2.
    """
    words = chance.words(images.size // 8)
    digits = words.astype("<u8").view(np.uint8).reshape(images.shape)
    noise = (digits >> 4).astype(np.float32) - (digits & 15).astype(np.float32)
    images = 255 * images + per_image(chance.uniform(0.4, 2)) * noise
    images = np.clip(images + 0.5, 0, 255).astype(np.uint8)  # + 0.5: round to the nearest
    return np.ascontiguousarray(np.moveaxis(images, 0, -1))


def boxes(masks: np.ndarray) -> np.ndarray:
    """Return the smallest boxes around masks (n, height, width), none of them empty.

    int64, (n, 4): top, left, bottom, right, so that mask[top:bottom, left:right] holds all of it.
    """
    height, width = masks.shape[1:]
    rows, columns = masks.any(axis=2), masks.any(axis=1)
    edges = (
        rows.argmax(axis=1),
        columns.argmax(axis=1),
        height - rows[:, ::-1].argmax(axis=1),
        width - columns[:, ::-1].argmax(axis=1),
    )
    return np.stack(edges, axis=1).astype(np.int64)
