"""LiteRT, once TensorFlow Lite: for phones and small boards.

TensorFlow converts, the package ai-edge-litert runs. The class names are in `labels.txt`, in the
zip archive that the format allows behind the network (`unzip -p model.tflite labels.txt`).
"""

import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_course.export import saved_model

PACKAGES = ("ai_edge_litert",)


def write(model: keras.Model, class_names: Sequence[str], path: Path) -> None:
    import tensorflow as tf

    # Through a SavedModel: the converter loses a Keras model's weights if given the function alone.
    with tempfile.TemporaryDirectory() as folder:
        saved_model.write(model, class_names, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["serving_default"]
        )
        path.write_bytes(converter.convert())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "".join(f"{name}\n" for name in class_names))


def read(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=path.read_bytes())

    def function(images):  # holds the interpreter: its runner reads memory that it owns
        run = interpreter.get_signature_runner()
        return run(images=images.astype("float32"))["probabilities"]

    return function
