"""One network on several devices, here two logical ones of the processor."""

import json
import subprocess
import sys

import pytest

from keras_course import replicas
from keras_course.cli import main
from keras_course.errors import UserError

PROGRAM = """
import json, os, sys
from keras_course import quiet
quiet.import_keras()
import keras
import tensorflow as tf
from keras_course import replicas, training
from keras_course.data.splits import Splits
from keras_course.recipes import Recipe
from tests.conftest import bright_channel

number, normalization, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
splits = Splits(*(bright_channel(n, seed=n) for n in (96, 30, 31)), ("red", "green", "blue"))
recipe = Recipe(
    dataset="bright channel", model="simple_cnn", normalization=normalization, epochs=2,
    batch_size=16, precision="float32", optimizer="momentum", learning_rate=0.01,
)

class Losses(keras.callbacks.Callback):
    seen = []
    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs["loss"])

assert replicas.count("all") == 2
run = training.fit(
    recipe, folder, splits=splits, epoch_seconds=0.1, replicas=number, extra_callbacks=[Losses()]
)
run = training.test(run, splits=splits)
print(json.dumps({"losses": Losses.seen, "metrics": run.metrics}))
"""


# A KerasTuner search of a network with one device, or with two that share each batch.
SEARCH = """
import json, sys
from keras_course import quiet
quiet.import_keras()
import keras
import keras_tuner as kt
import tensorflow as tf
from keras_course.search.tuner import PairedTuner
from tests.conftest import bright_channel

number, folder = int(sys.argv[1]), sys.argv[2]
cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
images, labels = bright_channel(64)
images = images.astype("float32") / 255

def build(hp):
    rate = hp.Float("learning_rate", 0.1, 0.2)
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    return model

names = [device.name for device in tf.config.list_logical_devices("CPU")]
strategy = tf.distribute.MirroredStrategy(names) if number == 2 else None
oracle = kt.oracles.RandomSearchOracle(kt.Objective("accuracy", "max"), max_trials=1, seed=1)
tuner = PairedTuner(oracle, build, distribution_strategy=strategy, directory=folder)
tuner.search(images, labels, batch_size=16, epochs=2, shuffle=False, verbose=0)
print(json.dumps(tuner.history("0")["executions"][0]["losses"]))
"""


def trained(*arguments, program=PROGRAM):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_two_devices_learn_what_one_does_where_no_statistics_of_the_batch_count(tmp_path):
    one = trained(1, "group", tmp_path / "one")
    two = trained(2, "group", tmp_path / "two")
    assert len(one["losses"]) == 12
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-5)
    assert [run["metrics"]["replicas"] for run in (one, two)] == [1, 2]
    assert two["metrics"]["test"]["accuracy"] == one["metrics"]["test"]["accuracy"]


def test_in_a_search_two_devices_learn_what_one_does(tmp_path):
    one, two = (trained(number, tmp_path / str(number), program=SEARCH) for number in (1, 2))
    assert len(one) == 8 and one[-1] < one[0]
    assert two == pytest.approx(one, rel=1e-5)


@pytest.mark.slow
def test_batch_normalization_takes_the_statistics_of_each_devices_share(tmp_path):
    one = trained(1, "batch", tmp_path / "one")["losses"]
    two = trained(2, "batch", tmp_path / "two")["losses"]
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
