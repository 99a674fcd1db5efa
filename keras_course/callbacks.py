"""What happens during `fit` beside the steps themselves: guard, learning rate, records, progress.

A guard comes first in the list of callbacks: once a loss is NaN, Keras' own EarlyStopping,
ModelCheckpoint and ReduceLROnPlateau would keep "nan" as the best value for good.
"""

import csv
import io
import math
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from tqdm.auto import tqdm

from keras_course import files, integrity, schedules, timing, variables
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


def number(variable) -> float | int:
    """Return the value of a variable, which may be mirrored on several devices."""
    return keras.ops.convert_to_numpy(variable).item()


class StopWhenNotFinite(keras.callbacks.Callback):
    """Raise `Diverged` at the first step, from 1, after which the loss is not finite."""

    remembered = ("before",)

    def on_train_begin(self, logs=None):
        self.before = number(self.model.optimizer.iterations)

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs.get("val_loss", 0.0))

    def _check(self, loss):
        if not math.isfinite(loss):
            variables.catch_up(self.model)
            step = number(self.model.optimizer.iterations) - self.before
            raise Diverged(step, number(self.model.optimizer.learning_rate), float(loss))


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
            print(f"The machine slows down: {self.epochs} epochs, to end in time.", flush=True)
            if self.follow and fit:
                self.follow.hasten(fit * self.params["steps"])
        if done >= self.epochs:
            self.model.stop_training = True


class RecordRateAndTime(keras.callbacks.Callback):
    """Add to each epoch's logs the learning rate of its last step and its seconds."""

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = number(self.model.optimizer.learning_rate)
        logs["seconds"] = round(time.perf_counter() - self.began, 3)


class SaveBest(keras.callbacks.Callback):
    """Write the model whenever the watched metric is better than ever before.

    The file is whole at every moment, and the best one before it is kept; it holds no optimizer.
    """

    remembered = ("best", "epoch", "metrics", "checksum")

    def __init__(self, path: Path, monitor: str):
        super().__init__()
        self.path, self.monitor = path, monitor
        self.sign = 1 if schedules.mode(monitor) == "max" else -1
        self.best, self.epoch, self.metrics = -math.inf, 0, {}
        self.checksum = None  # of the file

    def on_epoch_end(self, epoch, logs=None):
        value = self.sign * logs[self.monitor]
        if value > self.best:
            self.best, self.epoch = value, epoch + 1
            names = (name for name in logs if name.startswith("val_"))
            self.metrics = {name.removeprefix("val_"): logs[name] for name in names}
            self.save()

    def save(self):
        bare = keras.Model(self.model.input, self.model.output, name=self.model.name)
        with files.whole(self.path, keep_older=True) as temporary:
            bare.save(temporary)
            self.checksum = integrity.checksum(temporary)


def seconds_of_saving(model: keras.Model, folder: Path) -> float:
    """Return the seconds in which the best and the last state of an epoch are written there.

    They are not kept. Errors: files.DiskFull.
    """
    with tempfile.TemporaryDirectory(prefix=files.UNFINISHED, dir=folder) as there:
        best = SaveBest(Path(there, "best.keras"), "val_loss")
        best.set_model(model)
        began = time.perf_counter()
        best.save()
        variables.save(model, Path(there, "last.npz"))
        return time.perf_counter() - began


class WriteHistory(keras.callbacks.Callback):
    """Write the logs of all epochs so far as CSV, one row an epoch, counted from 1."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.rows = path, []

    def on_train_begin(self, logs=None):
        self._write()  # a run may end before its next epoch does

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch + 1, **{name: float(logs[name]) for name in logs}})
        self._write()

    def _write(self):
        text = io.StringIO()
        if self.rows:
            writer = csv.DictWriter(text, self.rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        files.write_text(self.path, text.getvalue())


class Progress(keras.callbacks.Callback):
    """Show a bar for the epoch and one for the whole run with the time left, and a line an epoch.

    Where nobody watches, as in a log file, there are the lines alone. metric: the one to show.
    before: the epochs of an earlier part, or of an earlier start.
    """

    def __init__(self, metric: str = "accuracy", before: int = 0):
        super().__init__()
        self.metric, self.before = metric, before
        self.run = self.epoch = tqdm(disable=True)

    def on_train_begin(self, logs=None):
        steps, epochs = self.params["steps"], self.params["epochs"]
        unwatched = not (sys.stderr.isatty() or "ipykernel" in sys.modules)
        total = (epochs - self.before) * steps
        self.run = tqdm(total=total, desc="run", unit="step", disable=unwatched)
        self.epoch = tqdm(total=steps, unit="step", leave=False, disable=unwatched)
        self.began = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch.reset()
        self.epoch.set_description(f"epoch {epoch + 1}")

    def on_train_batch_end(self, batch, logs=None):
        steps = min(batch + 1, self.params["steps"]) - self.epoch.n  # of one call
        self.run.update(steps)
        self.epoch.update(steps)
        self.epoch.set_postfix_str(f"loss {logs['loss']:.3f}", refresh=False)

    def on_epoch_end(self, epoch, logs=None):
        epochs, number = self.params["epochs"], epoch + 1
        seconds = (time.perf_counter() - self.began) / (number - self.before)
        left = seconds * (epochs - number)
        name = self.metric.replace("_", " ")
        if self.metric in logs:
            name = f"{name} {logs[self.metric]:6.1%} "  # else measured in validation alone
        self.run.write(
            f"epoch {number:3d}/{epochs}  loss {logs['loss']:.3f}  {name} "
            f"validation {logs[f'val_{self.metric}']:6.1%}  "
            f"rate {logs['learning_rate']:.2g}  {timing.duration(left)} left"
        )
        sys.stdout.flush()  # a log file shows each epoch when it ends

    def close(self):
        self.epoch.close()
        self.run.close()
