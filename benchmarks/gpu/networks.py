"""Each network at its best within some minutes, with the learning rate that its search found."""

import functools
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import cifar10_files
from benchmarks.gpu import recipes
from keras_course import compare
from keras_course.errors import Failure

HEAD = "| network | rate | seeds | test | range | validation | epochs | seconds |"


def cells(case):
    return (
        f"{case['recipe']['learning_rate']:.2g} | {case['seeds']} | {case['test_accuracy']:.2%} "
        f"| {case['range']} | {case['validation_accuracy']:.2%} | {case['epochs']:g} "
        f"| {case['seconds']:.0f} s"
    )


def minutes(asked):
    return asked.minutes + 1  # for compiling and the test


def parts(asked):
    networks = recipes.SHORT if asked.short else recipes.NETWORKS
    return {
        f"{name}, {asked.minutes:g} min, seed {seed}": functools.partial(
            _network, replace(recipe, seed=seed), asked.searches.get(name, {}), asked.minutes
        )
        for seed in (recipes.SEEDS[:1] if asked.short else recipes.SEEDS)
        for name, recipe in networks.items()
    }


def _network(recipe, search, minutes):
    if "learning_rate" not in search:
        raise Failure("its search found no learning rate")
    recipe = replace(recipe, learning_rate=search["learning_rate"])
    with tempfile.TemporaryDirectory() as folder:
        splits = cifar10_files.load(recipe)
        return compare.train(recipe, Path(folder, "run"), minutes, splits)
