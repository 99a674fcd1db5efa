"""CIFAR-10 as a few files, for a machine that gets what is handed to it and nothing else.

Each file is at most 60 MB, an archive of NumPy arrays, images as PNG would be no smaller.
"""

from pathlib import Path

import numpy as np

from keras_course import data, files
from keras_course.data.splits import Source, Split, Splits, split
from keras_course.errors import UserError
from keras_course.recipes import Recipe

IMAGES = 18_000  # of a file: 55 MB
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

folder: Path | None = None  # where they are; None for the prepared set


def write(target: Path) -> list[Path]:
    """Write the prepared set as files into a folder; return them."""
    train, validation, test, _ = data.load("cifar10")
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    parts = {"train": (train, validation), "test": (test,)}
    for name, splits in parts.items():
        images = np.concatenate([split.images for split in splits])
        labels = np.concatenate([split.labels for split in splits])
        for first in range(0, len(images), IMAGES):
            some = slice(first, first + IMAGES)
            path = target / f"cifar10_{name}_{first:05d}.npz"
            with files.whole(path) as temporary:
                np.savez(temporary, images=images[some], labels=labels[some].astype("uint8"))
            paths.append(path)
    return paths


def load(recipe: Recipe) -> Splits:
    """Return the data set of the recipe, CIFAR-10 from the files in `folder`."""
    if recipe.dataset != "cifar10" or folder is None:
        return data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    train, test = _read("train"), _read("test")
    return split("cifar10", Source(train, test, NAMES), recipe.validation_fraction, recipe.seed)


def _read(name):
    paths = sorted(folder.glob(f"cifar10_{name}_*.npz"))
    if not paths:
        raise UserError(f"{folder} has no cifar10_{name}_*.npz. Write them with --pack {folder}.")
    parts = [dict(np.load(path)) for path in paths]
    images, labels = (np.concatenate([part[key] for part in parts]) for key in ("images", "labels"))
    return Split(images, labels.astype("int64"))
