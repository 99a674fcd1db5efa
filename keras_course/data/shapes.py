"""The embedded data set: 32x32 colour images of one shape each, drawn by this file.

Ten classes, 10,000 training and 2,000 test images. Position, size, proportions, rotation, colour
and shading of the shape vary, and so do the background (gradient, waves, spots, a line), a bar
that may cover part of the shape, and noise: neither a pixel nor a colour gives the class away.

Which transformations keep the label, and which keep the image probable:

    horizontal flip     both: a mirrored image is as probable as the image
    shift by 4 pixels   both: at worst a corner of the shape leaves the image
    change of colour    both: no class prefers a colour
    rotation by 90      the label only: a lying heart is a heart, but all shapes here stand upright
                        to within 26 degrees

The same seed gives the same bytes on every machine and NumPy version: random numbers are raw words
of PCG64, a stream that NumPy promises not to change (NEP 19), and the rest is element-wise
arithmetic that IEEE 754 rounds exactly (+, -, *, /, square root) in float32. No sine, no power, no
matrix product, no sum.
"""

from typing import NamedTuple

import numpy as np

from keras_course.data.splits import Split

SIDE = 32  # pixels
BATCH = 100  # images drawn at a time, from a stream of their own; a multiple of the classes
TRAIN_IMAGES, TEST_IMAGES = 10_000, 2_000


class Drawing(NamedTuple):
    images: np.ndarray  # uint8, (n, 32, 32, 3), 0 to 255
    labels: np.ndarray  # int64, (n,), index into CLASS_NAMES
    masks: np.ndarray  # bool, (n, 32, 32): pixels of which the visible shape covers half or more
    boxes: np.ndarray  # int64, (n, 4): top, left, bottom, right of the mask; image[top:bottom, ...]


# The shapes: signed distance from the outline, positive inside, about exact near the outline. They
# fill about -1 <= x, y <= 1 (y points down) and have similar areas, so that brightness says little.


def _disc(x, y, radius):
    return radius - np.sqrt(x * x + y * y)


def _circle(x, y):
    return _disc(x, y, 0.81)


def _ring(x, y):
    return 0.23 - np.abs(_disc(x, y, 0.73))


def _moon(x, y):
    return np.minimum(_disc(x - 0.15, y, 1.0), -_disc(x - 0.68, y, 0.8))


def _drop(x, y):
    """A disc and its two tangents from (0, -1.1), 30 degrees from the vertical."""
    tip = 0.5 * (y + 1.1) - 0.8660254 * np.abs(x)
    return np.maximum(_disc(x, y - 0.32, 0.71), np.minimum(tip, 0.05 - y))


def _heart(x, y):
    """A square on its corner, and a half disc on each of its upper sides."""
    x, y = np.abs(x), y + 0.1
    square = 0.7071068 * (0.76 - x - np.abs(y))
    return np.maximum(square, _disc(x - 0.38, y + 0.38, 0.5374012))


def _square(x, y):
    return 0.72 - np.maximum(np.abs(x), np.abs(y))


def _triangle(x, y):
    return np.minimum(0.8 - y, 0.5214 * (y + 1) - 0.8533 * np.abs(x))


def _star(x, y):
    """Five points: inside of at least four of five lines, so the second smallest distance."""
    distances = [
        0.4 - across * x - down * y  # unit normals, every 72 degrees
        for across, down in (
            (0.0, -1.0),
            (0.9510565, -0.3090170),
            (-0.9510565, -0.3090170),
            (0.5877853, 0.8090170),
            (-0.5877853, 0.8090170),
        )
    ]
    lowest = np.minimum(distances[0], distances[1])
    second = np.maximum(distances[0], distances[1])
    for distance in distances[2:]:
        second = np.minimum(second, np.maximum(lowest, distance))
        lowest = np.minimum(lowest, distance)
    return second


def _cross(x, y):
    x, y = np.abs(x), np.abs(y)
    return np.minimum(0.95 - np.maximum(x, y), 0.32 - np.minimum(x, y))


def _arrow(x, y):
    x = np.abs(x)
    head = np.minimum(0.15 - y, 0.7071068 * (y + 1.1 - x))
    shaft = np.minimum(0.38 - x, np.minimum(y + 0.5, 1 - y))
    return np.maximum(head, shaft)


