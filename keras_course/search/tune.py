"""The search for the learning rate of a recipe, by KerasTuner, within the band of a range test.

Each trial is the beginning of the run that the recipe would make: the weights, batches and
augmentation of its seed, with one rate, from which it falls to zero. The trials differ in the rate
alone, unless asked otherwise. Validation images choose; the test images are not looked at.

What it leaves in its folder:

    range_test.json, range_test.png    unless a band was given
    search/search.json                 what the search is of: only the same one continues it
    search/leaderboard.json            see leaderboard.py
    search/search.png, curves.png      score against rate; the losses of all trials
    search/tuner/                      KerasTuner's project: a journal, and a folder for each trial

The search can be ended at any moment, by Ctrl-C, SIGTERM, SIGKILL or a loss of power: the same call
goes on with the trial that it was at, to the result of a search that was never ended.
"""

import contextlib
import functools
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import keras
import keras_tuner as kt

from keras_course import (
    data,
    devices,
    files,
    folders,
    integrity,
    lock,
    out_of_memory,
    plots,
    schedules,
    training,
    variables,
)
from keras_course.data.splits import Split, Splits, stratified
from keras_course.errors import Failure, UserError
from keras_course.recipes import Recipe
from keras_course.search import fingerprint, oracles, pictures, range_test
from keras_course.search import workers as team
from keras_course.search.leaderboard import Search
from keras_course.search.narrator import Narrator
from keras_course.search.one_model import OneModel, Trainer
from keras_course.search.tuner import MEMORY_FULL

WIDE = (1e-3, 1.0)  # where the loss stayed near its start in the range test


class AllDiverged(Failure):
    """No rate of the band gave a finite loss to the end of its trial."""

    exit_code = 3

    def __init__(self, band: tuple[float, float]):
        low, high = band
        super().__init__(
            f"All trials diverged: every learning rate tried between {low:.2g} and {high:.2g} is "
            f"too large. Search among lower ones, in another folder: `keras-course tune --band "
            f"{low / 100:.1g} {low:.1g}`."
        )


class NoneFinished(Failure):
    """No trial came to its end, some or all for reasons other than their rate."""


