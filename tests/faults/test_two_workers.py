"""Kills at random moments of a search with two workers."""

import contextlib
import os
import random
import signal
import time

import pytest

from keras_course.search.journal import Journal
from tests.test_search_workers import printed, processes_of, results, started, wait_for

# Of a second more: a hundred kills are to find trials left.
SLOW = """
import time
from keras_course.search.one_model import OneModel
def slowly(self, *args, fit=OneModel.fit, **kwargs):
    time.sleep(1)
    return fit(self, *args, **kwargs)
OneModel.fit = slowly
"""


def at_a_trial(folder):
    """Return whether a trial has begun and not ended."""
    events = Journal(folder / "search" / "tuner" / "journal").events
    named = {kind: {e["trial"] for e in events if e["event"] == kind} for kind in ("create", "end")}
    return named["create"] > named["end"]


@pytest.mark.faults
def test_100_kills_at_random_moments_of_a_search_with_two_workers_change_nothing(
    tmp_path, record_property
):
    settings = {"search": "random", "trials": 250}
    alone = started(tmp_path / "alone", **settings, **{"one core": True})
    assert alone.wait() == 0
    draw, folder, kills, at_trials = random.Random(0), tmp_path / "team", 0, 0
    board = folder / "search" / "leaderboard.json"
    journal = folder / "search" / "tuner" / "journal"
    while kills < 100:
        team = started(folder, workers=2, patch=SLOW, **settings)
        singly = draw.randrange(12)  # of single workers, then all of them and the chief
        for number in range(singly + 1):
            size = journal.stat().st_size if journal.exists() else 0
            wait_for(lambda size=size: journal.exists() and journal.stat().st_size > size, team)
            time.sleep(draw.uniform(0, 1.5))
            if number < singly:
                wait_for(lambda team=team: processes_of(team), team)
                with contextlib.suppress(ProcessLookupError):  # it has just come to its end
                    os.kill(draw.choice(processes_of(team)), signal.SIGKILL)
            else:
                os.killpg(team.pid, signal.SIGKILL)
                team.wait()
                at_trials += at_a_trial(folder)
            kills += 1
        at_trials += printed(folder).read_text().count("was killed by signal 9 during trial")
    assert not board.exists()  # the search was not at its end
    assert started(folder, workers=2, **settings).wait() == 0
    assert results(folder) == results(tmp_path / "alone")
    assert at_trials > 50
    record_property("points", kills)
    record_property("said", f"{at_trials} of them during a trial")
