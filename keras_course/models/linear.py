"""Day 1 of the course: the classifiers that see an image as a list of numbers.

    logistic_regression  pixels -> num_classes
    mlp                  pixels -> 512 -> 256 -> num_classes, with ReLU

Each needs a weight for every pixel, so it is bound to one image size (slide 4).
"""

import keras
from keras import layers

from keras_course.models.inputs import require_size

HIDDEN = (512, 256)


def logistic_regression(*, input_shape=(32, 32, 3), num_classes=10) -> keras.Model:
    """Return one dense layer on the pixels: raw pixels in, logits out."""
    require_size("logistic_regression", input_shape, 1)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Flatten()(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="logistic_regression")


def mlp(*, input_shape=(32, 32, 3), num_classes=10, hidden=HIDDEN, dropout=0.0) -> keras.Model:
    """Return a multi-layer perceptron: raw pixels in, logits out.

    dropout: the share of hidden units left out at each training step, 0 <= dropout < 1
    (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html).
    """
    require_size("mlp", input_shape, 1)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Flatten()(x)
    for units in hidden:
        x = layers.Dense(units, activation="relu", kernel_initializer="he_normal")(x)
        x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="mlp")
