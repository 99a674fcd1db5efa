"""Kills at random moments of a search with two workers."""

import os
import random
import signal
import time

import pytest

from tests.test_search_workers import processes_of, results, started


@pytest.mark.faults
def test_100_kills_at_random_moments_of_a_search_with_two_workers_change_nothing(
    tmp_path, record_property
):
    settings = {"search": "random", "trials": 300}
    alone = started(tmp_path / "alone", **settings, **{"one core": True})
    assert alone.wait() == 0
    draw, folder, kills = random.Random(0), tmp_path / "team", 0
    board = folder / "search" / "leaderboard.json"
    while kills < 100 and not board.exists():
        team = started(folder, workers=2, **settings)
        for _ in range(draw.randrange(4)):  # of single workers, then of all of them
            time.sleep(draw.uniform(0, 6))
            for worker in processes_of(team)[:1]:
                os.kill(worker, signal.SIGKILL)
                kills += 1
        time.sleep(draw.uniform(0, 6))
        os.killpg(team.pid, signal.SIGKILL)
        team.wait()
        kills += 1
    assert started(folder, workers=2, **settings).wait() == 0
    assert results(folder) == results(tmp_path / "alone")
    assert kills > 50  # before the search was at its end
    record_property("points", kills)
