"""The callback that shows how far `fit` is: bars where somebody watches, and a line an epoch."""

import sys
import time

import keras
from tqdm.auto import tqdm

from keras_course import timing


def unwatched() -> bool:
    """Return whether nobody looks at a terminal or a notebook of this process."""
    return not (sys.stderr.isatty() or "ipykernel" in sys.modules)


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
        total, disable = (epochs - self.before) * steps, unwatched()
        self.run = tqdm(total=total, desc="run", unit="step", disable=disable)
        self.epoch = tqdm(total=steps, unit="step", leave=False, disable=disable)
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
