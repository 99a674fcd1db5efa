"""The course's first convolutional network (slides 13-18): convolution, pooling, twice, then dense.

    12 filters 5x5, pool, 24 filters 3x3, pool, dense 120, 60, num_classes

"valid" padding, every layer with a bias. For 32x32 colour images 115,198 parameters, nine tenths
of them in the first dense layer.

`simple_cnn_gap` has about as many, 94,538, all but a few in its convolutions:

    32 filters 3x3, pool, 64, pool, 128, pool, the mean of each map, dense num_classes

The parameters of a convolution do not depend on the image size, and with global average pooling
(Lin et al. 2013, section 3.2, https://arxiv.org/abs/1312.4400) neither does the dense layer after
it: the same weights take images of any size.
"""

import keras
from keras import layers

from keras_course.layers import normalize
from keras_course.models.inputs import require_size


def simple_cnn(
    *, input_shape=(32, 32, 3), num_classes=10, normalization=None, dropout=0.0
) -> keras.Model:
    """Return the course's first CNN: raw pixels in, logits out.

    dropout: the share of dense units left out at each training step, 0 <= dropout < 1.
    Errors: UserError for images below 14x14, of which nothing is left after the second pooling.
    """
    require_size("simple_cnn", input_shape, 14)
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


def simple_cnn_gap(
    *, input_shape=(32, 32, 3), num_classes=10, normalization=None, dropout=0.0
) -> keras.Model:
    """Return a CNN with global average pooling: raw pixels in, logits out.

    input_shape: (None, None, 3) takes images of any size, one size in each batch.
    dropout: the share of the 128 means left out at each training step, 0 <= dropout < 1.
    Errors: UserError for images below 8x8, of which nothing is left after the third pooling.
    """
    if None not in input_shape[:2]:
        require_size("simple_cnn_gap", input_shape, 8)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)  # 32x32x3
    for filters in (32, 64, 128):
        x = layers.Conv2D(
            filters,
            3,
            padding="same",
            use_bias=normalization is None,  # a normalization layer brings its own
            kernel_initializer="he_normal",
        )(x)
        x = layers.ReLU()(normalize(x, normalization))
        x = layers.MaxPooling2D()(x)  # 16x16x32, 8x8x64, then 4x4x128
    x = layers.GlobalAveragePooling2D()(x)  # 128
    x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="simple_cnn_gap")
