"""The lecture's networks at their best within ten minutes each on CIFAR-10, over three seeds.

    python -m benchmarks.compare           trains what docs/results/compare.json lacks, as
                                           `keras-course compare` does: two and a half hours; the
                                           picture goes to docs/pictures/compare.png
    python -m benchmarks.compare --show    prints the table of that file

A second call goes on where the first was stopped, within a training, too: its folder is
runs/compare.
"""

import argparse
import json
import shutil
from pathlib import Path

from keras_course import compare, plots

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "compare.json"
PICTURE = ROOT / "docs" / "pictures" / "compare.png"
FOLDER = ROOT / "runs" / "compare"
SEEDS = 3
table = compare.table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    if not parser.parse_args().show:
        if RESULTS.exists():
            FOLDER.mkdir(parents=True, exist_ok=True)
            shutil.copy(RESULTS, FOLDER / "compare.json")
        for seeds in range(1, SEEDS + 1):
            for name in compare.NETWORKS:
                compare.compare(FOLDER, networks=[name], seeds=seeds)
                shutil.copy(FOLDER / "compare.json", RESULTS)
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    plots.save(compare.picture(results), PICTURE)
    print(table(results))


if __name__ == "__main__":
    main()
