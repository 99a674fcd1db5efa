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
    words, unit, names = "", "filters", ()
    image = model.input_shape[1:]
    if convolution is None:
        words, unit = "This network has no convolution. ", "units"
        if kernel.shape[0] == np.prod(image):
            words += "Each unit of its first dense layer has a weight for every pixel and channel. "
            kernel = kernel.reshape(*image, -1)
            names = class_names if len(weighted) == 1 else ()
    if kernel.ndim != 4 or kernel.shape[2] not in (1, 3):
        words += "Its first weights do not have the channels of an image and are not shown."
        return pages.section(f"First-layer filters: {title}", pages.paragraph(words))
    height, width, channels, count = kernel.shape
    shown = min(count, FILTERS)
    words += (
        f"{shown} of {count} {unit}, {height} x {width} x {channels}. "
        "Grey is zero; the largest weight of each is fully bright or dark."
    )
    images = plots.filter_images(kernel[..., :shown])
    captions = names[:shown] or [f"{number}" for number in range(1, shown + 1)]
    return pages.section(
        f"First-layer filters: {title}", pages.paragraph(words), pages.thumbnails(images, captions)
    )


def layers(model: keras.Model) -> str:
    """Show the table of layers, folded if it is long."""
    rows = architecture.rows(model)
    total = architecture.total(rows)
    table = pages.table(
        ("layer", "type", "output size", "parameters", "multiply-adds"), [*rows, total]
    )
    words = (
        f"{total.parameters:,} parameters, including those kept by normalization, and "
        f"{total.multiply_adds:,} multiply-adds per image, in convolutions and dense layers."
    )
    if len(rows) > LONG_TABLE:
        table = pages.details(f"All {len(rows)} layers and operations", table)
    return pages.section(f"Architecture: {model.name}", pages.paragraph(words), table)
