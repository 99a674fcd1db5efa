"""What is JAX's own: rates set between steps, batches on the device, what needs TensorFlow."""

import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from keras_course import devices, jax_step, step, training, variables
from keras_course.cli import main
from keras_course.data import pipeline, prepared
from keras_course.errors import UserError
from keras_course.guards import Diverged, StopWhenNotFinite
from keras_course.rates import FollowRates
from keras_course.recipes import Recipe
from keras_course.records import RecordRateAndTime
from keras_course.search.range_test import RangeTest, StepLosses
from tests.conftest import bright_channel

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype("uint8")
LABELS = np.arange(40)


class OneWeight(keras.layers.Layer):
    """weight * x."""

    def build(self, input_shape):
        self.weight = self.add_weight(shape=(), initializer="zeros")

    def call(self, x):
        return self.weight * x


def line():
    """A model whose loss is its weight, times ones: each step of SGD takes away the rate."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, OneWeight()(inputs))
    model.compile(keras.optimizers.SGD(1.0), lambda truth, predicted: keras.ops.mean(predicted))
    return model


def ones(steps):
    x = np.ones((2 * steps, 1), "float32")
    return {"x": x, "y": x, "batch_size": 2, "shuffle": False, "verbose": 0}


def test_each_step_takes_the_rate_that_was_set_before_it():
    rates = [0.5, 0.25, 4.0, 0.125, 1.0, 2.0]
    model, losses = line(), StepLosses()
    model.fit(**ones(3), epochs=2, callbacks=[FollowRates(rates), losses])
    (weight,) = model.get_weights()
    assert weight == -sum(rates)  # exact: powers of two
    assert losses.losses == [0, -0.5, -0.75, -4.75, -4.875, -5.875]  # the weight before each step
    assert float(model.optimizer.learning_rate) == 2.0
    assert int(model.optimizer.iterations) == 6


def test_a_range_test_trains_with_each_of_its_rates():
    model, test = line(), RangeTest(10, 1e-4, 1e-1)
    model.fit(**ones(20), callbacks=[test])
    expected = -np.cumsum([0, *test.rates[:-1]])
    np.testing.assert_allclose(test.losses, expected, rtol=1e-4, atol=1e-9)


def test_a_loss_that_is_not_finite_names_its_step_and_rate():
    model = line()
    rates = [1.0, np.inf, 0.5, 1.0]
    with pytest.raises(Diverged) as raised:
        model.fit(**ones(4), callbacks=[FollowRates(rates), StopWhenNotFinite()])
    assert raised.value.step == 3 and raised.value.learning_rate == 0.5


def test_values_that_were_read_are_not_touched_by_the_steps_that_follow():
    model = line()
    model.fit(**ones(2))
    before = variables.read(model)
    copies = [value.copy() for value in before]
    for _ in range(2):
        variables.write(model, before)
        model.fit(**ones(5))
    assert all(map(np.array_equal, before, copies))


# What happens in a step and in an epoch. ---------------------------------------------------------


SMALL = Recipe(
    dataset="bright channel",
    model="simple_cnn",
    normalization="batch",
    augmentation="shift2",
    alternating_flip=True,
    optimizer="nesterov",
    averaging=0.9,
    schedule="cosine",
    batch_size=8,
    epochs=3,
    precision="float32",
)


def test_the_clock_of_an_epoch_holds_no_compilation(splits, tmp_path, monkeypatch, caplog):
    found = []

    class Clock(RecordRateAndTime):
        def on_epoch_begin(self, epoch, logs=None):
            caplog.clear()
            super().on_epoch_begin(epoch, logs)

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            found.append([text for text in caplog.messages if text.startswith("Compiling ")])

    monkeypatch.setattr("keras_course.loop.RecordRateAndTime", Clock)
    validation = bright_channel(300, seed=4)  # more than a batch
    with jax.log_compiles():
        jnp.arange(12345)
        assert "Compiling" in caplog.text  # so the log does tell
        training.fit(SMALL, tmp_path, splits=splits._replace(validation=validation))
    assert found == [[], [], []]


def test_an_epoch_puts_the_variables_back_for_itself_and_its_validation_alone(
    splits, tmp_path, monkeypatch
):
    calls, sync = [], keras.Model.jax_state_sync

    def counted(model):
        if not model._jax_state_synced:  # else there is nothing to do
            calls.append(model)
        sync(model)

    monkeypatch.setattr(keras.Model, "jax_state_sync", counted)
    run = training.fit(SMALL, tmp_path, splits=splits, epoch_seconds=1)
    assert len(run.history) == 3 and len(calls) <= 3 * 3


def steps_at(rates, together, epochs=1):
    """Train the line through these rates, some steps in a call; return it and its loss."""
    model = line()
    step.in_one_graph(model)
    model.steps_per_execution = model.train_function.steps = together
    follow = FollowRates(rates)
    guard = StopWhenNotFinite()
    fitted = model.fit(**ones(len(rates) // epochs), epochs=epochs, callbacks=[follow, guard])
    return model, fitted.history["loss"]


def test_several_steps_in_a_call_are_those_steps():
    rates = [0.5, 0.25, 4.0, 0.125, 1.0, 2.0, 8.0, 0.5, 1.0, 2.0, 0.25, 0.5]
    one, losses = steps_at(rates, 1, epochs=2)
    several, together = steps_at(rates, 3, epochs=2)
    assert losses == together  # exact: powers of two
    for model in (one, several):
        assert model.get_weights() == [-sum(rates)]
        assert int(model.optimizer.iterations) == 12
        assert float(model.optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("changes", [{}, {"optimizer": "adam", "dropout": 0.3, "averaging": 0.0}])
def test_several_steps_of_a_network_train_as_single_ones_do(changes, splits, tmp_path, monkeypatch):
    recipe = replace(SMALL, **changes)
    one = training.fit(recipe, tmp_path / "one", splits=splits, epoch_seconds=1)
    calls, call = [], jax_step.TrainFunction.__call__
    monkeypatch.setattr(
        jax_step.TrainFunction, "__call__", lambda *given: calls.append(1) or call(*given)
    )
    monkeypatch.setattr(devices, "gpus", lambda: [Gpu("6.1")])
    several = training.fit(recipe, tmp_path / "several", splits=splits, epoch_seconds=1)
    assert len(calls) == len(several.history) == 3  # the 12 steps of an epoch are one call
    for row, other in zip(one.history, several.history, strict=True):
        kept = {name: row[name] for name in row if name != "seconds"}
        assert kept == pytest.approx({name: other[name] for name in kept}, rel=1e-4)


@pytest.mark.parametrize("together", [1, 2, 8])
def test_the_step_of_a_call_at_which_a_loss_diverges_is_named(together):
    rates = [1.0, 0.5, 2.0, 0.25, np.inf, 4.0, 1.0, 8.0]
    with pytest.raises(Diverged) as raised:
        steps_at(rates, together)
    assert raised.value.step == 6 and raised.value.learning_rate == 4.0


@pytest.mark.parametrize("together, loops", [(1, 0), (2, 1)])
def test_a_single_step_is_no_loop(together, loops):
    model = line()
    step.in_one_graph(model)
    model.optimizer.build(model.trainable_variables)
    x = np.ones((2, 1), "float32")
    model.train_on_batch(x, x)
    groups = model.trainable_variables, [], model.optimizer.variables, model.metrics_variables
    state = tuple([variable.value for variable in group] for group in groups)
    batches, rates = [(x, x)] * together, np.ones(together, "float32")
    program = model.train_function.take.lower(state, batches, rates).as_text()
    assert program.count("stablehlo.while") == loops


@pytest.mark.parametrize("steps, together", [(100, 25), (97, 1), (64, 32)])
def test_a_call_has_a_divisor_of_the_steps_of_an_epoch(steps, together, monkeypatch):
    model = line()
    step.in_one_graph(model)
    step.take_together(model, 1000, steps, 8)
    assert model.steps_per_execution == 1  # without a GPU
    monkeypatch.setattr(devices, "gpus", lambda: [Gpu("9.0")])
    step.take_together(model, 1000, steps, 8)
    assert model.steps_per_execution == model.train_function.steps == together
    step.take_together(model, step.TOGETHER_ON_GPU, steps, 8)  # for a later `fit`
    assert model.steps_per_execution == model.train_function.steps == 1


def test_the_images_of_a_call_are_limited_by_their_bytes(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: [Gpu("9.0")])
    monkeypatch.setattr(step, "BYTES_TOGETHER", 4 * 100 * 5)  # of 100 images of one number
    model = line()
    step.in_one_graph(model)
    for batch_size, together in ((100, 5), (101, 4), (500, 1), (501, 1)):
        step.take_together(model, 1000, 20, batch_size)
        assert model.steps_per_execution == model.train_function.steps == together


# Batches on the device. --------------------------------------------------------------------------


def test_the_images_of_each_step_are_those_of_the_common_order():
    batches = pipeline.training_batches(IMAGES, LABELS, 10, seed=3, first_epoch=1)
    for epoch in (1, 2):
        indices, _ = pipeline.order(40, 10, 3, epoch)
        for number in range(4):
            x, y = batches[4 * (epoch - 1) + number]
            np.testing.assert_array_equal(y, indices[number])
            np.testing.assert_array_equal(x, IMAGES[indices[number]].astype("float32"))


def test_what_skip_leaves_is_what_comes_later():
    layers = pipeline_layers()
    batches = pipeline.training_batches(IMAGES, LABELS, 10, layers=layers)
    rest = batches.skip(5)
    for number in (0, 3):
        np.testing.assert_array_equal(rest[number][0], batches[5 + number][0])


@pytest.mark.parametrize("batch_size, together", [(4, 5), (10, 4), (7, 5)])
def test_batches_of_several_steps_that_are_made_in_one_call_are_those_of_each(
    batch_size, together, monkeypatch
):
    arguments = {"layers": pipeline_layers(), "alternate": True}
    alone = pipeline.training_batches(IMAGES, LABELS, batch_size, **arguments)
    with monkeypatch.context() as patch:
        patch.setattr(devices, "gpus", lambda: ["a GPU"])
        patch.setattr("keras_course.data.jax_batches.MOST", 7)
        made = pipeline.training_batches(IMAGES, LABELS, batch_size, **arguments)
    assert (alone.together, made.together) == (1, together)
    for number in (*range(2 * alone.steps + 3), 1):
        for one, other in zip(alone[number], made[number], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_allclose(made.skip(3)[1][0], alone[4][0], rtol=1e-6)
    single = made.one_by_one()
    assert (single.together, made.together) == (1, together)
    np.testing.assert_allclose(single[2][0], alone[2][0], rtol=1e-6)


def test_what_is_made_in_one_call_is_limited_by_its_bytes(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: ["a GPU"])
    monkeypatch.setattr("keras_course.data.jax_batches.BYTES_TOGETHER", 4 * 10 * IMAGES[0].size * 3)
    assert pipeline.training_batches(IMAGES, LABELS, 10).together == 2  # of 4 steps, 3 would fit
    monkeypatch.setattr("keras_course.data.jax_batches.BYTES_TOGETHER", 1)
    assert pipeline.training_batches(IMAGES, LABELS, 10).together == 1


def pipeline_layers():
    from keras_course.augmentation import layers_of

    return layers_of("flip_shift_color")


def test_the_device_holds_the_images_once_as_bytes_and_as_long_as_they_are_there():
    from keras_course.data import jax_batches

    images = IMAGES.copy()
    one, other = (pipeline.training_batches(images, LABELS, 10) for _ in range(2))
    evaluated = pipeline.evaluation_batches(images, LABELS, 16)
    assert one.arrays[0] is other.arrays[0] is evaluated.arrays[0]
    assert one.arrays[0].dtype == "uint8"
    assert evaluated.batch_size == 10 and len(evaluated) == 4  # of 16 at most: none is smaller
    key = id(images)
    assert key in jax_batches._placed
    del images
    assert key not in jax_batches._placed


class NoTransfer(keras.callbacks.Callback):
    """Forbids to bring an array to the device by the way, or anything back, within steps."""

    def __init__(self):
        super().__init__()
        self.steps, self.guard = 0, None

    def on_train_batch_begin(self, batch, logs=None):
        if batch:  # the first one compiles
            self.guard = jax.transfer_guard("disallow")
            self.guard.__enter__()

    def on_train_batch_end(self, batch, logs=None):
        if batch:
            self.guard.__exit__(None, None, None)
            self.steps += 1


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_network_of_averaged_weights_can_be_judged_and_trained_again(precision, splits):
    recipe = Recipe(model="logistic_regression", batch_size=16, averaging=0.9, precision=precision)
    model = training.build(recipe, splits)
    train, _ = training.batches(recipe, splits)
    for _ in range(2):  # behind `fit` the weights are the averages, and both go on
        before = model.get_weights()[0]
        model.fit(train, steps_per_epoch=3, shuffle=False, verbose=0)
        model.evaluate(*splits.validation, verbose=0)
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        kernel, average = model.get_weights()[0], optimizer._model_variables_moving_average[0]
        np.testing.assert_array_equal(kernel, average)
        assert not np.array_equal(kernel, before)
    assert int(optimizer.iterations) == 6


@pytest.mark.parametrize("ended_in", [1, 2])
def test_a_signal_in_the_midst_of_a_step_with_averages_stays_what_it_is(
    ended_in, splits, monkeypatch
):
    recipe = Recipe(model="logistic_regression", batch_size=16, averaging=0.9)
    model = training.build(recipe, splits)
    train, _ = training.batches(recipe, splits)
    take, steps = model.train_function.take, []

    def ended(state, *given):
        steps.append(take(state, *given))
        if len(steps) == ended_in:
            raise KeyboardInterrupt
        return steps[-1]

    monkeypatch.setattr(model.train_function, "take", ended)
    with pytest.raises(KeyboardInterrupt):
        model.fit(train, steps_per_epoch=3, shuffle=False, verbose=0)

    def traced(*_, **__):
        raise KeyboardInterrupt

    model = training.build(recipe, splits)
    monkeypatch.setattr(keras.Model, "compute_loss", traced)
    with pytest.raises(KeyboardInterrupt):
        model.fit(train, steps_per_epoch=3, shuffle=False, verbose=0)


def test_no_image_goes_from_the_host_to_the_device_in_a_step(splits, monkeypatch):
    device_put, sent = jax.device_put, []

    def counted(values, *given):
        leaves = jax.tree.leaves(values)
        sent.extend(each.nbytes for each in leaves if not isinstance(each, jax.Array))
        return device_put(values, *given)

    monkeypatch.setattr(jax, "device_put", counted)
    splits = splits._replace(train=bright_channel(96, seed=5))  # not on the device yet
    model = training.build(Recipe(model="logistic_regression", batch_size=16), splits)
    train, steps = training.batches(Recipe(batch_size=16), splits)
    assert sum(sent) > splits.train.images.nbytes  # all of them, once
    sent.clear()
    watch = NoTransfer()
    model.fit(train, steps_per_epoch=steps, callbacks=[watch], shuffle=False, verbose=0)
    assert watch.steps == steps - 1
    assert 0 < sum(sent) < splits.train.images[0].nbytes  # not even one
    with pytest.raises(Exception, match="Disallowed host-to-device transfer"):
        model.fit(**ones_of(splits), callbacks=[NoTransfer()])  # so the guard does guard


def ones_of(splits):
    x, y = splits.train
    return {"x": x.astype("float32"), "y": y, "batch_size": 16, "verbose": 0}


# Beside TensorFlow, or without it. ---------------------------------------------------------------


def hide_tensorflow(monkeypatch):
    for name in ("tensorflow", "tensorflow_datasets"):
        monkeypatch.setitem(sys.modules, name, None)


def test_what_needs_tensorflow_says_so_in_one_line(splits, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    recipe = Recipe(dataset="bright channel", model="logistic_regression", epochs=1, batch_size=16)
    run = training.fit(recipe, tmp_path / "run", splits=splits, epoch_seconds=1)
    hide_tensorflow(monkeypatch)
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "saved_model.pb").touch()
    for typed, said in (
        (["data", "prepare", "cifar10", "--yes"], "needs packages of TensorFlow"),
        (["data", "prepare", "tfds:mnist", "--yes"], "needs packages of TensorFlow"),
        (["predict", str(tmp_path), "a.png"], "A SavedModel needs packages of TensorFlow"),
        (["train", "--devices", "all"], "set KERAS_BACKEND=tensorflow"),
        (["export", str(run.folder)], "Export with KERAS_BACKEND=tensorflow"),
    ):
        capsys.readouterr()
        assert main(typed) == 2, typed
        error = capsys.readouterr().err
        assert error.startswith("keras-course: ") and said in error and error.count("\n") == 1


def test_a_set_that_lies_prepared_and_not_yet_decoded_needs_tensorflow(tmp_path, monkeypatch):
    hide_tensorflow(monkeypatch)
    with pytest.raises(UserError, match="needs packages of TensorFlow"):
        prepared._decode("cifar10", tmp_path, tmp_path / "array.npy")


def test_a_run_says_that_it_was_made_by_jax(splits, tmp_path):
    recipe = Recipe(dataset="bright channel", model="logistic_regression", epochs=1, batch_size=16)
    run = training.fit(recipe, tmp_path, splits=splits, epoch_seconds=1)
    assert run.metrics["versions"]["jax"] == jax.__version__
    assert "tensorflow" not in run.metrics["versions"]
    assert not (tmp_path / "logs").exists()


@pytest.mark.gpu
@pytest.mark.skipif(not devices.gpus(), reason="JAX sees no GPU here")
def test_a_run_on_a_gpu_learns_and_names_it(splits, tmp_path):
    run = training.fit(replace(SMALL, epochs=8), tmp_path, splits=splits, epoch_seconds=1)
    assert jax.devices()[0].device_kind in run.metrics["device"]
    assert run.metrics["validation"]["accuracy"] > 0.9
    assert run.history[-1]["loss"] < run.history[0]["loss"]


class Gpu:
    platform, device_kind = "gpu", "NVIDIA H100 80GB HBM3"

    def __init__(self, compute_capability):
        self.compute_capability = compute_capability


@pytest.mark.parametrize(
    "capability, precision",
    [("9.0", "bfloat16"), ("7.5", "float16"), ("6.1", "float32"), ("gfx90a", "float32")],
)
def test_a_gpu_is_named_and_gets_the_precision_of_its_hardware(capability, precision, monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: [Gpu(capability)])
    assert devices.choose_precision("auto") == precision
    assert devices.describe() == "1 x NVIDIA H100 80GB HBM3"
    devices.require_gpu()


@pytest.mark.parametrize(
    "used, name",
    [
        (1, "NVIDIA H100 80GB HBM3, one of 8"),
        (4, "NVIDIA H100 80GB HBM3, 4 of 8"),
        (8, "8 x NVIDIA H100 80GB HBM3"),
    ],
)
def test_of_several_gpus_those_are_named_that_train(used, name, monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: [Gpu("9.0")] * 8)
    assert devices.describe(used) == name


@pytest.mark.parametrize("platform, count", [("gpu", 1), ("cuda", 1), ("rocm", 1), ("cpu", 0)])
def test_a_gpu_is_one_by_any_name_of_its_platform(platform, count, monkeypatch):
    gpu = Gpu("9.0")
    gpu.platform = platform
    monkeypatch.setattr(jax, "devices", lambda: [gpu])
    assert len(devices.gpus()) == count
