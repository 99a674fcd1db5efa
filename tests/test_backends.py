"""JAX and TensorFlow train the same: from equal states to equal losses, and to equal accuracy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax")  # `pip install -e .[jax]`
pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).parents[1]

# Takes 20 steps and leaves the state before each with its batch; or takes each from that state.
STEPS = """
import sys
from keras_course import quiet
quiet.import_keras()
import keras
import numpy as np
from keras_course import training, variables
from keras_course.data.splits import Splits
from keras_course.recipes import Recipe
from tests.conftest import bright_channel

folder, recipe = sys.argv[1], Recipe.from_json(sys.argv[2])
parts = (bright_channel(n, size=int(sys.argv[3]), seed=n) for n in (96, 30, 31))
splits = Splits(*parts, ("red", "green", "blue"))
model = training.build(recipe, splits)
first = keras.backend.backend() == "tensorflow"
if first:
    batches = iter(training.batches(recipe, splits)[0])
losses, after = [], []
for number in range(20):
    path = f"{folder}/{number}.npz"
    if first:
        x, y = map(np.asarray, next(batches))
        values = variables.read(model)
        np.savez(path, x, y, *values)
    else:
        with np.load(path) as state:
            x, y, *values = (state[f"arr_{i}"] for i in range(len(state.files)))
        variables.write(model, values)
    if recipe.averaging:  # which `fit` puts in the place of the weights when it ends
        losses.append(float(model.train_on_batch(x, y)[0]))
    else:  # in one trace for all steps
        fitted = model.fit(x, y, batch_size=len(x), shuffle=False, verbose=0)
        losses.append(fitted.history["loss"][0])
    after.append(np.concatenate([value.ravel() for value in model.get_weights()]))
np.savez(f"{folder}/{keras.backend.backend()}.npz", losses=losses, after=after)
"""
TRAIN = """
import json, sys
from keras_course import quiet
quiet.import_keras()
from keras_course import training
from keras_course.recipes import Recipe

accuracies = []
for seed in range(3):
    recipe = Recipe(
        model="simple_cnn", normalization="batch", epochs=3, schedule="cosine", seed=seed,
        learning_rate=2e-3, precision="float32",
    )
    run = training.fit(recipe, f"{sys.argv[1]}/{seed}", epoch_seconds=1)
    accuracies.append(run.metrics["validation"]["accuracy"])
print(json.dumps(accuracies))
"""


def on(backend, program, *arguments):
    """Run a program with Keras on this backend, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


ADAM = {"model": "simple_cnn", "normalization": "batch", "optimizer": "adam"}
NESTEROV = {"model": "resnet20", "optimizer": "nesterov", "label_smoothing": 0.1}
AVERAGED = {"model": "fastnet16", "optimizer": "momentum", "averaging": 0.9, "weight_decay": 0.01}


@pytest.mark.parametrize(
    "chosen, size",
    [
        (ADAM, 16),
        pytest.param(NESTEROV, 16, marks=pytest.mark.slow),
        pytest.param(AVERAGED, 28, marks=pytest.mark.slow),
    ],
)
def test_from_the_same_state_each_of_20_steps_has_the_same_loss(
    chosen, size, tmp_path, monkeypatch
):
    recipe = json.dumps(
        {
            "dataset": "bright channel",
            "batch_size": 16,
            "learning_rate": 0.01,
            "precision": "float32",
            "augmentation": "flip_shift_color",
            **chosen,
        }
    )
    monkeypatch.setattr(sys, "argv", ["-c", str(tmp_path), recipe, str(size)])
    exec(STEPS, {"__name__": "__main__"})  # here, where TensorFlow is imported already
    on("jax", STEPS, tmp_path, recipe, size)
    found = []
    for backend in ("tensorflow", "jax"):
        with np.load(tmp_path / f"{backend}.npz") as arrays:
            found.append((arrays["losses"], arrays["after"]))
    (losses, after), (jax_losses, jax_after) = found
    assert len(losses) == 20 and losses[-1] < losses[0]
    np.testing.assert_allclose(jax_losses, losses, rtol=1e-4)
    # The weights move to the same place: what is left apart is a hundredth of the step.
    steps = np.linalg.norm(np.diff(after, axis=0), axis=1)
    apart = np.linalg.norm(jax_after - after, axis=1)
    assert np.all(apart[1:] < 0.01 * steps), apart[1:] / steps


@pytest.mark.slow
def test_over_a_run_the_accuracies_differ_no_more_than_those_of_seeds(tmp_path):
    found = {}
    for backend in ("tensorflow", "jax"):
        said = on(backend, TRAIN, tmp_path / backend)
        found[backend] = json.loads(said.splitlines()[-1])
    means = [np.mean(accuracies) for accuracies in found.values()]
    spread = max(np.ptp(accuracies) for accuracies in found.values())
    assert abs(means[0] - means[1]) <= spread, found


@pytest.mark.slow
def test_jax_does_not_mind_tensorflow_on_the_same_machine():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_jax.py"]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
