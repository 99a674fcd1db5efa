"""Does a search of 100 trials need more memory than one of ten?

    python -m benchmarks.search_memory           measures; writes docs/results/search_memory.json
    python -m benchmarks.search_memory --show    prints the table of that file

Measured is the resident size of the process after each trial, of `tune`, which trains one network
with every rate, and of `PairedTuner` with a hypermodel that builds a network for each trial.
"""

import argparse
import json
import multiprocessing
import tempfile
from pathlib import Path

from benchmarks import machine
from keras_course import files
from keras_course.recipes import Recipe

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "search_memory.json"
TRIALS, STEPS = 100, 3


def megabytes() -> float:
    """Return the resident size of this process."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    raise OSError("/proc/self/status says nothing of VmRSS: this needs Linux.")


def _tune(folder):
    from keras_course.search import narrator, tune

    sizes = []
    end = narrator.Narrator.on_trial_end

    def measured(tuner, trial):
        end(tuner, trial)
        sizes.append(megabytes())

    narrator.Narrator.on_trial_end = measured
    recipe = Recipe(model="resnet20", batch_size=32, augmentation="none")
    settings = {"steps": STEPS, "validation_images": 100, "band": (1e-4, 1e-2)}
    tune.tune(recipe, folder, search="random", trials=TRIALS, **settings)
    return sizes


def _built_anew(folder):
    import keras_tuner as kt
    import numpy as np

    from keras_course import training
    from keras_course.data import load
    from keras_course.search.tuner import PairedTuner

    sizes, splits = [], load("shapes")
    images, labels = splits.train.images[:96].astype("float32"), splits.train.labels[:96]

    class Build(kt.HyperModel):
        def build(self, hp):
            rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
            model = training.build(Recipe(model="simple_cnn"), splits)
            model.optimizer.learning_rate = rate
            return model

    class Tuner(PairedTuner):
        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            sizes.append(megabytes())

    oracle = kt.oracles.RandomSearchOracle(
        kt.Objective("val_accuracy", "max"), max_trials=TRIALS, seed=1
    )
    tuner = Tuner(oracle, Build(), directory=folder, project_name="memory")
    tuner.search(images, np.asarray(labels), validation_data=(images, labels), verbose=0)
    return sizes


CASES = {
    "`tune`, resnet20, one network": _tune,
    "`PairedTuner`, simple_cnn, built for each trial": _built_anew,
}


def measured(name: str) -> list[float]:
    """Return the resident size after each trial, in MB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (name,))


def _measure(name):
    from keras_course import quiet

    quiet.import_keras()
    with tempfile.TemporaryDirectory() as folder:
        return CASES[name](folder)


def table(results: dict) -> str:
    """Return the results as Markdown."""
    lines = ["| search | after 10 trials | after 100 | more |", "|---|---|---|---|"]
    for name, sizes in results["megabytes"].items():
        early, late = sizes[9], sizes[-1]
        lines.append(f"| {name} | {early:,.0f} MB | {late:,.0f} MB | {late - early:+,.0f} MB |")
    return "\n".join([*lines, "", f"Resident size of the process. {machine.said(results)}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, measure nothing")
    if not parser.parse_args().show:
        sizes = {name: [round(size) for size in measured(name)] for name in CASES}
        files.write_json(RESULTS, {"megabytes": sizes, **machine.today()})
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
