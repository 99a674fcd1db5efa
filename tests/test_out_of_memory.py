"""A step that does not fit ends in a message with a batch size that does."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_course import out_of_memory, runs, timing, training, variables
from keras_course.data import pipeline
from keras_course.data.splits import Split
from keras_course.errors import Failure, UserError, memory_is_full
from keras_course.recipes import Recipe
from keras_course.search.leaderboard import Search
from keras_course.search.one_model import OneModel
from keras_course.search.range_test import range_test
from keras_course.search.tune import tune

RECIPE = Recipe(dataset="bright channel", model="logistic_regression", epochs=2, batch_size=16)


def full():
    """The error of the backend, with its words."""
    if keras.backend.backend() == "jax":
        import jax

        words = "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 21474836480 bytes."
        return jax.errors.JaxRuntimeError(words)
    import tensorflow as tf

    return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


@pytest.fixture
def memory_for(monkeypatch):
    """Let a training step of more images than this run out of memory."""

    def limit(most):
        compute_loss = keras.Model.compute_loss

        def limited(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            if training and y_pred.shape[0] and y_pred.shape[0] > most:
                raise full()
            return compute_loss(self, x, y, y_pred, sample_weight, training)

        monkeypatch.setattr(keras.Model, "compute_loss", limited)

    return limit


@pytest.mark.parametrize("most", [8, 5, 1])
def test_the_largest_half_that_fits_is_named(most, memory_for, splits, tmp_path):
    memory_for(most)
    fits = {8: 8, 5: 4, 1: 1}[most]
    message = f"A step of 16 images does not fit .* one of {fits} does: use a batch size of {fits},"
    with pytest.raises(out_of_memory.OutOfMemory, match=message):
        training.fit(RECIPE, tmp_path, splits=splits, epoch_seconds=1)
    assert not runs.is_finished(tmp_path)


def test_the_batch_size_that_was_named_trains(memory_for, splits, tmp_path):
    memory_for(8)
    recipe = dataclasses.replace(RECIPE, batch_size=8)
    assert len(training.fit(recipe, tmp_path, splits=splits, epoch_seconds=1).history) == 2


def test_measuring_and_the_range_test_end_in_the_same_words(memory_for, splits):
    memory_for(0)
    with pytest.raises(out_of_memory.OutOfMemory, match="Not even a step of one image fits"):
        range_test(RECIPE, splits=splits, steps=10)
    train, steps = training.batches(RECIPE, splits)
    validation = pipeline.evaluation_batches(*splits.validation)
    with pytest.raises(out_of_memory.OutOfMemory, match="Not even a step of one image fits"):
        timing.measure_epoch(training.build(RECIPE, splits), train, steps, validation)


@pytest.mark.parametrize(
    "batch_size, judged", [(1, 32), (16, 32), (40, 80), (128, 256), (512, 256)]
)
def test_a_smaller_batch_size_makes_the_validation_smaller_too(batch_size, judged):
    recipe = dataclasses.replace(RECIPE, batch_size=batch_size)
    images = Split(np.zeros((3840, 1, 1, 1), "uint8"), np.zeros(3840, "int64"))
    images, _ = next(iter(training.evaluation_batches(recipe, images)))
    assert len(images) == judged


def test_a_test_that_does_not_fit_says_so_and_stays_counted(splits, tmp_path, monkeypatch):
    run = training.fit(RECIPE, tmp_path, splits=splits, epoch_seconds=1)

    def predict(*_, **__):
        raise full()

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "predict", predict)
        with pytest.raises(out_of_memory.OutOfMemory, match="was full. End other programs that"):
            training.test(run, splits=splits)
    assert training.test(run, splits=splits).metrics["test_set_opened"] == 2


def test_a_memory_that_something_else_took_is_told_apart(splits):
    model = training.build(RECIPE, splits)
    train, _ = training.batches(RECIPE, splits)
    message = "a step of 16 images fits by itself.* or use a batch size of 8, or a smaller network"
    with (
        pytest.raises(out_of_memory.OutOfMemory, match=message),
        out_of_memory.told(model, train),
    ):
        raise full()


def test_a_single_image_cannot_be_halved(splits):
    recipe = dataclasses.replace(RECIPE, batch_size=1)
    model = training.build(recipe, splits)
    train, _ = training.batches(recipe, splits)
    with (
        pytest.raises(out_of_memory.OutOfMemory, match="that use it, or use a smaller network"),
        out_of_memory.told(model, train),
    ):
        raise full()


def test_other_errors_stay_what_they_are(splits):
    model = training.build(RECIPE, splits)
    with pytest.raises(ZeroDivisionError), out_of_memory.told(model, None):
        1 / 0  # noqa: B018
    assert not memory_is_full(UserError("The disk is full."))
    disk = RuntimeError("RESOURCE_EXHAUSTED: events.v2; No space left on device")
    with pytest.raises(RuntimeError, match="No space left"), out_of_memory.told(model, None):
        raise disk
    try:
        try:
            raise full()
        except Exception as error:
            raise RuntimeError("Array has been deleted.") from error
    except RuntimeError as error:
        assert memory_is_full(error)  # as where Keras tidies up after the step


def test_what_says_already_that_something_is_too_large_says_it_alone(splits):
    def too_large():
        try:
            raise full()
        except Exception as error:
            raise Failure("The 2 MB of images do not fit.") from error

    model = training.build(RECIPE, splits)
    train, _ = training.batches(RECIPE, splits)
    for told in (out_of_memory.told(model, train), out_of_memory.told_of_looking()):
        with pytest.raises(Failure, match="The 2 MB of images do not fit"), told:
            too_large()


def test_a_copy_to_a_gpu_that_does_not_fit_is_a_full_memory():
    assert memory_is_full(
        RuntimeError("Failed copying input tensor: Dst tensor is not initialized.")
    )


def test_images_that_do_not_fit_on_the_device_are_named(monkeypatch):
    if keras.backend.backend() != "jax":
        pytest.skip("TensorFlow leaves the images in the memory of the machine")
    from keras_course.data import jax_batches

    def device_put(*_):
        raise full()

    monkeypatch.setattr(jax_batches.jax, "device_put", device_put)
    with pytest.raises(Failure, match="The 2 MB of images do not fit"):
        pipeline.training_batches(np.zeros((2000, 32, 32, 1), "uint8"), np.zeros(2000), 10)


class RunsOut(keras.callbacks.Callback):
    """Ends the third step as a full memory does: on JAX its variables have gone into the step."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            if keras.backend.backend() == "jax":
                for array in keras.tree.flatten(self.model._jax_state):
                    array.delete()
            raise full()


