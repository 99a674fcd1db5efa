"""What a GPU does with the course: correctness, steps, race, many rates, searches, networks.

For a machine with a GPU, JAX and no network. In pieces, each of which ends within nine minutes:

    python -m benchmarks.gpu                 begins or goes on; exit code 3 while something is left
    python -m benchmarks.gpu PIECE ...       these pieces: correctness, steps, race, rates,
                                             searches, networks
    python -m benchmarks.gpu --short         small versions of all, for a machine without a GPU
    python -m benchmarks.gpu --show          prints the tables of docs/results/gpu.json

Correctness comes first; without it nothing else is measured. Each number is written down as soon as
it is there. CIFAR-10 is read from `--data FOLDER`, where these files were handed over:

    python -m benchmarks.gpu --pack FOLDER   writes CIFAR-10, where it is prepared, as files of at
                                             most 60 MB
"""

import argparse
import functools
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # not where another program only wants the tables
    os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

from benchmarks import cifar10_files, machine
from keras_course import compare, files, quiet
from keras_course.recipes import RECIPES, Recipe

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "gpu.json"
SECONDS = 9 * 60  # of one call
SEEDS = (0, 1, 2)
NETWORKS = {  # by the pixels of the images; the batch
    32: (("alexnet", "vgg16", "googlenet", "resnet18", "resnet20", "densenet40"), 512),
    224: (("alexnet", "vgg16", "googlenet", "resnet50", "densenet121"), 128),
}
# Products and sums a second of dense matrices of half precision, as the vendor says.
PEAK = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L4": 121e12, "V100": 125e12, "T4": 65e12}
# Accuracy in percent, seconds of training after compilation. Rates and epochs of the second are
# guesses until a GPU has tried them.
RACE = {
    "cifar10-94": (RECIPES["cifar10-94"], 94, 10),
    "cifar10-96": (replace(RECIPES["cifar10-94"], width_multiplier=2.0, epochs=40), 96, 60),
}
RATES = 32  # at once
MINUTES = 5  # of each network at its best


def correctness(short):
    """From the same state, the difference between the device and the processor."""
    names = ("simple_cnn", "resnet20") if short else NETWORKS[32][0]
    return {name: functools.partial(_against_processor, name) for name in names}


def _against_processor(name):
    import jax
    import keras

    from keras_course import models

    model = models.build(name, input_shape=(32, 32, 3))
    state = (
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
    )
    random = np.random.default_rng(0)
    images = random.integers(256, size=(16, 32, 32, 3)).astype("float32")
    labels = random.integers(10, size=16)
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @jax.jit
    @jax.value_and_grad
    def loss(trainable, others, images, labels):
        return entropy(labels, model.stateless_call(trainable, others, images, training=True)[0])

    found = []
    for device in (jax.devices("cpu")[0], jax.devices()[0]):
        with jax.default_device(device), jax.default_matmul_precision("highest"):
            found.append(
                jax.tree.map(np.asarray, loss(*jax.device_put((*state, images, labels), device)))
            )
    (loss_there, there), (loss_here, here) = found
    gradients = max(
        float(np.abs(one - other).max() / max(np.abs(one).max(), 1e-12))
        for one, other in zip(there, here, strict=True)
    )
    return {"loss": abs(float(loss_here / loss_there) - 1), "gradients": gradients}


def steps(short):
    """Milliseconds of a training step, as `fit` takes it, on images that lie on the device."""
    cases = NETWORKS if not short else {32: (("simple_cnn", "resnet20"), 16)}
    return {
        f"{name}, {pixels}x{pixels}, batch {batch}": functools.partial(_step, name, pixels, batch)
        for pixels, (names, batch) in cases.items()
        for name in names
    }


def _step(name, pixels, batch):
    import jax

    from benchmarks.step import Stopwatch
    from keras_course import architecture, devices, models, training

    recipe = Recipe(model=name)
    precision = devices.choose_precision(recipe.precision)
    with devices.building_in(precision):
        model = models.build(name, input_shape=(pixels, pixels, 3))
    training.compiled(model, recipe)
    images = np.zeros((batch, pixels, pixels, 3), "float32")
    on_device = jax.device_put((images, np.arange(batch) % 10))
    watch = Stopwatch(model, (on_device for _ in itertools.count()))
    count = 3
    watch(count)  # compiles
    while (seconds := watch(count)) < 2:
        count *= 2
    flops = 6 * architecture.total(architecture.rows(model)).multiply_adds * batch  # and back
    peak = next((peak for kind, peak in PEAK.items() if kind in devices.describe()), None)
    return {
        "milliseconds": 1000 * seconds / count,
        "images a second": batch * count / seconds,
        "share of the peak": flops * count / seconds / peak if peak else None,
        "precision": precision,
    }


