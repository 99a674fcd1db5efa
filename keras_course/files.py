"""Files that are written whole or not at all.

A file is written under a temporary name in the folder where it belongs, flushed to the disk and
then renamed, which POSIX and Windows do in one step: a reader meets the old file or the new one.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: str | os.PathLike) -> Iterator[Path]:
    """Give the name of a temporary file that becomes `path` when the block ends without error.

    The temporary name keeps the suffix of `path`, because libraries choose a format by it.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp's 0600 would lock out the others of a shared folder
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give the name of a folder, to be made, that becomes `path` when the block ends without error.

    An older `path` is moved aside first and removed last.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as temporary:
        new, older = Path(temporary, path.name), Path(temporary, "older")
        yield new
        for file in new.rglob("*"):
            if file.is_file():
                with file.open("rb+") as opened:
                    os.fsync(opened.fileno())
        if path.exists():
            path.rename(older)
        try:
            new.rename(path)
        except OSError:
            if older.exists():
                older.rename(path)
            raise


def write_text(path: str | os.PathLike, text: str) -> None:
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: object) -> None:
    write_text(path, json.dumps(value, indent=2) + "\n")
