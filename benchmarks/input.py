"""How many images a second does the input bring, what does it cost beside training, and in memory?

    python -m benchmarks.input            measures and writes docs/results/input.json
    python -m benchmarks.input --short    three rounds instead of five
    python -m benchmarks.input --show     prints the tables of that file

Alone: batches of 128 of `shapes`, taken as fast as they come, for each augmentation in turn.
Beside: the step of ResNet-20 with and without the default augmentation, in turn. Memory: how much
the peak of a process grows when it loads a data set and takes an epoch of augmented batches of it;
CIFAR-10 where it is prepared.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from pathlib import Path

from benchmarks import machine
from keras_course import files

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "input.json"
AUGMENTATIONS = ("none", "flip", "shift", "color", "rotate90", "flip_shift_color")
DEFAULT = "flip_shift_color"
BATCH = 128
TAKEN = 150  # batches in a round


def batches(splits, name):
    from keras_course import augmentation
    from keras_course.data import pipeline

    layers = augmentation.layers_of(name)
    return pipeline.training_batches(*splits.train, BATCH, layers=layers)


def alone(splits, rounds):
    """Return the images a second of each augmentation, the median of the rounds."""
    iterators = {name: iter(batches(splits, name)) for name in AUGMENTATIONS}
    measured = {name: [] for name in AUGMENTATIONS}
    for round_ in range(rounds + 1):
        for name, iterator in iterators.items():
            began = time.perf_counter()
            for _ in range(TAKEN):
                next(iterator)
            if round_:  # the first one compiles
                measured[name].append(TAKEN * BATCH / (time.perf_counter() - began))
    return {name: round(statistics.median(found)) for name, found in measured.items()}


def beside(splits, rounds):
    """Return the milliseconds of a step of ResNet-20 without and with augmentation, by round."""
    from benchmarks.step import Stopwatch
    from keras_course import training
    from keras_course.recipes import Recipe

    model = training.build(Recipe(), splits)
    watches = {name: Stopwatch(model, batches(splits, name)) for name in ("none", DEFAULT)}
    measured = {name: [] for name in watches}
    for round_ in range(rounds + 1):
        for name, watch in watches.items():
            milliseconds = 1000 * watch(20) / 20
            if round_:
                measured[name].append(round(milliseconds, 2))
    pairs = zip(measured["none"], measured[DEFAULT], strict=True)
    ratio = statistics.median(after / before for before, after in pairs)
    return {"milliseconds": measured, "cost": round(ratio - 1, 4)}


def memory(connection):
    """Send the name of the data set and the megabytes that its input adds to the peak."""
    from keras_course import augmentation, data, devices, quiet

    quiet.import_keras()
    import tensorflow as tf

    from keras_course.data import prepared

    name = "cifar10" if prepared.find("cifar10") else "shapes"
    augmentation.layers_of(DEFAULT)
    tf.constant(1.0) + 1  # TensorFlow has its threads
    before = devices.peak_megabytes()
    splits = data.load(name)
    iterator = iter(batches(splits, DEFAULT))
    for _ in range(len(splits.train.labels) // BATCH):
        next(iterator)
    connection.send({"data": name, "megabytes": devices.peak_megabytes() - before})


def in_a_process_of_its_own(function):
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=function, args=(there,))
    process.start()
    there.close()
    result = here.recv()
    process.join()
    return result


def table(results):
    """Return the results as Markdown."""
    lines = ["| augmentation | images per second |", "|---|---|"]
    lines += [f"| {name} | {speed:,} |" for name, speed in results["alone"].items()]
    steps = results["beside"]["milliseconds"]
    without, with_it = (statistics.median(steps[name]) for name in ("none", DEFAULT))
    held = results["memory"]
    said = f"{machine.said(results)}, seed 0, medians of {results['rounds']} rounds"
    return "\n".join(
        [
            *lines,
            "",
            f"Beside ResNet-20, batch {BATCH}: a step takes {without:.0f} ms without augmentation, "
            f"{with_it:.0f} ms with {DEFAULT}; compared within each round, augmentation costs "
            f"{results['beside']['cost']:+.1%}. Loading {held['data']} and an epoch of its batches "
            f"add {held['megabytes']} MB to the process. {said}.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the tables, measure nothing")
    parser.add_argument("--short", action="store_true", help="three rounds")
    given = parser.parse_args()
    if not given.show:
        from keras_course import data

        rounds = 3 if given.short else 5
        splits = data.load("shapes")
        results = {
            **machine.today(),
            "rounds": rounds,
            "memory": in_a_process_of_its_own(memory),
            "alone": alone(splits, rounds),
            "beside": beside(splits, rounds),
        }
        files.write_json(RESULTS, results)
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
