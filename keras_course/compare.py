"""The lecture's networks side by side: how much does each learn in the same minutes?

Each trains by its own recipe in `NETWORKS`, over several seeds, in a width of which some epochs fit
into ten minutes on two cores, at the rate that the validation images of CIFAR-10 chose
(`benchmarks/compare_rates.py`). They choose the epoch, too; the test set is opened once a run.

A comparison is a folder: one run folder for each network and seed, `compare.json` with all numbers,
`compare.md` with the table, `compare.png` with accuracy against time. The three are written anew
after each run, and a second call goes on where the first was stopped.
"""

import dataclasses
import datetime
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from keras_course import (
    apart,
    architecture,
    compare_plot,
    data,
    devices,
    files,
    folders,
    integrity,
    lock,
    plots,
    runs,
    timing,
    training,
)
from keras_course.data.splits import Splits
from keras_course.errors import Failure, UserError, unknown
from keras_course.recipes import RACE, Recipe, differences

# What helps every one of them: the ideas of the race that are not its network's.
BASE = replace(RACE, augmentation="shift2", weight_decay=0.005, label_smoothing=0.1)
NETWORKS = {
    "alexnet": replace(
        BASE,
        model="alexnet",
        width_multiplier=0.5,
        normalization="batch",
        dropout=0.0,
        learning_rate=0.1,
    ),
    "vgg11": replace(
        BASE,
        model="vgg11",
        width_multiplier=0.5,
        normalization="batch",
        dropout=0.0,
        learning_rate=0.1,
    ),
    "googlenet": replace(
        BASE, model="googlenet", width_multiplier=0.125, dropout=0.0, learning_rate=0.2
    ),
    "resnet20": replace(BASE, model="resnet20", learning_rate=0.4),
    # Growth 16 for 12: processors take 16 channels at once.
    "densenet16": replace(BASE, model="densenet16", width_multiplier=4 / 3, learning_rate=0.8),
}


def compare(
    folder: str | Path,
    *,
    networks: Sequence[str] = tuple(NETWORKS),
    minutes: float = 10.0,
    seeds: int = 3,
    dataset: str = "cifar10",
) -> dict:
    """Train each network for so many minutes with each of the seeds 0, 1, ...; return the results.

    minutes: of one run, loading and building included, its test not. Errors: UserError for a
    network without a recipe here, for seeds below 1, and for a folder of another comparison. A run
    that fails stands in the results with its reason, and the others go on.
    """
    for name in networks:
        if name not in NETWORKS:
            raise unknown("model", name, NETWORKS)
    if seeds < 1:
        raise UserError(f"seeds must be at least 1: three show the spread. Received: {seeds}.")
    folder = Path(folder)
    results = _begin(folder, {"dataset": dataset, "minutes": minutes})
    wanted = [(name, seed) for seed in range(seeds) for name in networks]
    missing = [key for key in wanted if _key(*key) not in results["runs"]]
    with lock.alone(folder):
        for number, (name, seed) in enumerate(missing):
            left = len(missing) - number
            about = timing.duration(60 * minutes * left)
            print(f"{name}, seed {seed}: {left} runs to go, about {about}", flush=True)
            recipe = replace(NETWORKS[name], dataset=dataset, seed=seed)
            results["runs"][_key(name, seed)] = _apart(recipe, folder / f"{name}-{seed}", minutes)
            _write(folder, results)
    return results


def _key(name, seed):
    return f"{name}, seed {seed}"


def _begin(folder, settings):
    """Return the results so far; those of runs that failed are left out, to be tried again."""
    path = folder / "compare.json"
    if not path.exists():
        folders.claim_new(folder)
        files.write_json(path, {**settings, "runs": {}})
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise integrity.Damaged(path, f"{error}. Give another folder with --output") from error
    for name, value in settings.items():
        if results[name] != value:
            raise UserError(
                f"{folder} holds a comparison with {name} {results[name]!r} instead of {value!r}. "
                "Give another folder with --output."
            )
    done = {key: run for key, run in results["runs"].items() if "failed" not in run}
    for key, run in done.items():
        recipe = Recipe(**run["recipe"])
        chosen = {name: getattr(recipe, name) for name in ("dataset", "seed", "epochs")}
        if found := differences(replace(NETWORKS[recipe.model], **chosen), recipe):
            raise UserError(
                f"{folder} holds {key}, trained by another recipe than today's: {found}. "
                "Give another folder with --output."
            )
    return {**results, "runs": done}


def _apart(recipe, folder, minutes):
    """Train in a process of its own: its memory is its own, and its end is not ours."""
    values = dataclasses.asdict(recipe), str(folder), minutes
    try:
        return apart.call(f"{__name__}.train_or_say", *values)
    except apart.Killed:
        why = "an error above says why, or the memory was full"
        return {"failed": f"Its process ended without a result: {why}."}


