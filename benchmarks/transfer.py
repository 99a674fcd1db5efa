"""What is pretraining worth where labelled images are few?

ResNet-20 learns five classes of `shapes`, and of CIFAR-10. Then it gets five other classes with 20
labelled images each, 4 of them for validation: trained from scratch, and by `transfer`, from the
network of the first five. Both have the same images, augmentation, batches and 60 epochs; from
scratch the rate is the best of three by validation with the first seed, `transfer` has its
default. The seed chooses the 20 images, the first weights and the order. The test images of the
five classes are looked at once a run, after the rate has been chosen.

    python -m benchmarks.transfer           trains what is missing in docs/results/transfer.json
    python -m benchmarks.transfer --show    prints the table of that file

The runs are kept in runs/transfer, so that a second call goes on where the first one was stopped.
CIFAR-10 must have been prepared.
"""

import argparse
import dataclasses
import json
import statistics
from pathlib import Path

import numpy as np

from keras_course import data, files
from keras_course.data.splits import Split, Splits, shuffled, stratified
from keras_course.recipes import Recipe

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "transfer.json"
RUNS = Path(__file__).parents[1] / "runs" / "transfer"
SEEDS = (0, 1, 2)
LEARNED, NEW = range(5), range(5, 10)  # classes
IMAGES = 20  # of each new class
RATES = (1e-3, 3e-3, 1e-2)  # from scratch
FROZEN_EPOCHS, FINE_TUNED_EPOCHS = 20, 40

PRETRAINING = {
    "shapes": Recipe(
        "shapes", learning_rate=3e-3, schedule="cosine", batch_size=64, epochs=5, patience=5
    ),
    "cifar10": Recipe(
        "cifar10", learning_rate=3e-3, schedule="cosine", batch_size=64, epochs=4, patience=4
    ),
}
# Nothing ends early, so that the budgets are equal. The accuracy chooses the epoch, though on 20
# images it comes in steps of 5 points: their loss would choose, from scratch, one of the first
# epochs, where the network knows nothing and claims nothing.
FEW = Recipe(
    learning_rate=3e-3,  # the default of transfer
    batch_size=16,
    epochs=FROZEN_EPOCHS + FINE_TUNED_EPOCHS,
    validation_fraction=0.2,
)
SCRATCH = dataclasses.replace(FEW, schedule="cosine", patience=FEW.epochs)
TRANSFER = dataclasses.replace(
    FEW,
    schedule="constant",
    frozen_epochs=FROZEN_EPOCHS,
    epochs=FINE_TUNED_EPOCHS,
    patience=FEW.epochs,
)


def of_classes(split: Split, classes: range) -> Split:
    """Return the images of these classes, labelled from 0."""
    chosen = (split.labels >= classes.start) & (split.labels < classes.stop)
    return Split(split.images[chosen], split.labels[chosen] - classes.start)


def few(splits: Splits, seed: int) -> Splits:
    """Return the new classes: 16 + 4 training and validation images of each, and all test ones."""
    images, labels = of_classes(splits.train, NEW)
    order = shuffled(len(labels), seed)
    chosen = np.concatenate([order[labels[order] == label][:IMAGES] for label in range(len(NEW))])
    train, validation = stratified(labels[chosen], FEW.validation_fraction, seed)
    return Splits(
        Split(images[chosen[train]], labels[chosen[train]]),
        Split(images[chosen[validation]], labels[chosen[validation]]),
        of_classes(splits.test, NEW),
        splits.class_names[NEW.start :],
    )


def pretrained(dataset: str, splits: Splits):
    """Return the run that learned the first five classes, trained now if need be."""
    from keras_course import training

    parts = (of_classes(split, LEARNED) for split in splits[:3])
    five = Splits(*parts, splits.class_names[: LEARNED.stop])
    return training.fit(PRETRAINING[dataset], RUNS / f"{dataset}_pretrained", splits=five)


def kept(run) -> dict:
    """Return what is worth keeping of a run."""
    names = ("parameters", "epochs", "best_epoch", "precision", "device", "versions")
    return {
        "test_accuracy": round(run.metrics["test"]["accuracy"], 4),
        "validation_accuracy": round(run.metrics["validation"]["accuracy"], 4),
        "minutes": round(run.metrics["seconds"] / 60, 2),
        "date": run.metrics["date"][:10],
        **{name: run.metrics[name] for name in names},
        "recipe": dataclasses.asdict(run.recipe),
    }


