"""Several workers do the same search as one process, whoever of them dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keras_course.errors import UserError
from keras_course.files import read_sealed
from keras_course.search.workers import Share, shares

# On one core, as each of two workers has on two: the results are to be equal bit by bit.
PROGRAM = """
import json, os, sys
given = json.loads(sys.argv[1])
patch = given.pop("patch")
if given.pop("one core"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
from keras_course import quiet
quiet.import_keras()
exec(patch)  # in the workers, too
if __name__ == "__main__":
    from keras_course.search.tune import tune
    from tests.search_rows import LINEAR, SPLITS
    tune(LINEAR, given.pop("folder"), splits=SPLITS, steps=4, band=(1e-3, 1e-1), **given)
"""


def started(folder, **given):
    path = folder.parent / f"{folder.name}.py"
    path.write_text(PROGRAM)
    given = json.dumps({"one core": False, "patch": "", "folder": str(folder), **given})
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with printed(folder).open("w") as output:  # a pipe that nobody reads would be full one day
        return subprocess.Popen(
            [sys.executable, str(path), given],
            env=environment,
            stdout=output,
            start_new_session=True,
        )


def printed(folder):
    """Return the file with what the search in this folder has printed since it was started."""
    return folder.parent / f"{folder.name}.log"


def results(folder):
    """Return all that must be equal: the trials of the leaderboard without their times."""
    board = read_sealed(folder / "search" / "leaderboard.json")
    return [
        {name: value for name, value in trial.items() if name != "seconds"}
        for trial in board["trials"]
    ]


def processes_of(process):
    """Return the ids of its worker processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            command = (path.parent / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == process.pid and "spawn_main" in command:
            found.append(int(path.parent.name))
    return found


def wait_for(condition, process=None):
    for _ in range(1200):
        if condition():
            return
        assert process is None or process.poll() is None, "it has ended"
        time.sleep(0.05)
    raise AssertionError("it took a minute and more")


def test_cores_are_shared_and_gpus_handed_out_in_turn():
    assert shares(2, [0, 1, 2, 3, 4], 0) == [Share((0, 1), None), Share((2, 3, 4), None)]
    assert [share.gpu for share in shares(3, [0, 1, 2], 2)] == [0, 1, 0]
    for workers in (0, 3):
        with pytest.raises(UserError, match="at least 1 and at most 2, the cores"):
            shares(workers, [0, 1], 0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pins processes to cores")
@pytest.mark.parametrize(
    "search",
    ["hyperband", *(pytest.param(name, marks=pytest.mark.slow) for name in ("grid", "random"))],
)
def test_two_workers_give_the_results_of_one_process_bit_by_bit(search, tmp_path):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    settings = {"search": search, "trials": 5}
    alone = started(tmp_path / "alone", **settings, **{"one core": True})
    assert alone.wait() == 0
    team = started(tmp_path / "team", workers=2, **settings)
    assert team.wait() == 0
    assert results(tmp_path / "team") == results(tmp_path / "alone")


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_chief_change_nothing(tmp_path):
    settings = {"search": "random", "trials": 12, "workers": 2}
    whole = started(tmp_path / "whole", **settings)
    assert whole.wait() == 0
    folder = tmp_path / "cut"
    journal = folder / "search" / "tuner" / "journal"

    def trials(number):
        return lambda: journal.exists() and journal.read_text().count('"end"') >= number

    team = started(folder, **settings)
    wait_for(trials(2), team)
    os.kill(processes_of(team)[0], signal.SIGKILL)
    wait_for(trials(5), team)
    children = processes_of(team)
    team.kill()
    team.wait()
    said = printed(folder).read_text()
    assert "was killed by signal 9" in said and "started again" in said
    wait_for(lambda: not any(Path(f"/proc/{child}/cwd").exists() for child in children))
    again = started(folder, **settings)
    assert again.wait() == 0
    said = printed(folder).read_text()
    assert "the search goes on" in said
    assert "Running Trial" not in said  # those are KerasTuner's words
    assert results(folder) == results(tmp_path / "whole")
