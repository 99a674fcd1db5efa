"""Counts what Python writes to files, and lets the n-th of these operations be the last one.

Counted are the calls that reach the system: writes, flushes to the disk, renames, links, removals,
new folders, openings to write. `Kill` ends the process as SIGKILL and a loss of power do; `Full`
fails as a full disk does. Either way a write is cut in the middle.
"""

import builtins
import errno
import io
import os
import signal
from pathlib import Path

NAMES = ("fsync", "replace", "rename", "link", "unlink", "remove", "rmdir", "mkdir", "truncate")


class Counter:
    """Count the operations on files below `folder`; `number` is how many there were."""

    def __init__(self, folder: Path):
        self.folder, self.number = str(folder), 0

    def happens(self, name: str, path: object) -> bool:
        """Count the operation, and return whether it is to be done only in part."""
        if path is None or str(path).startswith(self.folder):
            self.number += 1
            return self.reached(name, path)
        return False

    def reached(self, name, path):
        return False

    def install(self) -> None:
        """Take the place of the functions that write."""
        counter = self

        class Raw(io.FileIO):
            def write(self, data):
                if counter.happens("write", self.name):
                    data = bytes(data)[: len(data) // 2]
                    written = super().write(data)
                    counter.reached("after half of the write", self.name)
                    return written
                return super().write(data)

            def truncate(self, size=None):
                counter.happens("truncate", self.name)
                return super().truncate(size)

        opened = io.open

        def opens(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **others):
            if isinstance(file, int) or others or not set(mode) & set("wax+"):
                return opened(file, mode, buffering, encoding, errors, newline, **others)
            counter.happens("open", os.fspath(file))
            raw = Raw(file, mode.replace("b", "").replace("t", ""))
            if buffering == 0:
                return raw
            kind = io.BufferedRandom if "+" in mode else io.BufferedWriter
            buffered = kind(raw)
            if "b" in mode:
                return buffered
            return io.TextIOWrapper(buffered, encoding, errors, newline)

        builtins.open = io.open = opens
        for name in NAMES:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name, function):
        def call(path, *arguments, **options):
            at = None if isinstance(path, int) else path  # fsync's file is one of ours
            self.happens(name, at)
            return function(path, *arguments, **options)

        return call


class Kill(Counter):
    """Kill the process at the n-th operation, counted from 1."""

    def __init__(self, folder: Path, at: int):
        super().__init__(folder)
        self.at = at

    def reached(self, name, path):
        if name == "write" and self.number == self.at:
            return True  # half of it first
        if self.number >= self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return False


class Full(Counter):
    """Let what needs room on the disk fail from the n-th operation on; the n-th itself, if it is a
    write, finds room for half of it, which the system tells by a short count."""

    def __init__(self, folder: Path, at: int):
        super().__init__(folder)
        self.at = at

    def reached(self, name, path):
        if name == "write" and self.number == self.at:
            return True
        if self.number >= self.at and name in ("write", "open", "mkdir", "fsync", "link"):
            named = [path] if path else []  # an error of fsync names no file
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *named)
        return False
