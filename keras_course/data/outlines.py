"""The outlines of the ten shapes of the embedded images.

Each is a signed distance from the outline, positive inside, about exact near the outline. They fill
about -1 <= x, y <= 1 (y points down) and have similar areas, so that brightness says little.
Arithmetic and square roots alone, which every machine rounds in the same way.
"""

import numpy as np


def disc(x, y, radius):
    return radius - np.sqrt(x * x + y * y)


def _circle(x, y):
    return disc(x, y, 0.81)


def _ring(x, y):
    return 0.23 - np.abs(disc(x, y, 0.73))


def _moon(x, y):
    return np.minimum(disc(x - 0.15, y, 1.0), -disc(x - 0.68, y, 0.8))


def _drop(x, y):
    """A disc and its two tangents from (0, -1.1), 30 degrees from the vertical."""
    tip = 0.5 * (y + 1.1) - 0.8660254 * np.abs(x)
    return np.maximum(disc(x, y - 0.32, 0.71), np.minimum(tip, 0.05 - y))


def _heart(x, y):
    """A square on its corner, and a half disc on each of its upper sides."""
    x, y = np.abs(x), y + 0.1
    square = 0.7071068 * (0.76 - x - np.abs(y))
    return np.maximum(square, disc(x - 0.38, y + 0.38, 0.5374012))


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
