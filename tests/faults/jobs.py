"""The short jobs of the fault suite, and what must come out of them to the last bit.

They run step by step, without a graph, and write pictures that nobody has drawn: either would take
longer than all the rest of the job.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

from keras_course import integrity, quiet

quiet.import_keras()

from matplotlib.figure import Figure

from keras_course import augmentation, checkpoint, step, training
from keras_course.report import pages
from keras_course.runs import Run
from keras_course.search import range_test, tune
from tests.search_rows import LINEAR, SPLITS

assert augmentation and pages and range_test  # loaded before the process forks

TRAINED = dataclasses.replace(LINEAR, epochs=2, batch_size=64, learning_rate=0.05)


def quickly():
    compiled = training.compiled

    def without_graph(model, recipe):
        model = compiled(model, recipe)
        model.run_eagerly, model.train_function = True, None
        return model

    training.compiled = without_graph
    step.in_one_graph = lambda model: None
    Figure.savefig = lambda figure, path, **_: Path(path).write_bytes(b"a picture" * 999)


def train(folder: Path) -> None:
    training.fit(TRAINED, folder, splits=SPLITS, epoch_seconds=0.1)


def search(folder: Path) -> None:
    settings = {"search": "random", "trials": 3, "steps": 2, "band": (1e-3, 1e-1)}
    tune.tune(LINEAR, folder, splits=SPLITS, **settings)


def hyperband(folder: Path) -> None:
    settings = {"search": "hyperband", "trials": 5, "steps": 3, "band": (1e-3, 1e-1)}
    tune.tune(LINEAR, folder, splits=SPLITS, **settings)


def outcome(folder: Path) -> dict:
    """Return what must be equal, however often the job was cut off; times are left out."""
    if (folder / "search").exists():
        board = integrity.read_sealed(folder / "search" / "leaderboard.json")
        return {"trials": [{**trial, "seconds": 0} for trial in board["trials"]]}
    run = Run.load(folder)
    left_out = ("seconds", "date", "checksums")
    values = [*run.model().get_weights(), *checkpoint.read(folder / "last.npz").values]
    return {
        "history": [{**row, "seconds": 0} for row in run.history],
        "metrics": {name: run.metrics[name] for name in run.metrics if name not in left_out},
        "weights": hashlib.sha256(b"".join(value.tobytes() for value in values)).hexdigest(),
    }


JOBS = {"train": train, "search": search, "hyperband": hyperband}


def text_of(folder: Path) -> str:
    return json.dumps(outcome(folder), sort_keys=True)