SHAPES = {
    "circle": _circle,
    "ring": _ring,
    "moon": _moon,
    "drop": _drop,
    "heart": _heart,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "arrow": _arrow,
}
CLASS_NAMES = tuple(SHAPES)

COLUMNS = np.arange(SIDE, dtype=np.float32)  # of the pixels' centres
ROWS = COLUMNS[:, None]


def _per_image(values):
    return values[:, None, None]


def _rotation(turn):
    """Cosine and sine of the angle whose half has the tangent `turn`: arithmetic only."""
    square = turn * turn
    return (1 - square) / (1 + square), 2 * turn / (1 + square)


def coverage(name, x, y, size, turn, stretch, mirror) -> np.ndarray:
    """Return how much of each pixel one shape an image covers: float32, (n, 32, 32), 0 to 1.

    `name` is one of CLASS_NAMES, the rest are float32 arrays of shape (n,): centre `x` (column)
    and `y` (row) in pixels, half of the side in pixels, tangent of half the angle clockwise, factor
    by which it is narrower and taller, and -1 for a mirrored shape or 1.
    """
    x, y, size, turn, stretch, mirror = map(_per_image, (x, y, size, turn, stretch, mirror))
    cosine, sine = _rotation(turn)
    across, down = COLUMNS - x, ROWS - y
    u = (cosine * across + sine * down) * (mirror * stretch / size)
    v = (cosine * down - sine * across) / (stretch * size)
    return np.clip(SHAPES[name](u, v) * size + 0.5, 0, 1)


def _spot(x, y, radius):
    return np.clip(
        _disc(COLUMNS - _per_image(x), ROWS - _per_image(y), _per_image(radius)) + 0.5, 0, 1
    )


def _bar(x, y, half_width, turn):
    """Like `coverage`, of a bar through (x, y) from edge to edge of the image."""
    x, y, half_width, turn = map(_per_image, (x, y, half_width, turn))
    cosine, sine = _rotation(turn)
    distance = cosine * (COLUMNS - x) + sine * (ROWS - y)
    return np.clip(half_width + 0.5 - np.abs(distance), 0, 1)


def _wave(phase):
    """Triangle wave of period 1, 0 to 1."""
    return np.abs(2 * (phase - np.floor(phase)) - 1)


def _rgb(hue, saturation, value):
    """Colours of the HSV model, (n, 3); a hue outside 0..1 goes round again."""
    hue = hue[:, None] + np.array([0, 2 / 3, 1 / 3], np.float32)
    pure = np.clip(np.abs(6 * (hue - np.floor(hue)) - 3) - 1, 0, 1)
    return value[:, None] * (1 - saturation[:, None] * (1 - pure))


def _paint(images, cover, colour):
    """Lay `colour`, (n, 3) or with a value for each pixel, over the three planes of `images`."""
    for plane, paint in zip(images, colour, strict=True):
        plane += cover * (paint - plane)


