"""CIFAR-10 as a few files, for a machine that gets what is handed to it and nothing else.

Each file is an archive of NumPy arrays. It has each pixel as what differs from its neighbours, as
PNG does, and red and blue as what differs from green: such numbers are small and pack well. They
are 110 MB in all, of 184 MB, and no file would have 60 MB, whatever its images were.
"""

from pathlib import Path

import numpy as np

from keras_course import data, files
from keras_course.data.splits import Source, Split, Splits, split
from keras_course.errors import UserError
from keras_course.recipes import Recipe

IMAGES = 10_000  # of a file: 18 MB
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
                differences = _differences(images[some])
                np.savez_compressed(
                    temporary, differences=differences, labels=labels[some].astype("uint8")
                )
            paths.append(path)
    return paths


def load(recipe: Recipe) -> Splits:
    """Return the data set of the recipe, CIFAR-10 from the files in `folder`."""
    if recipe.dataset != "cifar10" or folder is None:
        return data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    train, test = _read("train", folder), _read("test", folder)
    return split("cifar10", Source(train, test, NAMES), recipe.validation_fraction, recipe.seed)


def _read(name, folder):
    paths = sorted(folder.glob(f"cifar10_{name}_*.npz"))
    if not paths:
        raise UserError(f"{folder} has no cifar10_{name}_*.npz. Write them with --pack {folder}.")
    parts = [dict(np.load(path)) for path in paths]
    images = np.concatenate([_images(part["differences"]) for part in parts])
    return Split(images, np.concatenate([part["labels"] for part in parts]).astype("int64"))


def _differences(images):
    """Return (channels, n, height, width) of uint8, modulo 256, from which `_images` comes back."""
    zero = np.uint8(0)
    found = np.diff(np.diff(images, axis=1, prepend=zero), axis=2, prepend=zero)
    red, green, blue = np.moveaxis(found, -1, 0)
    return np.stack([red - green, green, blue - green])


def _images(differences):
    red, green, blue = differences
    found = np.stack([red + green, green, blue + green], axis=-1)
    return found.cumsum(axis=2, dtype="uint8").cumsum(axis=1, dtype="uint8")
