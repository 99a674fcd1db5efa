"""Several workers do the same search as one process, whoever of them dies."""

import dataclasses
import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from keras_course import devices, training
from keras_course.errors import UserError
from keras_course.files import DiskFull
from keras_course.integrity import read_sealed
from keras_course.search import leaderboard, tune, workers
from keras_course.search.workers import Share, gpu_names, shares
from tests.search_rows import LINEAR, SPLITS

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
    assert shares(2, [0, 1, 2, 3, 4], []) == [Share((0, 1), None), Share((2, 3, 4), None)]
    assert [share.gpu for share in shares(3, [0, 1, 2], ["4", "6"])] == ["4", "6", "4"]
    for number in (0, 3):
        with pytest.raises(UserError, match="at least 1 and at most 2, the cores"):
            shares(number, [0, 1], [])


@pytest.mark.parametrize(
    "given, names",
    [
        (None, ["0", "1"]),
        ("", ["0", "1"]),
        ("2, 3", ["2", "3"]),
        ("GPU-8f3c,GPU-1d2e,-1", ["GPU-8f3c", "GPU-1d2e"]),
        ("MIG-5c21,MIG-77ab", ["MIG-5c21", "MIG-77ab"]),
    ],
)
def test_a_gpu_has_the_name_that_it_was_given_by(given, names, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert gpu_names(2) == names


@pytest.fixture
def worker(monkeypatch, tmp_path):
    """A worker at trial 3, whose process, clock and system are stand-ins."""
    worker = workers._Worker.__new__(workers._Worker)
    tuner = SimpleNamespace(trial_seconds=None, project=tmp_path)
    worker.name, worker.at, worker.deaths, worker.kills, worker.given_up = "worker0", "3", 0, 0, []
    worker.chief = SimpleNamespace(
        tuner=tuner,
        trial_of=lambda name: (SimpleNamespace(trial_id="3"), 1.0),
        begun={},
        give_up=lambda trial, reason: worker.given_up.append(reason),
    )
    worker.share, worker.port, worker.arguments = None, 0, ()
    worker.clock = worker.killed = 0
    monkeypatch.setattr(workers.memory_kills, "count", lambda: worker.killed)
    monkeypatch.setattr(workers.time, "monotonic", lambda: worker.clock)
    monkeypatch.setattr(
        workers.multiprocessing,
        "get_context",
        lambda _: SimpleNamespace(
            Process=lambda **_: SimpleNamespace(start=int, exitcode=None),
            Pipe=multiprocessing.Pipe,
        ),
    )
    worker._start()
    return worker


def test_a_worker_that_dies_before_it_has_read_a_word_is_started_again(tmp_path):
    given = sum(part.images.nbytes + part.labels.nbytes for part in SPLITS[:3])
    assert given > 2**16  # more than a pipe holds
    team = started(tmp_path / "team", search="random", trials=3, workers=1)
    wait_for(lambda: processes_of(team), team)
    os.kill(processes_of(team)[0], signal.SIGKILL)
    assert team.wait(timeout=120) == 0
    assert (
        "worker0 was killed by signal 9 during its start" in printed(tmp_path / "team").read_text()
    )


def test_a_worker_that_is_started_again_has_the_whole_time_for_its_trial(worker):
    worker.chief.begun["worker0"] = 0.0
    worker.process.exitcode = 1
    assert not worker.has_finished()
    assert worker.chief.begun == {}


def test_only_a_process_that_is_killed_when_the_system_kills_for_memory_is_taken_for_one(worker):
    def dies(code):
        worker.process.exitcode = code
        assert not worker.has_finished()

    worker.killed = 1  # some other process, a while ago
    for worker.clock in range(0, 30, 3):
        assert not worker.has_finished()
    dies(-signal.SIGKILL)
    worker.killed = 2
    dies(-signal.SIGSEGV)
    assert worker.given_up == []
    worker.killed = 3
    for worker.clock in (30, 33):  # it takes some seconds to go
        assert not worker.has_finished()
    dies(-signal.SIGKILL)
    assert worker.given_up == ["its process was killed by signal 9: the memory was full"]


def test_a_worker_that_finds_the_disk_full_ends_the_search_and_leaves_its_trial_open(
    worker, tmp_path, monkeypatch, capsys
):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "build_config.json"))

    monkeypatch.setattr(tune, "_work", full)
    monkeypatch.setattr(workers.apart, "end_with", lambda chief: None)
    monkeypatch.setattr(workers.os, "_exit", sys.exit)
    monkeypatch.setattr(workers.os, "environ", {**os.environ})
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended:
            cores = tuple(os.sched_getaffinity(0))
            here, there = multiprocessing.Pipe(duplex=False)
            workers._give(there, ({}, tmp_path, None, None))
            workers._run("worker0", Share(cores, None), 1, 2, here)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "worker0: No space left for" in capsys.readouterr().out
    worker.process.exitcode = ended.value.code
    with pytest.raises(DiskFull, match="Free some space, then run the same command again"):
        worker.has_finished()
    assert worker.given_up == []


def test_a_worker_of_other_images_is_refused_and_builds_in_the_precision_of_the_search(
    tmp_path, monkeypatch
):
    tune.tune(LINEAR, tmp_path, splits=SPLITS, steps=2, band=(1e-3, 1e-1), trials=1)

    def work(splits):
        tune.work(dataclasses.asdict(LINEAR), tmp_path, tuple(map(tuple, splits)), None)

    with pytest.raises(UserError, match="images, labels and classes"):
        work(SPLITS._replace(train=SPLITS.validation))
    built = []

    def build(recipe, splits, precision=None):
        built.append(precision)
        raise LookupError

    monkeypatch.setattr(training, "build", build)
    known = read_sealed(tmp_path / "search" / "search.json")
    monkeypatch.setattr(devices, "choose_precision", lambda _: "float16")
    with pytest.raises(LookupError):
        work(SPLITS)
    assert built == [known["precision"]]


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
    assert "the search continues" in said
    assert "Running Trial" not in said  # those are KerasTuner's words
    assert results(folder) == results(tmp_path / "whole")


@pytest.mark.slow
def test_a_bayesian_search_by_two_workers_goes_on_from_the_order_that_it_had(tmp_path):
    folder, settings = tmp_path / "team", {"search": "bayesian", "trials": 6, "workers": 2}
    journal = folder / "search" / "tuner" / "journal"
    team = started(folder, **settings)
    wait_for(lambda: journal.exists() and journal.read_text().count('"end"') >= 3, team)
    children = processes_of(team)
    team.kill()
    team.wait()
    wait_for(lambda: not any(Path(f"/proc/{child}/cwd").exists() for child in children))
    before = leaderboard.rows(folder / "search" / "tuner")
    assert started(folder, **settings).wait() == 0
    assert "depends on the order in which trials end" in printed(folder).read_text()
    found = leaderboard.rows(folder / "search" / "tuner")
    assert found[: len(before)] == before and len(before) >= 3
    assert sorted(row["trial"] for row in found) == list("012345")
    assert len({row["learning_rate"] for row in found}) == 6
