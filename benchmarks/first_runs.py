"""What the README shows first: the end of what two commands print.

    python -m benchmarks.first_runs           runs what docs/results/first_runs.json lacks: the
                                              demo, and ten minutes on CIFAR-10
    python -m benchmarks.first_runs --show    prints that

The small files of each run go to docs/results/NAME, the curves of the demo to
docs/pictures/curves.png. Nothing else should run meanwhile.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from benchmarks import machine
from keras_course import files

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "first_runs.json"
RUNS = {"demo": ["demo"], "cifar10": ["run", "--dataset", "cifar10", "--minutes", "10"]}
KEPT = ("recipe.json", "metrics.json", "history.csv", "search/leaderboard.json")


def measure(name: str) -> dict:
    """Run a command in an empty folder, keep what is small, and return what it said in the end."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "keras_course", *RUNS[name]],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        run = Path(folder, "runs", "0001")
        kept = RESULTS.parent / name
        kept.mkdir(exist_ok=True)
        for part in KEPT:
            shutil.copy(run / part, kept)
        if name == "demo":
            shutil.copy(run / "curves.png", ROOT / "docs" / "pictures")
    said = done.stdout.rstrip().rpartition("\n\n")[2]
    return {"typed": f"keras-course {' '.join(RUNS[name])}", "said": said, **machine.today()}


def table(results: dict) -> str:
    """Return the results as Markdown."""
    blocks = [
        f"```\n$ {run['typed']}\n...\n{_wrapped(run['said'])}\n```" for run in results.values()
    ]
    said = "; ".join(sorted({machine.said(run) for run in results.values()}))
    return "\n\n".join([*blocks, f"{said}."])


def _wrapped(said):
    """Return what was said with no line that a page would cut off."""
    lines = (
        textwrap.fill(line, 96, subsequent_indent=" " * 17, break_on_hyphens=False)
        for line in said.splitlines()
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the results, run nothing")
    show = parser.parse_args().show
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in [] if show else RUNS:
        if name not in results:
            results[name] = measure(name)
            files.write_json(RESULTS, results)
    print(table(results))


if __name__ == "__main__":
    main()