def tune(
    recipe: Recipe,
    folder: str | Path,
    *,
    search: str = "climb",
    trials: int = 4,
    steps: int | None = None,
    validation_images: int | None = None,
    band: tuple[float, float] | None = None,
    range_test_steps: int | None = None,
    paired: bool = True,
    trial_seconds: float | None = None,
    workers: int | None = None,
    parallel_rates: int | None = None,
    splits: Splits | None = None,
    model: keras.Model | None = None,
) -> Search:
    """Search the learning rate with the best score on the validation images.

    search: "climb", "random", "grid", "hyperband" or "bayesian". trials: how many; for hyperband
    how many rates, rounded up to 5, 17, 49 ... steps: of a trial (left out: one epoch; hyperband
    ends most trials earlier). validation_images: how many judge a trial (left out: all). band:
    lowest and highest rate; left out, a range test finds it, of `range_test_steps` steps (left out:
    a third of a trial's), or it is `WIDE`, and climb goes up to a decade beyond. paired: the same
    weights and batches for each rate; False: others for each trial. trial_seconds: the limit after
    which a trial counts as failed. workers: processes that share the trials, see workers.py; left
    out, this one does it all. parallel_rates: how many trials are trained in one program, on JAX,
    see side_by_side.py; left out, one after the other. splits, model: what `data.load` and
    `training.build` return for this recipe, where they are there already; the model gets its first
    values back.

    A search of the same recipe, data and settings in `folder` is continued, or returned if it is
    finished. Errors: UserError for anything impossible, or another search in the folder;
    `AllDiverged`, `OutOfMemory` and `NoneFinished`, after everything is written.
    """
    _check(trials, steps, validation_images, band)
    team.check(search, workers)
    if workers is not None:
        team.shares(workers, team.cores(), [])  # or say that there are too few cores
    if parallel_rates is not None:
        _check_side_by_side(parallel_rates, search, paired, trial_seconds, workers)
    folder, given_splits = Path(folder), splits
    splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    _, steps_per_epoch = training.batches(recipe, splits)
    steps = steps or steps_per_epoch
    range_test_steps = range_test_steps or min(max(steps // 3, 20), 100)
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
        paired=paired,
    )
    fingerprint.check(folder / "search" / "search.json", identity)  # or say what differs
    folders.mark(folder, recipe)
    with lock.alone(folder), files.telling_when_full(folder):
        return _tune(
            recipe,
            folder,
            oracle,
            identity,
            splits,
            chosen,
            model=model,
            band=band,
            range_test_steps=range_test_steps,
            trial_seconds=trial_seconds,
            workers=workers,
            parallel_rates=parallel_rates,
            given_splits=given_splits,
            validation_images=validation_images,
        )


def _tune(
    recipe,
    folder,
    oracle,
    identity,
    splits,
    chosen,
    *,
    model,
    band,
    range_test_steps,
    trial_seconds,
    workers,
    parallel_rates,
    given_splits,
    validation_images,
):
    project = folder / "search"
    if project.exists():
        files.remove_unfinished(project)
    known = fingerprint.check(project / "search.json", identity)
    if known and (project / "leaderboard.json").exists():
        with contextlib.suppress(UserError):  # damaged: it is written anew
            return _unless_none_finished(Search.load(project), recipe, splits, model)
    model = model or training.build(recipe, splits)
    first, train = variables.read(model), training.batches(recipe, splits)[0]
    if not known:
        known = {
            **identity,
            **_find_band(recipe, model, train, band, range_test_steps, folder),
            "direction": oracle.objective.direction,
            "classes": len(splits.class_names),
            "device": devices.describe(min(workers or 1, max(1, len(devices.gpus())))),
            # As asked for; a few more or less are chosen, each class in its share.
            "judges": validation_images,
        }
        project.mkdir(exist_ok=True)
    fingerprint.write(project / "search.json", known)

    kind = Narrator
    if parallel_rates:
        from keras_course.search.side_by_side import SideBySide  # which needs JAX

        kind = functools.partial(SideBySide, at_once=parallel_rates)
    tuner = _tuner(kind, oracle, known, recipe, splits, chosen, model, project, trial_seconds)
    if identity["search"] == "bayesian" and (team.is_chief() or (workers or 1) > 1):
        print("What it tries depends on the order in which trials end, which the journal records.")
    tuner.begin(recipe.monitor, identity["search"], identity["trials"], tuner.hypermodel.steps)
    try:
        if team.is_chief():
            team.serve_others(tuner)
        elif workers is None:
            tuner.search(verbose=0)
        else:
            images = given_splits and tuple(map(tuple, given_splits))  # plain values
            values = (asdict(recipe), str(folder.resolve()), images, trial_seconds)
            team.serve(tuner, values, workers)
    except KeyboardInterrupt:
        tuner.tell_so_far()
        raise
    finally:
        tuner.bar.close()
    variables.write(model, first)
    found = Search.so_far(project)
    draw(found)
    integrity.write_sealed(project / "leaderboard.json", found.leaderboard)  # last: all is done
    return _unless_none_finished(found, recipe, splits, model)


def work(recipe: dict, folder: str, images: tuple | None, trial_seconds: float | None) -> None:
    """Do a worker's part of the search in this folder, see workers.py.

    images: the splits as plain values, where the recipe's data set is not to be loaded.
    """
    recipe, project = Recipe(**recipe), Path(folder, "search")
    with files.telling_when_full(project):
        _work(recipe, project, images, trial_seconds)


def _work(recipe, project, images, trial_seconds):
    while not (project / "search.json").exists():
        time.sleep(1)  # the chief, on another node, is at its range test
    if images:
        splits = Splits(*(Split(*part) for part in images[:3]), images[3])
    else:
        splits = data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    known = fingerprint.read(project / "search.json")
    # Another node may have other images, packages or GPUs.
    here = fingerprint.fingerprint(recipe, splits, known["precision"])
    fingerprint.check(project / "search.json", here)
    objective = kt.Objective(recipe.monitor, known["direction"])
    oracle = oracles.oracle(known["search"], known["trials"], objective, recipe.seed)
    chosen = _some(splits.validation, known["judges"], recipe.seed)
    model = training.build(recipe, splits, known["precision"])
    tuner = _tuner(Trainer, oracle, known, recipe, splits, chosen, model, project, trial_seconds)
    team.patient(tuner)
    team.ends_itself(tuner)
    tuner.search(verbose=0)


def _tuner(kind, oracle, known, recipe, splits, chosen, model, project, trial_seconds):
    """Return the tuner of the search that `known` describes; the model has its first values."""
    first, train = variables.read(model), training.batches(recipe, splits)[0]

    @functools.lru_cache(maxsize=1)  # of one trial; paired ones share it
    def beginning(seed):
        """Return the first values and the batches of a trial with this seed."""
        if seed == recipe.seed:
            return first, train
        other = replace(recipe, seed=seed)
        built = training.build(other, splits, known["precision"])
        return variables.read(built), training.batches(other, splits)[0]

    low, high = known["searched band"]
    if known["search"] == "climb" and isinstance(known["band"], str):  # that of a range test
        low, high = low / 10, high * 10
    epochs = getattr(oracle, "max_epochs", 1)  # hyperband divides a trial into this many
    hypermodel = OneModel(
        model,
        (low, high),
        beginning,
        training.evaluation_batches(recipe, chosen),
        max(1, round(known["steps"] / epochs)),
        recipe.seed,
    )
    return kind(
        oracle,
        hypermodel,
        seed=recipe.seed,
        worst_score=0.0 if known["direction"] == "max" else 3 * math.log(known["classes"]),
        paired=known["paired"],
        trial_seconds=trial_seconds,
        directory=project,
        project_name="tuner",
    )


def draw(found: Search) -> Sequence[Path]:
    """Draw the pictures of a search into its folder; return their paths."""
    board = found.leaderboard
    about = f"{board['model']} on {board['dataset']}, {board['optimizer']}"
    paths = found.folder / "search.png", found.folder / "curves.png"
    plots.save(pictures.search(board, f"{board['search']} search: {about}"), paths[0])
    plots.save(pictures.curves(board, found.histories(), f"The trials: {about}"), paths[1])
    return paths


def _find_band(recipe, model, train, band, steps, folder):
    if band is not None:
        return {"searched band": [float(rate) for rate in band], "seconds of the range test": 0.0}
    first, test = variables.read(model), range_test.RangeTest(steps)
    began = time.perf_counter()
    try:
        found = range_test.measure(recipe, model, train, test, folder).band
    except range_test.NothingFound as error:  # in so few steps; in a whole trial there may be more
        exploded = isinstance(error, range_test.Exploded)
        found = (test.low / 1000, test.low) if exploded else WIDE
        print(f"{error} The search tries {found[0]:g} to {found[1]:g}.", flush=True)
    variables.write(model, first)
    seconds = round(time.perf_counter() - began, 1)
    return {
        "searched band": list(found),
        "seconds of the range test": seconds,
        "steps of the range test": len(test.losses),
    }


def _unless_none_finished(found, recipe, splits, model):
    if found.best_learning_rate is not None:
        return found
    print(found.text(), flush=True)
    trials = found.leaderboard["trials"]
    failed = [trial for trial in trials if trial["status"] == "failed"]
    if not failed:
        rates = [trial["learning_rate"] for trial in trials]
        raise AllDiverged((min(rates), max(rates)))
    if all(trial["reason"] == MEMORY_FULL for trial in trials):
        raise _out_of_memory(recipe, splits, model)
    raise NoneFinished(
        f"No trial finished: {len(failed)} failed, {len(trials) - len(failed)} diverged. The first "
        f"that failed: {min(failed, key=lambda trial: trial['trial'])['reason']}. Fix that, then "
        "search in another folder."
    )


def _out_of_memory(recipe, splits, model):
    """Return the error that names a batch size; the model gets its values back."""
    model = model or training.build(recipe, splits)
    values = variables.read(model)
    error = out_of_memory.with_a_batch_size(model, training.batches(recipe, splits)[0])
    variables.write(model, values)
    return error


def _some(split, count, seed):
    """Return `count` of the images, each class in its share."""
    if count is None or count >= len(split.labels):
        return split
    chosen = stratified(split.labels, count / len(split.labels), seed)[1]
    return Split(split.images[chosen], split.labels[chosen])


def _check_side_by_side(count, search, paired, trial_seconds, workers):
    if count < 1:
        raise UserError(f"parallel_rates must be at least 1, like 16. Received: {count}.")
    if keras.backend.backend() != "jax":
        raise UserError(
            f"--parallel-rates needs JAX, but Keras runs on {keras.backend.backend()}: set the "
            "environment variable KERAS_BACKEND=jax."
        )
    if search in ("climb", "bayesian"):
        raise UserError(
            f"{search} chooses each rate by the results of those before it, so one at a time. "
            "Choose --search grid, random or hyperband, and as many --trials as rates."
        )
    if not paired or trial_seconds or workers:
        raise UserError(
            "Trials in one program share their batches and their time: leave out --unpaired, "
            "--trial-minutes and --workers."
        )


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
