"""Does the embedded data set rank the lecture's models as real images do?

Trains logistic regression, the MLP, the small CNN and ResNet-20 on `shapes`, and the small CNN on
1,000 of its training images with and without augmentation, each over three seeds. The validation
images choose the epoch, the test images are looked at once a run.

    python -m benchmarks.shapes           trains what is missing in docs/results/shapes.json
    python -m benchmarks.shapes --show    prints the table of that file

A run is written down as soon as it is finished, so that a second call goes on where the first one
was stopped. Runs of other recipes, or of a data set with other bytes, are thrown away.
"""

import argparse
import dataclasses
import datetime
import hashlib
import itertools
import json
import statistics
import tempfile
from pathlib import Path

from keras_course import files
from keras_course.data import shapes
from keras_course.recipes import Recipe

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "shapes.json"
SEEDS = (0, 1, 2)

# One recipe for all but for rate and length; patience = epochs lets the cosine come to its end.
ALL = Recipe(dataset="shapes", schedule="cosine", augmentation="flip_shift_color")
SMALL = dataclasses.replace(
    ALL,
    model="simple_cnn",
    learning_rate=2e-3,
    epochs=60,
    patience=60,
    validation_fraction=0.9,  # leaves 1,000 of the 10,000 images to train on
)
RANKING = {
    "logistic regression": dataclasses.replace(
        ALL, model="logistic_regression", learning_rate=3e-4, epochs=15, patience=15
    ),
    "MLP": dataclasses.replace(ALL, model="mlp", learning_rate=5e-4, epochs=30, patience=30),
    "small CNN": dataclasses.replace(
        ALL, model="simple_cnn", learning_rate=2e-3, epochs=30, patience=30
    ),
    "ResNet-20": dataclasses.replace(
        ALL, model="resnet20", learning_rate=3e-3, epochs=10, patience=10
    ),
}
AUGMENTATION = {
    "small CNN, 1,000 images, not augmented": dataclasses.replace(SMALL, augmentation="none"),
    "small CNN, 1,000 images, augmented": SMALL,
}


def wanted() -> dict[str, Recipe]:
    """Return the recipe of every run, by what it is called in the table and its seed."""
    return {
        f"{name}, seed {seed}": dataclasses.replace(recipe, seed=seed)
        for name, recipe in (RANKING | AUGMENTATION).items()
        for seed in SEEDS
    }


def digest() -> str:
    """Return the sha256 of the images, training images first."""
    total = hashlib.sha256()
    for drawing in (shapes.train(), shapes.test()):
        total.update(drawing.images.tobytes())
    return total.hexdigest()


def read() -> dict:
    """Return the results so far: those that still hold."""
    images = {"name": "shapes", "train": 10_000, "test": 2_000, "sha256": digest()}
    results = {"data": images, "runs": {}}
    if RESULTS.exists():
        old = json.loads(RESULTS.read_text(encoding="utf-8"))
        if old["data"] == images:
            recipes = wanted()
            results["runs"] = {
                name: run
                for name, run in old["runs"].items()
                if Recipe(**run["recipe"]) == recipes.get(name)
            }
    return results


def train(recipe: Recipe) -> dict:
    """Train and test one network and return what is worth keeping."""
    from keras_course import training

    with tempfile.TemporaryDirectory() as folder:
        run = training.test(training.fit(recipe, Path(folder, "run")))
    kept = ("parameters", "epochs", "best_epoch", "precision", "device", "versions")
    return {
        "test_accuracy": round(run.metrics["test"]["accuracy"], 4),
        "validation_accuracy": round(run.metrics["validation"]["accuracy"], 4),
        "minutes": round(run.metrics["seconds"] / 60, 2),
        "date": datetime.date.today().isoformat(),
        **{name: run.metrics[name] for name in kept},
        "recipe": dataclasses.asdict(recipe),
    }


def table(results: dict) -> str:
    """Return the results as Markdown; accuracies in percent, mean and range over the seeds."""
    runs = results["runs"]
    lines = [
        "| trained on `shapes` | parameters | epochs | rate | seeds | test, % | range | minutes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    means, said = {}, set()
    for name, recipe in (RANKING | AUGMENTATION).items():
        done = [runs[key] for seed in SEEDS if (key := f"{name}, seed {seed}") in runs]
        if not done:
            continue
        accuracies = [100 * run["test_accuracy"] for run in done]
        means[name] = statistics.mean(accuracies)
        minutes = statistics.mean(run["minutes"] for run in done)
        said |= {f"{run['device']}, {run['precision']}" for run in done}
        lines.append(
            f"| {name} | {done[0]['parameters']:,} | {recipe.epochs} | {recipe.learning_rate:g} "
            f"| {len(done)} | {means[name]:.1f} "
            f"| {min(accuracies):.1f} to {max(accuracies):.1f} | {minutes:.1f} |"
        )
    lines.append("")
    for names in (list(RANKING), list(AUGMENTATION)):
        for worse, better in itertools.pairwise(names):
            if worse in means and better in means:
                gap = means[better] - means[worse]
                lines.append(f"- {better} over {worse}: {gap:+.1f} points")
    lines += ["", f"Minutes are those of one run. {'; '.join(sorted(said))}."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    if parser.parse_args().show:
        if not RESULTS.exists():
            parser.error(f"there is no {RESULTS} yet: call this without --show first")
        print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
        return
    results = read()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    for number, (name, recipe) in enumerate(wanted().items(), start=1):
        if name not in results["runs"]:
            print(f"{number} of {len(wanted())}: {name}", flush=True)
            results["runs"][name] = train(recipe)
            files.write_json(RESULTS, results)
    print(table(results))


if __name__ == "__main__":
    main()
