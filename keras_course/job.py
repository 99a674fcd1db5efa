"""The main job: search a learning rate, train, test once, export, report.

All of it goes into one run folder, so that the folder alone can be handed in.
"""

import dataclasses
import time
from pathlib import Path

from keras_course import data, runs, search, timing, training
from keras_course.export import export
from keras_course.recipes import Recipe
from keras_course.report import report
from keras_course.runs import Run

AFTERWARDS = 25  # seconds kept of --minutes for the test set, the export and the report
SEARCH_SHARE = 0.2  # of the minutes, at most


def run(
    recipe: Recipe,
    folder: str | Path,
    *,
    minutes: float | None = None,
    kind: str = "random",
    trials: int = 4,
) -> Run:
    """Do the whole job and return the run; `minutes` bounds all of it."""
    began = time.perf_counter()
    folder = runs.claim(folder, recipe, chosen=("learning_rate", "epochs"))
    splits = data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    if not runs.is_finished(folder):
        result = search.tune(recipe, folder, search=kind, trials=trials, splits=splits)
        recipe = dataclasses.replace(recipe, learning_rate=result.best_learning_rate)
        if minutes is not None:
            minutes -= (time.perf_counter() - began + AFTERWARDS) / 60
        training.fit(recipe, folder, splits=splits, minutes=minutes)
    finished = training.test(Run.load(folder), splits=splits)
    exported = export(finished, splits=splits)
    finished = finished.write_metrics(job_seconds=round(time.perf_counter() - began, 1))
    page = report(finished, splits=splits)
    print(summary(finished, exported, page, time.perf_counter() - began))
    return finished


def summary(run: Run, exported, page: Path, seconds: float) -> str:
    """Return the result of the job in words, each number beside what it was measured on."""
    metrics = run.metrics
    validation, test = metrics["validation"], metrics["test"]
    return "\n".join(
        [
            "",
            f"{run.recipe.model} on {run.recipe.dataset}, {metrics['device']}, "
            f"{metrics['precision']}, {timing.duration(seconds)} in all",
            f"  learning rate  {run.recipe.learning_rate:.2g}",
            f"  validation     {validation['accuracy']:.1%}, the best of {metrics['epochs']} "
            f"epochs (epoch {metrics['best_epoch']})",
            f"  test           {test['accuracy']:.1%} of {test['images']:,} images, opened "
            f"{'once' if metrics['test_set_opened'] == 1 else 'more than once'}",
            f"  SavedModel     {exported.path}, largest difference {exported.difference:.1e}",
            f"  report         {page}",
        ]
    )
