"""The training loop of every task: `model.fit` with guards, records, progress and a last state.

However it ends, the best epoch so far lies in the folder, and `Loop.record` says how it ended. A
loop that is made in the folder of one that was cut off goes on where that one's last epoch ended,
to the same result (`checkpoint.py`).
"""

import contextlib
import datetime
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import keras

from keras_course import (
    checkpoint,
    devices,
    files,
    integrity,
    out_of_memory,
    step,
    variables,
    versions,
)
from keras_course.errors import UserError
from keras_course.guards import Diverged, EndOnInterrupt, StopWhenNotFinite
from keras_course.progress import Progress
from keras_course.records import RecordRateAndTime, SaveBest, WriteHistory
from keras_course.replicas import ShareStatistics

OF_THE_TEST = ("test_predictions.npz", "segmentation.png", "detection.png")  # files


class Loop:
    """Fits a model in one or several parts, and keeps the best epoch of all of them.

    folder: gets best.keras, last.npz and history.csv. monitor: the metric of the validation images
    that says which epoch is the best. precision: of the model. shown: the metric in the line of
    each epoch. replicas: the devices that share each batch; left out, as many as began, or one.

    state: what the folder holds of a loop that was cut off, or None. Errors: UserError where that
    one began with another backend, precision or number of devices.
    """

    def __init__(
        self,
        folder: Path,
        monitor: str,
        precision: str,
        *,
        shown: str = "accuracy",
        replicas: int | None = None,
    ):
        self.began, self.status, self.shown = time.perf_counter(), "failed", shown
        self.best = SaveBest(folder / "best.keras", monitor)
        self.history = WriteHistory(folder / "history.csv")
        self.last = folder / "last.npz"
        self.precision = precision
        files.remove_unfinished(folder)
        self.state = checkpoint.newest(self.last, self.best.path)
        self.replicas = replicas or (self.state.replicas if self.state else 1)
        if self.state:
            _check(folder, self.state, precision, self.replicas)
        self.test_set_opened = _opened(folder)
        if self.test_set_opened:  # which must not be forgotten
            known = {"status": "interrupted", "test_set_opened": self.test_set_opened}
            integrity.write_sealed(folder / "metrics.json", known)
        else:
            (folder / "metrics.json").unlink(missing_ok=True)  # of how an earlier start ended
        self.part, self.before, self.data = 0, 0, None
        if self.state:
            self.history.rows = self.state.history
            self.began -= self.state.seconds
            print(f"{folder} holds an unfinished run; it continues after epoch {self.epoch}.")

    @property
    def epoch(self) -> int:
        """How many epochs lie behind."""
        return len(self.history.rows)

    @property
    def epoch_seconds(self) -> float | None:
        """How long the last epoch took, or None before the first has ended."""
        return self.history.rows[-1]["seconds"] if self.history.rows else None

    def left(self, epochs: int) -> int:
        """Return how many epochs are left of so many, or of those that an earlier start chose."""
        return (self.state.last if self.state else epochs) - self.epoch

    def fit(
        self,
        model: keras.Model,
        train: Callable,
        validation=None,
        *,
        recipe: dict,
        data: str | None = None,
        steps_per_epoch: int,
        epochs: int,
        measuring: Sequence[keras.callbacks.Callback] = (),
        others: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        """Train for so many epochs more, which are counted on from those of an earlier part.

        train: returns the endless batches from that epoch of this part on, counted from 0. recipe:
        as plain values, for the last state. data: see `splits.digest`. measuring: what adds metrics
        to the logs of an epoch, for all callbacks after it. others: schedules, early stopping and
        the like. What the state says was done already is not done again. Errors:
        `guards.Diverged`, KeyboardInterrupt; UserError where the state is of other data.
        """
        self.data = data
        if self.state and self.state.data not in (None, data):
            raise UserError(
                f"{self.best.path.parent} holds a run that began with other images, labels or "
                "classes. Restore them as they were, or train into another folder."
            )
        self.part += 1
        if self.state and self.state.part > self.part:
            return
        state, self.state = self.state, None
        if state and state.part < self.part:
            state = None
        self.before = state.before if state else self.epoch
        last = self.before + epochs
        if state:
            variables.write(model, state.values)
            last = state.last
        progress = Progress(self.shown, self.epoch)
        interrupt = EndOnInterrupt(self._tell)
        remembering = [
            step.EndWithEpoch(),
            *([ShareStatistics()] if self.replicas > 1 else []),
            *measuring,
            StopWhenNotFinite(),
            interrupt,
            RecordRateAndTime(),
            self.best,
            self.history,
            *others,
        ]
        saving = checkpoint.Checkpoint(
            self.last,
            recipe,
            remembering,
            self.history.rows,
            part=self.part,
            before=self.before,
            began=self.began,
            precision=self.precision,
            replicas=self.replicas,
            data=data,
            state=state,
        )
        self.status = "failed"
        batches = train(self.epoch - self.before)
        try:
            interrupt.listen()
            with out_of_memory.told(model, batches):
                model.fit(
                    batches,
                    steps_per_epoch=steps_per_epoch,
                    initial_epoch=self.epoch,
                    epochs=last,
                    validation_data=validation,
                    callbacks=[*remembering, saving, progress],
                    shuffle=False,  # the data set brings its order
                    verbose=0,
                )
            self.status = "finished"
        except Diverged:
            self.status = "diverged"
            raise
        except KeyboardInterrupt:
            self.status = "interrupted"
            if not self.best.epoch and state is None and self.best._model is not None:
                # No epoch has ended: these weights are the best there are. While JAX traces the
                # first step, the network has none.
                with contextlib.suppress(TypeError):
                    self.best.save()
            self._tell()
            raise
        finally:
            interrupt.close()
            progress.close()
        interrupt.end_if_asked()  # after the last step

    def _tell(self):
        print(f"Interrupted in epoch {self.epoch + 1}. The best weights so far: {self.best.path}")
        if self.best.epoch:
            found = ", ".join(f"{name} {value:.3g}" for name, value in self.best.metrics.items())
            print(f"They are from epoch {self.best.epoch}: validation {found}.")
        print("The training can continue after its last complete epoch.", flush=True)

    def record(self, model: keras.Model) -> dict:
        """Return what is known at the end, for metrics.json."""
        return {
            "status": self.status,
            **({"data": self.data} if self.data else {}),
            "parameters": model.count_params(),
            "epochs": self.epoch,
            "best_epoch": self.best.epoch,
            "validation": self.best.metrics,
            "test_set_opened": self.test_set_opened,
            "seconds": self.seconds(),
            "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "device": devices.describe(self.replicas),
            "precision": self.precision,
            "versions": versions.imported(),
        }

    def seconds(self) -> float:
        """Return the seconds since the loop was made, a tenth exact; those of an earlier start,
        up to its last whole epoch, included."""
        return round(time.perf_counter() - self.began, 1)


def _opened(folder):
    """Return how often the test set was opened; metrics that say so may have been damaged."""
    told = 0
    with contextlib.suppress(FileNotFoundError, integrity.Damaged):
        told = integrity.read_sealed(folder / "metrics.json").get("test_set_opened", 0)
    return max(told, int(any((folder / name).exists() for name in OF_THE_TEST)))


def _check(folder, state, precision, replicas):
    """Refuse to go on in another way than that in which the run began."""
    began = f"{folder} holds a run that began"
    if state.backend != keras.backend.backend():
        raise UserError(
            f"{began} on {state.backend}, but Keras runs on {keras.backend.backend()}. Set "
            f"KERAS_BACKEND={state.backend} to continue it."
        )
    if state.precision not in (None, precision):
        raise UserError(
            f"{began} in {state.precision}, but this machine would continue in {precision}. "
            "Continue on a machine like the first one, or train into another folder."
        )
    if state.replicas != replicas:
        raise UserError(
            f"{began} with {state.replicas} devices to share each batch, but would continue with "
            f"{replicas}. `keras-course train --resume {folder}` continues as it began; or train "
            "into another folder."
        )
