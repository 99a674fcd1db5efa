"""How many processes Linux has killed for memory: who was killed finds out here why."""

from pathlib import Path


def count() -> int | None:
    """Return how many since the machine was started; None on other systems."""
    path = Path("/proc/vmstat")
    counts = dict(line.split() for line in path.read_text().splitlines()) if path.exists() else {}
    return int(counts["oom_kill"]) if "oom_kill" in counts else None


def boot() -> str:
    """Return a name of this start of the machine, from which they are counted."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""
