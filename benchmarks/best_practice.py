"""The lecture's best practice (slide 50) put to the test: what is each part of it worth?

Trains the default recipe, and the same without one of its parts, over three seeds each, on 9,000
images of `shapes`; 1,000 others choose the epoch, and the test set is opened once a run.

    python -m benchmarks.best_practice           trains what is missing in
                                                 docs/results/best_practice.json
    python -m benchmarks.best_practice --show    prints the table of that file

In place of Adam stands SGD at the rate that was best of 0.03, 0.1 and 0.3 in validation with the
first seed. The recipe's patience is that of both early stopping and the plateau; where the one is
left out, a callback lowers the rate as the default recipe does.

A second call goes on where the first was stopped.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from benchmarks import training_runs
from keras_course.recipes import Recipe

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "best_practice.json"
SEEDS = (0, 1, 2)
DEFAULT = Recipe()
RATES = (0.03, 0.1, 0.3)
NEVER_ENDED = "no early stopping"
PARTS = {
    "all of it": DEFAULT,
    "no Adam": replace(DEFAULT, optimizer="sgd"),
    "no normalization": replace(DEFAULT, normalization="none"),
    "no augmentation": replace(DEFAULT, augmentation="none"),
    "no plateau": replace(DEFAULT, schedule="constant"),
    NEVER_ENDED: replace(DEFAULT, patience=DEFAULT.epochs, schedule="constant"),
}


def plateau():
    """Return what lowers the rate as the default recipe does."""
    from keras_course import schedules

    return [schedules.plateau(DEFAULT.monitor, DEFAULT.patience)]


def tuned() -> dict[str, Recipe]:
    """Return the runs that choose the rate of SGD."""
    return {
        f"no Adam, rate {rate:g}, seed {SEEDS[0]}": replace(
            PARTS["no Adam"], learning_rate=rate, seed=SEEDS[0]
        )
        for rate in RATES
    }


def wanted(runs: dict) -> dict[str, Recipe]:
    """Return all runs, once those that choose the rate are there."""
    chosen = max(tuned(), key=lambda name: runs[name]["validation_accuracy"])
    rate = tuned()[chosen].learning_rate
    parts = {**PARTS, "no Adam": replace(PARTS["no Adam"], learning_rate=rate)}
    return tuned() | {
        f"{name}, seed {seed}": replace(recipe, seed=seed)
        for seed in SEEDS  # one after another, so that what is compared was trained in one sitting
        for name, recipe in parts.items()
    }


def read() -> dict:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def table(results: dict) -> str:
    """Return the results as Markdown; the difference is to the default, seed by seed."""
    return training_runs.comparison(results["runs"], list(PARTS), SEEDS, "the default recipe with")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    if not parser.parse_args().show:
        training_runs.complete(RESULTS, tuned(), keep=True)
        plateaus = {f"{NEVER_ENDED}, seed {seed}": plateau for seed in SEEDS}
        training_runs.complete(RESULTS, wanted(read()["runs"]), callbacks=plateaus)
    print(table(read()))


if __name__ == "__main__":
    main()
