"""One process at a time writes into a folder.

The lock is the system's, on the open file `.lock`: it goes with the process that holds it, however
that ends, so none is ever left behind. `.lock.json` says who has it.
"""

import contextlib
import datetime
import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import filelock

from keras_course import files
from keras_course.errors import UserError


@contextlib.contextmanager
def alone(folder: str | os.PathLike) -> Iterator[None]:
    """Keep other processes out of the folder during the block, which may hold another such block.

    Errors: UserError if another process, which it names, is in there, or it is read-only.
    """
    holder = Path(folder, ".lock.json")
    lock = filelock.FileLock(Path(folder, ".lock").resolve(), is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise UserError(
            f"{_described(holder)} is working in {folder}. Wait until it ends, or give another "
            "folder with --output. If it ended on another machine and its lock has stayed behind, "
            f"remove {folder}/.lock."
        ) from error
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written into: {error.strerror}. Copy it to a place that you can "
            "write to, or use another folder."
        ) from error
    try:
        if lock.lock_counter == 1:
            files.write_json(holder, _this_process())
        yield
    finally:
        if lock.lock_counter == 1:
            holder.unlink(missing_ok=True)
        lock.release()


def empty(folder: Path) -> None:
    """Remove all that is in a folder which this process keeps others out of."""
    for path in folder.iterdir():
        if path.name in (".lock", ".lock.json"):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _this_process():
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _described(holder):
    try:
        said = json.loads(holder.read_text(encoding="utf-8"))
        return f"Process {said['process']} on {said['host']}, since {said['since']},"
    except (OSError, ValueError, KeyError):  # it has just come, or just goes
        return "Another process"
