"""What a GPU does with the course: correctness, steps, race, many rates, searches, networks.

For a machine with a GPU, JAX and no network. In calls, each of which ends within nine minutes:

    python -m benchmarks.gpu                 begins or goes on; exit code 3 while something is left
    python -m benchmarks.gpu PIECE ...       these pieces: correctness, steps, race, rates,
                                             searches, networks
    python -m benchmarks.gpu --minutes M     gives each of the networks M minutes, in place of 5
    python -m benchmarks.gpu --short         small versions of all, for a machine without a GPU
    python -m benchmarks.gpu --show          prints the tables of the results
    python -m benchmarks.gpu --results FILE  keeps them there, in place of docs/results/gpu.json

Correctness comes first; without it nothing else is measured. Each number is written down as soon as
it is there, beside those of other machines. Programs that were compiled are kept in
JAX_COMPILATION_CACHE_DIR, so that the seeds of a recipe share them. CIFAR-10 is read from
`--data FOLDER`, where these files were handed over:

    python -m benchmarks.gpu --pack FOLDER   writes CIFAR-10, where it is prepared, as files of at
                                             most 60 MB
"""

import argparse
import functools
import itertools
import json
import math
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from benchmarks import cifar10_files, machine
from keras_course import compare, devices, files
from keras_course.data import prepared
from keras_course.data.splits import Split, Splits
from keras_course.errors import Failure, memory_is_full, unknown
from keras_course.recipes import RECIPES, Recipe

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "gpu.json"
SECONDS = 9 * 60  # of one call
SEEDS = (0, 1, 2)
NETWORKS = {  # by the pixels of the images; the batch
    32: (("alexnet", "vgg16", "googlenet", "resnet18", "resnet20", "densenet40"), 512),
    224: (("alexnet", "vgg16", "googlenet", "resnet50", "densenet121"), 128),
}
# Products and sums a second of dense matrices of half precision, as the vendor says.
PEAK = {
    "H200 NVL": 835e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "L4": 121e12,
    "V100": 125e12,
    "T4": 65e12,
}
RACE = {  # for 94 % in 10 s of training after compilation, and for 96 % in 60 s
    "cifar10-94, 25 epochs": replace(RECIPES["cifar10-94"], epochs=25),
    "cifar10-94, twice as wide, shift_cutout, 75 epochs": replace(
        RECIPES["cifar10-94"], width_multiplier=2.0, augmentation="shift_cutout", epochs=75
    ),
}
RATES = 32  # at once
MINUTES = 5  # of each network at its best, unless others are asked for
# What a part of a piece may take in minutes, compiling included: it is begun where that is left.
NEEDED = {"correctness": 1, "steps": 2, "race": 3, "rates": 1, "searches": 4}
ON_CIFAR10 = ("race", "searches", "networks")  # unless they are short
CUT_OFF = 2  # times, until a part is not tried again
TIMED = 2  # seconds of steps, at least
# The largest differences that count as rounding, as shares. Of the gradients that is much: at an
# input of nearly zero a ReLU may be open on one device and closed on the other.
ROUNDING = {"loss": 1e-4, "gradients": 3e-2}


class Asked(NamedTuple):
    short: bool = False
    minutes: float = MINUTES


def correctness(asked):
    """From the same state, the difference of the device to the processor, of copies to one alone.

    That of the gradients is the length of the difference, of the length of all of them together.
    """
    names = ("simple_cnn",) if asked.short else NETWORKS[32][0]
    copied = names[0] if asked.short else "resnet20"
    return {name: functools.partial(_against_processor, name) for name in names} | {
        f"{copied}, copies beside a diverged one": functools.partial(_against_one_alone, copied)
    }


def _against_processor(name):
    import jax

    from keras_course import models

    keras.utils.set_random_seed(0)
    model = models.build(name, input_shape=(32, 32, 3))
    (images, labels), *_ = noise(16)
    found = []
    for device in (jax.devices("cpu")[0], jax.devices()[0]):
        with jax.default_device(device):
            found.append(loss_and_gradients(model, images.astype("float32"), labels, device))
    return difference(*found)


