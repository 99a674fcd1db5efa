"""Right answers in other styles than the solution's."""

import functools

import keras
import keras_tuner as kt
import numpy as np
from keras import layers, ops


def decayed__by_the_rule(rate, decay, epoch):
    for _ in range(epoch):
        rate = rate * 1.0 / (1.0 + decay)
    return rate


def decayed__by_keras(rate, decay, epoch):
    schedule = keras.optimizers.schedules.ExponentialDecay(rate, 1, 1 / (1 + decay))
    return float(schedule(epoch))


def decayed__recursive(rate, decay, epoch):
    return rate if epoch == 0 else decayed__recursive(rate, decay, epoch - 1) / (1 + decay)


def inverse_time__in_numpy(rate, decay, epoch):
    return np.divide(rate, np.add(1, np.multiply(decay, epoch)))


def inverse_time__as_a_share(rate, decay, epoch):
    share = 1 / (1 + epoch * decay)
    return share * rate


def reduce_on_plateau__by_index(losses, rate, factor, patience):
    rates = np.full(len(losses), rate)
    last = 0  # the epoch of the last improvement or reduction
    for epoch in range(1, len(losses)):
        if losses[epoch] < min(losses[:epoch]):
            last = epoch
        elif epoch - last == patience:
            rates[epoch + 1 :] *= factor
            last = epoch
    return rates


def reduce_on_plateau__as_a_class(losses, rate, factor, patience):
    class State:
        def __init__(self):
            self.rate, self.best, self.left = rate, None, patience

        def after(self, loss):
            if self.best is None or loss < self.best:
                self.best, self.left = loss, patience
                return
            self.left -= 1
            if not self.left:
                self.rate, self.left = self.rate * factor, patience

    state, rates = State(), []
    for loss in losses:
        rates.append(state.rate)
        state.after(loss)
    return tuple(rates)


def range_test_rates__geomspace(low, high, steps):
    return np.geomspace(low, high, steps)


def range_test_rates__by_exponents(low, high, steps):
    start, end = ops.log(low), ops.log(high)
    return ops.exp(start + (end - start) * ops.arange(steps, dtype="float32") / (steps - 1))


def range_test_rates__list(low, high, steps):
    rates = [low]
    while len(rates) < steps:
        rates.append(rates[-1] * (high / low) ** (1 / (steps - 1)))
    return rates


def choose_rate__by_exponents(rates, losses):
    finite = np.isfinite(losses)
    rates, losses = rates[finite], losses[finite]
    below = losses - losses.min() <= (losses[0] - losses.min()) / 2
    exponents = np.log10([rates[below][0], rates[losses.argmin()]])
    return 10 ** exponents.mean()


def choose_rate__by_loops(rates, losses):
    lowest = 0
    for i in range(len(losses)):
        if losses[i] < losses[lowest]:
            lowest = i
    i = 0
    while losses[i] > (losses[0] + losses[lowest]) / 2:
        i += 1
    return (rates[i] * rates[lowest]) ** 0.5


def build__named_arguments(hp):
    inputs = keras.Input(shape=(32, 32, 3))
    x = layers.Flatten()(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    model = keras.Model(inputs, layers.Dense(10)(x))
    rate = hp.Float(name="learning_rate", min_value=1e-4, max_value=1, sampling="log")
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=rate),
        loss=functools.partial(keras.losses.sparse_categorical_crossentropy, from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    return model


class Builder(kt.HyperModel):
    def build(self, hp):
        model = keras.Sequential(
            [
                keras.Input((32, 32, 3)),
                layers.Rescaling(1 / 255),
                layers.Flatten(),
                layers.Dense(10),
            ]
        )
        model.compile(
            keras.optimizers.SGD(hp.Float("learning_rate", 1e-4, 1.0, sampling="log")),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return model


def build__of_a_hypermodel(hp):
    return Builder().build(hp)
