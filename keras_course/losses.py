"""The loss of classification: the cross-entropy between class and logits, smoothed if wanted.

Label smoothing, Szegedy et al. 2015, section 7, https://arxiv.org/abs/1512.00567: the target is not
1 for the class and 0 for the others, but 1 - s + s/n and s/n. Otherwise an image that is classified
well already goes on to pull at the weights, as the loss comes to zero only for infinite logits.
"""

import keras
from keras import ops

from keras_course.errors import UserError


def crossentropy(label_smoothing: float = 0.0) -> keras.losses.Loss:
    """Return the loss of integer classes, (n,) or (n, 1), and logits; 0 <= label_smoothing < 1."""
    if not 0 <= label_smoothing < 1:
        raise UserError(
            "label_smoothing must be at least 0 and below 1, like 0.1. "
            f"Received: {label_smoothing}."
        )
    if label_smoothing:
        return SmoothedCrossentropy(label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@keras.saving.register_keras_serializable(package="keras_course")
class SmoothedCrossentropy(keras.losses.Loss):
    """Keras' CategoricalCrossentropy(label_smoothing=...) for integer classes.

    Its SparseCategoricalCrossentropy smoothes no labels.
    """

    def __init__(self, label_smoothing: float, **kwargs):
        super().__init__(**kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        if len(y_true.shape) == len(y_pred.shape):  # (n, 1), as of keras.datasets
            y_true = ops.squeeze(y_true, axis=-1)
        return keras.losses.categorical_crossentropy(
            ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1]),
            y_pred,
            from_logits=True,
            label_smoothing=self.label_smoothing,
        )

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
