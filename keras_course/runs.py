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

import contextlib
import csv
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras

from keras_course import files
from keras_course.errors import UserError
from keras_course.models.mirrored import mirrored
from keras_course.models.shifted import shifted
from keras_course.recipes import Recipe, differences

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
            metrics = files.read_sealed(folder / "metrics.json")
            for name in CHECKED:
                if metrics.get("checksums", {}).get(name) != files.checksum(folder / name):
                    raise files.Damaged(folder / name, "its checksum is another")
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

    def write_metrics(self, **metrics) -> "Run":
        """Return the run with these metrics added, in its folder as well."""
        there = [name for name in CHECKED if (self.folder / name).exists()]
        checksums = {name: files.checksum(self.folder / name) for name in there}
        metrics = {**self.metrics, **metrics, "checksums": checksums}
        files.write_sealed(self.folder / "metrics.json", metrics)
        return dataclasses.replace(self, metrics=metrics)


def best_network(folder: Path) -> keras.Model:
    """Return the uncompiled network of the best epoch; where damaged, of the best before it.

    Errors: UserError if there is neither.
    """
    network = files.newest(folder / "best.keras", _load)
    if network is None:
        raise UserError(f"{folder / 'best.keras'} is missing. Train again into a new folder.")
    return network


def _load(path):
    try:
        return keras.saving.load_model(files.check_zip(path), compile=False)
    except files.Damaged:
        raise
    except Exception as error:  # Keras and HDF5 each have their own
        raise files.Damaged(path, error) from error


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
        raise files.Damaged(path, error) from error
    if kind is Recipe:
        return Recipe.from_json(text)
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
        return f"`keras-course train --resume {folder}` goes on with it."
    return f"The command that began it, with --output {folder}, goes on with it."


def new_folder(parent: str | os.PathLike = "runs") -> Path:
    """Make and return the folder with the next number: runs/0001, runs/0002 and so on."""
    parent = Path(parent)
    make(parent)
    number = max((int(path.name) for path in parent.iterdir() if path.name.isdigit()), default=0)
    while True:
        number += 1
        folder = parent / f"{number:04d}"
        try:
            folder.mkdir()
        except FileExistsError:  # another run has just taken it
            continue
        except OSError as error:
            raise _cannot_write(folder, error) from error
        return folder


@contextlib.contextmanager
def output(folder: str | os.PathLike | None, *, goes_on: bool = True) -> Iterator[Path]:
    """Give the folder to write into, a new numbered one for None.

    If the block ends with an error before anything was written, no trace of the folder is left.
    goes_on: what is cut off goes on in the folder; how, is said when the folder is a new one, and
    when the block is interrupted or the disk is full.
    """
    parents = [] if Path("runs").exists() else [Path("runs")]
    existed = folder is not None and Path(folder).exists()
    again = goes_on and folder is None
    folder = new_folder() if folder is None else Path(folder)
    how = f"The same command with --output {folder} goes on"
    if again:
        print(f"Everything goes into {folder}. {how}, if it is cut off.", flush=True)
    try:
        yield folder
    except BaseException as error:
        if not existed and folder.exists() and not _holds_something(folder):
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # what holds something stays
                for path in parents:
                    path.rmdir()
        elif goes_on and isinstance(error, KeyboardInterrupt | files.DiskFull):
            print(f"{how}.", flush=True)
        raise


def _holds_something(folder):
    """Return whether a folder holds more than what `lock` and killed processes leave in it."""
    return any(not path.name.startswith((".lock", files.UNFINISHED)) for path in folder.iterdir())


def make(folder: Path) -> None:
    """Make a folder and prove that files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _cannot_write(folder, error) from error


def _cannot_write(folder, error):
    return UserError(
        f"Cannot write into {folder}: {error.strerror}. Give a folder of yours with --output."
    )


def claim_new(folder: str | os.PathLike) -> Path:
    """Return the folder, made if need be, or raise a `UserError` if it holds anything."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or _holds_something(folder)):
        raise UserError(f"{folder} holds something. Give a new folder with --output.")
    make(folder)
    return folder


def claim(folder: str | os.PathLike, recipe, chosen: Sequence[str] = ()) -> Path:
    """Return the folder, made if need be, or raise a `UserError` if it holds anything else.

    It may be empty, or hold a run of the same recipe, which is a `Recipe` or another dataclass;
    `chosen` are the fields of it that the program chose itself, and that are not compared.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file. Give a folder with --output.")
    if folder.is_dir() and _holds_something(folder):
        if not (folder / "recipe.json").is_file():
            raise UserError(
                f"{folder} holds other files and no run. Give a new or empty folder with --output."
            )
        held = recipe_of(folder, type(recipe))
        held = dataclasses.replace(held, **{name: getattr(recipe, name) for name in chosen})
        if found := differences(recipe, held):
            raise UserError(
                f"{folder} holds a run of another recipe: {found}. "
                "Give another folder with --output."
            )
    make(folder)
    return folder


def mark(folder: Path, recipe: Recipe) -> None:
    """Make the folder one of this recipe, unless it is one already."""
    make(folder)
    if not (folder / "recipe.json").exists():
        files.write_text(folder / "recipe.json", recipe.to_json())


def times_opened(metrics: dict) -> str:
    """Return in words how often the test set was opened, "once" as it should be."""
    opened = metrics["test_set_opened"]
    return "once" if opened == 1 else f"{opened} times"


def is_finished(folder: Path) -> bool:
    """Return whether a training run in this folder has come to its end."""
    metrics = files.intact(folder / "metrics.json")
    return metrics is not None and metrics["status"] == "finished"


def tested(folder: Path) -> dict | None:
    """Return the metrics of a run in this folder that has its test result, else None."""
    metrics = files.intact(folder / "metrics.json")
    if metrics is None or "test" not in metrics:
        return None
    print(f"{folder} holds the finished run; it is used as it is.")
    return metrics
