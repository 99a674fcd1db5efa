"""The step in one graph trains as Keras' own does, one step or several in a call."""

import gc
import weakref

import keras
import numpy as np
import pytest

from keras_course import models, optimizers, step
from keras_course.data import pipeline
from keras_course.guards import Diverged, StopWhenNotFinite
from tests.conftest import bright_channel


class Calls(keras.layers.Layer):
    """Counts how often it is traced for training."""

    count = 0

    def call(self, x, training=None):
        self.count += bool(training)
        return x


def compiled(optimizer="adam", **options):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    calls = Calls()
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = calls(keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x))
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    chosen = optimizers.optimizer(optimizer, 0.01, averaging=0.9)
    model.compile(chosen, loss, metrics=["accuracy"], **options)
    return model, calls


def history(model, steps=4, others=()):
    batches = pipeline.training_batches(*bright_channel(64), 16)
    fitted = model.fit(
        batches,
        steps_per_epoch=steps,
        epochs=5,
        shuffle=False,
        verbose=0,
        callbacks=[step.EndWithEpoch(), *others],
    )
    return fitted.history


def same(model, other):
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "nesterov"])
@pytest.mark.parametrize("together", [1, 3])
def test_it_trains_as_keras_own_step_does(optimizer, together):
    theirs, _ = compiled(optimizer)
    expected = history(theirs)
    ours, _ = compiled(optimizer)
    step.in_one_graph(ours)
    if together > 1:
        step.take_together(ours, round(step.TOGETHER / 3 / together), 4, 8)
        assert ours.steps_per_execution == together  # which does not divide the steps
    found = history(ours)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5)
    assert found["loss"][-1] < found["loss"][0]
    assert int(ours.optimizer.iterations) == int(theirs.optimizer.iterations) == 20
    same(ours, theirs)


def test_it_is_traced_once():
    model, calls = compiled()
    history(model)
    keras_own = calls.count
    model, calls = compiled()
    step.in_one_graph(model)
    calls.count = 0
    history(model)
    assert calls.count == 1 < keras_own


def test_the_graph_of_a_step_goes_with_its_network():
    graphs = []

    def loss(labels, outputs):
        graphs.append(weakref.ref(outputs.graph))
        return keras.ops.square(outputs - labels)

    model = models.build("logistic_regression", input_shape=(4, 4, 3), num_classes=1)
    model.compile("adam", loss)
    step.in_one_graph(model)
    model.fit(np.ones((8, 4, 4, 3)), np.ones((8, 1)), verbose=0)
    del model
    keras.utils.clear_session()
    gc.collect()
    assert graphs and not any(graph() for graph in graphs)


def test_the_optimizer_within_the_one_that_scales_the_loss_sums_no_gradients_either():
    model, _ = compiled()
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)), model.loss)
    step.without_sum_over_devices(model)
    assert model.optimizer.inner_optimizer._all_reduce_sum_gradients is list


@pytest.mark.parametrize("option", [{"run_eagerly": True}, {"steps_per_execution": 2}])
def test_where_keras_is_asked_for_something_else_its_own_step_stays(option):
    model, _ = compiled(**option)
    step.in_one_graph(model)
    step.take_together(model, 1, 4, 8)
    assert model.train_function is None
    assert model.steps_per_execution == option.get("steps_per_execution", 1)


def test_keras_own_step_takes_one_at_a_time_also_when_it_was_traced_before():
    model, _ = compiled(jit_compile=True)  # as Keras chooses on a GPU
    step.in_one_graph(model)
    history(model, steps=1)
    step.take_together(model, 1, 4, 8)
    assert model.steps_per_execution == 1
    assert model.optimizer.iterations.numpy() == 5
    history(model, steps=4)
    assert model.optimizer.iterations.numpy() == 25


def test_a_frozen_network_that_is_compiled_anew_gets_a_new_step():
    model = models.build("simple_cnn", input_shape=(16, 16, 3), num_classes=3)
    for trainable in (False, True):
        model.layers[2].trainable = trainable
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        step.in_one_graph(model)
        before = model.layers[2].get_weights()[0]
        history(model)
        assert np.array_equal(before, model.layers[2].get_weights()[0]) != trainable


def test_what_was_validated_before_is_validated_as_a_whole_when_steps_are_taken_together():
    model, _ = compiled()
    step.in_one_graph(model)
    batches = pipeline.evaluation_batches(*bright_channel(64), 8)
    before = model.evaluate(batches, verbose=0), model.predict(batches, verbose=0)
    step.take_together(model, 1, 4, 8)
    after = model.evaluate(batches, verbose=0), model.predict(batches, verbose=0)
    np.testing.assert_allclose(before[0], after[0], rtol=1e-6)
    np.testing.assert_allclose(before[1], after[1], rtol=1e-6)


def test_a_large_step_stays_alone_and_a_small_one_does_not():
    model, _ = compiled()
    step.in_one_graph(model)
    for multiply_adds, steps in ((5e9, 1), (1e9, 3), (1e3, step.MOST), (5e9, 1)):
        step.take_together(model, multiply_adds, 100, 8)
        assert model.steps_per_execution == model.train_function.steps == steps


def test_a_loss_that_is_not_finite_ends_the_call_and_its_step_is_named():
    model, _ = compiled("nesterov")
    step.in_one_graph(model)
    step.take_together(model, 1, 4, 8)
    model.optimizer.learning_rate = 1e38
    with pytest.raises(Diverged) as raised:
        history(model, 8, [StopWhenNotFinite()])
    other, _ = compiled("nesterov")
    other.optimizer.learning_rate = 1e38
    with pytest.raises(Diverged) as expected:
        history(other, 8, [StopWhenNotFinite()])
    assert raised.value.step == expected.value.step == int(model.optimizer.iterations) < 8
