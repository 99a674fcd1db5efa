"""The race: seconds of training after compilation; the test set is opened once per run."""

import functools
import tempfile
from dataclasses import asdict, replace

from benchmarks import cifar10_files
from benchmarks.gpu import recipes
from keras_course import training
from keras_course.recipes import RECIPES

RACE = {  # for 94 % in 10 s of training after compilation, and for 96 % in 60 s
    "cifar10-94, 25 epochs": replace(RECIPES["cifar10-94"], epochs=25),
    "cifar10-94, twice as wide, shift_cutout, 75 epochs": replace(
        RECIPES["cifar10-94"], width_multiplier=2.0, augmentation="shift_cutout", epochs=75
    ),
}

HEAD = "| recipe | seeds | test | range | validation | training | whole run |"


def cells(case):
    return (
        f"{case['seeds']} | {case['test_accuracy']:.2%} | {case['range']} "
        f"| {case['validation_accuracy']:.2%} | {case['training_seconds']:.1f} s "
        f"| {case['seconds']:.1f} s"
    )


def minutes(asked):
    return 3


def parts(asked):
    if asked.short:
        recipe = replace(RECIPES["cifar10-70"], dataset="shapes")
        return {"cifar10-70 on shapes, seed 0": functools.partial(_race, recipe)}
    return {
        f"{name}, seed {seed}": functools.partial(_race, replace(recipe, seed=seed))
        for seed in recipes.SEEDS
        for name, recipe in RACE.items()
    }


def _race(recipe):
    splits = cifar10_files.load(recipe)
    with tempfile.TemporaryDirectory() as folder:
        run = training.test(training.fit(recipe, folder, splits=splits), splits=splits)
    return {
        "test_accuracy": run.metrics["test"]["accuracy"],
        "validation_accuracy": run.metrics["validation"]["accuracy"],
        "training_seconds": sum(row["seconds"] for row in run.history),
        "seconds": run.metrics["seconds"],
        "recipe": asdict(recipe),
    }
