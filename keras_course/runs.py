"""The folder that a training run leaves behind, and how to read it again.

recipe.json   what was trained, and how
history.csv   one row for each epoch
metrics.json  what came out: accuracy, device, seconds, versions, how often the test set was
              opened
best.keras    the model of the best epoch; best.older.keras is the best one before it
last.npz      all that the training needs to go on, see checkpoint.py; last.older.npz
curves.png    loss, accuracy and learning rate over the epochs
test_predictions.npz  the class probabilities of the test images, once `test` has opened them
logs/         for TensorBoard, where Keras runs on TensorFlow

metrics.json has checksums: of itself, and of recipe.json and history.csv.
"""

import csv
import dataclasses
import json
import os
from pathlib import Path

import keras

from keras_course import integrity
from keras_course.data.splits import Splits, digest
from keras_course.errors import UserError
from keras_course.models import keras_file
from keras_course.models.test_time_augmentation import mirrored, shifted
from keras_course.recipes import Recipe

CHECKED = ("recipe.json", "history.csv")


@dataclasses.dataclass(frozen=True)
class Run:
    """One training run: its folder, and what the folder says."""

    folder: Path
    recipe: Recipe
    history: list[dict[str, float]]
    metrics: dict

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "Run":
        """Read a run folder; a `UserError` says what is missing or damaged in it."""
        folder = Path(folder)
        recipe_of(folder)  # or say that this is no run folder
        try:
            metrics = integrity.read_sealed(folder / "metrics.json")
            if "checksums" not in metrics:  # of a run that was tested, went on, and was cut off
                raise FileNotFoundError(0, "not written yet", folder / "metrics.json")
            for name in CHECKED:
                if metrics.get("checksums", {}).get(name) != integrity.checksum(folder / name):
                    raise integrity.Damaged(folder / name, "its checksum does not match")
            recipe = recipe_of(folder)
            with (folder / "history.csv").open(encoding="utf-8") as file:
                history = [
                    {name: float(value) for name, value in row.items()}
                    for row in csv.DictReader(file)
                ]
        except FileNotFoundError as error:
            raise UserError(
                f"The run in {folder} is not finished: {Path(error.filename).name} is missing. "
                f"{how_to_go_on(folder)}"
            ) from error
        except (ValueError, TypeError) as error:
            raise UserError(
                f"The run folder {folder} cannot be used: {error} Train again into a new folder."
            ) from error
        return cls(folder, recipe, history, metrics)

    def model(self) -> keras.Model:
        """Return the uncompiled model with the weights of the best epoch.

        Where the recipe says so it answers with the mean over mirrored or shifted images;
        `best.keras` holds the network alone.
        """
        network = best_network(self.folder)
        if self.recipe.shifted:
            network = shifted(network, self.recipe.shifted)
        return mirrored(network) if self.recipe.mirrored else network

    def check_data(self, splits: Splits) -> None:
        """Raise a `UserError` unless these are the images, labels and classes of the training."""
        if self.metrics.get("data") not in (None, digest(splits)):
            raise UserError(
                f"{self.recipe.dataset} has changed since the run in {self.folder} was trained: "
                "its images, labels or classes are different, and what is a test image now may "
                "have been a training image then. Restore the old data set, or train again into a "
                "new folder."
            )

    def write_metrics(self, **metrics) -> "Run":
        """Return the run with these metrics added, in its folder as well."""
        there = [name for name in CHECKED if (self.folder / name).exists()]
        checksums = {name: integrity.checksum(self.folder / name) for name in there}
        metrics = {**self.metrics, **metrics, "checksums": checksums}
        integrity.write_sealed(self.folder / "metrics.json", metrics)
        return dataclasses.replace(self, metrics=metrics)


def best_network(folder: Path) -> keras.Model:
    """Return the uncompiled network of the best epoch; where damaged, of the best before it.

    Errors: UserError if there is neither.
    """
    network = keras_file.newest(folder)
    if network is None:
        raise UserError(f"{folder / 'best.keras'} is missing. Train again into a new folder.")
    return network


def recipe_of(folder: str | os.PathLike, kind: type = Recipe):
    """Return the recipe of a run folder, of this kind of dataclass, or raise a `UserError`."""
    path = Path(folder, "recipe.json")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(
            f"{folder} is not a run folder: it has no recipe.json. "
            "Give the folder that `keras-course train` or `run` printed."
        ) from error
    except UnicodeDecodeError as error:
        raise integrity.Damaged(path, error) from error
    if kind is Recipe:
        try:
            return Recipe.from_json(text)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
    try:
        return kind(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{folder} holds a run of another kind, or a damaged one ({error}). "
            "Give another folder with --output."
        ) from error


def how_to_go_on(folder: str | os.PathLike) -> str:
    """Return the sentence that says how the work in a folder goes on: a training by itself; before
    its first step nobody but the one who began it knows what it was to become."""
    if Path(folder, "last.npz").exists():
        return f"To continue, run `keras-course train --resume {folder}`."
    return f"To continue, run the same command as before with --output {folder}."


def times_opened(metrics: dict) -> str:
    """Return in words how often the test set was opened, "once" as it should be."""
    opened = metrics["test_set_opened"]
    return "once" if opened == 1 else f"{opened} times"


def is_finished(folder: Path) -> bool:
    """Return whether a training run in this folder has come to its end."""
    metrics = integrity.intact(folder / "metrics.json")
    return metrics is not None and metrics["status"] == "finished"


def tested(folder: Path) -> dict | None:
    """Return the metrics of a run in this folder that has its test result, else None."""
    metrics = integrity.intact(folder / "metrics.json")
    if metrics is None or "test" not in metrics:
        return None
    print(f"{folder} holds the finished run; it is not trained again.")
    return metrics
