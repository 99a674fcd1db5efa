"""Files that a pattern like *.png stands for, where the shell has left it so."""

from collections.abc import Iterator
from pathlib import Path


def spelt_out(paths: list[str]) -> Iterator[str]:
    """Return the paths, in place of a pattern like *.png its files: Windows' shells leave it so."""
    for path in map(Path, paths):
        pattern = not path.exists() and "**" not in path.name
        found = sorted(path.parent.glob(path.name)) if pattern else []
        yield from map(str, found or [path])
