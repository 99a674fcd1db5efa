"""What can be seen of a network without an image: inputs, outputs, what its builder changes."""

import keras
import numpy as np

from keras_course.testing.contract import fail


def build(builder, name, input_shape, num_classes):
    """Call the builder, and check what can be seen without an image."""
    call = f"{name}(input_shape={input_shape}, num_classes={num_classes})"
    before = _global_settings()
    try:
        model = builder(input_shape=input_shape, num_classes=num_classes)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        fail(
            f"{call} raised: {error}",
            "a builder with these two named arguments",
            f"it is defined without them. Write `def {name}(*, input_shape, num_classes):`.",
        )
    for setting, value in _global_settings().items():
        if value != before[setting]:
            fail(
                f"{call} changed the {setting} of the whole program",
                "no change",
                "a builder that sets it for itself. Set it where the training begins, or give a "
                "layer its own, as in Dense(10, dtype='float32').",
            )
    if not hasattr(model, "operations"):
        fail(
            f"{call} returned {model.__class__.__name__}",
            "a functional keras.Model",
            "`return keras.Model(inputs, outputs)` is missing, or it is a Sequential or a class of "
            "one's own.",
        )
    if model.compiled:
        fail(
            f"{call} returned a model that is compiled",
            "one that is not",
            "model.compile inside of the builder. The optimizer belongs to the training.",
        )
    if not model.trainable_weights:
        fail(f"{call} has no trainable weight", "some", "layers with trainable=False.")
    found = model.input_shape[1:] if len(model.inputs) == 1 else [x.shape for x in model.inputs]
    if found != tuple(input_shape):
        fail(
            f"{call} takes images of {found}",
            input_shape,
            "a size or number of channels that is written into keras.Input.",
        )
    if len(model.outputs) != 1:
        fail(f"{call} has {len(model.outputs)} outputs", "one", "several in keras.Model(...).")
    shape = model.output_shape
    if shape not in {(None, num_classes), (None, *input_shape[:2], num_classes)}:
        fail(
            f"{call} returns logits of shape {shape}",
            f"{(None, num_classes)}, or with height and width for a class for each pixel",
            "a number of classes that is written into the last layer, or Flatten or pooling that "
            "is missing before it.",
        )
    return model


def _global_settings():
    return {
        "dtype policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
        "image data format": keras.config.image_data_format(),
        "seed": str(np.random.get_state()[1:3]),  # keras.utils.set_random_seed sets NumPy's too
    }
