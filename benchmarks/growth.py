"""How do time and memory grow with images, batch, image size and cores?

    python -m benchmarks.growth            measures what today has not yet measured, and writes
                                           docs/results/growth.json, docs/pictures/growth.png
    python -m benchmarks.growth --short    two values of each
    python -m benchmarks.growth --show     prints the table of that file

ResNet-20 by the default recipe, input and augmentation included, on images of `shapes`. One thing
varies, the others stay at 10,000 images, batch 128 (32 where the size varies), 32x32 pixels and two
cores. Each case trains in a process of its own: where the number of images varies, a whole epoch;
else the median of three rounds of some seconds.
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
import statistics
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks import machine, step
from keras_course import files, plots

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "growth.json"
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "growth.png"
SECONDS = 4  # of a round, about


@dataclasses.dataclass(frozen=True)
class Case:
    images: int = 10_000
    batch_size: int = 128
    size: int = 32
    cores: int = 2


CASES = {
    "images": [Case(images=n) for n in (1000, 5000, 10_000, 20_000, 50_000)],
    "batch_size": [Case(batch_size=n) for n in (32, 64, 128, 256, 512, 1024)],
    "size": [Case(batch_size=32, size=n) for n in (32, 64, 128, 224)],
    "cores": [Case(cores=n) for n in (1, 2)],
}
NAMES = {
    "images": "training images",
    "batch_size": "batch size",
    "size": "height and width of the images",
    "cores": "cores",
}


def train(case: Case, whole_epoch: bool) -> dict:
    """Return the milliseconds of a step, the seconds of an epoch and the peak memory in MB."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: case.cores])
    from keras_course import quiet

    quiet.import_keras()
    from keras_course import devices, training
    from keras_course.data import shapes
    from keras_course.data.splits import Split, Splits
    from keras_course.recipes import Recipe

    drawing = shapes.draw(case.images, seed=0)
    times = case.size // 32
    split = Split(drawing.images.repeat(times, 1).repeat(times, 2), drawing.labels)
    splits = Splits(split, split, split, shapes.CLASS_NAMES)
    recipe = Recipe(batch_size=case.batch_size)
    batches, steps = training.batches(recipe, splits)
    take = step.Stopwatch(training.build(recipe, splits), batches)
    take(2)  # compiles
    if whole_epoch:
        seconds = take(steps) / steps
    else:
        some = max(2, round(2 * SECONDS / take(2)))
        seconds = statistics.median(take(some) for _ in range(3)) / some
    return {
        "milliseconds": round(1000 * seconds, 2),
        "epoch_seconds": round(seconds * steps, 2),
        "peak_megabytes": devices.peak_megabytes(),
    }


def complete(cases: dict[str, list[Case]]) -> dict:
    """Measure what is missing; what another day or machine measured is measured again."""
    results = machine.today()
    if RESULTS.exists():
        earlier = json.loads(RESULTS.read_text(encoding="utf-8"))
        results = earlier if machine.same(earlier, results) else results
    for name, varied in cases.items():
        for case in varied:
            found = results.setdefault("series", {}).setdefault(name, [])
            key = dataclasses.asdict(case)
            if key in [one["case"] for one in found]:
                continue
            print(f"{name} {getattr(case, name):,}", flush=True)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                measured = pool.apply(train, (case, name == "images"))
            found.append({"case": key, **measured})
            found.sort(key=lambda one: one["case"][name])
            files.write_json(RESULTS, results)
    return results


def table(results: dict) -> str:
    """Return the results as Markdown."""
    lines = [
        "| varied | images | batch | pixels | cores | per step | per image | per epoch "
        "| peak memory |",
        "|" + "---|" * 9,
    ]
    for name, found in results["series"].items():
        for one in found:
            case = one["case"]
            image = one["milliseconds"] / case["batch_size"]
            lines.append(
                f"| {NAMES[name]} | {case['images']:,} | {case['batch_size']} "
                f"| {case['size']}x{case['size']} | {case['cores']} "
                f"| {one['milliseconds']:.0f} ms | {image:.2f} ms | {one['epoch_seconds']:.0f} s "
                f"| {one['peak_megabytes']:,} MB |"
            )
    said = f"ResNet-20, training with augmentation, seed 0. {machine.said(results)}."
    return "\n".join([*lines, "", said])


@plots.styled
def picture(results: dict) -> Figure:
    """Draw time above and memory below, a column for each thing that varies."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    title = f"Training ResNet-20, {results['precision']}, {results['device']}"
    plots.titled(figure, title)
    above, below = figure.subplots(2, len(results["series"]), sharex="col")
    for (name, found), time, memory in zip(results["series"].items(), above, below, strict=True):
        values = [one["case"][name] for one in found]
        if name == "images":
            time.set_ylabel("seconds of an epoch")
            seconds = [one["epoch_seconds"] for one in found]
        else:
            time.set_ylabel("milliseconds an image")
            seconds = [one["milliseconds"] / one["case"]["batch_size"] for one in found]
        memory.set_ylabel("peak memory, GB")
        memory.set_xlabel(NAMES[name])
        time.plot(values, seconds, "o-", color=plots.BLUE)
        gigabytes = [one["peak_megabytes"] / 1000 for one in found]
        memory.plot(values, gigabytes, "s-", color=plots.ORANGE)
        for axes, highest in ((time, max(seconds)), (memory, max(gigabytes))):
            axes.set_ylim(0, 1.1 * highest)
        if name == "cores":
            memory.set_xticks(values)
            memory.set_xlim(0.5, max(values) + 0.5)
        else:
            memory.set_xlim(left=0)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, measure nothing")
    parser.add_argument("--short", action="store_true", help="two values of each")
    given = parser.parse_args()
    if not given.show:
        cases = {name: varied[:2] for name, varied in CASES.items()} if given.short else CASES
        plots.save(picture(complete(cases)), PICTURE)
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
