"""Which learning rate does each network of the comparison want? Validation images choose.

Trains each for four epochs at several rates, on the 45,000 images of seed 0; `compare.NETWORKS` is
to have the best of them. The test set stays closed.

    python -m benchmarks.compare_rates           trains what docs/results/compare_rates.json lacks
    python -m benchmarks.compare_rates --show    prints the table of that file
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from benchmarks import machine, training_runs
from keras_course import compare

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "compare_rates.json"
RATES = (0.05, 0.1, 0.2, 0.4, 0.8)
# Whose accuracy falls from 0.2 to 0.4 is not tried at 0.8.
HIGHEST = {"alexnet": 0.4, "vgg11": 0.4, "googlenet": 0.4, "resnet20": 0.8, "densenet16": 0.8}
EPOCHS = 4


def key(name, rate):
    return f"{name}, rate {rate:g}"


def wanted():
    return {
        key(name, rate): replace(recipe, learning_rate=rate, epochs=EPOCHS)
        for name, recipe in compare.NETWORKS.items()
        for rate in RATES
        if rate <= HIGHEST[name]
    }


def table(results: dict) -> str:
    """Return validation accuracies in percent as Markdown, a network's best one in bold."""
    lines = [
        "| validation, % | " + " | ".join(f"rate {rate:g}" for rate in RATES) + " |",
        "|---" * (len(RATES) + 1) + "|",
    ]
    runs = results["runs"]
    for name in compare.NETWORKS:
        done = {rate: run for rate in RATES if (run := runs.get(key(name, rate)))}
        learned = {rate: run for rate, run in done.items() if "failed" not in run}
        cells = dict.fromkeys(RATES, "") | dict.fromkeys(done, "diverged")
        for rate, run in learned.items():
            cells[rate] = f"{100 * run['validation_accuracy']:.1f}"
        if learned:
            best = max(learned, key=lambda rate: learned[rate]["validation_accuracy"])
            cells[best] = f"**{cells[best]}**"
        lines.append(f"| {name} | {' | '.join(cells.values())} |")
    said = sorted({machine.said(run) for run in runs.values() if "failed" not in run})
    return "\n".join([*lines, "", f"{EPOCHS} epochs each, seed 0. {'; '.join(said)}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    if not parser.parse_args().show:
        training_runs.complete(RESULTS, wanted(), tested=False)
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
