"""How many processes Linux has killed for memory: who was killed finds out here why.

They are counted in the group of processes (cgroup, version 2) that this one belongs to, so that
what befell others on the machine is not taken for its own; where there is none, on all of it.
"""

from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OF_THE_MACHINE = Path("/proc/vmstat")


def count() -> int | None:
    """Return how many in the time that `since` names; None on other systems."""
    path = GROUPS / _group() / "memory.events"
    path = path if path.exists() else OF_THE_MACHINE
    counts = dict(line.split() for line in path.read_text().splitlines()) if path.exists() else {}
    return int(counts["oom_kill"]) if "oom_kill" in counts else None


def since() -> str:
    """Return a name of this start of the machine and the group: only within it counts compare."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return f"{path.read_text().strip()} {_group()}" if path.exists() else ""


def _group():
    """Return where the group of this process stands among all, as a relative path."""
    path = Path("/proc/self/cgroup")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line[len("0::/") :] for line in lines if line.startswith("0::/")), "")