def train_or_say(recipe: dict, folder: str, minutes: float) -> dict:
    """Return the results, or why there are none in words: not every exception can be sent."""
    try:
        return train(Recipe(**recipe), Path(folder), minutes)
    except (Failure, UserError) as error:
        return {"failed": str(error)}


def train(recipe: Recipe, folder: Path, minutes: float, splits: Splits | None = None) -> dict:
    """Train for so many minutes, open the test set, and return what the comparison says of it.

    splits: what `data.load` returns for the recipe, where it is there already.
    """
    began = time.perf_counter()
    splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    minutes -= (time.perf_counter() - began) / 60
    run = training.test(training.fit(recipe, folder, splits=splits, minutes=minutes), splits=splits)
    epochs = [row["seconds"] for row in run.history]
    kept = ("parameters", "epochs", "best_epoch", "seconds", "precision", "device", "versions")
    return {
        "test_accuracy": round(run.metrics["test"]["accuracy"], 4),
        "validation_accuracy": round(run.metrics["validation"]["accuracy"], 4),
        "multiply_adds": architecture.total(
            architecture.rows(runs.best_network(folder))
        ).multiply_adds,
        "peak_megabytes": devices.peak_megabytes(),
        "seconds_of_epochs": epochs,
        "validation_of_epochs": [round(row["val_accuracy"], 4) for row in run.history],
        "date": datetime.date.today().isoformat(),
        **{name: run.metrics[name] for name in kept},
        "recipe": dataclasses.asdict(run.recipe),
    }


def _write(folder, results):
    files.write_json(folder / "compare.json", results)
    files.write_text(folder / "compare.md", table(results) + "\n")
    if any("failed" not in run for run in results["runs"].values()):
        plots.save(picture(results), folder / "compare.png")


def _by_network(results):
    """Return the finished runs of each network."""
    found = {}
    for key, run in results["runs"].items():
        if "failed" not in run:
            found.setdefault(key.split(",")[0], []).append(run)
    return found


def table(results: dict) -> str:
    """Return the results as Markdown, the best network first; accuracies in percent."""
    lines = [
        "| network | width | parameters | multiply-adds | rate | epochs | seeds | validation, % "
        "| test, % | range | minutes | peak memory |",
        "|" + "---|" * 12,
    ]
    said = set()
    rows = []
    for name, done in _by_network(results).items():
        tests = [100 * run["test_accuracy"] for run in done]
        validation = statistics.mean(100 * run["validation_accuracy"] for run in done)
        epochs = sorted({run["epochs"] for run in done})
        recipe = done[0]["recipe"]
        row = (
            f"| {name} | {recipe['width_multiplier']:g} | {done[0]['parameters']:,} "
            f"| {done[0]['multiply_adds'] / 1e6:.0f} million | {recipe['learning_rate']:g} "
            f"| {' to '.join(map(str, {epochs[0]: 0, epochs[-1]: 0}))} | {len(done)} "
            f"| {validation:.1f} | {statistics.mean(tests):.1f} "
            f"| {min(tests):.1f} to {max(tests):.1f} "
            f"| {statistics.median(run['seconds'] for run in done) / 60:.1f} "
            f"| {_memory(done)} |"
        )
        rows.append((statistics.mean(tests), row))
        for run in done:
            versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
            said.add(f"{run['device']}, {run['precision']}, {versions}, {run['date']}")
    lines += [row for _, row in sorted(rows, reverse=True)]
    failed = [
        f"- {key} failed: {run['failed']}"
        for key, run in results["runs"].items()
        if "failed" in run
    ]
    said = (
        f"On {results['dataset']}. Width: share of the paper's filters; multiply-adds: per image; "
        "accuracies: means over the seeds; minutes and memory of the process: medians. "
        f"{'; '.join(sorted(said))}."
    )
    return "\n".join([*lines, "", *failed, *([""] if failed else []), said])


def _memory(done):
    peaks = [run["peak_megabytes"] for run in done if run["peak_megabytes"]]
    return f"{statistics.median(peaks):,.0f} MB" if peaks else ""


def picture(results: dict) -> Figure:
    """Draw validation accuracy against the minutes of training; a thin line for each seed."""
    curves = {
        name: [(run["seconds_of_epochs"], run["validation_of_epochs"]) for run in done]
        for name, done in _by_network(results).items()
    }
    device = next(run["device"] for run in results["runs"].values() if "failed" not in run)
    title = f"Validation accuracy on {results['dataset']}, {results['minutes']:g} minutes, {device}"
    return compare_plot.accuracy_against_time(curves, title)
