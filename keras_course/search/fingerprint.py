"""What a search is of: whatever could change one of its results.

KerasTuner continues any search it finds in a folder, also one of another network or another range
of rates, and hands out the old results. Here `search.json` in the folder says what they are of.
"""

import contextlib
import dataclasses
import hashlib
from importlib import metadata
from pathlib import Path

import numpy as np

from keras_course import __version__, files, integrity, versions
from keras_course.data.splits import Splits, digest
from keras_course.errors import UserError
from keras_course.recipes import Recipe


def fingerprint(recipe: Recipe, splits: Splits, precision: str, **settings) -> dict:
    """Return the fingerprint as plain values: the recipe without its learning rate, the images,
    labels and classes by their hash, the precision, versions, and the settings of the search."""
    values = dataclasses.asdict(recipe)
    del values["learning_rate"]
    return {
        **settings,
        **values,
        "precision": precision,
        "images, labels and classes": digest(splits),
        **of_packages(),
    }


def of_argument(value) -> bool | int | float | str | list | None:
    """Return what stands for an argument: plain values for themselves, arrays by their hash, a
    tuple or list of both as a list; None for what cannot be told, like a `tf.data.Dataset`."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        kind = f"{value.dtype.str} {value.shape}".encode()
        return hashlib.sha256(kind + np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
    if isinstance(value, tuple | list):
        parts = list(map(of_argument, value))
        return None if all(part is None for part in parts) else parts
    return value if isinstance(value, bool | int | float | str) else None


def of_packages() -> dict[str, str]:
    """Return the versions of the packages that results depend on, Keras' backend among them."""
    packages = {
        "keras_course": __version__,
        **versions.imported(),
        "keras-tuner": metadata.version("keras-tuner"),
    }
    return {f"version of {name}": version for name, version in packages.items()}


def check(path: Path, given: dict) -> dict | None:
    """Return what the file at `path` says, or None if there is none.

    The file may say more than `given`. Errors: UserError if it says something else.
    """
    stored = read(path)
    if stored is None:
        left = list(path.parent.iterdir()) if path.parent.exists() else []
        if any(not name.name.startswith(files.UNFINISHED) for name in left):
            raise UserError(
                f"{path.parent} holds files and no {path.name}: it is not a search of this "
                "program, or a damaged one. Remove it, or give another folder with --output."
            )
        return None
    differences = [
        f"{name} {_show(given[name])} instead of {_show(stored.get(name))}"
        for name in given
        if given[name] != stored.get(name)
    ]
    if differences:
        raise UserError(
            f"{path.parent} holds another search: {'; '.join(differences)}. Give the settings of "
            "that search to continue it, or another folder with --output."
        )
    return stored


def read(path: Path) -> dict | None:
    """Return what the file at `path`, or the one before it, says, or None if there is none.

    Errors: UserError if both are damaged.
    """
    try:
        return integrity.newest(path, integrity.read_sealed)
    except integrity.Damaged as error:
        raise UserError(
            f"{error} Remove {path.parent} to search again, or give another folder with --output."
        ) from error


def write(path: Path, values: dict) -> None:
    """Write the file and the one before it, where they do not say this: without what a search is
    of, its trials are worth nothing."""
    for generation in (files.older(path), path):
        said = None
        with contextlib.suppress(FileNotFoundError, integrity.Damaged):
            said = integrity.read_sealed(generation)
        if said != values:
            integrity.write_sealed(generation, values)


def _show(value):
    text = repr(value)
    return text if len(text) < 40 else f"{text[:12]}...{text[-1]}"
