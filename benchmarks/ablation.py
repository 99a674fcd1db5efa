"""What is each idea of the race worth, in points and in seconds?

Trains the recipe `cifar10-90`, and the same without one of its ideas, over three seeds each, on
45,000 images of CIFAR-10; the other 5,000 choose the epoch, and the test set is opened once a run.
Rate and epochs stay those that suit the whole recipe. What an idea costs is measured afterwards:
the variants take some steps in turn, several times, in one process.

    python -m benchmarks.ablation           trains what is missing in docs/results/ablation.json
    python -m benchmarks.ablation --show    prints the table of that file

A second call goes on where the first was stopped.
"""

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path

from benchmarks import machine, training_runs
from keras_course import files
from keras_course.recipes import RECIPES

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "ablation.json"
SEEDS = (0, 1, 2)
ROUNDS, STEPS = 5, 40  # of each variant, on a machine that does nothing else
WHOLE = RECIPES["cifar10-90"]
LEARNED = "a first convolution that is learned"
KINKED = "ReLU, not GELU"
VARIANTS = {
    "the whole recipe": WHOLE,
    LEARNED: WHOLE,
    KINKED: WHOLE,
    "flips drawn, not alternating": replace(
        WHOLE, alternating_flip=False, augmentation="flip_shift2"
    ),
    "no flip": replace(WHOLE, alternating_flip=False),
    "no shift": replace(WHOLE, augmentation="none"),
    "no label smoothing": replace(WHOLE, label_smoothing=0.0),
    "no weight decay": replace(WHOLE, weight_decay=0.0),
    "no averaging of the weights": replace(WHOLE, averaging=0.0),
    "no mirrored answer": replace(WHOLE, mirrored=False),
    "momentum, not Nesterov's": replace(WHOLE, optimizer="momentum"),
    "a constant rate, a third as high": replace(
        WHOLE, schedule="constant", learning_rate=WHOLE.learning_rate / 3
    ),
}


def learned_first_convolution(recipe, splits):
    """Return the compiled network without whitening: the kernel as random as a learned one's."""
    import keras

    from keras_course import training
    from keras_course.layers import Whitening

    model = training.build(recipe, splits)
    (layer,) = (layer for layer in model.layers if isinstance(layer, Whitening))
    layer.kernel.assign(keras.initializers.HeNormal(recipe.seed)(layer.kernel.shape))
    layer.kernel.trainable = True
    return training.compiled(model, recipe)


def relu_for_gelu(recipe, splits):
    """Return the compiled network with the same first weights and the older activation."""
    import keras

    from keras_course import training
    from keras_course.layers import GELU

    def replaced(layer):
        kind = keras.layers.ReLU if isinstance(layer, GELU) else type(layer)
        return kind.from_config(layer.get_config())

    model = training.build(recipe, splits)
    other = keras.models.clone_model(model, clone_function=replaced)
    other.set_weights(model.get_weights())
    return training.compiled(other, recipe)


BUILDS = {LEARNED: learned_first_convolution, KINKED: relu_for_gelu}


def wanted():
    return {
        f"{name}, seed {seed}": replace(recipe, seed=seed)
        for seed in SEEDS  # one after another, so that what is compared was trained in one sitting
        for name, recipe in VARIANTS.items()
    }


def steps_in_turn() -> dict:
    """Return the milliseconds of a step of each variant in each round, and how many a run has."""
    from benchmarks.step import Stopwatch
    from keras_course import data, training

    runs, times = {}, {name: [] for name in VARIANTS}
    for name, recipe in VARIANTS.items():
        splits = data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
        model = BUILDS.get(name, training.build)(recipe, splits)
        batches, steps_per_epoch = training.batches(recipe, splits)
        runs[name] = Stopwatch(model, batches)
        runs[name](2)  # traces
    for number in range(ROUNDS):
        print(f"Steps in turn, round {number + 1} of {ROUNDS}", flush=True)
        for name, run in runs.items():
            times[name].append(round(1000 * run(STEPS) / STEPS, 2))
    return {"number": WHOLE.epochs * steps_per_epoch, "milliseconds": times}


def table(results: dict) -> str:
    """Return the results as Markdown; the difference is to the whole recipe, seed by seed."""
    runs = training_runs.comparison(
        results["runs"], list(VARIANTS), SEEDS, "`cifar10-90` with", timed=False
    )
    return f"{runs}\n\n{_table_of(results['steps'])}" if "steps" in results else runs


def _table_of(steps):
    """Return that of the times: of a step, and of all steps of the recipe."""
    times = steps["milliseconds"]
    whole = times[next(iter(VARIANTS))]
    lines = ["| `cifar10-90` with | time per step | difference | whole run |", "|---" * 4 + "|"]
    for name in filter(times.get, VARIANTS):
        ratio = statistics.median(a / b for a, b in zip(times[name], whole, strict=True))
        seconds = statistics.median(whole) * (ratio - 1) * steps["number"] / 1000
        lines.append(
            f"| {name} | {statistics.median(times[name]):.1f} ms | {100 * ratio - 100:+.1f}% "
            f"| {seconds:+.0f} s |"
        )
    said = (
        f"{len(whole)} rounds of {STEPS} steps in turn, medians; differences to the whole recipe "
        "are taken within a round"
    )
    return "\n".join([*lines, "", f"{said}. {machine.said(steps)}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")
    if not parser.parse_args().show:
        builds = {f"{name}, seed {seed}": BUILDS[name] for name in BUILDS for seed in SEEDS}
        training_runs.complete(RESULTS, wanted(), builds)
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
        if "steps" not in results:
            results["steps"] = {**machine.today(), **steps_in_turn()}
            files.write_json(RESULTS, results)
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
