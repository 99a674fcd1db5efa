"""Files that are written whole or not at all.

A file is written under a temporary name in the folder where it belongs, flushed to the disk and
then renamed, which POSIX and Windows do in one step: a reader meets the old file or the new one,
also after a loss of power. What it then holds may still be damaged: integrity.py.
"""

import contextlib
import errno
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from keras_course.errors import Failure

UNFINISHED = ".unfinished-"  # begins a temporary name; a killed process leaves it behind
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DiskFull(Failure):
    """There is no room for a file; the one of that name, if any, is as it was."""

    def __init__(self, path: Path, written: int, free: int):
        super().__init__(
            f"No space left for {path}: {written:,} bytes of it were written, {free:,} bytes are "
            "free. What was there before is unchanged. Free some space, then run the same command "
            "again."
        )


@contextlib.contextmanager
def whole(path: str | os.PathLike, *, keep_older: bool = False) -> Iterator[Path]:
    """Give the name of a temporary file that becomes `path` when the block ends without error.

    The temporary name keeps the suffix of `path`, because libraries choose a format by it.
    keep_older: the file that was there becomes `older(path)`. Errors: DiskFull.
    """
    path = Path(path)
    temporary = _new_name(path)
    try:
        yield temporary
        _flush(temporary)
        if keep_older and path.exists():
            _keep_older(path)
        temporary.replace(path)
        _flush_folder(path.parent)
    except Exception as error:
        if says_full(error):
            written = temporary.stat().st_size if temporary.exists() else 0
            raise DiskFull(path, written, shutil.disk_usage(path.parent).free) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _new_name(path):
    return path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}{path.suffix}")


def _keep_older(path):
    """Give the file its second name in one step, so that there is an older one at every moment."""
    temporary = _new_name(path)
    try:
        try:
            temporary.hardlink_to(path)
        except OSError:  # exFAT, and drives on a network
            shutil.copyfile(path, temporary)
            _flush(temporary)
        temporary.replace(older(path))
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path):
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder):
    """Let a rename survive a loss of power; on Windows a folder cannot be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some drives on a network flush no folders
                raise
        finally:
            os.close(handle)


def says_full(error: BaseException | None) -> bool:
    """Return whether an error, or one that it came from, says that the disk was full.

    HDF5 and TensorFlow tell it in words alone; TensorFlow's error is that of a full memory.
    """
    while error is not None:
        if isinstance(error, DiskFull) or (isinstance(error, OSError) and error.errno in FULL):
            return True
        if any(os.strerror(number) in str(error) for number in FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def telling_when_full(path: str | os.PathLike) -> Iterator[None]:
    """Raise `DiskFull` where something else than `whole` finds no room for or in the path."""
    try:
        yield
    except DiskFull:
        raise
    except Exception as error:
        if not says_full(error):
            raise
        free = shutil.disk_usage(Path(path).parent).free
        raise DiskFull(Path(getattr(error, "filename", None) or path), 0, free) from error


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give the name of a folder, to be made, that becomes `path` when the block ends without error.

    An older `path` is moved aside first and removed last. Errors: DiskFull.
    """
    path = Path(path)
    with (
        telling_when_full(path),
        tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=path.parent) as temporary,
    ):
        new, before = Path(temporary, path.name), Path(temporary, "before")
        yield new
        for each in [new, *new.rglob("*")]:
            flush = _flush_folder if each.is_dir() else _flush
            flush(each)
        try:
            if path.exists():
                path.rename(before)
            new.rename(path)
        except BaseException:  # also a signal
            if before.exists():
                before.rename(path)
            raise
        _flush_folder(path.parent)


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed left under temporary names."""
    for path in folder.glob(f"{UNFINISHED}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: object) -> None:
    write_text(path, json.dumps(value, indent=2) + "\n")


def older(path: Path) -> Path:
    """Return the name of the generation before: best.keras, best.older.keras."""
    return path.with_name(f"{path.stem}.older{path.suffix}")
