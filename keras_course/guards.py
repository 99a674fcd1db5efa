"""Callbacks that end `fit`: where the loss is not finite any more, and where somebody asks for it.

They come before all that looks for a best value: once a loss is NaN, Keras' own EarlyStopping,
ModelCheckpoint and ReduceLROnPlateau would keep "nan" as the best value for good.
"""

import math
import signal
import threading

import keras

from keras_course import variables
from keras_course.errors import Failure, Terminated

# Ctrl-C, and how schedulers (SLURM, Colab) say that a process is about to end.
SIGNALS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


class Diverged(Failure):
    """The loss is not finite any more, and no further step can mend it."""

    def __init__(self, step: int, learning_rate: float, loss: float):
        self.step, self.learning_rate, self.loss = step, learning_rate, loss
        super().__init__(
            f"The loss became {loss} at step {step} with the learning rate {learning_rate:.3g}. "
            f"Try {learning_rate / 10:.1g}, or search one with `keras-course find-lr`."
        )


class StopWhenNotFinite(keras.callbacks.Callback):
    """Raise `Diverged` at the first step, from 1, after which the loss is not finite."""

    remembered = ("before",)

    def on_train_begin(self, logs=None):
        self.before = variables.number(self.model.optimizer.iterations)

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs.get("val_loss", 0.0))

    def _check(self, loss):
        if not math.isfinite(loss):
            variables.catch_up(self.model)
            step = variables.number(self.model.optimizer.iterations) - self.before
            raise Diverged(step, variables.number(self.model.optimizer.learning_rate), float(loss))


class EndOnInterrupt(keras.callbacks.Callback):
    """Turn Ctrl-C and SIGTERM into an exception at the end of the step; a second one does at once.

    Python raises it between any two instructions, also in the middle of a write, or where a library
    swallows it.
    """

    def __init__(self):
        super().__init__()
        self.asked, self.before = None, {}

    def on_train_begin(self, logs=None):
        if threading.current_thread() is threading.main_thread():  # others get no signals
            self.before = {number: signal.signal(number, self._ask) for number in SIGNALS}

    def _ask(self, number, frame):
        if self.asked:
            raise self.asked
        self.asked = SIGNALS[number]

    def on_train_batch_end(self, batch, logs=None):
        if self.asked:
            raise self.asked

    def on_test_batch_end(self, batch, logs=None):
        self.on_train_batch_end(batch)

    def close(self):
        for number, handler in self.before.items():
            signal.signal(number, handler)
