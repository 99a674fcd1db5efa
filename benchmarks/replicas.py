"""How far is what two devices learn together from what one learns with the same batches?

    python -m benchmarks.replicas           trains; writes docs/results/replicas.json
    python -m benchmarks.replicas --show    prints the table of that file

Two logical devices of the processor share each batch of 16 images; see keras_course/replicas.py.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from benchmarks import machine
from keras_course import files
from tests.test_replicas import on_two_devices

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "replicas.json"
NORMALIZATIONS = ("group", "batch")


def measure(normalization: str) -> dict:
    """Return the loss of each step of one device and of two, and what they reach."""
    with tempfile.TemporaryDirectory() as folder:
        one, two = on_two_devices(folder, normalization)["trained"]
    return {
        "losses": [one["losses"], two["losses"]],
        "accuracies": [run["metrics"]["validation"]["accuracy"] for run in (one, two)],
    }


def table(results: dict) -> str:
    """Return the results as Markdown; differences relative to the loss of one device."""
    lines = [
        "| normalization | loss of the first step | median of all steps | largest "
        "| validation, one device | two |",
        "|---" * 6 + "|",
    ]
    for name in NORMALIZATIONS:
        case = results["cases"][name]
        apart = [abs(two / one - 1) for one, two in zip(*case["losses"], strict=True)]
        shown = " | ".join(f"{d:.1e}" for d in (apart[0], statistics.median(apart), max(apart)))
        one, two = case["accuracies"]
        lines.append(f"| {name} | {shown} | {one:.1%} | {two:.1%} |")
    steps = len(results["cases"]["group"]["losses"][0])
    last = f"Relative differences of the loss in {steps} steps of a small network."
    return "\n".join([*lines, "", f"{last} {machine.said(results)}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    if not parser.parse_args().show:
        cases = {name: measure(name) for name in NORMALIZATIONS}
        here = {**machine.today(), "precision": "float32"}  # that of the recipe
        files.write_json(RESULTS, {"cases": cases, **here})
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
