"""Milliseconds of a training step on random images: by itself, and as `fit` takes it.

By itself: the same batch again and again, nobody waits for the loss; the share of the peak is that
of this one. As `fit` takes it: with augmentation, a rate for each step and a look at each loss,
small ones several in a call.
"""

import functools
import itertools
import re
import time

from benchmarks.gpu import recipes
from benchmarks.gpu.noise import noise
from benchmarks.step import Stopwatch
from keras_course import architecture, devices, step, training
from keras_course.guards import EndOnInterrupt, StopWhenNotFinite
from keras_course.rates import FollowRates
from keras_course.recipes import Recipe

NETWORKS = {  # by the pixels of the images; the batch
    32: (tuple(recipes.NETWORKS), 512),
    224: (("alexnet", "vgg16", "googlenet", "resnet50", "densenet121"), 128),
}
# Products and sums a second of dense matrices of half precision, as the vendor says.
PEAK = {
    "H200 NVL": 835e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "L4": 121e12,
    "V100": 125e12,
    "T4": 65e12,
}
TIMED = 2  # seconds of steps, at least

HEAD = (
    "| network | a step by itself | share of the peak | as `fit` takes it | in a call "
    "| images per second | precision |"
)


def cells(case):
    share = case["share of the peak"]
    return (
        f"{case['alone']:.1f} ms | {'' if share is None else f'{share:.0%}'} "
        f"| {case['milliseconds']:.1f} ms | {case['steps in a call']:g} "
        f"| {case['images a second']:,.0f} | {case['precision']}"
    )


def minutes(asked):
    return 2


def parts(asked):
    cases = NETWORKS if not asked.short else {32: (("simple_cnn",), 16)}
    return {
        f"{name}, {pixels}x{pixels}, batch {batch}": functools.partial(_step, name, pixels, batch)
        for pixels, (names, batch) in cases.items()
        for name in names
    }


def _step(name, pixels, batch):
    recipe = Recipe(model=name, batch_size=batch, learning_rate=1e-4)
    model, batches, result = as_fit_takes_it(recipe, noise(32 * batch, pixels))
    alone = _by_itself(model, next(iter(batches)))
    flops = 6 * architecture.total(architecture.rows(model)).multiply_adds * batch  # and back
    peak = peak_of(devices.describe())
    return {
        "alone": 1000 * alone,
        **result,
        "images a second": 1000 * batch / result["milliseconds"],
        "share of the peak": flops / alone / peak if peak else None,
        "precision": devices.choose_precision(recipe.precision),
    }


def peak_of(device):
    """Return the peak of a device by its name, None where it is not known."""
    return next((peak for kind, peak in PEAK.items() if re.search(rf"\b{kind}\b", device)), None)


def as_fit_takes_it(recipe, splits):
    """Return the network, its batches, and the milliseconds of a step in `training.fit`."""
    model = training.build(recipe, splits)
    batches, steps_per_epoch = training.batches(recipe, splits)
    total = architecture.total(architecture.rows(model))
    multiply_adds = total.multiply_adds * recipe.batch_size
    step.take_together(model, multiply_adds, steps_per_epoch, recipe.batch_size)
    each_step = (
        step.EndWithEpoch,
        StopWhenNotFinite,
        EndOnInterrupt,
        functools.partial(FollowRates, [recipe.learning_rate]),
    )
    together = model.steps_per_execution
    seconds = seconds_of_one(Stopwatch(model, batches, each_step), together)
    return model, batches, {"milliseconds": 1000 * seconds, "steps in a call": together}


def _by_itself(model, batch):
    """Return the seconds of a step of the network, whose variables are used up."""
    import jax

    model.train_function.steps = 1
    again = itertools.repeat(batch)
    state = tuple(
        [variable.value for variable in group]
        for group in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    )

    def run(steps):
        nonlocal state
        began = time.perf_counter()
        for _ in range(steps):
            _, state = model.train_function(state, again)
        jax.block_until_ready(state)
        return time.perf_counter() - began

    return seconds_of_one(run)


def seconds_of_one(run, together=1):
    """Return the seconds of a step; run: takes so many, a multiple of `together`, in seconds."""
    run(together)  # compiles
    steps = together
    while (seconds := run(steps)) < TIMED:
        steps *= 2
    return seconds / steps
