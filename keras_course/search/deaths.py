"""A trial that takes its process along: when it is not tried once more.

The journal of a search says which trials began, were left (by Ctrl-C) and ended. One that begins
again and was neither left nor ended has taken its process along, for memory or for whatever reason.
"""

import itertools

from keras_course.search import memory_kills

FOR_MEMORY = 2  # ends of the process in one trial, while Linux killed processes for memory
OF_ANY_KIND = 20


def beginning(trial_id: str) -> dict:
    """Return the event that says that a trial begins now."""
    return {
        "event": "begin",
        "trial": trial_id,
        "since": memory_kills.since(),
        "kills": memory_kills.count(),
    }


def too_many(events: list[dict], now: dict, for_memory: int = FOR_MEMORY) -> str | None:
    """Return in words why a trial that begins `now` has to be given up, or None.

    events: of the journal so far. now: as `beginning` makes it. for_memory: so many times that the
    memory was full are too many.
    """
    full, ends = of_memory(events, now), len(_ends(events, now))
    if full >= for_memory:
        return f"its process ended {full} times: the memory was full"
    if ends >= OF_ANY_KIND:
        return f"its process ended {ends} times"
    return None


def of_memory(events: list[dict], now: dict) -> int:
    """Return how often the process ended at the trial while Linux killed processes for memory."""
    return sum(
        one["since"] == other["since"] and (one["kills"] or 0) < (other["kills"] or 0)
        for one, other in _ends(events, now)
    )


def _ends(events, now):
    """Return the beginnings between which the trial took its process along."""
    of_trial = [event for event in events if event.get("trial") == now["trial"]]
    return [
        (one, other)
        for one, other in itertools.pairwise([*of_trial, now])
        if one["event"] == other["event"] == "begin"
    ]