def loss_and_gradients(model, images, labels, device=None):
    """Return the loss of a step and all its gradients in a row, computed in float32."""
    import jax

    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @jax.jit
    @jax.value_and_grad
    def loss(trainable, others, images, labels):
        return entropy(labels, model.stateless_call(trainable, others, images, training=True)[0])

    state = (
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
    )
    with jax.default_matmul_precision("highest"):
        value, gradients = loss(*jax.device_put((*state, images, labels), device))
    return float(value), _in_a_row(gradients)


def _in_a_row(arrays):
    return np.concatenate([np.ravel(array) for array in arrays]).astype("float64")


def difference(right, other):
    """Return how far a loss and gradients are from the right ones, as shares of those."""
    (loss, gradients), (loss_too, gradients_too) = right, other
    length = np.linalg.norm(gradients_too - gradients) / np.linalg.norm(gradients)
    return {"loss": abs(loss_too / loss - 1), "gradients": float(length)}


def is_rounding(found):
    """Return whether these differences are no more than rounding; NaN is more."""
    return all(found.get(name, math.inf) < most for name, most in ROUNDING.items())


def _against_one_alone(name):
    """Return the largest differences of three copies to single steps, over some steps of SGD.

    Beside them is a fourth that has diverged: were it to touch them, NaN would be no rounding.
    """
    import jax

    from keras_course import training, variables
    from keras_course.search.copies import Copies

    recipe = Recipe(model=name, optimizer="sgd", batch_size=32, precision="float32")
    splits = noise(32 * 5)
    model = training.build(recipe, splits)
    batches, steps = training.batches(recipe, splits)
    copies, state, learning_rates = Copies(model), variables.read(model), (1e-3, 1e-2, 0.1)
    trained = {id(variable) for variable in model.trainable_variables}

    def weights():
        return _in_a_row(model.trainable_variables)

    found = []
    with jax.default_matmul_precision("highest"):
        for batch in itertools.islice(batches, steps):
            variables.write(model, state)
            before = weights()
            diverged = [
                np.full_like(value, np.nan) if id(variable) in trained else value
                for variable, value in zip(variables.of(model), state, strict=True)
            ]
            copies.begin([*[state] * len(learning_rates), diverged])
            losses = copies.train([batch], np.array([[*learning_rates, 0]]).T)["loss"]
            for number, rate in enumerate(learning_rates):
                copies.load(number)
                together = float(losses[number, 0]), weights() - before
                variables.write(model, state)
                model.optimizer.learning_rate = rate
                loss = model.train_on_batch(*batch, return_dict=True)["loss"]
                found.append(difference((loss, weights() - before), together))
            state = variables.read(model)
    return {key: float(np.max([each[key] for each in found])) for key in ROUNDING}


def noise(count, pixels=32):
    """Return a data set of random images: zeros are quicker to multiply, and hide mistakes."""
    random = np.random.default_rng(0)
    images = random.integers(256, size=(count, pixels, pixels, 3), dtype="uint8")
    part = Split(images, random.integers(10, size=count))
    return Splits(part, part, part, cifar10_files.NAMES)


def steps(asked):
    """Milliseconds of a training step on random images: by itself, and as `fit` takes it.

    By itself: the same batch again and again, nobody waits for the loss; the share of the peak is
    that of this one. As `fit` takes it: with augmentation, a rate for each step and a look at each
    loss, small ones several in a call.
    """
    cases = NETWORKS if not asked.short else {32: (("simple_cnn",), 16)}
    return {
        f"{name}, {pixels}x{pixels}, batch {batch}": functools.partial(_step, name, pixels, batch)
        for pixels, (names, batch) in cases.items()
        for name in names
    }


def _step(name, pixels, batch):
    from keras_course import architecture

    recipe = Recipe(model=name, batch_size=batch, learning_rate=1e-4)
    model, batches, result = _as_fit_takes_it(recipe, noise(32 * batch, pixels))
    alone = _by_itself(model, next(iter(batches)))
    flops = 6 * architecture.total(architecture.rows(model)).multiply_adds * batch  # and back
    peak = peak_of(devices.describe())
    return {
        "alone": 1000 * alone,
        **result,
        "images a second": 1000 * batch / result["milliseconds"],
        "share of the peak": flops / alone / peak if peak else None,
        "precision": devices.choose_precision(recipe.precision),
    }


def peak_of(device):
    """Return the peak of a device by its name, None where it is not known."""
    return next((peak for kind, peak in PEAK.items() if re.search(rf"\b{kind}\b", device)), None)


