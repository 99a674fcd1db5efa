"""Train, validation and test: stratified, disjoint, and the same for a seed on every machine.

Each class gives the same fraction of its images to the validation part, at least one. The order
comes from the raw stream of PCG64, which NumPy promises never to change (NEP 19); the methods of
its generators carry no such promise.

A source without test images gives a fifth of its training images, chosen with a seed of their own:
runs with several seeds differ in their validation images, and are tested on the same ones.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from keras_course.errors import UserError

TEST_FRACTION = 0.2  # where the source brings no test images
TEST_SEED = 0


class Split(NamedTuple):
    images: np.ndarray  # uint8, (n, height, width, channels), 0 to 255, maybe read-only
    labels: np.ndarray  # int64, (n,), 0 to classes - 1


class Splits(NamedTuple):
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]


class Source(NamedTuple):
    """What a source brings; `test` is None where it has no test images."""

    train: Split
    test: Split | None
    class_names: tuple[str, ...]


def digest(splits: Splits) -> str:
    """Return the SHA-256 of training and validation images, their labels, and the class names.

    Test images are left out: `split` keeps them apart from these, and from no others.
    """
    total = hashlib.sha256(repr(splits.class_names).encode())
    for images, labels in (splits.train, splits.validation):
        total.update(repr((images.shape, images.dtype)).encode())
        total.update(np.ascontiguousarray(images))
        total.update(np.ascontiguousarray(labels))
    return total.hexdigest()


def shuffled(count: int, seed: int) -> np.ndarray:
    """Return 0 to count - 1 in an order that depends on the seed alone."""
    return np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable")


def stratified(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the rest and of a part with `fraction` of each class, both ascending.

    Every class needs at least two images: one is left on each side.
    """
    order = shuffled(len(labels), seed)
    part = []
    for label in np.unique(labels):
        members = order[labels[order] == label]
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        part.append(members[:count])
    part = np.sort(np.concatenate(part))
    return np.setdiff1d(np.arange(len(labels)), part, assume_unique=True), part


def split(name: str, source: Source, validation_fraction: float, seed: int) -> Splits:
    """Divide what a source brings.

    Errors: UserError for a fraction outside (0, 1), a negative seed, fewer than two classes, or a
    class with fewer images than the division needs.
    """
    if not 0 < validation_fraction < 1:
        raise UserError(
            f"validation_fraction must be above 0 and below 1, like 0.1. "
            f"Received: {validation_fraction}"
        )
    if seed < 0:
        raise UserError(f"seed must be a whole number of at least 0. Received: {seed}")
    train, test, class_names = source
    _check(name, train.labels, class_names, needed=2 if test else 3)
    kept = np.arange(len(train.labels))
    if test is None:
        kept, held = stratified(train.labels, TEST_FRACTION, TEST_SEED)
        test = Split(train.images[held], train.labels[held])
    rest, part = stratified(train.labels[kept], validation_fraction, seed)
    rest, part = kept[rest], kept[part]
    return Splits(
        Split(train.images[rest], train.labels[rest]),
        Split(train.images[part], train.labels[part]),
        test,
        class_names,
    )


def _check(name, labels, class_names, needed):
    if len(class_names) < 2:
        raise UserError(
            f"{name} has {len(class_names)} class; a classifier needs at least 2. Add another one."
        )
    counts = np.bincount(labels, minlength=len(class_names))
    for class_name, count in zip(class_names, counts, strict=True):
        if count < needed:
            parts = "training and validation" + (", and test" if needed == 3 else "")
            raise UserError(
                f"class {class_name!r} of {name} has {count} training image(s); "
                f"{parts} need at least {needed}. Add images of it, or remove the class."
            )
