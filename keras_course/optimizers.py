"""The optimizers of the lecture (slides 35-41), all built into Keras.

Rates differ by orders of magnitude between them: Adadelta's paper uses 1.0, Adam's 0.001. Compare
optimizers each at its own tuned rate.
"""

import keras

from keras_course.errors import unknown

OPTIMIZERS = {
    "sgd": lambda rate: keras.optimizers.SGD(rate),
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "nesterov": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "adagrad": lambda rate: keras.optimizers.Adagrad(rate),
    "adadelta": lambda rate: keras.optimizers.Adadelta(rate),
    "adam": lambda rate: keras.optimizers.Adam(rate),
}


def optimizer(name: str, learning_rate: float) -> keras.optimizers.Optimizer:
    """Return the built-in Keras optimizer of that name with the given rate."""
    if name not in OPTIMIZERS:
        raise unknown("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name](float(learning_rate))
