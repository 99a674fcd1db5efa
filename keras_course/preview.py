"""What a data set looks like, and what an augmentation makes of it, as two pictures."""

from pathlib import Path

import keras
import numpy as np

from keras_course import augmentation as augmentations
from keras_course import plots
from keras_course.data.splits import Splits

IMAGES = 40
DRAWS = 15


def preview(splits: Splits, name: str, augmentation: str, folder: str | Path) -> list[Path]:
    """Write `images.png` and `augmentation.png` into `folder` and return their paths.

    The first shows training images with their labels, the second one training image and 15 draws of
    the augmentation. name: of the data set.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = splits.train
    chosen = of_each_class(labels, IMAGES)
    title = f"{name}: {len(images):,} training images, {len(splits.class_names)} classes"
    picture = plots.grid(
        images[chosen], title, labels=[splits.class_names[label] for label in labels[chosen]]
    )
    plots.save(picture, folder / "images.png")
    image = images[0]
    label = splits.class_names[labels[0]]
    title = f"{name}: one image ({label}) under the augmentation {augmentation}"
    picture = plots.augmented(image, draws(image, augmentation, DRAWS), title)
    plots.save(picture, folder / "augmentation.png")
    return [folder / "images.png", folder / "augmentation.png"]


def of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of `count` images, as many of each class as it goes, in order of class.

    With more classes than `count`, the first ones have an image each.
    """
    order = np.argsort(labels, kind="stable")
    place = np.arange(len(labels)) - np.searchsorted(labels[order], labels[order])  # in its class
    chosen = order[np.argsort(place, kind="stable")[:count]]
    return chosen[np.argsort(labels[chosen], kind="stable")]


def draws(image: np.ndarray, augmentation: str, count: int, seed: int = 0) -> np.ndarray:
    """Return what `count` draws of the augmentation make of an image (height, width, channels)."""
    batch = keras.ops.cast(np.repeat(image[None], count, axis=0), "float32")
    kind = "uint32" if keras.backend.backend() == "jax" else "int32"  # each wants its own
    key = keras.ops.convert_to_tensor([0, seed], kind)
    layers = augmentations.layers_of(augmentation)
    return keras.ops.convert_to_numpy(augmentations.augment(batch, layers, key))
