"""Which learning rate does each network of the comparison want? Validation images choose.

Trains each for four epochs at several rates, on the 45,000 images of seed 0; `compare.NETWORKS`
has the best of them. The test set stays closed.

    python -m benchmarks.compare_rates           trains what docs/results/compare_rates.json lacks:
                                                 forty minutes
    python -m benchmarks.compare_rates --show    prints the table of that file
"""

import argparse
import concurrent.futures
import dataclasses
import datetime
import json
import multiprocessing
import statistics
import tempfile
from pathlib import Path

from benchmarks import training_runs
from keras_course import compare, files
from keras_course.errors import Failure

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "compare_rates.json"
RATES = (0.05, 0.1, 0.2, 0.4)
EPOCHS = 4


def train(recipe) -> dict:
    """Train in this process, and return what chooses the rate."""
    from keras_course import quiet

    quiet.import_keras()
    from keras_course import training

    with tempfile.TemporaryDirectory() as folder:
        run = training.fit(recipe, Path(folder, "run"))
    kept = ("seconds", "precision", "device", "versions")
    return {
        "validation_accuracy": round(run.metrics["validation"]["accuracy"], 4),
        "date": datetime.date.today().isoformat(),
        **{name: run.metrics[name] for name in kept},
        "recipe": dataclasses.asdict(run.recipe),
    }


def read() -> dict:
    if not RESULTS.exists():
        return {"runs": {}}
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def complete() -> None:
    """Train what is missing; a rate that diverges is written down as such."""
    results = read()
    for name, recipe in compare.NETWORKS.items():
        for rate in RATES:
            key = f"{name}, rate {rate:g}"
            if key in results["runs"]:
                continue
            print(key, flush=True)
            context = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
                try:
                    tried = dataclasses.replace(recipe, learning_rate=rate, epochs=EPOCHS)
                    results["runs"][key] = pool.submit(train, tried).result()
                except Failure as error:
                    results["runs"][key] = {"failed": str(error)}
            files.write_json(RESULTS, results)


def table(results: dict) -> str:
    """Return validation accuracies in percent as Markdown, a network's best one in bold."""
    lines = [
        "| validation, % | " + " | ".join(f"rate {rate:g}" for rate in RATES) + " | seconds |",
        "|---" * (len(RATES) + 2) + "|",
    ]
    for name in compare.NETWORKS:
        done = [results["runs"].get(f"{name}, rate {rate:g}", {}) for rate in RATES]
        accuracies = [100 * run.get("validation_accuracy", 0) for run in done]
        cells = [
            "diverged" if "failed" in run else f"{accuracy:.1f}" if run else ""
            for run, accuracy in zip(done, accuracies, strict=True)
        ]
        best = accuracies.index(max(accuracies))
        cells[best] = cells[best] and f"**{cells[best]}**"
        seconds = [run["seconds"] for run in done if "seconds" in run]
        said = f"{statistics.median(seconds):.0f}" if seconds else ""
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {said} |")
    settings = sorted(
        {training_runs.setting(run) for run in results["runs"].values() if len(run) > 1}
    )
    return "\n".join([*lines, "", f"{EPOCHS} epochs each, seed 0. {'; '.join(settings)}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    if not parser.parse_args().show:
        complete()
    print(table(read()))


if __name__ == "__main__":
    main()
