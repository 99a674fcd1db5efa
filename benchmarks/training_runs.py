"""Training runs of a benchmark, each in a process of its own and written down when it has ended.

A result holds everything to judge it by: recipe, seed, accuracies, times, peak memory, processor,
cores, versions, date. A run counts as there when its recipe is the wanted one.
"""

import dataclasses
import datetime
import json
import multiprocessing
import resource
import tempfile
from pathlib import Path

from keras_course import files
from keras_course.recipes import Recipe


def complete(results: Path, wanted: dict[str, Recipe]) -> None:
    """Train the wanted runs that `results` lacks; those that are not wanted are thrown away."""
    runs = {}
    if results.exists():
        old = json.loads(results.read_text(encoding="utf-8"))["runs"]
        runs = {
            name: run for name, run in old.items() if Recipe(**run["recipe"]) == wanted.get(name)
        }
    for number, (name, recipe) in enumerate(wanted.items(), start=1):
        if name not in runs:
            print(f"{number} of {len(wanted)}: {name}", flush=True)
            runs[name] = train(recipe)
            in_order = {key: runs[key] for key in wanted if key in runs}
            files.write_json(results, {"runs": in_order})


def train(recipe: Recipe) -> dict:
    """Train and test one network in a process of its own; return what is worth keeping."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_train, (recipe,))


def _train(recipe):
    from keras_course import quiet

    quiet.import_keras()
    from keras_course import training

    with tempfile.TemporaryDirectory() as folder:
        run = training.test(training.fit(recipe, Path(folder, "run")))
    kept = ("parameters", "epochs", "best_epoch", "seconds", "precision", "device", "versions")
    return {
        "test_accuracy": round(run.metrics["test"]["accuracy"], 4),
        "validation_accuracy": round(run.metrics["validation"]["accuracy"], 4),
        "training_seconds": round(sum(row["seconds"] for row in run.history), 1),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "date": datetime.date.today().isoformat(),
        **{name: run.metrics[name] for name in kept},
        "recipe": dataclasses.asdict(recipe),
    }


def setting(run: dict) -> str:
    """Return in words where and when a run was made."""
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return f"{run['device']}, {run['precision']}, {versions}, {run['date']}"
