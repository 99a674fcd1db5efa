"""Pictures of boxes: images with the objects that are there and those that were found."""

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_course import plots

COLOURS = matplotlib.colormaps["tab10"].colors  # of classes; from the eleventh on they come again
LEAST = 0.3  # score of the least sure object that is drawn


@plots.styled
def boxes(
    images: np.ndarray,
    there: Sequence,
    found: Sequence,
    class_names: Sequence[str],
    title: str,
    columns: int = 4,
) -> Figure:
    """Draw images with dashed white boxes for what is there and coloured ones for what was found.

    images: (n, height, width, 3), 0..255. there, found: `average_precision.Objects` of each image.
    Each box that was found has its class and its score, 0 to 1, above it.
    """
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    figure = Figure(figsize=(2.6 * columns, 2.65 * rows + 0.6), layout="constrained")
    plots.titled(figure, title)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, image, true, its in zip(grid, images, there, found, strict=False):
        height, width = image.shape[:2]
        axes.imshow(
            np.clip(image, 0, 255).astype("uint8"),
            extent=(0, width, height, 0),
            interpolation="nearest",
        )
        for box in true.boxes:
            _draw(axes, box, edgecolor="white", linestyle=(0, (3, 3)), linewidth=2.2)
        for box, label, score in zip(its.boxes, its.labels, its.scores, strict=True):
            if score < LEAST:
                continue
            colour = COLOURS[label % len(COLOURS)]
            _draw(axes, box, edgecolor=colour, linewidth=1.6)
            words = f"{plots.text(class_names[label], longest=14)} {score:.2f}"
            back = {"facecolor": colour, "edgecolor": "none", "pad": 0.6}
            axes.text(box[1], box[0], words, color="white", fontsize=7, va="bottom", bbox=back)
    return figure


def _draw(axes, box, **style):
    top, left, bottom, right = box
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, **style))
