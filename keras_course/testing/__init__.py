"""The contract of a network, to run on one's own: what makes it train, save and export.

    def my_network(*, input_shape=(32, 32, 3), num_classes=10):
        ...
        return keras.Model(inputs, outputs)

    check_builder(my_network)      silent, or says what is wrong and what usually causes it

The builders of `keras_course.models` pass the same checks.
"""

from collections.abc import Callable

import keras
import numpy as np

from keras_course.testing import behaviour, construction, storage
from keras_course.testing.contract import ContractBroken, outputs

__all__ = ["ContractBroken", "check_builder"]


def check_builder(
    builder: Callable[..., keras.Model],
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 7,
) -> None:
    """Raise a `ContractBroken` unless the builder keeps the contract of a network of this course.

    builder: called as builder(input_shape=..., num_classes=...) it must return an uncompiled
    functional `keras.Model`: pixels 0..255 in, float32 logits out, of shape (batch, num_classes)
    or, for a class for each pixel, (batch, height, width, num_classes). Every trainable weight must
    get a gradient from a batch, but for a bias that a normalization takes away again. The network
    must train a step under `fit`, and give the same outputs after saving, loading and export, to
    1e-5 of the largest; where it computes in half precision to 2e-2, and the class probabilities of
    the export, which is in float32, to 2e-2 in the root mean square. It must change no global
    setting.

    It is built under the dtype policy that is set, for `input_shape`, and for images of another
    size with another number of channels and classes: one without the option is refused.
    """
    name = getattr(builder, "__name__", None) or getattr(builder, "func", builder).__name__
    height, width, channels = input_shape
    model = construction.build(builder, name, input_shape, num_classes)
    images, labels = behaviour.batch(model, num_classes)
    behaviour.check_logits(model, name, images)
    behaviour.check_inference(model, name, images)
    before = model.get_weights()
    behaviour.check_step(model, name, images, labels)
    if not np.all(np.isfinite(outputs(model, images))):
        # A deep network without shortcuts: gradients that explode, and BatchNormalization, which
        # holds them in check, knows the statistics of a single step.
        model.set_weights(before)
    storage.check_files(model, name, images)
    other = (height + 16, width, 1 if channels == 3 else 3)  # higher than wide: neither for both
    construction.build(builder, name, other, num_classes + 1)
