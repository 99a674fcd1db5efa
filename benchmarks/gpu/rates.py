"""Time of a step: one network as `fit` takes it, and copies with as many rates in one program."""

import functools
import itertools
import time

import numpy as np

from benchmarks import cifar10_files
from benchmarks.gpu.steps import as_fit_takes_it, seconds_of_one
from keras_course import training, variables
from keras_course.recipes import Recipe

AT_ONCE = 32

HEAD = "| copies | time per step of all copies |"


def cells(case):
    return f"{case['milliseconds']:.1f} ms"


def minutes(asked):
    return 1


def parts(asked):
    name, count = ("simple_cnn", 4) if asked.short else ("resnet20", AT_ONCE)
    copies = {f"{name}, {n} at once": functools.partial(_rates, name, n) for n in (1, count)}
    return {f"{name}, by fit": functools.partial(_rate, name), **copies}


def _rate(name):
    recipe = Recipe(model=name)
    *_, result = as_fit_takes_it(recipe, cifar10_files.load(recipe))
    return result


def _rates(name, count):
    import jax

    from keras_course.search.copies import Copies

    recipe = Recipe(model=name)
    splits = cifar10_files.load(recipe)
    model = training.build(recipe, splits)
    batches, _ = training.batches(recipe, splits)
    copies = Copies(model)
    copies.begin([variables.read(model)] * count)
    learning_rates = np.geomspace(1e-4, 1e-2, count)[:, None]

    def run(steps):
        began = time.perf_counter()
        some = itertools.islice(batches, steps)
        copies.train(some, np.repeat(learning_rates, steps, axis=1))
        jax.block_until_ready(copies.state)
        return time.perf_counter() - began

    return {"milliseconds": 1000 * seconds_of_one(run)}
