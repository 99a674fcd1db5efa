"""The search for the learning rate of a recipe, by KerasTuner, within the band of a range test.

Each trial is the beginning of the run that the recipe would make: the weights, batches and
augmentation of its seed, with one rate, from which it falls to zero. The trials differ in the rate
alone. Validation images choose; the test images are not looked at.

What it leaves in its folder:

    range_test.json, range_test.png    unless a band was given
    search/search.json                 what the search is of: only the same one continues it
    search/leaderboard.json            see leaderboard.py
    search/search.png                  score against rate
    search/tuner/                      KerasTuner's project, one folder a trial with its history
"""

import contextlib
import math
import time
from pathlib import Path

import keras
import keras_tuner as kt

from keras_course import data, devices, files, plots, runs, schedules, timing, training, variables
from keras_course.data import pipeline
from keras_course.data.splits import Split, Splits, stratified
from keras_course.errors import Failure, UserError
from keras_course.recipes import Recipe
from keras_course.search import (
    fingerprint,
    leaderboard,
    oracles,
    pictures,
    progress,
    range_test,
)
from keras_course.search.leaderboard import Search
from keras_course.search.one_model import OneModel
from keras_course.search.tuner import PairedTuner


class AllDiverged(Failure):
    """No rate of the band gave a finite loss to the end of its trial."""

    def __init__(self, band: tuple[float, float]):
        low, high = band
        super().__init__(
            f"All trials diverged: every learning rate tried between {low:.2g} and {high:.2g} is "
            f"too large. Search between {low / 100:.1g} and {low:.1g}."
        )


def tune(
    recipe: Recipe,
    folder: str | Path,
    *,
    search: str = "grid",
    trials: int = 4,
    steps: int | None = None,
    validation_images: int | None = None,
    band: tuple[float, float] | None = None,
    range_test_steps: int = 100,
    splits: Splits | None = None,
    model: keras.Model | None = None,
) -> Search:
    """Search the learning rate with the best score on the validation images.

    search: "random", "grid", "hyperband" or "bayesian". trials: how many; for hyperband how many
    rates, rounded up to 5, 17, 49 ... steps: of a trial (left out: one epoch; hyperband ends most
    trials earlier). validation_images: how many judge a trial (left out: all). band: lowest and
    highest rate; left out, a range test of `range_test_steps` steps finds it. splits, model: what
    `data.load` and `training.build` return for this recipe, where they are there already; the model
    gets its first values back.

    A search of the same recipe, data and settings in `folder` is continued, or returned if it is
    finished. Errors: UserError for anything impossible, or another search in the folder;
    `AllDiverged`, after everything is written.
    """
    _check(trials, steps, validation_images, band)
    folder = Path(folder)
    project = folder / "search"
    splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    train, steps_per_epoch = training.batches(recipe, splits)
    steps = steps or steps_per_epoch
    chosen = _some(splits.validation, validation_images, recipe.seed)
    objective = kt.Objective(recipe.monitor, schedules.mode(recipe.monitor))
    oracle = oracles.oracle(search, trials, objective, recipe.seed)
    identity = fingerprint.fingerprint(
        recipe,
        splits,
        devices.choose_precision(recipe.precision),
        search=search,
        trials=trials,
        steps=steps,
        validation_images=len(chosen.labels),
        band=list(map(float, band)) if band else f"of a range test of {range_test_steps} steps",
    )
    runs.mark(folder, recipe)
    known = fingerprint.check(project / "search.json", identity)
    if known and (project / "leaderboard.json").exists():
        return _unless_all_diverged(Search.load(project))

    model = model or training.build(recipe, splits)
    first = variables.read(model)
    if not known:
        known = _find_band(recipe, model, train, band, range_test_steps, folder)
        project.mkdir(exist_ok=True)
        files.write_json(project / "search.json", {**identity, **known})
    epochs = getattr(oracle, "max_epochs", 1)  # hyperband divides a trial into this many
    hypermodel = OneModel(
        model,
        known["searched band"],
        train,
        pipeline.evaluation_batches(*chosen),
        max(1, round(steps / epochs)),
    )
    worst = 0.0 if objective.direction == "max" else 3 * math.log(len(splits.class_names))
    with contextlib.redirect_stdout(None):  # "Reloading Tuner from ..."
        tuner = _Narrator(
            oracle,
            hypermodel,
            seed=recipe.seed,
            worst_score=worst,
            directory=project,
            project_name="tuner",
        )
    tuner.narrate(recipe, search, trials)
    variables.write(model, first)
    board = {
        "dataset": recipe.dataset,
        "model": recipe.model,
        "search": search,
        "device": devices.describe(),
        "precision": identity["precision"],
        "monitor": recipe.monitor,
        "band": known["searched band"],
        "validation_images": len(chosen.labels),
    }
    rows = leaderboard.ranked(tuner.rows(), objective.direction)
    best = rows[0]["learning_rate"] if rows[0]["status"] == "finished" else None
    seconds = known["seconds of the range test"] + sum(row["seconds"] for row in rows)
    board |= {"seconds": round(seconds, 1), "best_learning_rate": best, "trials": rows}
    board["note"] = _too_short(board, len(splits.class_names))
    title = f"{search} search: {recipe.model} on {recipe.dataset}, {recipe.optimizer}"
    plots.save(pictures.search(board, title), project / "search.png")
    files.write_json(project / "leaderboard.json", board)  # last: it says that all is done
    return _unless_all_diverged(Search(project, board))


