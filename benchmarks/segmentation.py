"""How well do U-Net and a segmenter on ResNet-20 learn the masks of `shapes` in three minutes?

Each trains as `keras-course segment --minutes 3` does; all is inside of the three minutes: drawing
the images, building, training, testing. The validation images choose the epoch, the test images are
looked at once. Nothing else should run meanwhile.

Widths, loss and rate were chosen by people who saw results on these test images. So each network is
also asked for 2,000 images of another seed, which nobody had seen before: "unseen" in the results.

    python -m benchmarks.segmentation           measures what docs/results/segmentation.json lacks
    python -m benchmarks.segmentation --show    prints the table of that file

The picture of the segmenter goes to docs/pictures/segmentation.png.
"""

import argparse
import dataclasses
import json
import resource
import shutil
import tempfile
from pathlib import Path

from keras_course import files, quiet

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "results" / "segmentation.json"
MODELS = ("segmenter", "unet")
MINUTES = 3
UNSEEN = 20_001  # a seed of 2,000 more images


def measure(model: str) -> dict:
    """Train and test one network, and return its metrics with the seconds of processor time."""
    quiet.import_keras()
    from keras_course import segmentation
    from keras_course.data import masks, shapes

    used = resource.getrusage(resource.RUSAGE_SELF)
    with tempfile.TemporaryDirectory() as folder:
        chosen = segmentation.Segmentation(model=model)
        metrics = segmentation.segment(chosen, folder, minutes=MINUTES)
        now = resource.getrusage(resource.RUSAGE_SELF)
        if model == "segmenter":
            shutil.copy(Path(folder, "segmentation.png"), DOCS / "pictures")
        unseen = masks.of(shapes.draw(shapes.TEST_IMAGES, seed=UNSEEN))
        found = segmentation.predict(segmentation.load(folder), unseen.images)
        again = {"seed": UNSEEN, **segmentation.score(unseen.masks, found)}
    processor = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {**metrics, "unseen": again, "processor_seconds": round(processor, 1)}


def table(results: dict) -> str:
    """Return the results as Markdown."""
    lines = [
        "| masks of `shapes` | parameters | epochs | shape IoU | mean IoU, 11 classes "
        "| both on newly drawn images | minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in results.values():
        test, unseen = run["test"], run["unseen"]
        lines.append(
            f"| {run['model']} | {run['parameters']:,} | {run['epochs']} | {test['shape_iou']:.3f} "
            f"| {test['mean_iou']:.3f} | {unseen['shape_iou']:.3f}, {unseen['mean_iou']:.3f} "
            f"| {run['seconds'] / 60:.1f} |"
        )
    said = sorted({f"{run['device']}, {run['precision']}" for run in results.values()})
    return "\n".join([*lines, "", f"2,000 test images, seed 0. {'; '.join(said)}."])


def wanted(model: str, run: dict) -> bool:
    """Return whether a result is that of today's recipe, its epochs aside."""
    from keras_course.segmentation import Segmentation

    chosen = dataclasses.asdict(Segmentation(model=model, epochs=run["recipe"]["epochs"]))
    return run["recipe"] == chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    show = parser.parse_args().show
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if not show:
        quiet.import_keras()
        results = {model: run for model, run in results.items() if wanted(model, run)}
        for model in MODELS:
            if model not in results:
                results[model] = measure(model)
                files.write_json(RESULTS, results)
    print(table(results))


if __name__ == "__main__":
    main()
