"""Files that say so when they were damaged, and the generation before that takes their place.

What a program has to rely on carries a checksum: zip files (`.keras`, `.npz`) have one for each of
their members, and `write_sealed` puts one into a JSON file.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from keras_course import files
from keras_course.errors import UserError

SEAL = "sha256"  # the key of a sealed JSON file
Read = TypeVar("Read")


class Damaged(UserError):
    """A file does not hold what was written into it."""

    def __init__(self, path: Path, reason: object):
        self.path = path
        super().__init__(f"{path} is damaged: {reason}.")


def write_sealed(path: str | os.PathLike, values: dict, *, keep_older: bool = False) -> None:
    """Write a JSON object with a checksum of its own."""
    sealed = {**values, SEAL: _seal(values)}
    with files.whole(path, keep_older=keep_older) as temporary:
        temporary.write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")


def read_sealed(path: str | os.PathLike) -> dict:
    """Return what `write_sealed` wrote. Errors: Damaged; FileNotFoundError."""
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Damaged(path, error) from error
    if not isinstance(values, dict) or values.pop(SEAL, None) != _seal(values):
        raise Damaged(path, "its checksum does not match")
    return values


def intact(path: str | os.PathLike) -> dict | None:
    """Return what `write_sealed` wrote; None where there is none, or a damaged one, which is said.

    For what can be made anew.
    """
    try:
        return read_sealed(path)
    except FileNotFoundError:
        return None
    except Damaged as error:
        print(f"{error} Its contents are determined again.", flush=True)
        return None


def _seal(values):
    # Sorted and without spaces: who formats the file anew, has not changed it.
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def holds(path: Path, expected: str) -> bool:
    """Return whether the file is there, and its checksum is the expected one."""
    return path.exists() and checksum(path) == expected


def check_zip(path: Path) -> Path:
    """Return the path of a zip file if all of its checksums are right, or raise `Damaged`."""
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
    except Exception as error:  # zipfile has many for broken headers: EOFError, zlib.error ...
        if isinstance(error, FileNotFoundError):
            raise
        raise Damaged(path, error or type(error).__name__) from error
    if wrong is not None:
        raise Damaged(path, f"the checksum of {wrong} does not match")
    return path


def newest(path: Path, read: Callable[[Path], Read]) -> Read | None:
    """Return what `read` makes of the file, or of the generation before where this is damaged.

    None if there is neither. Says so when it is the older one. Errors: Damaged if both are.
    """
    damage = missing = None
    for generation in (path, files.older(path)):
        if not generation.exists():
            missing = missing or f"{generation} is missing."
            continue
        try:
            found = read(generation)
        except Damaged as error:
            damage = damage or error
            continue
        if damage or missing:
            print(f"{damage or missing} The older {generation.name} is used.", flush=True)
        return found
    if damage:
        raise damage
    return None
