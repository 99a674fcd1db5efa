"""The default search for a learning rate against an exhaustive one: what it finds, what it costs.

    python -m benchmarks.lr_search           searches what docs/results/lr_search.json lacks
    python -m benchmarks.lr_search --show    prints the table of that file

Both search for the same recipe with the same seed: the exhaustive one tries 13 rates from 1e-4 to 1
at equal ratios, the default one is that of `keras-course tune`, its range test included. Each trial
is one epoch long, and validation images judge it.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks import machine
from keras_course import files
from keras_course.recipes import Recipe

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "lr_search.json"
SEEDS = (0, 1, 2)
BAND, POINTS = (1e-4, 1.0), 13
SEARCHES = {"default": {}, "grid": {"search": "grid", "trials": POINTS, "band": BAND}}
PAIRS = {
    "mlp on shapes, SGD": Recipe(model="mlp", optimizer="sgd"),
    "resnet20 on shapes, Adam": Recipe(),
    "simple_cnn on cifar10, momentum": Recipe(
        dataset="cifar10", model="simple_cnn", normalization="batch", optimizer="momentum"
    ),
    "vgg11 on cifar10, Adam": Recipe(
        dataset="cifar10", model="vgg11", normalization="batch", width_multiplier=0.25, dropout=0.0
    ),
}


def searched(recipe: Recipe) -> dict:
    """Search both ways in a process of its own; return what came out."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_search, (recipe,))


def _search(recipe):
    from keras_course import quiet

    quiet.import_keras()
    from keras_course import data, training
    from keras_course.search import fingerprint
    from keras_course.search.tune import tune

    splits = data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    model = training.build(recipe, splits)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, settings in SEARCHES.items():
            search = tune(recipe, Path(folder, name), splits=splits, model=model, **settings)
            board, known = search.leaderboard, fingerprint.read(search.folder / "search.json")
            steps = sum(trial["steps"] for trial in board["trials"])
            found[name] = {
                "accuracy": board["trials"][0]["score"],
                "learning_rate": board["best_learning_rate"],
                "steps": steps + known.get("steps of the range test", 0),
                "steps of whole trials": known["steps"] * known["trials"],
                "seconds": board["seconds"],
                "trials": {f"{row['learning_rate']:.3g}": row["score"] for row in board["trials"]},
            }
    return {**found, "recipe": asdict(recipe), **machine.today()}


def key(name: str, seed: int) -> str:
    return f"{name}, seed {seed}"


def table(results: dict) -> str:
    """Return the results as Markdown: accuracies in percent, means over the seeds."""
    lines = [
        "| network, data, optimizer | seeds | best of 13 rates, % | default search, % | points "
        "| worst seed | steps, of 13 whole trials | steps, of the 13 trials | time, of theirs |",
        "|---" * 9 + "|",
    ]
    said = set()
    for name in PAIRS:
        runs = [results["runs"][k] for seed in SEEDS if (k := key(name, seed)) in results["runs"]]
        if not runs:
            continue
        best = [100 * run["grid"]["accuracy"] for run in runs]
        ours = [100 * run["default"]["accuracy"] for run in runs]
        gaps = [b - a for a, b in zip(best, ours, strict=True)]
        whole, steps, seconds = (
            statistics.median(run["default"][ours] / run["grid"][theirs] for run in runs)
            for ours, theirs in (
                ("steps", "steps of whole trials"),
                ("steps", "steps"),
                ("seconds", "seconds"),
            )
        )
        lines.append(
            f"| {name} | {len(runs)} | {statistics.mean(best):.1f} | {statistics.mean(ours):.1f} "
            f"| {statistics.mean(gaps):+.1f} | {min(gaps):+.1f} "
            f"| {whole:.1%} | {steps:.1%} | {seconds:.0%} |"
        )
        said |= {machine.said(run) for run in runs}
    last = (
        "Steps and time of the default search, including its range test, as shares of what the 13 "
        "trials took. 13 whole trials: as if none had diverged; one that diverges ends early. "
        "Medians over the seeds."
    )
    return "\n".join([*lines, "", f"{last} {'; '.join(sorted(said))}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, search nothing")
    runs = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if RESULTS.exists() else {}
    if not parser.parse_args().show:
        for seed in SEEDS:
            for name, recipe in PAIRS.items():
                wanted = replace(recipe, seed=seed)
                if runs.get(key(name, seed), {}).get("recipe") != asdict(wanted):
                    print(key(name, seed), flush=True)
                    runs[key(name, seed)] = searched(wanted)
                    files.write_json(RESULTS, {"runs": runs})
    print(table({"runs": runs}))


if __name__ == "__main__":
    main()
