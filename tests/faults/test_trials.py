"""Trials that raise, return what is no result, hang, crash or are killed: each is marked and told,
and the search goes on."""

import time

import pytest

from keras_course.integrity import read_sealed
from tests.test_search_tuner import Perceptron, search, tuner_of
from tests.test_search_workers import printed, started


def full():
    raise MemoryError("no room for a tensor")


def nothing():
    return None


def not_a_number():
    return {"val_accuracy": float("nan")}


def infinite():
    return float("-inf")


def broken_code():
    raise LookupError("the cause")


@pytest.mark.parametrize(
    "does, status, reason",
    [
        (full, "failed", "MemoryError: no room"),
        (nothing, "failed", "The return value of HyperModel.fit() is None"),
        (not_a_number, "diverged", None),
        (infinite, "diverged", None),
        (broken_code, "failed", "LookupError: the cause"),
    ],
)
def test_a_trial_that_goes_wrong_is_marked_and_told_and_the_search_goes_on(
    does, status, reason, tmp_path, capsys
):
    class GoesWrong(Perceptron):
        def fit(self, hp, model, *args, **kwargs):
            trials = sum(path.startswith("trial_") for path in self.folders())
            return super().fit(hp, model, *args, **kwargs) if trials == 2 else does()

    tuner = tuner_of(tmp_path, GoesWrong(), trials=3)
    histories = search(tuner, epochs=1)
    statuses = [history["status"] for history in histories]
    assert statuses == [status, "finished", status]
    if reason:
        assert reason in histories[0]["reason"]
        assert "Trial 0 failed" in capsys.readouterr().out
    scores = [tuner.oracle.trials[name].score for name in sorted(tuner.oracle.trials)]
    assert [score > 0 for score in scores] == [False, True, False]


def test_a_trial_that_hangs_is_marked_after_its_time_and_the_search_goes_on(tmp_path):
    class Hangs(Perceptron):
        def fit(self, hp, model, *args, **kwargs):
            if not (tmp_path / "tuner" / "trial_1").exists():
                time.sleep(60)
            return {"val_accuracy": 0.5}  # on a busy machine training would take its time, too

    histories = search(tuner_of(tmp_path, Hangs(), trials=2, trial_seconds=3))
    assert [history["status"] for history in histories] == ["failed", "finished"]
    assert histories[0]["reason"] == "it took longer than 3 s"


# The trial with the highest rates comes to grief in its process.
GRIEF = """
from keras_course.search import one_model, workers
fit = one_model.OneModel.fit
def comes_to_grief(self, hp, *args, **kwargs):
    if hp.get("learning_rate") > 0.05:
        import os, signal, time
        {what}
    return fit(self, hp, *args, **kwargs)
one_model.OneModel.fit = comes_to_grief
"""
CRASHES = GRIEF.format(what="os.kill(os.getpid(), signal.SIGSEGV)")
KILLED = (
    GRIEF.format(what="os.kill(os.getpid(), signal.SIGKILL)")
    + """
import itertools
count = itertools.count()
workers.memory_kills.count = lambda: next(count)
"""
)
FULL = GRIEF.format(what="raise OSError(28, 'No space left on device', 'build_config.json')")
HANGS = (
    GRIEF.format(what="signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]); time.sleep(600)")
    + """
workers.GRACE = 1
"""
)


@pytest.mark.faults
@pytest.mark.parametrize(
    "patch, reason, limit",
    [
        (CRASHES, "its process was killed by signal 11: again and again", None),
        (KILLED, "its process was killed by signal 9: the memory was full", None),
        (HANGS, "it took longer than 5 s and had to be killed", 5),
    ],
    ids=["crashes", "killed for memory", "hangs"],
)
def test_a_trial_that_takes_its_process_along_is_marked_and_the_search_goes_on(
    patch, reason, limit, tmp_path
):
    folder = tmp_path / "run"
    search = started(folder, search="grid", trials=4, workers=1, patch=patch, trial_seconds=limit)
    assert search.wait() == 0, printed(folder).read_text()
    trials = read_sealed(folder / "search" / "leaderboard.json")["trials"]
    assert [trial["status"] for trial in trials] == ["finished"] * 3 + ["failed"]
    assert trials[-1]["reason"] == reason and trials[-1]["learning_rate"] > 0.05


@pytest.mark.faults
def test_a_disk_that_a_worker_finds_full_ends_the_search_and_no_trial_has_failed(tmp_path):
    folder, settings = tmp_path / "run", {"search": "grid", "trials": 4, "workers": 1}
    search = started(folder, patch=FULL, **settings)
    assert search.wait() == 1
    assert "worker0: No space left for build_config.json" in printed(folder).read_text()
    again = started(folder, **settings)
    assert again.wait() == 0
    trials = read_sealed(folder / "search" / "leaderboard.json")["trials"]
    assert [trial["status"] for trial in trials] == ["finished"] * 4
