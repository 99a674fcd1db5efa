"""Time to accuracy: how soon do the recipes of the race reach 70, 90 and 94 % on CIFAR-10?

Each recipe trains over three seeds, on 45,000 images; the other 5,000 chose the recipes and choose
the epoch. The test set is opened once a run. A seed chooses first weights, order and draws, and
which images are for validation.

    python -m benchmarks.race               trains what is missing in docs/results/race.json
    python -m benchmarks.race --short       trains the first recipe with one seed, anew
    python -m benchmarks.race --show        prints the table of that file

Training time is that of the epochs with their validation. "With building" is in addition all that
`training.fit` does before and after: build the network, trace its step and time some, write the run
folder. Import, loading the images and the test are in neither. A run is written down as soon as it
has finished, and a second call goes on from there. CIFAR-10 must have been prepared:
`keras-course data prepare cifar10`.
"""

import argparse
import dataclasses
import json
import statistics
import sys
from pathlib import Path

from benchmarks import machine, training_runs
from keras_course.data import prepared
from keras_course.recipes import RECIPES

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "race.json"
SEEDS = (0, 1, 2)
# Accuracy in percent, seconds of training on two cores.
GOALS = {"cifar10-70": (70, 40), "cifar10-90": (90, 240), "cifar10-94": (94, 900)}


def wanted():
    return {
        f"{name}, seed {seed}": dataclasses.replace(RECIPES[name], seed=seed)
        for name in GOALS
        for seed in SEEDS
    }


def table(results: dict) -> str:
    """Return the results as Markdown; accuracies in percent, mean and range over the seeds."""
    lines = [
        "| recipe | network | epochs | seeds | test, % | range | goal, % | training | time goal "
        "| with building | peak memory |",
        "|" + "---|" * 11,
    ]
    said = set()
    for name, (accuracy, seconds) in GOALS.items():
        runs = [run for key, run in results["runs"].items() if key.startswith(f"{name}, ")]
        if not runs:
            continue
        tests = [100 * run["test_accuracy"] for run in runs]
        said |= {machine.said(run) for run in runs}

        def median(key, runs=runs):
            return statistics.median(run[key] for run in runs)

        lines.append(
            f"| `{name}` | {runs[0]['recipe']['model']} | {runs[0]['epochs']} | {len(runs)} "
            f"| {statistics.mean(tests):.2f} | {min(tests):.2f} to {max(tests):.2f} | {accuracy} "
            f"| {median('training_seconds'):.0f} s | {seconds} s | {median('seconds'):.0f} s "
            f"| {median('peak_megabytes'):,.0f} MB |"
        )
    times = "Times are medians over the seeds; building includes tracing, but no imports, no test."
    return "\n".join([*lines, "", f"{times} {'; '.join(sorted(said))}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    parser.add_argument("--short", action="store_true", help="one run, anew")
    given = parser.parse_args()
    runs = wanted()
    if not given.show and not prepared.find("cifar10"):
        sys.exit("CIFAR-10 is not on this machine: keras-course data prepare cifar10")
    if given.short:
        name = next(iter(runs))
        training_runs.complete(RESULTS, {name: runs[name]}, keep=True, anew=True)
    elif not given.show:
        training_runs.complete(RESULTS, runs)
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
