"""The folder that a training run leaves behind, and how to read it again.

recipe.json   what was trained, and how
history.csv   one row for each epoch
metrics.json  what came out: accuracy, device, seconds, versions, how often the test set was
              opened
best.keras    the model of the best epoch
curves.png    loss, accuracy and learning rate over the epochs
logs/         for TensorBoard
"""

import contextlib
import csv
import dataclasses
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras

from keras_course import files
from keras_course.errors import UserError
from keras_course.models.mirrored import mirrored
from keras_course.models.shifted import shifted
from keras_course.recipes import Recipe


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
        if not (folder / "recipe.json").is_file():
            raise UserError(
                f"{folder} is not a run folder: it has no recipe.json. "
                "Give the folder that `keras-course train` or `run` printed."
            )
        try:
            recipe = Recipe.from_json((folder / "recipe.json").read_text(encoding="utf-8"))
            metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
            with (folder / "history.csv").open(encoding="utf-8") as file:
                history = [
                    {name: float(value) for name, value in row.items()}
                    for row in csv.DictReader(file)
                ]
        except FileNotFoundError as error:
            raise UserError(
                f"The run in {folder} is not finished: {Path(error.filename).name} is missing. "
                "Start its training again with the same recipe and --output."
            ) from error
        except (ValueError, TypeError) as error:
            raise UserError(
                f"The run folder {folder} is damaged: {error} Train again into a new folder."
            ) from error
        return cls(folder, recipe, history, metrics)

    def model(self) -> keras.Model:
        """Return the uncompiled model with the weights of the best epoch.

        Where the recipe says so it answers with the mean over mirrored or shifted images;
        `best.keras` holds the network alone.
        """
        path = self.folder / "best.keras"
        try:
            network = keras.saving.load_model(path, compile=False)
        except Exception as error:  # zipfile, HDF5 and Keras each have their own
            raise UserError(
                f"{path} cannot be read ({type(error).__name__}). Train again into a new folder."
            ) from error
        if self.recipe.shifted:
            network = shifted(network, self.recipe.shifted)
        return mirrored(network) if self.recipe.mirrored else network

    def write_metrics(self, **metrics) -> "Run":
        """Return the run with these metrics added, in its folder as well."""
        run = dataclasses.replace(self, metrics={**self.metrics, **metrics})
        files.write_json(self.folder / "metrics.json", run.metrics)
        return run


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
def output(folder: str | os.PathLike | None) -> Iterator[Path]:
    """Give the folder to write into, a new numbered one for None.

    If the block ends with an error before anything was written, no trace of the folder is left.
    """
    parents = [] if Path("runs").exists() else [Path("runs")]
    existed = folder is not None and Path(folder).exists()
    folder = new_folder() if folder is None else Path(folder)
    try:
        yield folder
    except BaseException:
        with contextlib.suppress(OSError):  # what holds something stays
            for path in [] if existed else [folder, *parents]:
                path.rmdir()
        raise


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
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} holds something. Give a new folder with --output.")
    make(folder)
    return folder


def claim(folder: str | os.PathLike, recipe: Recipe, chosen: Sequence[str] = ()) -> Path:
    """Return the folder, made if need be, or raise a `UserError` if it holds anything else.

    It may be empty, or hold a run of the same recipe; `chosen` are the fields of it that the
    program chose itself, and that are not compared.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file. Give a folder with --output.")
    if folder.is_dir() and any(folder.iterdir()):
        path = folder / "recipe.json"
        if not path.is_file():
            raise UserError(
                f"{folder} holds other files and no run. Give a new or empty folder with --output."
            )
        held = Recipe.from_json(path.read_text(encoding="utf-8"))
        held = dataclasses.replace(held, **{name: getattr(recipe, name) for name in chosen})
        if differences := recipe.differences(held):
            raise UserError(
                f"{folder} holds a run of another recipe: {differences}. "
                "Give another folder with --output."
            )
    make(folder)
    return folder


def mark(folder: Path, recipe: Recipe) -> None:
    """Make the folder one of this recipe, unless it is one already."""
    make(folder)
    if not (folder / "recipe.json").exists():
        files.write_text(folder / "recipe.json", recipe.to_json())


def is_finished(folder: Path) -> bool:
    """Return whether a training run in this folder has come to its end."""
    return (folder / "metrics.json").is_file() and Run.load(folder).metrics["status"] == "finished"