def _draw_batch(seed: int, number: int):
    """Return images, labels and masks of batch `number`; every class BATCH / 10 times."""
    source = np.random.PCG64([seed, number])

    def uniform(low, high):
        words = source.random_raw(BATCH) >> np.uint64(40)  # 24 bits, what a float32 holds
        return low + (high - low) * (words.astype(np.float32) * 2.0**-24)

    def planes(colour):
        return [_per_image(channel) for channel in colour.T]

    def any_colour(saturation, value):
        return planes(_rgb(uniform(0, 1), uniform(*saturation), uniform(*value)))

    # Each ten images in a row have one of each class.
    order = source.random_raw(BATCH).reshape(-1, len(CLASS_NAMES))
    labels = np.argsort(order, axis=1, kind="stable").ravel().astype(np.int64)

    # The background blends two dark neighbouring colours by a gradient and one or two waves.
    hue = uniform(0, 1)
    one = _rgb(hue, uniform(0.2, 0.9), uniform(0.1, 0.6))
    other = _rgb(hue + uniform(-0.2, 0.2), uniform(0.2, 0.9), uniform(0.1, 0.6))
    blend = (
        0.5
        + _per_image(uniform(-0.03, 0.03)) * (COLUMNS - 15.5)
        + _per_image(uniform(-0.03, 0.03)) * (ROWS - 15.5)
    )
    fx, fy = _per_image(uniform(-0.16, 0.16)), _per_image(uniform(-0.16, 0.16))  # periods a pixel
    first = _wave(fx * COLUMNS + fy * ROWS + _per_image(uniform(0, 1)))
    second = _wave(fy * COLUMNS - fx * ROWS + _per_image(uniform(0, 1)))
    waves = first + _per_image(uniform(0, 1)) * (second - first)
    blend = np.clip(blend + _per_image(uniform(0, 0.8)) * (waves - 0.5), 0, 1)
    images = np.empty((3, BATCH, SIDE, SIDE), np.float32)
    for plane, start, stop in zip(images, planes(one), planes(other), strict=True):
        plane[:] = start + blend * (stop - start)

    # Clutter has the colours of the shapes: colour alone does not find the shape.
    clutter = {"saturation": (0.2, 1), "value": (0.2, 1)}
    line = _bar(uniform(0, 31), uniform(0, 31), uniform(0.4, 1.2), uniform(-1, 1))
    _paint(images, line, any_colour(**clutter))
    for _ in range(3):
        spot = _spot(uniform(0, 31), uniform(0, 31), uniform(1.5, 4))
        _paint(images, spot, any_colour(**clutter))

    # The shape: near the middle, upright to within 26 degrees, mostly brighter than the background.
    x, y = uniform(12, 19), uniform(12, 19)
    size, turn, stretch = uniform(8, 12), uniform(-0.23, 0.23), uniform(0.88, 1.12)
    mirror = np.where(uniform(0, 1) < 0.5, np.float32(-1), np.float32(1))
    shape = np.empty((BATCH, SIDE, SIDE), np.float32)
    for kind, name in enumerate(CLASS_NAMES):
        its = labels == kind
        shape[its] = coverage(name, x[its], y[its], size[its], turn[its], stretch[its], mirror[its])
    shading = (
        1
        + _per_image(uniform(-0.025, 0.025)) * (COLUMNS - _per_image(x))
        + _per_image(uniform(-0.025, 0.025)) * (ROWS - _per_image(y))
    )
    colour = any_colour(saturation=(0.35, 1), value=(0.6, 1))
    _paint(images, shape, [channel * shading for channel in colour])

    # In half of the images a bar lies over the shape, up to 8 pixels from its centre.
    turn, distance = uniform(-1, 1), uniform(-8, 8)
    cosine, sine = _rotation(turn)
    half_width = np.where(uniform(0, 1) < 0.5, uniform(1, 2.2), np.float32(-1))  # -1: none
    bar = _bar(x + distance * cosine, y + distance * sine, half_width, turn)
    _paint(images, bar, any_colour(**clutter))
    masks = shape * (1 - bar) >= 0.5

    # Noise: the difference of two hexadecimal digits (standard deviation 6.5) times 0.4 to 2.
    digits = source.random_raw(images.size // 8).astype("<u8").view(np.uint8).reshape(images.shape)
    noise = (digits >> 4).astype(np.float32) - (digits & 15).astype(np.float32)
    images = 255 * images + _per_image(uniform(0.4, 2)) * noise
    images = np.clip(images + 0.5, 0, 255).astype(np.uint8)  # + 0.5: round to the nearest
    return np.ascontiguousarray(np.moveaxis(images, 0, -1)), labels, masks


def _boxes(masks):
    rows, columns = masks.any(axis=2), masks.any(axis=1)
    edges = (
        rows.argmax(axis=1),
        columns.argmax(axis=1),
        SIDE - rows[:, ::-1].argmax(axis=1),
        SIDE - columns[:, ::-1].argmax(axis=1),
    )
    return np.stack(edges, axis=1).astype(np.int64)


def draw(count: int, seed: int = 0) -> Drawing:
    """Return the first `count` images of an endless row that belongs to `seed` (0 or more).

    Each ten images in a row, from the first on, hold every class once. 12,000 images take about
    2 s on one core.
    """
    batches = [_draw_batch(seed, number) for number in range(-(-count // BATCH))]
    images, labels, masks = (np.concatenate(part)[:count] for part in zip(*batches, strict=True))
    return Drawing(images, labels, masks, _boxes(masks))


def train() -> Drawing:
    """Return the 10,000 training images: seed 0."""
    return draw(TRAIN_IMAGES, seed=0)


def test() -> Drawing:
    """Return the 2,000 test images: seed 1."""
    return draw(TEST_IMAGES, seed=1)


def load() -> tuple[Split, Split, tuple[str, ...]]:
    """Return training images, test images and class names, for classification."""
    return Split(*train()[:2]), Split(*test()[:2]), CLASS_NAMES
