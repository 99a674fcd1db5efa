"""The optimizers of the lecture (slides 35-41), by the rules that are built into Keras.

Rates differ by orders of magnitude between them: Adadelta's paper uses 1.0, Adam's 0.001. Compare
optimizers each at its own tuned rate.
"""

from functools import partial

import keras

from keras_course import fused_optimizers
from keras_course.errors import unknown

# The last part of a name: a layer may be called "beta" as well. TensorFlow has "dense/bias:0" and
# "dense/bias/replica_1:0", where others have "bias".
NOT_DECAYED = r"(^|/)(bias|gamma|beta)(/replica_\d+)?(:\d+)?$"
OPTIMIZERS = {
    "sgd": fused_optimizers.SGD,
    "momentum": partial(fused_optimizers.SGD, momentum=0.9),
    "nesterov": partial(fused_optimizers.SGD, momentum=0.9, nesterov=True),
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adam": fused_optimizers.Adam,
}


def optimizer(
    name: str, learning_rate: float, *, weight_decay: float = 0.0, averaging: float = 0.0
) -> keras.optimizers.Optimizer:
    """Return the optimizer of that name with the given rate.

    weight_decay: the share of each kernel that a step of rate 1 takes away (Loshchilov & Hutter
    2017, https://arxiv.org/abs/1711.05101); biases and normalizations keep theirs. averaging: of
    an exponential average of the weights, how much is kept at each step, 0 <= averaging < 1 (of the
    idea of Polyak & Juditsky 1992, who weigh all steps alike); `keras.callbacks.SwapEMAWeights`
    puts it into the network.
    """
    if name not in OPTIMIZERS:
        raise unknown("optimizer", name, OPTIMIZERS)
    options = {"use_ema": True, "ema_momentum": averaging} if averaging else {}
    chosen = OPTIMIZERS[name](float(learning_rate), weight_decay=weight_decay or None, **options)
    if weight_decay:
        chosen.exclude_from_weight_decay(var_names=[NOT_DECAYED])
    return chosen
