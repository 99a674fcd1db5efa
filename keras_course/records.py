"""Callbacks that keep what `fit` finds: the best weights, and the history of the epochs."""

import csv
import io
import math
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from keras_course import files, integrity, schedules, variables


class RecordRateAndTime(keras.callbacks.Callback):
    """Add to each epoch's logs the learning rate of its last step and its seconds."""

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = variables.number(self.model.optimizer.learning_rate)
        logs["seconds"] = round(time.perf_counter() - self.began, 3)


class SaveBest(keras.callbacks.Callback):
    """Write the model whenever the watched metric is better than ever before.

    The file is whole at every moment, and the best one before it is kept; it holds no optimizer.
    The last state has its weights, too: a file that was damaged can be written anew.
    """

    remembered = ("best", "epoch", "metrics", "checksum", "weights")

    def __init__(self, path: Path, monitor: str):
        super().__init__()
        self.path, self.monitor = path, monitor
        self.sign = 1 if schedules.mode(monitor) == "max" else -1
        self.best, self.epoch, self.metrics = -math.inf, 0, {}
        self.checksum, self.weights = None, []  # of the file

    def on_epoch_end(self, epoch, logs=None):
        value = self.sign * logs[self.monitor]
        if value > self.best:
            self.best, self.epoch = value, epoch + 1
            names = (name for name in logs if name.startswith("val_"))
            self.metrics = {name.removeprefix("val_"): logs[name] for name in names}
            self.save()

    def save(self, keep_older=True):
        self.weights = self.model.get_weights()
        bare = keras.Model(self.model.input, self.model.output, name=self.model.name)
        with files.whole(self.path, keep_older=keep_older) as temporary:
            bare.save(temporary)
            self.checksum = integrity.checksum(temporary)

    def mend(self):
        """Write the file anew where it does not hold what the best epoch left, and say so."""
        if self.epoch and not integrity.holds(self.path, self.checksum):
            print(f"{self.path} is damaged. It is written again from last.npz.", flush=True)
            weights = self.model.get_weights()
            self.model.set_weights(list(map(np.asarray, self.weights)))
            self.save(keep_older=False)  # the older one is whole
            self.model.set_weights(weights)


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
        np.savez(Path(there, "of the best.npz"), *best.weights)  # which are in there, too
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
