"""Data sets by name, as arrays in memory.

| name | what it is |
|---|---|
| shapes | the embedded set: drawn by this project, 10,000 + 2,000 images, needs no download |
| cifar10, cifar100 | 32x32 photographs, 50,000 + 10,000 images, prepared by TensorFlow Datasets |
| tfds:NAME or tfds:NAME/CONFIG | any other image classification set of TensorFlow Datasets |
| folder:PATH | images of one's own, one folder a class |
"""

from keras_course.data import folder, prepared
from keras_course.data.download import prepare
from keras_course.data.import_cifar import import_cifar10
from keras_course.data.prepared import NotPreparedError, download_size
from keras_course.data.splits import Source, Split, Splits, split
from keras_course.errors import unknown

__all__ = [
    "NotPreparedError",
    "Split",
    "Splits",
    "check",
    "download_size",
    "import_cifar10",
    "known",
    "load",
    "prepare",
]


def _shapes():
    from keras_course.data import shapes

    train, test = shapes.train(), shapes.test()
    return Source(
        Split(train.images, train.labels), Split(test.images, test.labels), shapes.CLASS_NAMES
    )


SOURCES = {
    "shapes": _shapes,
    "cifar10": lambda: prepared.read("cifar10"),
    "cifar100": lambda: prepared.read("cifar100"),
}
PREFIXES = {"tfds": prepared.read, "folder": folder.read}


def known() -> tuple[str, ...]:
    """Return the names that `load` understands."""
    return (*SOURCES, "tfds:NAME", "folder:PATH")


def check(name: str) -> None:
    """Raise a `UserError` for a name that `load` does not understand."""
    kind, colon, argument = name.partition(":")
    if not (kind in PREFIXES and argument) and not (kind in SOURCES and not colon):
        raise unknown("data set", name, known())


def load(name: str, validation_fraction: float = 0.1, seed: int = 0) -> Splits:
    """Return a data set as uint8 images (n, height, width, channels) and int64 labels (n,).

    `validation_fraction` of each class's training images, chosen by `seed`, become the validation
    images. Nothing is ever downloaded here: `prepare` does that.

    Errors: NotPreparedError for a set of TensorFlow Datasets that is not on this machine; UserError
    for an unknown name, a fraction outside (0, 1), and data that cannot be used.
    """
    check(name)
    kind, colon, argument = name.partition(":")
    source = PREFIXES[kind](argument) if colon else SOURCES[kind]()
    return split(name, source, validation_fraction, seed)