def test_in_a_search_it_costs_the_trial_alone(splits, tmp_path, monkeypatch, capsys):
    fit, trials = OneModel.fit, []

    def fitted(self, hp, model, *, callbacks=(), **kwargs):
        trials.append(hp)
        more = [RunsOut()] if len(trials) == 2 else []
        return fit(self, hp, model, callbacks=[*callbacks, *more], **kwargs)

    settings = {"splits": splits, "trials": 4, "steps": 6, "band": (1e-3, 1e-1), "search": "grid"}
    whole = tune(RECIPE, tmp_path / "whole", **settings).leaderboard["trials"]
    monkeypatch.setattr(OneModel, "fit", fitted)
    found = tune(RECIPE, tmp_path / "full", **settings).leaderboard["trials"]
    assert "Trial 1 failed. the memory of the device was full" in capsys.readouterr().out
    scores = {trial["learning_rate"]: trial["score"] for trial in whole}
    assert sorted(trial["status"] for trial in found) == ["failed"] + ["finished"] * 3
    for trial in found:
        if trial["status"] == "finished":
            assert trial["score"] == scores[trial["learning_rate"]]


@pytest.mark.parametrize("parallel_rates", [None, 2])
def test_a_search_of_which_no_trial_fits_names_a_batch_size(
    parallel_rates, memory_for, splits, tmp_path, capsys
):
    if parallel_rates and keras.backend.backend() != "jax":
        pytest.skip("one program of many rates is JAX's")
    memory_for(8)
    model = training.build(RECIPE, splits)
    first = variables.read(model)
    settings = {"search": "grid", "trials": 2, "band": (1e-3, 1e-1), "steps": 6}
    settings |= {"splits": splits, "model": model, "parallel_rates": parallel_rates}
    for _ in range(2):  # a search that has ended says so again
        with pytest.raises(out_of_memory.OutOfMemory, match="use a batch size of 8"):
            tune(RECIPE, tmp_path, **settings)
        for before, after in zip(first, variables.read(model), strict=True):
            np.testing.assert_array_equal(before, after)
    assert Search.load(tmp_path / "search").leaderboard["trials"][0]["status"] == "failed"


def test_training_ends_with_a_batch_size_after_a_step_took_its_variables_along(splits, tmp_path):
    with pytest.raises(out_of_memory.OutOfMemory, match="a step of 16 images fits by itself"):
        training.fit(RECIPE, tmp_path, splits=splits, epoch_seconds=1, extra_callbacks=[RunsOut()])
