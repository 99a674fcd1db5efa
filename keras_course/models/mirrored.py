"""Ask the network twice: for the image and for its mirror image, and take the mean.

Krizhevsky 2012, section 4.1, averages probabilities over five crops and their mirror images; here
it is the logits, over the image and its mirror image. It costs no training, twice the time of each
answer, and helps wherever a mirrored object is the same object.
"""

import keras
from keras import layers, ops


def mirrored(model: keras.Model) -> keras.Model:
    """Return the model that averages the logits of an image and of its mirror image."""
    inputs = keras.Input(model.input_shape[1:])
    outputs = layers.Average(dtype="float32")([model(inputs), model(ops.flip(inputs, axis=2))])
    return keras.Model(inputs, outputs, name=f"{model.name}_mirrored")
