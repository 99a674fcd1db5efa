"""The network itself: its first filters and the table of its layers."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_course import architecture, plots
from keras_course.report import pages

FILTERS = 64  # shown, at most
LONG_TABLE = 20  # rows; a longer one is folded


def filters(model: keras.Model, class_names: Sequence[str], title: str) -> str:
    """Show the filters of the first convolution, or the weights of the first dense layer."""
    weighted = [it for _, it in architecture.operations(model) if hasattr(it, "kernel")]
    convolution = next((it for it in weighted if isinstance(it, keras.layers.Conv2D)), None)
    kernel = keras.ops.convert_to_numpy((convolution or weighted[0]).kernel)
    labels, words, unit = (), "", "filters"
    image = model.input_shape[1:]
    if convolution is None:
        words, unit = "This network has no convolution. ", "units"
        if kernel.shape[0] == np.prod(image):
            words += "Each unit of its first dense layer has a weight for every pixel and channel. "
            kernel = kernel.reshape(*image, -1)
            labels = class_names if kernel.shape[-1] == len(class_names) else ()
    if kernel.ndim != 4 or kernel.shape[2] not in (1, 3):
        words += "Its first weights do not have the channels of an image and are not shown."
        return pages.section("First-layer filters", pages.paragraph(words))
    height, width, channels, count = kernel.shape
    shown = min(count, FILTERS)
    words += (
        f"{shown} of {count} {unit}, {height} x {width} x {channels}. "
        "Grey is zero; the largest weight of each is fully bright or dark."
    )
    figure = plots.filters(kernel[..., :shown], f"{title}: first layer", labels=labels[:shown])
    return pages.section(
        "First-layer filters",
        pages.paragraph(words),
        pages.wide(pages.image(plots.png(figure), "Weights of the first layer as images")),
    )


def layers(model: keras.Model) -> str:
    """Show the table of layers, folded if it is long."""
    rows = architecture.rows(model)
    total = architecture.total(rows)
    table = pages.table(
        ("layer", "type", "output size", "parameters", "multiply-adds"), [*rows, total]
    )
    words = (
        f"{total.parameters:,} parameters and {total.multiply_adds / 1e6:,.1f} million "
        "multiply-adds an image, those of convolutions and dense layers."
    )
    if len(rows) > LONG_TABLE:
        table = pages.details(f"All {len(rows)} layers and operations", table)
    return pages.section(f"Architecture: {model.name}", pages.paragraph(words), table)
