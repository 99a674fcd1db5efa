"""The SavedModel: TensorFlow alone serves it, in Python, C++, Java, or behind TensorFlow Serving.

    model = tf.saved_model.load("runs/0001/saved_model")
    model.serve(images)      uint8 or float32 pixels (n, height, width, channels), values 0..255,
                             -> class probabilities, float32 (n, classes)
    model.class_names()      -> the names of the classes, in that order

The signature `serving_default` is `serve` for float32 images; its input shape tells the image size.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np


def probabilities(model: keras.Model):
    """Return the tf.function that LiteRT and ONNX get too: float32 pixels -> {"probabilities"}."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), name="images")])
    def function(images):
        return {"probabilities": tf.nn.softmax(model(images, training=False))}

    return function


def write(model: keras.Model, class_names: Sequence[str], path: Path) -> None:
    import tensorflow as tf

    function = probabilities(model)

    @tf.function
    def serve(images):  # both dtypes share one graph of the network
        return function(tf.cast(images, "float32"))["probabilities"]

    for dtype in ("uint8", "float32"):
        serve.get_concrete_function(tf.TensorSpec((None, *model.input_shape[1:]), dtype))

    served = tf.Module()
    served.network_variables = [variable.value for variable in model.variables]
    served.serve = serve
    served.class_names = tf.function(lambda: tf.constant(class_names), input_signature=[])
    tf.saved_model.save(served, path, signatures={"serving_default": function})


def read(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    import tensorflow as tf

    model = tf.saved_model.load(path)
    return lambda images: model.serve(images).numpy()
