"""Callbacks that follow a list of learning rates step by step, and get to its end in time."""

import time
from collections.abc import Sequence

import keras
import numpy as np

from keras_course import variables


class FollowRates(keras.callbacks.Callback):
    """Set the learning rate before each step to the next of `rates`, and begin again at its end.

    Where TensorFlow takes several steps in a call, the first of them sets the rate of all.
    """

    remembered = ("rates", "step")

    def __init__(self, rates: Sequence[float]):
        super().__init__()
        self.rates = np.asarray(rates)

    def on_train_begin(self, logs=None):
        self.step = 0
        # Here, as on JAX `self.model` puts all variables of the network back.
        self.take, self.together = self.model.train_function, self.model.steps_per_execution

    def on_train_batch_begin(self, batch, logs=None):
        steps = min(self.together, self.params["steps"] - batch)
        rates = np.take(self.rates, range(self.step, self.step + steps), mode="wrap")
        if hasattr(self.take, "rates"):  # jax_step.py
            self.take.rates = rates
        else:
            variables.catch_up(self.model)
            self.model.optimizer.learning_rate = rates[0]
        self.step += steps

    def hasten(self, steps: int) -> None:
        """Go through the rates that are left in so many steps, to the same end."""
        done, left = np.split(self.rates, [self.step])
        chosen = np.linspace(0, len(left) - 1, steps).round().astype(int)
        self.rates = np.concatenate([done, left[chosen]])


class EndInTime(keras.callbacks.Callback):
    """Train fewer epochs when the rest of them, each as long as the last, would pass `deadline`.

    What was saved after the epoch before counts. Their number was chosen to fit; a machine that
    slows down meanwhile is what this is for. A schedule that is followed is hastened, so that a
    rate which should fall to zero does. That needs an epoch to do it in: so the rest must fit with
    3 % to spare, and the last epoch is begun even if it will be a tenth too long.
    """

    def __init__(self, deadline: float, follow: FollowRates | None = None):
        super().__init__()
        self.deadline, self.follow = deadline, follow  # of time.perf_counter()

    def on_train_begin(self, logs=None):
        self.epochs, self.before = self.params["epochs"], time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        done, now = epoch + 1, time.perf_counter()
        left, self.before = (self.deadline - now) / (now - self.before), now
        fit = max(int(left / 1.03), int(left > 0.9))
        if done + fit < self.epochs:
            self.epochs = self.params["epochs"] = done + fit  # the other callbacks see it, too
            print(
                f"The machine has slowed down: to end in time, {self.epochs} epochs are trained.",
                flush=True,
            )
            if self.follow and fit:
                self.follow.hasten(fit * self.params["steps"])
        if done >= self.epochs:
            self.model.stop_training = True
