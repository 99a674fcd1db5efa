"""A `.keras` file that loads where this package is not installed.

A layer class of ours would have to be imported to load it, so our BatchNormalization becomes
Keras' own, which has the same weights and values.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_course.errors import UserError
from keras_course.export.rebuilt import every_layer, rebuilt
from keras_course.layers import BatchNormalization


def write(model: keras.Model, class_names: Sequence[str], path: Path) -> None:
    """The file holds the model alone: pixels in, logits out, no class names."""
    stock = rebuilt(model, _stock_class)
    if own := {
        type(x).__name__ for x in every_layer(stock) if not type(x).__module__.startswith("keras.")
    }:
        raise UserError(
            f"{model.name} has layers that only this package knows: {', '.join(sorted(own))}. "
            "Export a SavedModel instead."
        )
    stock.save(path)


def _stock_class(layer):
    return keras.layers.BatchNormalization if isinstance(layer, BatchNormalization) else type(layer)


def read(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    model = keras.saving.load_model(path)

    def function(images):
        logits = model(images.astype("float32"), training=False)
        return keras.ops.convert_to_numpy(keras.ops.softmax(logits))

    return function