class _Narrator(PairedTuner):
    """Shows a bar with the time left, and a line a trial, in place of KerasTuner's tables."""

    def narrate(self, recipe, search, trials):
        """Run what is left of the search."""
        if search == "hyperband":
            plan = self.oracle.plan()
            self.number = sum(size for size, _, _ in plan)
            total = sum(size * (last - first) for size, first, last in plan)
        else:
            self.number = total = trials
        self.steps = self.hypermodel.steps
        self.monitor = recipe.monitor
        low, high = self.hypermodel.band
        line = f"Search: {search}, {self.number} trials with learning rates {low:.2g} to {high:.2g}"
        if search == "hyperband":
            line += ", of which the best third of each rung goes on with weights and optimizer"
        print(f"{line}.", flush=True)
        done = sum(self._length(self.oracle.trials[name]) for name in self.oracle.end_order)
        self.bar = progress.bar(total * self.steps, "search", done)
        try:
            self.search(verbose=0)
        finally:
            self.bar.close()

    def _try_build(self, hp):
        return self._build_hypermodel(hp)  # KerasTuner would clear the session of the one model

    def on_trial_begin(self, trial):
        self.goal = self.bar.n + self._length(trial)

    def on_batch_end(self, trial, model, batch, logs=None):
        self.bar.update()

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        self.bar.update(self.goal - self.bar.n)  # a diverged trial is over before its time
        row = self.row(trial)
        result = leaderboard.result({"monitor": self.monitor}, row).strip()
        self.bar.write(
            f"trial {len(self.oracle.end_order):2d}/{self.number}  "
            f"rate {row['learning_rate']:<8.2g}  {row['steps']} steps  {result}  "
            f"{timing.duration(row['seconds'])}"
        )

    def rows(self):
        """Return the trials for the leaderboard, in the order in which they ended."""
        return [self.row(self.oracle.trials[name]) for name in self.oracle.end_order]

    def row(self, trial):
        history = self.history(trial.trial_id)
        metrics = history["executions"][0]["metrics"]
        return {
            "trial": trial.trial_id,
            "learning_rate": trial.hyperparameters.values["learning_rate"],
            "score": float(trial.score),
            "loss": metrics.get("val_loss") if history["status"] == "finished" else None,
            "status": history["status"],
            "steps": history["steps"],
            "seconds": history["seconds"],
        }

    def _length(self, trial):
        values = trial.hyperparameters.values
        return self.steps * (values.get("tuner/epochs", 1) - values.get("tuner/initial_epoch", 0))


def _find_band(recipe, model, train, band, steps, folder):
    if band is not None:
        return {"searched band": [float(rate) for rate in band], "seconds of the range test": 0.0}
    first = variables.read(model)
    began = time.perf_counter()
    found = range_test.measure(recipe, model, train, range_test.RangeTest(steps), folder)
    variables.write(model, first)
    seconds = round(time.perf_counter() - began, 1)
    return {"searched band": list(found.band), "seconds of the range test": seconds}


def _unless_all_diverged(found):
    if found.best_learning_rate is None:
        print(found.text(), flush=True)
        raise AllDiverged(found.leaderboard["band"])
    return found


def _too_short(board, classes):
    """Return a warning if the best accuracy may be chance, two standard errors allowed."""
    chance = 1 / classes
    error = math.sqrt(chance * (1 - chance) / board["validation_images"])
    best = board["trials"][0]
    if board["monitor"] != "val_accuracy" or best["score"] > chance + 2 * error:
        return ""
    return (
        f"No trial did better than chance, {chance:.0%}: {best['steps']} steps are too few to tell "
        "the rates apart. Give the trials more steps, or trust the range test's suggestion."
    )


def _some(split, count, seed):
    """Return `count` of the images, each class in its share."""
    if count is None or count >= len(split.labels):
        return split
    chosen = stratified(split.labels, count / len(split.labels), seed)[1]
    return Split(split.images[chosen], split.labels[chosen])


def _check(trials, steps, validation_images, band):
    counts = {"trials": trials, "steps": steps, "validation_images": validation_images}
    for name, count in counts.items():
        if count is not None and count < 1:
            raise UserError(f"{name} must be at least 1. Received: {count}.")
    if band is not None:
        low, high = band
        if not 0 < low < high <= 10:  # false for NaN, too
            raise UserError(
                "band must be two learning rates, the lower one first, above 0 and at most 10, "
                f"like 1e-4 and 1e-2. Received: {low} and {high}."
            )
