"""The main job: search a learning rate, train, test once, export, report.

All of it goes into one run folder, so that the folder alone can be handed in. The network is built
and compiled once: the search puts its first weights back before the training.
"""

import dataclasses
import textwrap
import time
from pathlib import Path

import keras

from keras_course import data, files, folders, integrity, lock, runs, timing, training
from keras_course.errors import UserError
from keras_course.export import Exported, export
from keras_course.recipes import Recipe
from keras_course.report import report
from keras_course.runs import Run
from keras_course.search.leaderboard import Search
from keras_course.search.tune import tune

AFTERWARDS = 12  # seconds for export and report; the test images come on top


def run(
    recipe: Recipe,
    folder: str | Path,
    *,
    minutes: float | None = None,
    search: str = "climb",
    trials: int = 4,
) -> Run:
    """Do the whole job and return the run; `minutes` bounds all of it.

    The search, the training and the test that a folder holds are not done again; the export and the
    report are made of them anew.
    """
    began = time.perf_counter()
    chosen = ("learning_rate", "epochs") if minutes else ("learning_rate",)
    folder = folders.claim(folder, recipe, chosen)
    with lock.alone(folder):
        return _run(recipe, folder, minutes, search, trials, began)


def _run(recipe, folder, minutes, search, trials, began):
    splits = data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    if runs.is_finished(folder):
        print(f"{folder} holds the finished run of this recipe; it is not trained again.")
    else:
        model = training.build(recipe, splits)
        train, steps_per_epoch = training.batches(recipe, splits)
        validation = training.evaluation_batches(recipe, splits.validation)
        epoch = timing.measure_epoch(model, train, steps_per_epoch, validation)
        sizes = {}
        if minutes is not None:
            if not (folder / "last.npz").exists():  # then its number of epochs is chosen already
                timing.epochs_within(60 * minutes, epoch)  # or say now that not even one fits
            folders.mark(folder, recipe)
            sizes = _search_sizes(folder, minutes * 60, epoch / steps_per_epoch, trials)
        found = tune(
            recipe, folder, search=search, trials=trials, splits=splits, model=model, **sizes
        )
        print(found.text(), flush=True)
        recipe = dataclasses.replace(recipe, learning_rate=found.best_learning_rate)
        files.write_text(folder / "recipe.json", recipe.to_json())
        # Measured anew: with the steps of a call that the training will take, and the machine may
        # have been slower, or faster, before the search.
        training.take_steps(recipe, model, steps_per_epoch)
        epoch = timing.measure_epoch(model, train, steps_per_epoch, validation)
        if minutes is not None:
            # To look at an image costs a third of learning from it.
            views = (1 + recipe.mirrored) * (3 if recipe.shifted else 1)
            testing = views * epoch * len(splits.test.labels) / len(splits.train.labels) / 3
            left = 60 * minutes - (time.perf_counter() - began + testing + AFTERWARDS)
            if left < 1.1 * epoch:
                late = timing.duration(1.1 * epoch - left)
                print(f"Not even one epoch fits: one is trained anyway, {late} over --minutes.")
            minutes = max(left, 1.1 * epoch) / 60
        training.fit(
            recipe, folder, splits=splits, model=model, epoch_seconds=epoch, minutes=minutes
        )
    finished = training.test(Run.load(folder), splits=splits)
    exported = _exported(finished, splits)
    page = report(finished, splits=splits)
    print(summary(finished, exported, page, time.perf_counter() - began))
    return finished


def _exported(run, splits):
    """Return the SavedModel; where Keras runs on JAX the `.keras` file, or why there is none."""
    if keras.backend.backend() == "tensorflow":
        return export(run, splits=splits)
    try:
        return export(run, "keras", splits=splits)
    except UserError as error:  # this package's own layers cannot be in one
        return f"none: {error}"


def _search_sizes(folder, seconds, step, trials):
    """Return the sizes of a search that takes a tenth of the seconds, or 30 s where they are few.

    They depend on how fast a step is just now, so they are kept: a search that is taken up again
    must have the same ones.
    """
    path = folder / "search_sizes.json"
    if sizes := integrity.intact(path):
        return sizes
    # The range test costs as much as a trial, and judging a trial a fifth of it.
    steps = max(seconds / 10, min(30, seconds / 4)) / step / (1 + 1.2 * trials)
    steps = min(max(int(round(steps, -1)), 10), 1000)  # tens: equal on machines of similar speed
    sizes = {
        "steps": steps,
        "range_test_steps": min(max(steps, 40), 100),
        "validation_images": 1000,
    }
    integrity.write_sealed(path, sizes)
    return sizes


def _origin(run):
    """Say where the learning rate comes from: `train` may have been here before this job."""
    try:
        searched = Search.load(run.folder / "search").best_learning_rate
    except UserError:
        searched = None
    found = run.recipe.learning_rate == searched
    return "the best of the search" if found else "given to an earlier training in this folder"


def summary(run: Run, exported: Exported | str, page: Path, seconds: float) -> str:
    """Return the result of the job in words, each number beside what it was measured on."""
    metrics = run.metrics
    validation, test = metrics["validation"], metrics["test"]
    epochs = f"epoch {metrics['best_epoch']} of {metrics['epochs']}"
    training_time = timing.duration(metrics["seconds"])
    opened = runs.times_opened(metrics)
    model = textwrap.fill(
        str(exported),
        width=96,
        initial_indent="  model          ",
        subsequent_indent=" " * 17,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"""
{run.recipe.model} on {run.recipe.dataset}, {metrics["device"]}, {metrics["precision"]}
  learning rate  {run.recipe.learning_rate:.2g}, {_origin(run)}
  validation     {validation["accuracy"]:.1%} at {epochs}
  test           {test["accuracy"]:.1%} of {test["images"]:,} images, opened {opened}
  time           {timing.duration(seconds)}, of which training {training_time}
{model}
  report         {page}"""
