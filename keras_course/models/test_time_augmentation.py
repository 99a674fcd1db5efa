"""Test-time augmentation: ask the network for several views of an image, and take the mean.

It costs no training, the time of one answer for each view, and helps wherever a mirrored or shifted
object is the same object. The mean is that of the logits.
"""

import keras
from keras import layers, ops


def mirrored(model: keras.Model) -> keras.Model:
    """Return the model that averages the logits of an image and of its mirror image.

    Krizhevsky 2012, section 4.1, averages probabilities over five crops and their mirror images.
    """
    inputs = keras.Input(model.input_shape[1:])
    outputs = layers.Average(dtype="float32")([model(inputs), model(ops.flip(inputs, axis=2))])
    return keras.Model(inputs, outputs, name=f"{model.name}_mirrored")


def shifted(model: keras.Model, pixels: int) -> keras.Model:
    """Return the model that averages the logits of an image and of two that are shifted.

    Jordan 2024, "94% on CIFAR-10 in 3.29 seconds", section 3.5, https://arxiv.org/abs/2404.00498:
    the image counts half, each of the two a quarter. Together with `mirrored`, six answers.
    pixels: by so many up and left, and down and right; mirrored pixels take the free places.
    """
    inputs = keras.Input(model.input_shape[1:])
    padded = ops.pad(inputs, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]], mode="reflect")
    both = 2 * pixels
    up_left = layers.Cropping2D(((both, 0), (both, 0)))(padded)
    down_right = layers.Cropping2D(((0, both), (0, both)))(padded)
    beside = layers.Average(dtype="float32")([model(up_left), model(down_right)])
    outputs = layers.Average(dtype="float32")([model(inputs), beside])
    return keras.Model(inputs, outputs, name=f"{model.name}_shifted")