def race(short):
    """The race: seconds of training after compilation; the test set is opened once a run."""
    if short:
        recipe = replace(RECIPES["cifar10-70"], dataset="shapes")
        return {"cifar10-70 on shapes, seed 0": functools.partial(_race, recipe)}
    return {
        f"{name}, seed {seed}": functools.partial(_race, replace(recipe, seed=seed))
        for seed in SEEDS
        for name, (recipe, _, _) in RACE.items()
    }


def _race(recipe):
    from keras_course import training

    splits = cifar10_files.load(recipe)
    with tempfile.TemporaryDirectory() as folder:
        run = training.test(training.fit(recipe, folder, splits=splits), splits=splits)
    return {
        "test_accuracy": run.metrics["test"]["accuracy"],
        "validation_accuracy": run.metrics["validation"]["accuracy"],
        "training_seconds": sum(row["seconds"] for row in run.history),
        "seconds": run.metrics["seconds"],
        "recipe": asdict(recipe),
    }


def rates(short):
    """A step of one network, and of copies with as many rates, in one program."""
    name, count = ("simple_cnn", 4) if short else ("resnet20", RATES)
    return {f"{name}, {n} at once": functools.partial(_rates, name, n) for n in (1, count)}


def _rates(name, count):
    import jax

    from keras_course import training, variables
    from keras_course.search.copies import Copies

    recipe = Recipe(model=name)
    splits = cifar10_files.load(recipe)
    model = training.build(recipe, splits)
    batches, _ = training.batches(recipe, splits)
    copies = Copies(model)
    copies.begin([variables.read(model)] * count)
    learning_rates = np.geomspace(1e-4, 1e-2, count)[:, None]

    def timed(steps):
        began = time.perf_counter()
        some = itertools.islice(batches, steps)
        copies.train(some, np.repeat(learning_rates, steps, axis=1))
        jax.block_until_ready(copies.state)
        return time.perf_counter() - began

    timed(3)  # compiles
    steps = 10
    while (seconds := timed(steps)) < 2:
        steps *= 2
    return {"milliseconds": 1000 * seconds / steps, "copies": count}


def searches(short):
    """Searches for the learning rate, all rates at once."""
    if short:
        recipe = Recipe(model="logistic_regression")
        return {"logistic_regression": functools.partial(_search, recipe, 4)}
    return {
        name: functools.partial(_search, recipe, RATES) for name, recipe in compare.NETWORKS.items()
    }


def _search(recipe, count):
    from keras_course.search.tune import tune

    settings = {"search": "grid", "trials": count, "band": (1e-3, 3.0), "parallel_rates": count}
    with tempfile.TemporaryDirectory() as folder:
        splits = cifar10_files.load(recipe)
        board = tune(recipe, folder, splits=splits, **settings).leaderboard
    return {
        "learning_rate": board["best_learning_rate"],
        "validation_accuracy": board["trials"][0]["score"],
        "diverged": sum(trial["status"] == "diverged" for trial in board["trials"]),
        "rates": count,
        "seconds": board["seconds"],
    }


def networks(short):
    """The networks of the lecture at their best within five minutes."""
    if short:
        recipe = Recipe(model="simple_cnn", normalization="batch", schedule="cosine")
        return {"simple_cnn, seed 0": functools.partial(_network, recipe, 0.5)}
    return {
        f"{name}, seed {seed}": functools.partial(_network, replace(recipe, seed=seed), MINUTES)
        for seed in SEEDS
        for name, recipe in compare.NETWORKS.items()
    }


def _network(recipe, minutes):
    with tempfile.TemporaryDirectory() as folder:
        splits = cifar10_files.load(recipe)
        return compare.train(recipe, Path(folder, "run"), minutes, splits)