def _as_fit_takes_it(recipe, splits):
    """Return the network, its batches, and the milliseconds of a step in `training.fit`."""
    from benchmarks.step import Stopwatch
    from keras_course import architecture, step, training
    from keras_course.guards import EndOnInterrupt, StopWhenNotFinite
    from keras_course.rates import FollowRates

    model = training.build(recipe, splits)
    batches, steps_per_epoch = training.batches(recipe, splits)
    total = architecture.total(architecture.rows(model))
    multiply_adds = total.multiply_adds * recipe.batch_size
    step.take_together(model, multiply_adds, steps_per_epoch, recipe.batch_size)
    each_step = (
        step.EndWithEpoch,
        StopWhenNotFinite,
        EndOnInterrupt,
        functools.partial(FollowRates, [recipe.learning_rate]),
    )
    together = model.steps_per_execution
    seconds = _seconds_of_a_step(Stopwatch(model, batches, each_step), together)
    return model, batches, {"milliseconds": 1000 * seconds, "steps in a call": together}


def _by_itself(model, batch):
    """Return the seconds of a step of the network, whose variables are used up."""
    import jax

    model.train_function.steps = 1
    again = itertools.repeat(batch)
    state = tuple(
        [variable.value for variable in group]
        for group in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    )

    def run(steps):
        nonlocal state
        began = time.perf_counter()
        for _ in range(steps):
            _, state = model.train_function(state, again)
        jax.block_until_ready(state)
        return time.perf_counter() - began

    return _seconds_of_a_step(run)


def _seconds_of_a_step(run, together=1):
    """Return the seconds of a step; run: takes so many, a multiple of `together`, in seconds."""
    run(together)  # compiles
    steps = together
    while (seconds := run(steps)) < TIMED:
        steps *= 2
    return seconds / steps


