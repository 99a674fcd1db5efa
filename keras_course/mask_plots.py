"""Pictures of masks: images, the true class of each pixel, and the predicted one."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from keras_course import plots

# Black for the background, then ten colours that differ in hue and lightness.
COLOURS = np.array(
    [(0, 0, 0), *(255 * np.array(matplotlib.colormaps["tab10"].colors)).round()], "uint8"
)


def masks(
    images: np.ndarray,
    truth: np.ndarray,
    predicted: np.ndarray,
    class_names: Sequence[str],
    title: str,
) -> Figure:
    """Draw images in the first row, their masks in the second, the predicted ones in the third.

    images: (n, height, width, 3), 0..255. truth, predicted: (n, height, width), index into
    `class_names`, of which the first is the background; from the twelfth on colours come again.
    Each mask has one colour a class, and below it the names of its largest shape.
    """
    rows = [*images, *_coloured(truth), *_coloured(predicted)]
    labels = [""] * len(images)
    labels += [_largest(mask, class_names) for mask in (*truth, *predicted)]
    row_names = ("image", "truth", "prediction")
    return plots.grid(rows, title, labels=labels, row_names=row_names, columns=len(images))


def _coloured(masks):
    return COLOURS[np.where(masks == 0, 0, (masks.astype(int) - 1) % (len(COLOURS) - 1) + 1)]


def _largest(mask, class_names):
    counts = np.bincount(mask.ravel(), minlength=len(class_names))
    counts[0] = 0
    return class_names[counts.argmax()] if counts.any() else "nothing"
