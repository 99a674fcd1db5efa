"""The journal of a search: a file with one line for each event, in their order.

A line is added with one write and flushed to the disk before anything builds on it. It begins with
a checksum that continues the one of the line before. Whatever befell the file, a line that was cut
off, a bit that turned, a line that is missing, what stands before it can be trusted: the events up
to there are the journal.
"""

import hashlib
import json
import os
from pathlib import Path

from keras_course import files


class Journal:
    """The events in a file; `events` is what can be trusted of it, `lost` how many lines cannot.

    torn: whether the last of those is half a line, as while another process writes it.
    """

    def __init__(self, path: Path):
        self.path = path
        self.events, self.lost = [], 0
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        self.checksum, self.torn = "", bool(lines) and not lines[-1].endswith(b"\n")
        for number, line in enumerate(lines):
            event, checksum = _read(line, self.checksum)
            if event is None:
                self.lost = len(lines) - number
                break
            self.events.append(event)
            self.checksum = checksum

    def keep(self, count: int) -> None:
        """Keep so many of the events, and write the file anew without the others and the lost."""
        del self.events[count:]
        self.checksum, lines = "", []
        for event in self.events:
            line, self.checksum = _line(event, self.checksum)
            lines.append(line)
        with files.whole(self.path) as temporary:
            temporary.write_bytes(b"".join(lines))

    def add(self, event: dict) -> None:
        """Add an event. Errors: files.DiskFull, with the journal as it was."""
        line, checksum = _line(event, self.checksum)
        before = self.path.stat().st_size if self.path.exists() else 0
        with files.telling_when_full(self.path), self.path.open("ab", buffering=0) as file:
            try:
                left = line
                while left:  # a write may be cut short: the next one goes on, or says why not
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except BaseException:  # also a signal
                file.truncate(before)
                raise
        self.events.append(event)
        self.checksum = checksum

    def has_grown(self) -> bool:
        """Return whether the file has other events than these: somebody else has added to it."""
        there = Journal(self.path)
        return bool(there.lost) or there.checksum != self.checksum


def _line(event, checksum):
    text = json.dumps(event)
    checksum = hashlib.sha256(f"{checksum} {text}".encode()).hexdigest()
    return f"{checksum} {text}\n".encode(), checksum


def _read(line, before):
    """Return the event and the checksum of a line, or (None, None)."""
    try:
        event = json.loads(line[65:])
    except ValueError:
        return None, None
    right, checksum = _line(event, before)
    return (event, checksum) if right == line else (None, None)
