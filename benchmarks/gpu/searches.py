"""Searches for the learning rate of each network, all rates at once.

The score is that of the validation images after an epoch in which the rate falls to zero.
"""

import functools
import tempfile

from benchmarks import cifar10_files
from benchmarks.gpu import recipes
from keras_course.search.tune import tune

AT_ONCE = 32

HEAD = "| network | best rate | rates tried | validation | diverged | time |"


def cells(case):
    return (
        f"{case['learning_rate']:.2g} | {case['rates']:g} | {case['validation_accuracy']:.1%} "
        f"| {case['diverged']:g} | {case['seconds']:.0f} s"
    )


def minutes(asked):
    return 4


def parts(asked):
    networks, count = (recipes.SHORT, 4) if asked.short else (recipes.NETWORKS, AT_ONCE)
    return {name: functools.partial(_search, recipe, count) for name, recipe in networks.items()}


def _search(recipe, count):
    settings = {"search": "grid", "trials": count, "band": (1e-3, 3.0), "parallel_rates": count}
    with tempfile.TemporaryDirectory() as folder:
        splits = cifar10_files.load(recipe)
        board = tune(recipe, folder, splits=splits, **settings).leaderboard
    return {
        "learning_rate": board["best_learning_rate"],
        "validation_accuracy": board["trials"][0]["score"],
        "diverged": sum(trial["status"] == "diverged" for trial in board["trials"]),
        "rates": count,
        "seconds": board["seconds"],
    }
