"""The lecture's networks at their best within ten minutes each on CIFAR-10, over three seeds.

    python -m benchmarks.compare           trains what docs/results/compare.json lacks, as
                                           `keras-course compare` does: two and a half hours; the
                                           picture goes to docs/pictures/compare.png
    python -m benchmarks.compare --show    prints the table of that file

A second call goes on where the first was stopped.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from keras_course import compare, plots

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "compare.json"
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "compare.png"
SEEDS = 3
table = compare.table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    if not parser.parse_args().show:
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder, "compare.json")
            if RESULTS.exists():
                shutil.copy(RESULTS, here)
            for seeds in range(1, SEEDS + 1):
                for name in compare.NETWORKS:
                    compare.compare(Path(folder), networks=[name], seeds=seeds)
                    shutil.copy(here, RESULTS)
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    plots.save(compare.picture(results), PICTURE)
    print(table(results))


if __name__ == "__main__":
    main()
