"""Kills at random moments of a search with two workers."""

import os
import random
import signal
import time

import pytest

from tests.test_search_workers import processes_of, results, started

# Of half a second more: a hundred kills are to find trials left.
SLOW = """
import time
from keras_course.search.one_model import OneModel
def slowly(self, *args, fit=OneModel.fit, **kwargs):
    time.sleep(0.5)
    return fit(self, *args, **kwargs)
OneModel.fit = slowly
"""


@pytest.mark.faults
def test_100_kills_at_random_moments_of_a_search_with_two_workers_change_nothing(
    tmp_path, record_property
):
    settings = {"search": "random", "trials": 250}
    alone = started(tmp_path / "alone", **settings, **{"one core": True})
    assert alone.wait() == 0
    draw, folder, kills = random.Random(0), tmp_path / "team", 0
    board = folder / "search" / "leaderboard.json"
    while kills < 100 and not board.exists():
        team = started(folder, workers=2, patch=SLOW, **settings)
        for _ in range(draw.randrange(8)):  # of single workers, then of all of them
            time.sleep(draw.uniform(0, 5))
            for worker in processes_of(team)[:1]:
                os.kill(worker, signal.SIGKILL)
                kills += 1
        time.sleep(draw.uniform(0, 5))
        os.killpg(team.pid, signal.SIGKILL)
        team.wait()
        kills += 1
    assert started(folder, workers=2, **settings).wait() == 0
    assert results(folder) == results(tmp_path / "alone")
    assert kills >= 100  # before the search was at its end
    record_property("points", kills)
