"""Training runs of a benchmark, each in a process of its own and written down when it has ended.

A result holds everything to judge it by: recipe, seed, accuracies, times, peak memory, processor,
cores, versions, date. A run counts as there when its recipe is the wanted one.
"""

import dataclasses
import datetime
import json
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import machine
from keras_course import files
from keras_course.errors import Failure
from keras_course.recipes import Recipe


def complete(
    results: Path,
    wanted: dict[str, Recipe],
    builds: Mapping[str, Callable] | None = None,
    keep: bool = False,
    anew: bool = False,
    tested: bool = True,
    callbacks: Mapping[str, Callable] | None = None,
) -> None:
    """Train the wanted runs that `results` lacks; the others are thrown away, or `keep`t.

    builds: for some of the names the function (recipe, splits) -> model, at the top of its module,
    that takes the place of `training.build`. anew: train those that are there, too. tested: open
    the test set. callbacks: for some of the names a function that returns what is given to `fit`. A
    run that fails stands in the results with its reason.
    """
    runs = {}
    if results.exists():
        old = json.loads(results.read_text(encoding="utf-8"))["runs"]
        runs = {
            name: run
            for name, run in old.items()
            if Recipe(**run["recipe"]) == wanted.get(name) or (keep and name not in wanted)
        }
    for number, (name, recipe) in enumerate(wanted.items(), start=1):
        if anew or name not in runs:
            print(f"{number} of {len(wanted)}: {name}", flush=True)
            given = (builds or {}).get(name), tested, (callbacks or {}).get(name)
            runs[name] = train(recipe, *given)
            in_order = sorted(runs, key=[*wanted, *runs].index)
            files.write_json(results, {"runs": {key: runs[key] for key in in_order}})


def train(
    recipe: Recipe,
    build: Callable | None = None,
    tested: bool = True,
    callbacks: Callable | None = None,
) -> dict:
    """Train and test one network in a process of its own; return what is worth keeping."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_train, (recipe, build, tested, callbacks))


def _train(recipe, build, tested, callbacks):
    from keras_course import quiet

    quiet.import_keras()
    from keras_course import data, devices, training

    splits = data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    model = build(recipe, splits) if build else None
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = training.fit(
                recipe,
                Path(folder, "run"),
                splits=splits,
                model=model,
                extra_callbacks=callbacks() if callbacks else (),
            )
        except Failure as error:
            return {"failed": str(error), "recipe": dataclasses.asdict(recipe)}
        run = training.test(run, splits=splits) if tested else run
    kept = ("parameters", "epochs", "best_epoch", "seconds", "precision", "device", "versions")
    seconds = [row["seconds"] for row in run.history]
    test = {"test_accuracy": round(run.metrics["test"]["accuracy"], 4)} if tested else {}
    return {
        **test,
        "validation_accuracy": round(run.metrics["validation"]["accuracy"], 4),
        "training_seconds": round(sum(seconds), 1),
        "epoch_seconds": round(statistics.median(seconds), 2),
        "peak_megabytes": devices.peak_megabytes(),
        "date": datetime.date.today().isoformat(),
        **{name: run.metrics[name] for name in kept},
        "recipe": dataclasses.asdict(recipe),
    }


def comparison(
    runs: dict, names: list[str], seeds: Sequence[int], title: str, timed: bool = True
) -> str:
    """Return a Markdown table of variants; the first of them is what the others are compared with.

    Accuracies of the test images in percent. Differences, in points and in time, are taken within
    a seed. timed: with the times of training.
    """
    heads = [title, "seeds", "test, %", "range", "points", "their range"]
    heads += ["training", "time"] * timed + ["epochs"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    said = set()
    for name in names:
        runs_of_it = {seed: runs.get(f"{name}, seed {seed}", {}) for seed in seeds}
        done = {seed: run for seed, run in runs_of_it.items() if "test_accuracy" in run}
        if not done:
            continue
        tests = {seed: 100 * run["test_accuracy"] for seed, run in done.items()}
        first = {seed: runs.get(f"{names[0]}, seed {seed}") for seed in done}
        first = {seed: run for seed, run in first.items() if run and name != names[0]}
        gaps = [tests[seed] - 100 * run["test_accuracy"] for seed, run in first.items()]
        gap = f"{statistics.mean(gaps):+.2f}" if gaps else ""
        gap_range = f"{min(gaps):+.2f} to {max(gaps):+.2f}" if gaps else ""
        ratios = [_quiet_seconds(done[seed]) / _quiet_seconds(run) for seed, run in first.items()]
        longer = f"{100 * statistics.median(ratios) - 100:+.0f}%" if ratios else ""
        seconds = statistics.median(map(_quiet_seconds, done.values()))
        epochs = sorted({run["epochs"] for run in done.values()})
        epochs = " to ".join(map(str, dict.fromkeys((epochs[0], epochs[-1]))))
        times = f"{seconds:.0f} s | {longer} | " if timed else ""
        lines.append(
            f"| {name} | {len(done)} | {statistics.mean(tests.values()):.2f} "
            f"| {min(tests.values()):.2f} to {max(tests.values()):.2f} | {gap} | {gap_range} "
            f"| {times}{epochs} |"
        )
        said |= {machine.said(run) for run in done.values()}
    times = "Training: epochs times the median epoch, medians over the seeds. " if timed else ""
    return "\n".join([*lines, "", f"{times}{'; '.join(sorted(said))}."])


def _quiet_seconds(run):
    """What other work on the machine made slow for less than half of the epochs does not count."""
    return run["epochs"] * run["epoch_seconds"]
