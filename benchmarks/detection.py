"""How well does a detector on ResNet-20 find the shapes in scenes, and after how many minutes?

Trains it over three seeds as `keras-course detect` does. The validation scenes choose the epoch,
the test scenes are looked at once a run.

    python -m benchmarks.detection              trains what docs/results/detection.json lacks
    python -m benchmarks.detection --seeds 0    one seed alone
    python -m benchmarks.detection --show       prints the table of that file

A run is written down as soon as it is finished; runs of another recipe, or of scenes with other
bytes, are thrown away. The picture of seed 0 becomes docs/pictures/detection.png.
"""

import argparse
import dataclasses
import hashlib
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from keras_course import files
from keras_course.data import scenes
from keras_course.detection import Detection, detect

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "results" / "detection.json"
PICTURE = DOCS / "pictures" / "detection.png"
SEEDS = (0, 1, 2)


def digest() -> str:
    """Return the sha256 of images, boxes and labels of all parts."""
    total = hashlib.sha256()
    for part in scenes.SEEDS:
        for array in scenes.load(part):
            total.update(array.tobytes())
    return total.hexdigest()


def read() -> dict:
    """Return the results so far: those that still hold."""
    results = {"data": {"name": "scenes", **scenes.SIZES, "sha256": digest()}, "runs": {}}
    if RESULTS.exists():
        old = json.loads(RESULTS.read_text(encoding="utf-8"))
        if old["data"] == results["data"]:
            results["runs"] = {
                seed: run
                for seed, run in old["runs"].items()
                if run["recipe"] == dataclasses.asdict(Detection(seed=int(seed)))
            }
    return results


def train(seed: int) -> dict:
    """Train and test one detector and return what is worth keeping."""
    with tempfile.TemporaryDirectory() as folder:
        began, began_cpu = time.perf_counter(), time.process_time()
        metrics = detect(Detection(seed=seed), Path(folder, "run"))
        minutes = (time.perf_counter() - began) / 60
        cpu_minutes = (time.process_time() - began_cpu) / 60
        if seed == 0:
            with files.whole(PICTURE) as temporary:
                shutil.copyfile(Path(folder, "run", "detection.png"), temporary)
    metrics.pop("seconds")  # the same as minutes
    return {**metrics, "minutes": round(minutes, 2), "cpu_minutes": round(cpu_minutes, 2)}


def table(results: dict) -> str:
    """Return the results as Markdown."""
    lines = [
        "| seed | epochs | validation mAP | test mAP | minutes | processor minutes |",
        "|---|---|---|---|---|---|",
    ]
    runs = dict(sorted(results["runs"].items()))
    for seed, run in runs.items():
        lines.append(
            f"| {seed} | {run['epochs']} | {run['validation']['mAP']:.1%} "
            f"| {run['test']['mAP']:.1%} | {run['minutes']:.1f} | {run['cpu_minutes']:.1f} |"
        )
    if runs:
        mean = statistics.mean(run["test"]["mAP"] for run in runs.values())
        said = {f"{run['model']}, {run['device']}, {run['precision']}" for run in runs.values()}
        lines += ["", f"Mean test mAP at IoU 0.5: {mean:.1%}. {'; '.join(sorted(said))}."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, metavar="N")
    given = parser.parse_args()
    if given.show:
        if not RESULTS.exists():
            parser.error(f"there is no {RESULTS} yet: call this without --show first")
        print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
        return
    results = read()
    for seed in given.seeds:
        if str(seed) not in results["runs"]:
            print(f"seed {seed}", flush=True)
            results["runs"][str(seed)] = train(seed)
            files.write_json(RESULTS, results)
    print(table(results))


if __name__ == "__main__":
    main()
