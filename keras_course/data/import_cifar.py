"""CIFAR-10 from a copy on this machine into the folder that `tfds.load("cifar10")` reads.

The copy is proven before anything is written: images per class, and mean and standard deviation of
each channel over all training pixels, which tell another data set, a changed resolution and
exchanged channels apart from CIFAR-10.
"""

import contextlib
import io
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_course.data import cifar_files, prepared
from keras_course.data.splits import Split
from keras_course.errors import UserError
from keras_course.files import says_full


class Expected(NamedTuple):
    """What makes a copy CIFAR-10. Channel figures: all training pixels, divided by 255."""

    train_per_class: int = 5_000
    test_per_class: int = 1_000
    mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465)
    std: tuple[float, ...] = (0.2470, 0.2435, 0.2616)


CIFAR10 = Expected()
TOLERANCE = 1e-3  # of mean and standard deviation


def import_cifar10(path: str | Path, expected: Expected = CIFAR10) -> Path:
    """Write DATA_DIR/cifar10/3.0.2 from a copy in one of the forms of `cifar_files`.

    It is written under another name and then renamed, so that it is there whole or not at all.
    Errors: UserError where it is there already, and where the copy cannot be read or is not
    CIFAR-10: the message says what was found.
    """
    if found := prepared.find("cifar10"):
        raise UserError(f"CIFAR-10 is prepared already, in {found}. Remove it to import it again.")
    prepared.tensorflow_datasets()  # or say that it is missing before the work
    train, test = cifar_files.read(path)
    check(path, train, test, expected)
    try:
        return _write(train, test)
    except Exception as error:
        if not isinstance(error, OSError) and not says_full(error):
            raise
        raise UserError(
            f"{prepared.data_dir()} cannot be written: {error}. Free some space, or set "
            "TFDS_DATA_DIR to a folder that can be written."
        ) from error


def check(path: str | Path, train: Split, test: Split, expected: Expected) -> None:
    """Raise UserError unless the images are those of CIFAR-10."""
    for part, (images, labels), per_class in (
        ("training", train, expected.train_per_class),
        ("test", test, expected.test_per_class),
    ):
        if images.shape[1:] != (32, 32, 3) or images.dtype != np.uint8:
            raise UserError(
                f"the {part} images of {path} are {images.dtype} of shape {images.shape}; "
                "expected uint8 of shape (n, 32, 32, 3)."
            )
        if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
            raise UserError(
                f"{path} has {len(images)} {part} images and {labels.dtype} labels of shape "
                f"{labels.shape}; expected a whole number for each image."
            )
        found = dict(
            zip(*map(np.ndarray.tolist, np.unique(labels, return_counts=True)), strict=True)
        )
        if found != dict.fromkeys(range(10), per_class):
            raise UserError(
                f"{path} has {part} images per class {found}; expected {per_class} of each of the "
                "classes 0 to 9."
            )
    mean, std = statistics(train.images)
    if np.abs([mean - expected.mean, std - expected.std]).max() > TOLERANCE:
        raise UserError(
            f"the images of {path} are not CIFAR-10's: channel mean {np.round(mean, 4).tolist()}, "
            f"standard deviation {np.round(std, 4).tolist()}; expected {list(expected.mean)} and "
            f"{list(expected.std)}."
        )


def statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each channel over all images, from 0 to 1."""
    total, squares = np.zeros(3), np.zeros(3)
    for start in range(0, len(images), 1000):
        block = images[start : start + 1000] / 255.0
        total += block.sum(axis=(0, 1, 2))
        squares += (block**2).sum(axis=(0, 1, 2))
    pixels = images[..., 0].size
    mean = total / pixels
    return mean, np.sqrt(squares / pixels - mean**2)


def _write(train, test):
    """Let TensorFlow Datasets' own builder write the folder, from our arrays."""
    from tqdm import tqdm

    tfds = prepared.tensorflow_datasets()

    def examples(part, split):
        numbered = enumerate(zip(*split, strict=True))
        for i, (image, label) in tqdm(
            numbered, f"writing cifar10 {part}", len(split.images), unit="image", disable=None
        ):
            yield i, {"id": f"{part}_{i:05d}", "image": image, "label": int(label)}

    official = tfds.builder_cls("cifar10")  # registers what it finds, so not inside the block
    with tfds.core.registered.skip_registration():

        class Cifar10(official):
            def _split_generators(self, dl_manager):
                self.info.features["label"].names = cifar_files.CLASS_NAMES
                return {"train": examples("train", train), "test": examples("test", test)}

    builder = Cifar10(data_dir=prepared.data_dir())
    # It says on the standard output that it downloads, and makes a folder for that.
    with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as unused:
        builder.download_and_prepare(download_dir=unused)
    return Path(builder.data_dir)
