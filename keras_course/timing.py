"""How long training will take, from a few timed steps."""

import time

import keras
import numpy as np

from keras_course import guards, out_of_memory, variables
from keras_course.errors import UserError

TIMED = 3  # seconds of steps, at least


def measure_epoch(model: keras.Model, train, steps_per_epoch: int, validation) -> float:
    """Return the seconds of an epoch with its validation; the model is left as it was.

    The steps also compile what `fit` runs afterwards, so the time is not lost. They are taken at
    rate zero, and every variable gets its value back.
    """
    values = variables.read(model)
    model.optimizer.learning_rate = 0.0
    clock = _Clock()
    together = model.steps_per_execution  # steps, of the validation too
    steps = 100 * together
    with out_of_memory.told(model, train), guards.heeding_signals():
        model.fit(train, steps_per_epoch=steps, callbacks=[clock], shuffle=False, verbose=0)
        model.evaluate(validation, steps=1, verbose=0)  # compiles
    looking = _seconds_of_looking(model, validation, together)
    variables.write(model, values)
    return steps_per_epoch * clock.seconds_per_call() / together + looking


def _seconds_of_looking(model, validation, together):
    """Return the seconds of a validation: those of its start, and those of all its batches."""

    def seconds(batches):
        began = time.perf_counter()
        model.evaluate(validation, steps=batches, verbose=0)
        return time.perf_counter() - began

    count = len(validation)
    few, more = min(together, count), min(3 * together, count)
    begun = seconds(few)
    if few == count:
        return begun
    of_one = max(0.0, seconds(more) - begun) / (more - few)
    return begun + (count - few) * of_one


class _Clock(keras.callbacks.Callback):
    """Ends `fit` as soon as five calls and `TIMED` seconds are timed; the first call compiles, too.

    A call is a step, or several of a small network. The quicker quarter of the calls counts:
    whatever else the machine does in these seconds makes the others look slow. An epoch that does
    not fit after all `rates.EndInTime` gives up, but one that was never planned is time lost. (Nor
    do the few calls count before which JAX makes many batches at once, see data/jax_batches.py.)
    """

    def on_train_begin(self, logs=None):
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())
        if len(self.ends) > 5 and self.ends[-1] - self.ends[0] > TIMED:
            self.model.stop_training = True

    def seconds_per_call(self):
        return float(np.quantile(np.diff(self.ends), 0.25))


def epochs_within(seconds: float, epoch: float, spent: float = 0, saving: float = 0) -> int:
    """Return how many epochs of `epoch` seconds fit into `seconds`, some of which are spent.

    saving: seconds after each epoch. A twentieth is kept for what comes after the last epoch, and
    for noise. One epoch is trained in any case, unless all of the seconds were too few for it: that
    is a `UserError`.
    """
    if 0.95 * seconds < epoch:
        raise UserError(
            f"One epoch takes {duration(epoch)} on this machine, and --minutes gives "
            f"{duration(seconds)}. Give more minutes, or a smaller --model."
        )
    return max(1, int(0.95 * (seconds - spent) / (epoch + saving)))


def duration(seconds: float) -> str:
    """Return a time as people say it: "0.4 s", "48 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 9.5:
        return f"{max(0.0, seconds):.1f} s"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
