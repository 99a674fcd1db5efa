"""How long after the command does the first training step end?

    python -m benchmarks.startup            measures and writes docs/results/startup.json
    python -m benchmarks.startup --short    three rounds instead of five
    python -m benchmarks.startup --show     prints the table of that file

Each round starts `keras-course train` anew, for each network in turn, and ends it after its first
step. Measured from before the start of Python: imports, drawing `shapes`, building, tracing.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import machine
from keras_course import files

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "startup.json"
MODELS = ("simple_cnn", "resnet20")


def child(model: str, folder: str) -> None:
    """Train, and end the process after the first step."""
    from keras_course import cli, quiet

    quiet.import_keras()
    imported = time.time()
    from keras_course import devices, timing

    def end(clock, batch, logs=None):
        peak = devices.peak_megabytes()
        print(json.dumps({"imported": imported, "step": time.time(), "peak": peak}), flush=True)
        os._exit(0)

    timing._Clock.on_train_batch_end = end  # the steps that are timed are the first ones
    cli.main(["train", "--model", model, "--output", folder])


def measure(model: str) -> dict[str, float]:
    """Return the seconds until Keras is imported and the first step has ended, and the peak."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        command = [sys.executable, "-m", "benchmarks.startup", "--child", model, f"{folder}/run"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    times = {name: round(found[name] - began, 2) for name in ("imported", "step")}
    return {**times, "peak_megabytes": found["peak"]}


def table(results: dict) -> str:
    """Return the results as Markdown."""
    lines = [
        "| `keras-course train` | Keras is imported | first step has ended | peak memory |",
        "|---|---|---|---|",
    ]
    for model, rounds in results["models"].items():
        imported = statistics.median(found["imported"] for found in rounds)
        step = statistics.median(found["step"] for found in rounds)
        peak = statistics.median(found["peak_megabytes"] for found in rounds)
        lines.append(f"| {model} | {imported:.1f} s | {step:.1f} s | {peak:,.0f} MB |")
    said = f"{machine.said(results)}, medians of {results['rounds']} rounds"
    return "\n".join([*lines, "", f"Seconds from the command. {said}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, measure nothing")
    parser.add_argument("--short", action="store_true", help="three rounds")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child)
    if not given.show:
        rounds = 3 if given.short else 5
        measured = {model: [] for model in MODELS}
        for _ in range(rounds):
            for model in MODELS:
                measured[model].append(measure(model))
        files.write_json(RESULTS, {**machine.today(), "rounds": rounds, "models": measured})
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
