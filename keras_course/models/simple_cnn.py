"""The course's first convolutional network (slides 13-18): convolution, pooling, twice, then dense.

    12 filters 5x5, pool, 24 filters 3x3, pool, dense 120, 60, num_classes

"valid" padding, every layer with a bias. For 32x32 colour images 115,198 parameters, nine tenths
of them in the first dense layer.
"""

import keras
from keras import layers

from keras_course.errors import UserError
from keras_course.layers import normalize


def simple_cnn(
    *, input_shape=(32, 32, 3), num_classes=10, normalization=None, dropout=0.0
) -> keras.Model:
    """Return the course's first CNN: raw pixels in, logits out.

    dropout: the share of dense units left out at each training step, 0 <= dropout < 1.
    """
    if min(input_shape[:2]) < 14:
        raise UserError(
            "simple_cnn needs images of at least 14x14 pixels, or nothing is left after its second "
            f"pooling. Received: {input_shape[0]}x{input_shape[1]}."
        )
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)  # 32x32x3
    for filters, kernel_size in ((12, 5), (24, 3)):
        x = layers.Conv2D(filters, kernel_size, kernel_initializer="he_normal")(x)
        x = layers.ReLU()(normalize(x, normalization))
        x = layers.MaxPooling2D()(x)  # 14x14x12, then 6x6x24
    x = layers.Flatten()(x)
    for units in (120, 60):
        x = layers.Dense(units, activation="relu", kernel_initializer="he_normal")(x)
        x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="simple_cnn")