def measure(dataset: str, results: dict) -> None:
    """Train what is missing of a data set; each run is written down as soon as it is finished."""
    from keras_course import training, transfer

    splits = data.load(dataset)
    source = pretrained(dataset, splits)
    results["pretrained"][dataset] = {
        "classes": splits.class_names[: LEARNED.stop],
        "images": int(np.sum(splits.train.labels < LEARNED.stop)),
        "validation_accuracy": round(source.metrics["validation"]["accuracy"], 4),
        "minutes": round(source.metrics["seconds"] / 60, 2),
        "date": source.metrics["date"][:10],
        "device": source.metrics["device"],
        "recipe": dataclasses.asdict(source.recipe),
    }

    def folder(side, recipe):
        return RUNS / f"{dataset}_{side}_{recipe.learning_rate:g}_{recipe.seed}"

    def from_scratch(recipe):
        return training.fit(
            recipe, folder("scratch", recipe), splits=few(splits, recipe.seed), epoch_seconds=1.0
        )

    def write(side, run):
        run = training.test(run, splits=few(splits, run.recipe.seed))
        results["runs"][f"{dataset}, {side}, seed {run.recipe.seed}"] = kept(run)
        files.write_json(RESULTS, results)

    scratch = dataclasses.replace(SCRATCH, dataset=dataset, seed=SEEDS[0])
    tried = [dataclasses.replace(scratch, learning_rate=rate) for rate in RATES]
    accuracies = {it: from_scratch(it).metrics["validation"]["accuracy"] for it in tried}
    best = max(accuracies, key=accuracies.get)
    results["rates_from_scratch"][dataset] = {
        f"{recipe.learning_rate:g}": round(accuracy, 4) for recipe, accuracy in accuracies.items()
    }
    for seed in SEEDS:
        recipe = dataclasses.replace(TRANSFER, dataset=dataset, seed=seed)
        to = folder("transfer", recipe)
        write("transfer", transfer.transfer(source.folder, recipe, to, splits=few(splits, seed)))
        write("scratch", from_scratch(dataclasses.replace(best, seed=seed)))


def table(results: dict) -> str:
    """Return the results as Markdown; accuracies in percent, mean and range over the seeds."""
    runs = results["runs"]
    lines = [
        "| five new classes, 20 images each | rate | seeds | test, % | range | minutes |",
        "|---|---|---|---|---|---|",
    ]
    gaps = []
    for dataset, source in results["pretrained"].items():
        means = []
        for side in ("scratch", "transfer"):
            names = [f"{dataset}, {side}, seed {seed}" for seed in SEEDS]
            done = [runs[name] for name in names if name in runs]
            rate = done[0]["recipe"]["learning_rate"]
            accuracies = [100 * run["test_accuracy"] for run in done]
            means.append(statistics.mean(accuracies))
            minutes = statistics.mean(run["minutes"] for run in done)
            lines.append(
                f"| {dataset}, {side} | {rate:g} | {len(done)} | {means[-1]:.1f} "
                f"| {min(accuracies):.1f} to {max(accuracies):.1f} | {minutes:.1f} |"
            )
        gaps.append(
            f"- {dataset}: {means[1] - means[0]:+.1f} points; pretrained in "
            f"{source['minutes']:.1f} minutes to {source['validation_accuracy']:.1%} in validation"
        )
    devices = {f"{run['device']}, {run['precision']}" for run in runs.values()}
    return "\n".join([*lines, "", *gaps, "", f"Minutes of one run. {'; '.join(sorted(devices))}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    if parser.parse_args().show:
        if not RESULTS.exists():
            parser.error(f"there is no {RESULTS} yet: call this without --show first")
        print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
        return
    results = {"pretrained": {}, "rates_from_scratch": {}, "runs": {}}
    if RESULTS.exists():
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
    for dataset in PRETRAINING:
        measure(dataset, results)
    files.write_json(RESULTS, results)
    print(table(results))


if __name__ == "__main__":
    main()
