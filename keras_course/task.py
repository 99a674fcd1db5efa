"""A task other than classification, from the training to the test: what all of them have in common.

A run folder of a task is like that of `training.fit`; its `metrics.json` has the test result too,
as such a task is tested at once.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras

from keras_course import (
    devices,
    files,
    folders,
    integrity,
    lock,
    runs,
    schedules,
    timing,
)
from keras_course.errors import UserError, unknown
from keras_course.loop import Loop
from keras_course.rates import EndInTime, FollowRates
from keras_course.recipes import Recipe
from keras_course.records import seconds_of_saving

SCHEDULES = ("constant", "cosine", "triangular")


def check(chosen) -> None:
    """Raise a `UserError` for what no training of a task can be: the fields that its dataclass
    shares with `Recipe` have the same ranges, and no schedule has a decay or watches a metric."""
    shared = {field.name for field in dataclasses.fields(Recipe)} - {"model"}
    mine = {field.name for field in dataclasses.fields(chosen)}
    if chosen.schedule not in SCHEDULES:
        raise unknown("schedule", chosen.schedule, SCHEDULES)
    Recipe(**{name: getattr(chosen, name) for name in shared & mine})


class Material(NamedTuple):
    """What a task is trained with.

    batches: returns the endless batches from that epoch on, counted from 0. validation: batches.
    images: how many there are to train with; test_images: how many to test. measuring: callbacks
    that take the place of Keras' own validation.
    """

    model: keras.Model
    batches: Callable
    validation: object
    steps_per_epoch: int
    images: int
    test_images: int
    measuring: Sequence[keras.callbacks.Callback] = ()


def run(
    chosen,
    folder: str | Path,
    *,
    name: str,
    dataset: str,
    material: Callable,
    test: Callable,
    monitor: str,
    afterwards: float,
    minutes: float | None = None,
) -> dict:
    """Train, test once, write the folder, and return what metrics.json holds.

    chosen: a dataclass of all that changes the result, with `epochs`, `precision`, `schedule` and
    `learning_rate`. material: returns the `Material` for it and a precision. test: a function of
    the network, the folder and the metrics so far that opens the test set. afterwards: seconds for
    what comes behind the test. minutes: choose the number of epochs so that all of this takes so
    long.

    What was finished in the folder is returned as it is, what was cut off goes on. Errors:
    UserError for a folder that holds anything else; `guards.Diverged` when the loss is not
    finite any more.
    """
    folder = folders.claim(folder, chosen, ("epochs",) if minutes else ())
    with lock.alone(folder), files.telling_when_full(folder):
        if done := runs.tested(folder):
            return done
        precision = devices.choose_precision(chosen.precision)
        loop = Loop(folder, monitor, precision, shown=monitor.removeprefix("val_"))
        if loop.state:
            chosen, minutes = type(chosen)(**loop.state.recipe), None
        about = {"model": name, "dataset": dataset}
        metrics = _train(chosen, loop, folder, about, material, afterwards, minutes)
        network = runs.best_network(folder)
        metrics["test_set_opened"] += 1
        integrity.write_sealed(folder / "metrics.json", metrics)
        metrics["test"] = test(network, folder, metrics)
        metrics["seconds"] = loop.seconds()
        integrity.write_sealed(folder / "metrics.json", metrics)
        return metrics


def _train(chosen, loop, folder, about, material, afterwards, minutes):
    """Train, and return the metrics, which are written however it ends."""
    given = material(chosen, loop.precision)
    steps = given.steps_per_epoch
    if steps < 1:
        raise UserError(
            f"batch_size {chosen.batch_size} is more than the {given.images} training images. "
            "Choose a smaller one."
        )
    epoch = loop.epoch_seconds
    epoch = epoch or timing.measure_epoch(given.model, given.batches(), steps, given.validation)
    if minutes is not None:
        # To look at an image costs a third of learning from it.
        testing = epoch * given.test_images / given.images / 3
        spent = loop.seconds() + testing + afterwards
        saving = seconds_of_saving(given.model, folder)
        epochs = timing.epochs_within(60 * minutes, epoch, spent, saving)
        chosen = dataclasses.replace(chosen, epochs=epochs)
    recipe = dataclasses.asdict(chosen)
    files.write_json(folder / "recipe.json", recipe)
    left = loop.left(chosen.epochs)
    print(
        f"Training {about['model']} with {about['dataset']}, {devices.describe()}, "
        f"{loop.precision}: {left} epochs of about {timing.duration(epoch)} each, "
        f"{timing.duration(left * epoch)} in all. Press Ctrl-C to stop and keep the best epoch.",
        flush=True,
    )
    rates = schedules.rates(
        chosen.schedule, chosen.learning_rate, decay=0, steps_per_epoch=steps, epochs=chosen.epochs
    )
    follow = FollowRates(rates)
    others = [follow]
    if minutes is not None:
        deadline = loop.began + 60 * minutes - testing - afterwards
        others.append(EndInTime(deadline, follow))
    metrics = {**about, "recipe": recipe}
    try:
        loop.fit(
            given.model,
            given.batches,
            None if given.measuring else given.validation,
            recipe=recipe,
            steps_per_epoch=steps,
            epochs=chosen.epochs,
            measuring=given.measuring,
            others=others,
        )
    finally:
        metrics |= loop.record(given.model)
        integrity.write_sealed(folder / "metrics.json", metrics)
    return metrics
