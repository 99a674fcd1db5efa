"""One network on several devices, here two logical ones of the processor."""

import json
import subprocess
import sys

import pytest

from keras_course import replicas
from keras_course.cli import main
from keras_course.errors import UserError
from tests.test_repository import ROOT

# Trains a network, and makes a KerasTuner search, on one device and on two that share each batch.
PROGRAM = """
import json, sys
from keras_course import quiet
quiet.import_keras()
import keras
import keras_tuner as kt
import tensorflow as tf
from keras_course import out_of_memory, replicas, training
from keras_course.data.splits import Splits
from keras_course.recipes import Recipe
from keras_course.search.tuner import PairedTuner
from tests.conftest import bright_channel

folder, normalization = sys.argv[1:]
cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
assert replicas.count("all") == 2

class Losses(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs["loss"])

splits = Splits(*(bright_channel(n, seed=n) for n in (96, 30, 31)), ("red", "green", "blue"))
recipe = Recipe(
    dataset="bright channel", model="simple_cnn", normalization=normalization, epochs=2,
    batch_size=16, precision="float32", optimizer="momentum", learning_rate=0.01,
    augmentation="none",
)

def trained(number):
    losses = Losses()
    run = training.fit(
        recipe, f"{folder}/trained{number}", splits=splits, epoch_seconds=0.1, replicas=number,
        extra_callbacks=[losses],
    )
    return {"losses": losses.seen, "metrics": training.test(run, splits=splits).metrics}

images, labels = bright_channel(64)
images = images.astype("float32") / 255

def build(hp):
    rate = hp.Float("learning_rate", 0.1, 0.2)
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    return model

def searched(number):
    strategy = replicas.strategy(2) if number == 2 else None
    oracle = kt.oracles.RandomSearchOracle(kt.Objective("accuracy", "max"), max_trials=1, seed=1)
    there = f"{folder}/searched{number}"
    tuner = PairedTuner(oracle, build, distribution_strategy=strategy, directory=there)
    tuner.search(images, labels, batch_size=16, epochs=2, shuffle=False, verbose=0)
    return tuner.history("0")["executions"][0]["losses"]

class Limited(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, *rest, **given):
        if y_pred.shape[0] and y_pred.shape[0] > 3:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return super().compute_loss(x, y, y_pred, *rest, **given)

def advised():
    with replicas.scope(2, 16):
        inputs = keras.Input((16, 16, 3))
        model = Limited(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = training.batches(recipe, splits)[0]
    return str(out_of_memory.with_a_batch_size(model, batches))

print(json.dumps({
    "advised": advised(),
    "trained": [trained(number) for number in (1, 2)],
    "searched": [searched(number) for number in (1, 2)],
}))
"""


# Trains a network on two devices, once as a whole, once cut off in its last epoch.
CUT_OFF = """
import sys
from dataclasses import replace
from pathlib import Path
from keras_course import quiet
quiet.import_keras()
import pytest
import tensorflow as tf
from keras_course import training
from keras_course.data.splits import Splits
from tests import test_resume as resume
from tests.conftest import bright_channel

cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
splits = Splits(*(bright_channel(n, seed=n) for n in (96, 30, 31)), ("red", "green", "blue"))
recipe, folder = replace(resume.TINY, epochs=3), Path(sys.argv[1])

def train(name):
    training.fit(recipe, folder / name, splits=splits, replicas=2)
    return resume.result(folder / name)

whole = train("whole")
with pytest.MonkeyPatch.context() as patch, pytest.raises(resume.CutOff):
    resume.cut_off_after(2, patch)
    train("cut")
cut = train("cut")
resume.assert_equal(cut, whole)
assert cut[2]["replicas"] == 2
print(len(cut[0]))
"""


def on_two_devices(folder, normalization):
    return run(PROGRAM, folder, normalization)


def run(program, *given):
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, given)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return on_two_devices(tmp_path_factory.mktemp("replicas"), "group")


def test_two_devices_learn_what_one_does_where_no_statistics_of_the_batch_count(found):
    one, two = found["trained"]
    assert len(one["losses"]) == 12
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-5)
    assert [run["metrics"]["replicas"] for run in (one, two)] == [1, 2]
    assert two["metrics"]["test"]["accuracy"] == one["metrics"]["test"]["accuracy"]


def test_in_a_search_two_devices_learn_what_one_does(found):
    one, two = found["searched"]
    assert len(one) == 8 and one[-1] < one[0]
    assert two == pytest.approx(one, rel=1e-5)


def test_a_batch_size_that_is_named_is_that_of_all_devices(found):
    assert "use a batch size of 4," in found["advised"]  # two of three fit, as a half of a half


@pytest.mark.slow
def test_a_run_on_two_devices_that_was_cut_off_ends_as_one_that_was_not(tmp_path):
    assert run(CUT_OFF, tmp_path) == 3  # epochs


@pytest.mark.slow
def test_batch_normalization_takes_the_statistics_of_each_devices_share(tmp_path):
    one, two = (run["losses"] for run in on_two_devices(tmp_path, "batch")["trained"])
    differences = [abs(a / b - 1) for a, b in zip(one, two, strict=True)]
    assert 1e-4 < differences[0] < 0.2  # before any update: the shares are normalized apart
    assert two[-1] < one[0] / 2  # it learns all the same


def test_what_cannot_be_shared_is_refused_with_the_reason(monkeypatch, capsys):
    with pytest.raises(UserError, match="a multiple of 3, like 15. Received: 16"):
        replicas.scope(3, 16)
    with pytest.raises(UserError, match="all, or a number from 1 to 1"):
        replicas.count("2")
    monkeypatch.setenv("SLURM_JOB_NUM_NODES", "2")
    assert main(["train", "--devices", "all", "--epochs", "1"]) == 2
    assert "has 2 machines, and Keras 3 cannot train one model" in capsys.readouterr().err
    monkeypatch.delenv("SLURM_JOB_NUM_NODES")
    cluster = {"cluster": {"worker": ["a:1", "b:1", "c:1"]}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(UserError, match="has 3 machines"):
        replicas.count("all")
