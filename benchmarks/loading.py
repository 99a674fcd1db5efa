"""How long does it take until the images of a data set are there?

    python -m benchmarks.loading           loads five times; writes docs/results/loading.json
    python -m benchmarks.loading --show    prints the table of that file

Each time in a new process, without the imports: `shapes` is drawn anew, CIFAR-10 comes from the
cache of decoded images. Needs CIFAR-10 prepared in `TFDS_DATA_DIR`.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks import machine
from keras_course import data, files

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "loading.json"
NAMES = {"shapes": "drawn", "cifar10": "from the cache"}
ROUNDS = 5
CHILD = """
import sys, time
from keras_course import data
from keras_course.data import shapes
began = time.perf_counter()
data.load(sys.argv[1])
print(time.perf_counter() - began)
"""


def seconds(name: str) -> float:
    """Return the seconds that `data.load` takes in a process that has just begun."""
    command = [sys.executable, "-c", CHILD, name]
    return round(float(subprocess.check_output(command, text=True).split()[-1]), 3)


def table(results: dict) -> str:
    """Return the results as Markdown."""
    lines = ["| data set | images | seconds |", "|---|---|---|"]
    for name, found in results["sets"].items():
        median = statistics.median(found["seconds"])
        lines.append(f"| `{name}`, {NAMES[name]} | {found['images']:,} | {median:.2g} |")
    return "\n".join(
        [*lines, "", f"Medians of {results['rounds']} rounds. {machine.said(results)}."]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, measure nothing")
    if not parser.parse_args().show:
        # CIFAR-10 is decoded into the cache here, if it is not there yet.
        counts = {name: sum(len(part.labels) for part in data.load(name)[:3]) for name in NAMES}
        found = {name: {"images": counts[name], "seconds": []} for name in NAMES}
        for _ in range(ROUNDS):
            for name in NAMES:
                found[name]["seconds"].append(seconds(name))
        files.write_json(RESULTS, {**machine.today(), "rounds": ROUNDS, "sets": found})
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
