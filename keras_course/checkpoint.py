"""The last state of a training: all that its rest depends on, so that it can go on bit for bit.

`last.npz`, written before the first step and after each epoch, holds

    the variables of the model and its optimizer, random states among them (`variables.py`)
    what the callbacks remember: the schedule's step, patience, the best epoch so far
    the epochs so far and to come, the recipe, the seconds that have gone by

Batches and augmentation need nothing here: they follow from seed and epoch (`data/pipeline.py`).
`last.older.npz` is the generation before.
"""

import dataclasses
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keras_course import files, integrity, variables
from keras_course.errors import UserError
from keras_course.records import SaveBest

# What Keras' callbacks know from epoch to epoch; a callback of ours, or a user's, says it in
# `remembered`. Keras' own forget it in `on_train_begin`.
REMEMBERED = {
    keras.callbacks.EarlyStopping: (
        "wait",
        "stopped_epoch",
        "best",
        "best_epoch",
        "best_weights",
    ),
    keras.callbacks.ReduceLROnPlateau: ("wait", "cooldown_counter", "best"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
}


@dataclasses.dataclass(frozen=True)
class State:
    """What `last.npz` says.

    part: of a training in several parts, from 1. before: the epochs of the earlier parts. epochs:
    after which this part ends; stopped: it has ended earlier. seconds: since the first start.
    backend, of Keras, precision and replicas, the devices that share a batch: others would not go
    on to the same bits. precision is None where an older version of the course did not say it.
    data: the digest of images, labels and classes, None where the program draws them.
    """

    recipe: dict
    part: int
    before: int
    epochs: int
    stopped: bool
    history: list[dict[str, float]]
    seconds: float
    remembered: list[dict]
    values: list[np.ndarray]
    backend: str = "tensorflow"
    precision: str | None = None
    replicas: int = 1
    data: str | None = None

    @property
    def last(self) -> int:
        """The epoch after which this part ends at the latest, or has ended."""
        return len(self.history) if self.stopped else self.epochs


def read(path: Path) -> State:
    """Return the state that a file holds. Errors: integrity.Damaged."""
    with np.load(integrity.check_zip(path)) as arrays:
        said = json.loads(str(arrays["state"]))
        count = said.pop("variables")
        values = [arrays[f"variable_{number}"] for number in range(count)]
        said["remembered"] = [_unpacked(each, arrays) for each in said["remembered"]]
    return State(**said, values=values)


def newest(path: Path, best: Path) -> State | None:
    """Return the newest state from which the training can go on, or None.

    best: the file of the best epoch, which gets back what it held then, if that is still there.
    Where the state and the one before it are damaged, the training is to begin anew, which is said.
    """

    def usable(generation):
        state = read(generation)
        (kept,) = (each for each in state.remembered if each["callback"] == "SaveBest")
        _bring_back_best(best, kept["values"])
        if generation != path:  # or the next one to be written would take the place of the good one
            with files.whole(path) as temporary:
                shutil.copyfile(generation, temporary)
        return state

    try:
        return integrity.newest(path, usable)
    except integrity.Damaged as error:
        print(f"{error} The training starts over.", flush=True)
        return None


def _bring_back_best(best, kept):
    """Put the older file in the place of a best one that is of a later epoch than the state."""
    older = files.older(best)
    if not integrity.holds(best, kept["checksum"]) and integrity.holds(older, kept["checksum"]):
        with files.whole(best) as temporary:
            shutil.copyfile(older, temporary)


class Checkpoint(keras.callbacks.Callback):
    """Write the last state before the first step and after each epoch.

    It comes last, so that it sees what the other `callbacks` have become. state: what was read,
    for a training that goes on; the callbacks get back what they remembered when it begins.
    """

    def __init__(
        self,
        path: Path,
        recipe: dict,
        callbacks: Sequence[keras.callbacks.Callback],
        history: list[dict[str, float]],
        *,
        part: int,
        before: int,
        began: float,
        precision: str,
        replicas: int,
        data: str | None,
        state: State | None,
    ):
        super().__init__()
        self.path, self.recipe, self.history = path, recipe, history
        self.others = [callback for callback in callbacks if _remembers(callback)]
        self.part, self.before, self.began, self.state = part, before, began, state
        self.precision, self.replicas, self.data = precision, replicas, data

    def on_train_begin(self, logs=None):
        if self.state:
            self._bring_back()
        else:
            self._write()

    def on_epoch_end(self, epoch, logs=None):
        self._write()

    def _bring_back(self):
        kinds = [type(callback).__name__ for callback in self.others]
        if kinds != [each["callback"] for each in self.state.remembered]:
            raise UserError(
                f"{self.path} was written with other callbacks. Train again into a new folder."
            )
        for callback, each in zip(self.others, self.state.remembered, strict=True):
            vars(callback).update(each["values"])
            if isinstance(callback, SaveBest):
                callback.mend()

    def _write(self):
        arrays = {}
        values = variables.read(self.model)
        said = {
            "recipe": self.recipe,
            "part": self.part,
            "before": self.before,
            "epochs": self.params["epochs"],
            "stopped": self.model.stop_training,
            "history": self.history,
            "seconds": round(time.perf_counter() - self.began, 1),
            "remembered": [
                {
                    "callback": type(callback).__name__,
                    "values": {
                        name: _packed(getattr(callback, name), arrays)
                        for name in _remembers(callback)
                    },
                }
                for callback in self.others
            ],
            "variables": len(values),
            "backend": keras.backend.backend(),
            "precision": self.precision,
            "replicas": self.replicas,
            "data": self.data,
        }
        arrays |= {f"variable_{number}": value for number, value in enumerate(values)}
        with files.whole(self.path, keep_older=True) as temporary:
            np.savez(temporary, state=json.dumps(said), **arrays)


def _remembers(callback):
    for kind, names in REMEMBERED.items():
        if isinstance(callback, kind):
            return names
    return getattr(callback, "remembered", ())


def _packed(value, arrays):
    """Return the value as JSON has it; arrays go into `arrays`, and their names take their place.

    JSON writes floats so that reading gives the same bits.
    """
    if isinstance(value, np.ndarray) and value.ndim:
        name = f"array_{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, list):
        return [_packed(each, arrays) for each in value]
    if value is None or isinstance(value, bool | int | float | str | dict):
        return value
    return np.asarray(value).item()  # a NumPy number, or a tensor


def _unpacked(value, arrays):
    if isinstance(value, list):
        return [_unpacked(each, arrays) for each in value]
    if isinstance(value, dict):
        if list(value) == ["array"]:
            return arrays[value["array"]]
        return {name: _unpacked(each, arrays) for name, each in value.items()}
    return value
