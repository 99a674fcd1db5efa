"""What a GPU does with the course: correctness, steps, race, many rates, searches, networks.

For a machine with a GPU, JAX and no network. In calls, each of which ends within nine minutes:

    python -m benchmarks.gpu                 begins or goes on; exit code 3 while something is left
    python -m benchmarks.gpu PIECE ...       these pieces: correctness, steps, race, rates,
                                             searches, networks
    python -m benchmarks.gpu --minutes M     gives each of the networks M minutes, in place of 5
    python -m benchmarks.gpu --short         small versions of all, for a machine without a GPU
    python -m benchmarks.gpu --show          prints the tables of the results
    python -m benchmarks.gpu --results FILE  keeps them there, in place of docs/results/gpu.json

Correctness comes first; without it nothing else is measured. The networks need the rates that the
searches find. Each number is written down as soon as
it is there, beside those of other machines. Programs that were compiled are kept in
JAX_COMPILATION_CACHE_DIR, so that the seeds of a recipe share them. CIFAR-10 is read from
`--data FOLDER`, where these files were handed over:

    python -m benchmarks.gpu --pack FOLDER   writes CIFAR-10, where it is prepared, as files of at
                                             most 60 MB
"""

import argparse
import sys
from pathlib import Path

from benchmarks import cifar10_files
from benchmarks.gpu import calls, report
from benchmarks.gpu.pieces import PIECES, Asked
from keras_course.data import prepared
from keras_course.errors import unknown

ON_CIFAR10 = ("race", "searches", "networks")  # unless they are short


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help=", ".join(PIECES))
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="with the files of --pack")
    parser.add_argument("--pack", type=Path, metavar="FOLDER", help="write CIFAR-10 there")
    parser.add_argument("--minutes", type=float, help="of each of the networks, 0.5 to 7")
    parser.add_argument("--short", action="store_true", help="small versions, anew")
    parser.add_argument("--show", action="store_true", help="print the tables, measure nothing")
    parser.add_argument("--results", type=Path, default=report.RESULTS, metavar="FILE")
    given = parser.parse_args()
    if given.pack:
        print(*cifar10_files.write(given.pack), sep="\n")
        return 0
    if given.show:
        print(report.table(report.read(given.results)))
        return 0
    asked = Asked(given.short, given.minutes or (0.5 if given.short else Asked().minutes))
    if not 0.5 <= asked.minutes <= 7:
        parser.error("--minutes must be from 0.5 to 7: a network and its test fit into a call.")
    for name in given.pieces:
        if name not in PIECES:
            parser.error(str(unknown("PIECE", name, PIECES)))
    names = given.pieces or list(PIECES)
    there = any(given.data.glob("cifar10_*.npz")) if given.data else prepared.find("cifar10")
    if not asked.short and not there and set(ON_CIFAR10) & set(names):
        parser.error(
            f"{', '.join(ON_CIFAR10)} need CIFAR-10: --data FOLDER with the files of --pack, or "
            "the prepared set. Or name other pieces."
        )
    cifar10_files.folder = given.data
    return calls.go_on(names, asked, given.results)


if __name__ == "__main__":
    sys.exit(main())