def race(asked):
    """The race: seconds of training after compilation; the test set is opened once a run."""
    if asked.short:
        recipe = replace(RECIPES["cifar10-70"], dataset="shapes")
        return {"cifar10-70 on shapes, seed 0": functools.partial(_race, recipe)}
    return {
        f"{name}, seed {seed}": functools.partial(_race, replace(recipe, seed=seed))
        for seed in SEEDS
        for name, recipe in RACE.items()
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


def rates(asked):
    """A step of one network as `fit` takes it, and of copies with so many rates in one program."""
    name, count = ("simple_cnn", 4) if asked.short else ("resnet20", RATES)
    copies = {f"{name}, {n} at once": functools.partial(_rates, name, n) for n in (1, count)}
    return {f"{name}, by fit": functools.partial(_rate, name), **copies}


def _rate(name):
    recipe = Recipe(model=name)
    *_, result = _as_fit_takes_it(recipe, cifar10_files.load(recipe))
    return result


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

    def run(steps):
        began = time.perf_counter()
        some = itertools.islice(batches, steps)
        copies.train(some, np.repeat(learning_rates, steps, axis=1))
        jax.block_until_ready(copies.state)
        return time.perf_counter() - began

    return {"milliseconds": 1000 * _seconds_of_a_step(run)}


def searches(asked):
    """Searches for the learning rate of `compare`'s networks, some narrowed, all rates at once."""
    if asked.short:
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


def networks(asked):
    """The networks of `compare`, some of them narrowed, at their best within some minutes."""
    if asked.short:
        recipe = Recipe(model="simple_cnn", normalization="batch", schedule="cosine")
        return {"simple_cnn, seed 0": functools.partial(_network, recipe, asked.minutes)}
    return {
        f"{name}, {asked.minutes:g} min, seed {seed}": functools.partial(
            _network, replace(recipe, seed=seed), asked.minutes
        )
        for seed in SEEDS
        for name, recipe in compare.NETWORKS.items()
    }


def _network(recipe, minutes):
    with tempfile.TemporaryDirectory() as folder:
        splits = cifar10_files.load(recipe)
        return compare.train(recipe, Path(folder, "run"), minutes, splits)


PIECES = {piece.__name__: piece for piece in (correctness, steps, race, rates, searches, networks)}


def run(names: list[str], asked: Asked, results: dict, write: Callable) -> bool:
    """Measure what `results` lacks of these pieces; return whether all is there.

    A part has "failed" that ends without a result, such as one that does not fit into the memory of
    the device, or that was cut off twice, such as one that takes longer than a call may; it is not
    tried again, and the others go on.
    """
    cut_off = results.setdefault("cut off", {})
    ends = time.monotonic() + SECONDS
    for name in ("correctness", *(name for name in names if name != "correctness")):
        done = results["pieces"].setdefault(name, {})
        longest = 60 * NEEDED.get(name, asked.minutes + 1)
        for key, measure in PIECES[name](asked).items():
            if key in done and (name != "correctness" or is_rounding(done[key])):
                continue
            if time.monotonic() + longest > ends:
                return False
            part = f"{name}: {key}"
            print(part, flush=True)
            began, times = time.monotonic(), cut_off.get(part, 0)
            cut_off[part] = times + 1  # unless it comes to its end
            write(results)
            try:
                result = (
                    {"failed": f"it was cut off {times} times"} if times == CUT_OFF else measure()
                )
            except Failure as error:
                result = {"failed": str(error)}
            except Exception as error:
                if name == "correctness" or files.says_full(error) or not memory_is_full(error):
                    raise
                print(error, flush=True)
                result = {"failed": "the memory of the device was full"}
            del cut_off[part]
            took = time.monotonic() - began
            done[key] = {**result, "minutes": round(took / 60, 1)}
            longest = max(longest, took)
            write(results)
        if name == "correctness" and not all(map(is_rounding, done.values())):
            sys.exit("The device does not compute what it should: nothing else is measured.")
    return True


def table(results: dict, *pieces: str) -> str:
    """Return the results as Markdown: of each machine a table for each of the pieces, or for all.

    Where some are asked for, those of shortened runs are left out.
    """
    machines = sorted(results["machines"], key=lambda each: each["short"])
    if pieces:
        machines = [each for each in machines if not each["short"]]
        measured = [each for each in machines if set(pieces) & set(each["pieces"])]
        return "\n\n".join(_tables_of(each, pieces) for each in measured)
    lines = []
    if all(each["short"] for each in machines):
        lines = [
            "**The figures of a GPU are still to be measured.** What stands here is the shortened "
            "run of a processor: it shows that the script runs."
        ]
    return "\n\n".join([*lines, *map(_tables_of, machines)])


def _tables_of(results, pieces=()):
    """Return those of one machine: of these pieces, or all, and what is missing."""
    lines = []
    if not pieces:
        lines = [f"### {results['device']}{', shortened' if results['short'] else ''}", ""]
    for name in pieces or ROWS:
        done, rows = results["pieces"].get(name), ROWS[name]
        if not done:
            continue
        lines += [f"{PIECES[name].__doc__.splitlines()[0]}", "", rows.head]
        lines += ["|---" * rows.head.count(" |") + "|"]
        measured = {key: case for key, case in done.items() if "failed" not in case}
        lines += [f"| {key} | {rows.cells(case)} |" for key, case in _over_seeds(measured).items()]
        lines += [""]
        if failed := [key for key in done if key not in measured]:
            lines += [*(f"- {key} failed: {done[key]['failed']}" for key in failed), ""]
    if not pieces and (missing := _missing(results)):
        lines += [f"Still to be measured there: {missing}.", ""]
    return "\n".join([*lines, f"{machine.said(results)}."])


def _over_seeds(done):
    """Return the cases, those that differ in their seed alone as one.

    That has the means of the accuracies, the medians of all else, and the range of the tests.
    """
    seeds = {}
    for key, case in done.items():
        seeds.setdefault(key.partition(", seed")[0], []).append(case)
    found = {}
    for key, cases in seeds.items():
        found[key] = {**cases[0], "seeds": len(cases)}
        for name, value in cases[0].items():
            if isinstance(value, int | float):
                middle = np.mean if "accuracy" in name else np.median
                found[key][name] = float(middle([case[name] for case in cases]))
        if tested := [case["test_accuracy"] for case in cases if "test_accuracy" in case]:
            found[key]["range"] = f"{min(tested):.2%} to {max(tested):.2%}"
    return found


def _missing(results):
    """Return in words what a machine has not measured yet."""
    lacking = []
    for name, cases in PIECES.items():
        done = results["pieces"].get(name, {})
        there = {_without_minutes(key) for key in done}
        wanted = map(_without_minutes, cases(Asked(results["short"])))
        left = [key for key in wanted if key not in there]
        if not done:
            lacking.append(name)
        elif left:
            lacking.append(f"{name} of {', '.join(left)}")
    return "; ".join(lacking)


def _without_minutes(key):
    return re.sub(r", [\d.]+ min", "", key)


class Rows(NamedTuple):
    head: str
    cells: Callable[[dict], str]


ROWS = {
    "correctness": Rows(
        "| network | loss | gradients |",
        lambda case: f"{case['loss']:.0e} | {case['gradients']:.0e}",
    ),
    "steps": Rows(
        "| network | a step by itself | share of the peak | as `fit` takes it | in a call "
        "| images a second | precision |",
        lambda case: (
            f"{case['alone']:.1f} ms | {_percent(case['share of the peak'])} "
            f"| {case['milliseconds']:.1f} ms | {case['steps in a call']:g} "
            f"| {case['images a second']:,.0f} | {case['precision']}"
        ),
    ),
    "race": Rows(
        "| recipe | seeds | test | range | validation | training | in all |",
        lambda case: (
            f"{case['seeds']} | {case['test_accuracy']:.2%} | {case['range']} "
            f"| {case['validation_accuracy']:.2%} | {case['training_seconds']:.1f} s "
            f"| {case['seconds']:.1f} s"
        ),
    ),
    "rates": Rows(
        "| copies | a step of all |",
        lambda case: f"{case['milliseconds']:.1f} ms",
    ),
    "searches": Rows(
        "| network | best rate | of | validation | diverged | seconds |",
        lambda case: (
            f"{case['learning_rate']:.2g} | {case['rates']:g} | {case['validation_accuracy']:.1%} "
            f"| {case['diverged']:g} | {case['seconds']:.0f} s"
        ),
    ),
    "networks": Rows(
        "| network | seeds | test | range | validation | epochs | seconds |",
        lambda case: (
            f"{case['seeds']} | {case['test_accuracy']:.2%} | {case['range']} "
            f"| {case['validation_accuracy']:.2%} | {case['epochs']:g} | {case['seconds']:.0f} s"
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
    parser.add_argument("--minutes", type=float, help="of each of the networks, 0.5 to 7")
    parser.add_argument("--short", action="store_true", help="small versions, anew")
    parser.add_argument("--show", action="store_true", help="print the tables, measure nothing")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE")
    given = parser.parse_args()
    if given.pack:
        print(*cifar10_files.write(given.pack), sep="\n")
        return 0
    if given.show:
        print(table(read(given.results)))
        return 0
    asked = Asked(given.short, given.minutes or (0.5 if given.short else MINUTES))
    if not 0.5 <= asked.minutes <= 7:
        parser.error("--minutes must be from 0.5 to 7: a network and its test fit into a call.")
    pieces = given.pieces or list(PIECES)
    for piece in pieces:
        if piece not in PIECES:
            parser.error(str(unknown("PIECE", piece, PIECES)))
    there = any(given.data.glob("cifar10_*.npz")) if given.data else prepared.find("cifar10")
    if not asked.short and not there and set(ON_CIFAR10) & set(pieces):
        parser.error(
            f"{', '.join(ON_CIFAR10)} need CIFAR-10: --data FOLDER with the files of --pack, or "
            "the prepared set. Or name other pieces."
        )
    cifar10_files.folder = given.data
    return go_on(pieces, asked, given.results)


def go_on(pieces: list[str], asked: Asked, path: Path) -> int:
    """Measure these pieces on this machine, show what there is, and return the exit code."""
    if not asked.short and not devices.gpus():
        backend = keras.backend.backend()
        sys.exit(f"{backend} sees no GPU: `keras-course doctor` may say why. Or give --short.")
    here = {"short": asked.short, **machine.today(), "pieces": {}}
    machines = read(path)["machines"]
    same = [each for each in machines if _setting(each) == _setting(here)]
    results = same[0] if same and not asked.short else here
    others = [each for each in machines if each not in same]

    def write(results):
        files.write_json(path, {"machines": [*others, results]})

    whole = run(pieces, asked, results, write)
    print(table(read(path)))
    return 0 if whole else 3


def _setting(results):
    """Return what figures depend on: not on PyTorch, which happens to lie there, nor on the day."""
    versions = {name: each for name, each in results["versions"].items() if name != "torch"}
    return results["short"], results["device"], results["precision"], versions


def read(path: Path) -> dict:
    if not path.exists():
        return {"machines": []}
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
