"""ONNX: for ONNX Runtime, and for most other programs that run networks.

tf2onnx converts, ONNX Runtime runs. The class names are a JSON list in the metadata of the file,
under `class_names`.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_course.export.saved_model import probabilities

PACKAGES = ("tf2onnx", "onnxruntime")


def write(model: keras.Model, class_names: Sequence[str], path: Path) -> None:
    import onnx
    import tf2onnx

    function = probabilities(model)
    network, _ = tf2onnx.convert.from_function(
        function, function.input_signature, custom_op_handlers={"Erfc": (_one_minus_erf, [])}
    )
    onnx.helper.set_model_props(network, {"class_names": json.dumps(class_names)})
    onnx.save(network, path)


def _one_minus_erf(graph, node, name, args):
    """Put for GELU's erfc, which ONNX lacks, what it stands for."""
    outputs, shapes, types = node.output, node.output_shapes, node.output_dtypes
    erf = graph.make_node("Erf", node.input)
    one = graph.make_const(f"{name}_one", np.ones((), "float32"))
    graph.remove_node(name)
    return graph.make_node(
        "Sub", [one.output[0], erf.output[0]], outputs=outputs, shapes=shapes, dtypes=types
    )


def read(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda images: session.run(["probabilities"], {"images": images.astype("float32")})[0]
