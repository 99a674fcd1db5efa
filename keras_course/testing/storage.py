"""Whether a network is the same after saving, loading and export."""

import tempfile
from pathlib import Path

import keras
import numpy as np

from keras_course.export import saved_model
from keras_course.export.rebuilt import rebuilt
from keras_course.testing.contract import (
    FLOAT32,
    ContractBroken,
    difference,
    fail,
    outputs,
    tolerance,
)


def check_files(model, name, images):
    """Save, load and export the network; compare what comes back."""
    expected = outputs(model, images)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        try:
            model.save(path)
            loaded = keras.saving.load_model(path)
        except Exception as error:
            raise ContractBroken(
                f"{name} cannot be saved and loaded: {error}\n    Usual cause: a Lambda layer, or "
                "a layer class of one's own without get_config or without "
                "@keras.saving.register_keras_serializable()."
            ) from error
        distance = difference(outputs(loaded, images), expected)
        if not distance <= tolerance(model):
            fail(
                f"{name} returns other logits after saving and loading, by {distance:.1e} of "
                "the largest",
                f"at most {tolerance(model)}",
                "a layer of one's own that keeps numbers outside of its weights and config.",
            )
        try:
            single = rebuilt(model)  # what an export computes in
            saved_model.write(single, ["class"], Path(folder, "saved_model"))
            served = saved_model.read(Path(folder, "saved_model"))(images)
        except Exception as error:
            raise ContractBroken(
                f"{name} cannot be exported as a SavedModel: {error}\n    Usual cause: Python or "
                "NumPy code on the images inside of a layer; use keras.ops."
            ) from error
    distance = difference(served, _probabilities(outputs(single, images)))
    if not distance <= FLOAT32:
        fail(
            f"The SavedModel of {name} returns other class probabilities, by {distance:.1e}",
            f"at most {FLOAT32}",
            "a layer of one's own that keeps numbers outside of its weights.",
        )
    errors = _probabilities(outputs(single, images)) - _probabilities(expected)
    rounding = float(np.sqrt(np.mean(errors**2)))  # the largest of thousands says little
    if not rounding <= tolerance(model):
        fail(
            f"{name} in float32, as it is exported, returns other class probabilities than in the "
            f"precision that it was built in, by {rounding:.1e} in the root mean square",
            f"at most {tolerance(model)}",
            "numbers that half precision cannot tell apart, such as differences of large ones.",
        )


def _probabilities(logits):
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))