PIECES = {piece.__name__: piece for piece in (correctness, steps, race, rates, searches, networks)}
EQUAL = 1e-3  # largest difference, of the largest entry, that counts as rounding


def run(names: list[str], short: bool, results: dict, write: Callable) -> bool:
    """Measure what `results` lacks of these pieces; return whether all is there."""
    ends = time.monotonic() + SECONDS
    longest = 0.0
    for name in names:
        done = results["pieces"].setdefault(name, {})
        for key, measure in PIECES[name](short).items():
            if key in done:
                continue
            if time.monotonic() + longest > ends:
                return False
            print(f"{name}: {key}", flush=True)
            began = time.monotonic()
            result = measure()
            took = time.monotonic() - began
            done[key] = {**result, "minutes": round(took / 60, 1)}
            longest = max(longest, took)
            write(results)
        if name == "correctness" and not _equal(done):
            sys.exit("The device and the processor do not compute the same: nothing is measured.")
    return True


def _equal(done):
    return all(max(case["loss"], case["gradients"]) < EQUAL for case in done.values())


def table(results: dict) -> str:
    """Return the results as Markdown, a table for each piece."""
    lines = []
    if results["short"]:
        lines += [
            "**The figures of a GPU are still to be measured.** What stands here is the shortened "
            "run of a processor: it shows that the script runs.",
            "",
        ]
    for name, rows in ROWS.items():
        done = results["pieces"].get(name)
        if not done:
            continue
        lines += [f"{PIECES[name].__doc__.splitlines()[0]}", "", rows.head]
        lines += ["|---" * rows.head.count(" |") + "|"]
        lines += [f"| {key} | {rows.cells(case)} |" for key, case in done.items()]
        lines += [""]
    return "\n".join([*lines, f"{machine.said(results)}."])


class Rows(NamedTuple):
    head: str
    cells: Callable[[dict], str]


ROWS = {
    "correctness": Rows(
        "| network | loss | gradients, of their largest entry |",
        lambda case: f"{case['loss']:.0e} | {case['gradients']:.0e}",
    ),
    "steps": Rows(
        "| network | a step | images a second | share of the peak | precision |",
        lambda case: (
            f"{case['milliseconds']:.1f} ms | {case['images a second']:,.0f} "
            f"| {_percent(case['share of the peak'])} | {case['precision']}"
        ),
    ),
    "race": Rows(
        "| recipe | test | validation | training | in all |",
        lambda case: (
            f"{case['test_accuracy']:.2%} | {case['validation_accuracy']:.2%} "
            f"| {case['training_seconds']:.1f} s | {case['seconds']:.1f} s"
        ),
    ),
    "rates": Rows(
        "| copies | a step of all |",
        lambda case: f"{case['milliseconds']:.1f} ms",
    ),
    "searches": Rows(
        "| network | best rate | of | validation | diverged | seconds |",
        lambda case: (
            f"{case['learning_rate']:.2g} | {case['rates']} | {case['validation_accuracy']:.1%} "
            f"| {case['diverged']} | {case['seconds']:.0f} s"
        ),
    ),
    "networks": Rows(
        "| network | test | validation | epochs | seconds |",
        lambda case: (
            f"{case['test_accuracy']:.2%} | {case['validation_accuracy']:.2%} | {case['epochs']} "
            f"| {case['seconds']:.0f} s"
        ),
    ),
}


def _percent(share):
    return "" if share is None else f"{share:.0%}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help=", ".join(PIECES))
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="with the files of --pack")
    parser.add_argument("--pack", type=Path, metavar="FOLDER", help="write CIFAR-10 there")
    parser.add_argument("--short", action="store_true", help="small versions, anew")
    parser.add_argument("--show", action="store_true", help="print the tables, measure nothing")
    given = parser.parse_args()
    if given.pack:
        print(*cifar10_files.write(given.pack), sep="\n")
        return 0
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else None
    whole = True
    if not given.show:
        cifar10_files.folder = given.data
        quiet.import_keras()
        here = machine.today()
        if given.short or results is None or results["device"] != here["device"]:
            results = {"short": given.short, "pieces": {}, **here}
        names = given.pieces or list(PIECES)
        whole = run(names, given.short, results, functools.partial(files.write_json, RESULTS))
    print(table(results))
    return 0 if whole else 3


if __name__ == "__main__":
    sys.exit(main())
