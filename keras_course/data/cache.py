"""Decoded images in the user's cache folder, because decoding 60,000 PNGs takes ten seconds.

For each data set one array file, which is memory-mapped, and one small JSON file beside it with
labels, class names and the array's checksum. The JSON file is written last. Both are named by the
SHA-256 of the source's files, so that another source never meets them; the array is compared with
its checksum (CRC-32: 0.1 s for CIFAR-10, enough against damage) each time it is opened, and made
again where it differs.

The folder is KERAS_COURSE_CACHE, or `keras-course` in XDG_CACHE_HOME or the platform's own place.
"""

import contextlib
import hashlib
import json
import os
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock
import numpy as np

from keras_course.data.splits import Source, Split
from keras_course.errors import UserError
from keras_course.files import remove_unfinished, whole, write_json

FORMAT = 1  # goes into the name: a later format leaves these files alone


def location() -> Path:
    """Return the cache folder; it need not exist yet."""
    if own := os.environ.get("KERAS_COURSE_CACHE"):
        return Path(own).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "keras-course"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "keras-course"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "keras-course" / "Cache"
    return Path.home() / ".cache" / "keras-course"


def cached(name: str, source: Path, build: Callable[[Path], dict]) -> Source:
    """Return the data set `name` from the cache, after building it where it is not there.

    `build(path)` decodes the files of the folder `source` into one array file, training images
    first, and returns {"train": their number, "labels": of all, "class_names": ...}.
    """
    folder = location() / name
    stem = f"{FORMAT}-{fingerprint(source)[:32]}"
    contents = folder / f"{stem}.json"
    array = folder / f"{stem}.npy"
    found = _opened(array, contents)
    if found is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(folder / ".lock"):  # of several processes one builds
                found = _opened(array, contents)
                if found is None:
                    remove_unfinished(folder)
                    with whole(array) as temporary:
                        description = build(temporary)
                    write_json(contents, {**description, "crc32": _crc32(array)})
                    found = _opened(array, contents)
                _remove_others(folder, stem)
        except OSError as error:
            raise UserError(
                f"the cache folder {folder} cannot be written: {error}. Free some space, or set "
                "KERAS_COURSE_CACHE to a folder that can be written."
            ) from error
        if found is None:
            raise UserError(
                f"{array} was written and reads back differently: the disk or the memory is "
                "faulty. Set KERAS_COURSE_CACHE to a folder on another disk."
            )
    return found


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of the names and bytes of a folder's files."""
    files = sorted(file for file in folder.iterdir() if file.is_file())
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(_sha256, files))
    lines = [f"{digest} {file.name}\n" for file, digest in zip(files, digests, strict=True)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(file):
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _crc32(file):
    value = 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            value = zlib.crc32(block, value)
    return value


def _opened(array, contents):
    """Return what the two files hold, or None where they are missing or damaged."""
    try:
        description = json.loads(contents.read_text(encoding="utf-8"))
        if _crc32(array) != description["crc32"]:
            return None
        # Mapped twice: what is read of the training images leaves the memory with the last of them.
        images, test_images = (
            np.asarray(np.load(array, mmap_mode="r", allow_pickle=False)) for _ in range(2)
        )
        labels = np.array(description["labels"], "int64")
        train = description["train"]
        class_names = tuple(description["class_names"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if len(images) != len(labels) or not 0 < train <= len(images):
        return None
    test = Split(test_images[train:], labels[train:]) if train < len(images) else None
    return Source(Split(images[:train], labels[:train]), test, class_names)


def _remove_others(folder, stem):
    """Free the space of what an earlier source left; Windows keeps a file that is still mapped."""
    for file in folder.iterdir():
        ours = file.suffix in (".npy", ".json") and file.name.startswith(f"{FORMAT}-")
        if ours and file.stem != stem:
            with contextlib.suppress(OSError):
                file.unlink()
