"""The folder that a command writes into: made, proven writable, and never somebody else's.

A run goes into a new numbered folder of `runs/`, or into the one that was named. That one must be
empty or hold a run of the same recipe, which then goes on.
"""

import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from keras_course import files, runs
from keras_course.errors import UserError
from keras_course.recipes import Recipe, differences


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
    again = goes_on and folder is None
    above = [Path("runs")] if folder is None else Path(folder).parents
    parents = [path for path in above if not path.exists()]
    made, folder = (True, new_folder()) if folder is None else (_made(folder), Path(folder))
    how = f"run the same command with --output {folder}"
    if again:
        print(
            f"Everything goes into {folder}. To continue after an interruption, {how}.", flush=True
        )
    try:
        yield folder
    except BaseException as error:
        if made and folder.exists() and not _holds_something(folder):
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # what holds something stays
                for path in parents:
                    path.rmdir()
        elif goes_on and isinstance(error, KeyboardInterrupt | files.DiskFull):
            print(f"To continue, {how}.", flush=True)
        raise


def _made(folder):
    """Make the folder, and return whether it was this process that did; `make` tells why not."""
    try:
        Path(folder).mkdir(parents=True)
    except OSError:
        return False
    return True


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
        f"Cannot write into {folder}: {error.strerror}. With --output, give a folder that you can "
        "write into."
    )


def claim_new(folder: str | os.PathLike) -> Path:
    """Return the folder, made if need be, or raise a `UserError` if it holds anything."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or _holds_something(folder)):
        raise UserError(f"{folder} is not empty. Give a new or empty folder with --output.")
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
                f"{folder} holds other files but no run. Give a new or empty folder with --output."
            )
        held = runs.recipe_of(folder, type(recipe))
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
