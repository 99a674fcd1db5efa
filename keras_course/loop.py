"""The training loop of every task: `model.fit` with guards, records and progress.

However it ends, the best epoch so far lies in the folder, and `Loop.record` says how it ended.
"""

import datetime
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import keras

from keras_course import callbacks, devices, step

PACKAGES = ("keras", "tensorflow", "numpy")


class Loop:
    """Fits a model in one or several parts, and keeps the best epoch of all of them.

    folder: gets best.keras and history.csv. monitor: the metric of the validation images that says
    which epoch is the best. shown: the metric in the line of each epoch.
    """

    def __init__(self, folder: Path, monitor: str, shown: str = "accuracy"):
        self.began, self.status, self.shown = time.perf_counter(), "failed", shown
        self.best = callbacks.SaveBest(folder / "best.keras", monitor)
        self.history = callbacks.WriteHistory(folder / "history.csv")

    def fit(
        self,
        model: keras.Model,
        train,
        validation=None,
        *,
        steps_per_epoch: int,
        epochs: int,
        measuring: Sequence[keras.callbacks.Callback] = (),
        others: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        """Train for so many epochs more, which are counted on from those of an earlier part.

        measuring: what adds metrics to the logs of an epoch, for all callbacks after it. others:
        schedules, early stopping and the like. Errors: `callbacks.Diverged`, KeyboardInterrupt.
        """
        before = len(self.history.rows)
        progress = callbacks.Progress(self.shown, before)
        interrupt = callbacks.EndOnInterrupt()
        self.status = "failed"
        try:
            model.fit(
                train,
                steps_per_epoch=steps_per_epoch,
                initial_epoch=before,
                epochs=before + epochs,
                validation_data=validation,
                callbacks=[
                    step.EndWithEpoch(),
                    *measuring,
                    callbacks.StopWhenNotFinite(),
                    interrupt,
                    callbacks.RecordRateAndTime(),
                    self.best,
                    self.history,
                    *others,
                    progress,
                ],
                shuffle=False,  # the data set brings its order
                verbose=0,
            )
            self.status = "finished"
        except callbacks.Diverged:
            self.status = "diverged"
            raise
        except KeyboardInterrupt:
            self.status = "interrupted"
            if not self.best.epoch:
                self.best.save()  # no epoch has ended: these weights are the best there are
            epoch = len(self.history.rows) + 1
            print(f"Interrupted in epoch {epoch}. The best weights so far: {self.best.path}")
            raise
        finally:
            interrupt.close()
            progress.close()

    def record(self, model: keras.Model, precision: str) -> dict:
        """Return what is known at the end, for metrics.json."""
        return {
            "status": self.status,
            "parameters": model.count_params(),
            "epochs": len(self.history.rows),
            "best_epoch": self.best.epoch,
            "validation": self.best.metrics,
            "test_set_opened": 0,
            "seconds": self.seconds(),
            "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "device": devices.describe(),
            "precision": precision,
            "versions": {name: metadata.version(name) for name in PACKAGES},
        }

    def seconds(self) -> float:
        """Return the seconds since the loop was made, a tenth exact."""
        return round(time.perf_counter() - self.began, 1)
