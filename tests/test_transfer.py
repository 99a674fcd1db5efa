import dataclasses
import signal

import keras
import numpy as np
import pytest

from keras_course import training, transfer
from keras_course.data.splits import Splits
from keras_course.errors import UserError
from keras_course.layers import BatchNormalization
from keras_course.models import build
from keras_course.progress import Progress
from keras_course.recipes import Recipe
from keras_course.records import RecordRateAndTime, WriteHistory
from keras_course.runs import Run
from tests.conftest import bright_channel
from tests.test_cli import folder_of_images
from tests.test_pretrained import random_weights


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A run of three classes, its weights and statistics drawn at random instead of trained."""
    recipe = Recipe("bright channel", model="simple_cnn", normalization="batch")
    folder = tmp_path_factory.mktemp("source")
    (folder / "recipe.json").write_text(recipe.to_json())
    (folder / "history.csv").write_text("")
    Run(folder, recipe, [], {"status": "finished"}).write_metrics()
    model = build("simple_cnn", input_shape=(16, 16, 3), num_classes=3, normalization="batch")
    random_weights(model).save(folder / "best.keras")
    return Run.load(folder)


@pytest.fixture(scope="module")
def two_classes():
    """Images of two of the channels, the other way round: other classes, another head."""
    parts = (bright_channel(count, classes=2, seed=count) for count in (48, 20, 30))
    flipped = [part._replace(labels=1 - part.labels) for part in parts]
    return Splits(*flipped, ("green", "red"))


@pytest.fixture(scope="module")
def recipe(source):
    return dataclasses.replace(
        transfer.recipe_of(source.folder), dataset="two channels", epochs=2, augmentation="none",
        frozen_epochs=3,
    )  # fmt: skip


def values(model):
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


@pytest.fixture(scope="module")
def epochs():
    """After each epoch of `run`: the rate, the names of what is trainable, all weights."""
    return []


@pytest.fixture(scope="module")
def began():
    """The weights at the beginning of both parts of `run`."""
    return []


@pytest.fixture(scope="module")
def run(source, recipe, two_classes, tmp_path_factory, epochs, began):
    class Watch(RecordRateAndTime):
        def on_train_begin(self, logs=None):
            began.append(values(self.model))

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            trainable = [layer.name for layer in self.model.layers if layer.trainable_weights]
            epochs.append((logs["learning_rate"], trainable, values(self.model)))

    folder = tmp_path_factory.mktemp("transfer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_course.loop.RecordRateAndTime", Watch)
        return transfer.transfer(source.folder, recipe, folder, splits=two_classes)


@pytest.mark.parametrize("shape", [(8, 4, 4, 3), (8, 3)])  # fused, and Keras' own path
def test_a_frozen_batch_normalization_keeps_its_statistics_and_uses_them(shape):
    x = np.random.default_rng(0).normal(3, 2, shape).astype("float32")
    layer = BatchNormalization()
    layer(x)
    layer.moving_mean.assign(np.full(3, 1.0))
    layer.trainable = False
    y = keras.ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_allclose(y, (x - 1) / np.sqrt(1 + 1e-5), rtol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean, np.full(3, 1.0))
    layer.trainable = True
    layer(x, training=True)
    assert np.all(np.asarray(layer.moving_mean) > 1.1)  # towards 3


def test_first_the_head_alone_then_all_of_it_at_a_tenth_of_the_rate(run, epochs, source):
    rates, trainable, weights = zip(*epochs, strict=True)
    assert rates == pytest.approx([3e-3, 3e-3, 3e-3, 3e-4, 3e-4])
    assert trainable[:3] == (["logits"],) * 3
    assert len(trainable[3]) == 7  # 2 convolutions, their normalization, 3 dense layers
    trained = values(source.model())
    for epoch in range(3):  # the body, its moving statistics included, is the source's
        for ours, theirs in zip(weights[epoch][:-2], trained[:-2], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert weights[0][-2].shape == (60, 2) and np.any(weights[0][-2] != weights[1][-2])
    moved = [np.any(a != b) for a, b in zip(weights[2], weights[3], strict=True)]
    assert all(moved)


def test_the_run_folder_is_one_that_the_rest_of_the_package_reads(run, recipe, source):
    assert Run.load(run.folder) == run and run.recipe.pretrained == str(source.folder)
    assert dataclasses.replace(run.recipe, pretrained=None) == recipe
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4, 5]
    assert run.metrics["status"] == "finished" and run.metrics["epochs"] == 5
    assert run.metrics["transfer"] == {
        "frozen_epochs": 3, "fine_tuning_rate": pytest.approx(3e-4)
    }  # fmt: skip
    assert (run.folder / "curves.png").exists()


def test_the_best_epoch_of_both_parts_is_kept(run, two_classes):
    logits = run.model().predict(two_classes.validation.images.astype("float32"), verbose=0)
    accuracy = np.mean(logits.argmax(-1) == two_classes.validation.labels)
    assert accuracy == pytest.approx(max(row["val_accuracy"] for row in run.history))
    assert run.metrics["validation"]["accuracy"] == pytest.approx(accuracy)
    best = run.history[run.metrics["best_epoch"] - 1]
    assert best["val_accuracy"] == pytest.approx(accuracy)


@pytest.mark.slow  # 10 s
def test_a_better_first_part_is_not_lost(source, recipe, two_classes, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "FINE_TUNING", 1000)  # which spoils everything
    recipe = dataclasses.replace(recipe, frozen_epochs=6)
    run = transfer.transfer(source.folder, recipe, tmp_path, splits=two_classes)
    assert run.metrics["best_epoch"] <= 6 < run.metrics["epochs"]
    for ours, theirs in zip(values(run.model())[:-2], values(source.model())[:-2], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_second_part_begins_at_the_best_weights_of_the_first(run, began, epochs):
    first = [row["val_accuracy"] for row in run.history[:3]]
    for ours, best in zip(began[1], epochs[int(np.argmax(first))][2], strict=True):
        np.testing.assert_array_equal(ours, best)


def test_an_interrupt_keeps_the_best_weights_so_far(source, recipe, two_classes, tmp_path):
    class Interrupt(Progress):
        def on_epoch_begin(self, epoch, logs=None):
            if len(list(tmp_path.glob("best.keras"))):
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_course.loop.Progress", Interrupt)
        with pytest.raises(KeyboardInterrupt):
            transfer.transfer(source.folder, recipe, tmp_path, splits=two_classes)
    run = Run.load(tmp_path)
    assert run.metrics["status"] == "interrupted" and len(run.history) == 1
    assert run.model().output_shape == (None, 2)


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="no signals")
def test_a_signal_after_the_last_epoch_of_the_head_does_not_finish_the_run(
    source, recipe, two_classes, tmp_path, run
):
    class Signal(WriteHistory):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            if epoch + 1 == recipe.frozen_epochs:
                signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_course.loop.WriteHistory", Signal)
        with pytest.raises(KeyboardInterrupt):
            transfer.transfer(source.folder, recipe, tmp_path, splits=two_classes)
    assert Run.load(tmp_path).metrics["status"] == "interrupted"
    again = transfer.transfer(source.folder, recipe, tmp_path, splits=two_classes)
    assert [row["val_loss"] for row in again.history] == [row["val_loss"] for row in run.history]


def test_a_slash_at_the_end_of_the_folder_makes_no_other_source(source):
    assert transfer._name(f"{source.folder}/") == transfer._name(source.folder)


def test_a_transfer_can_be_repeated_from_its_own_recipe(run, source, two_classes, tmp_path):
    again = transfer.transfer(source.folder, run.recipe, tmp_path, splits=two_classes)
    assert again.recipe == run.recipe
    assert [row["val_loss"] for row in again.history] == [row["val_loss"] for row in run.history]


def test_a_finished_transfer_is_not_done_again_and_not_taken_for_another(
    run, source, recipe, two_classes
):
    written = (run.folder / "best.keras").stat().st_mtime_ns
    assert transfer.transfer(source.folder, recipe, run.folder, splits=two_classes) == run
    assert (run.folder / "best.keras").stat().st_mtime_ns == written
    with pytest.raises(UserError, match="another recipe: pretrained"):
        transfer.transfer(run.folder, recipe, run.folder, splits=two_classes)
    with pytest.raises(UserError, match="another recipe"):
        other = dataclasses.replace(recipe, seed=5)
        transfer.transfer(source.folder, other, run.folder, splits=two_classes)


def test_what_begins_at_random_weights_refuses_the_recipe_of_a_transfer(run, two_classes, tmp_path):
    with pytest.raises(UserError, match="`keras-course transfer` trains it"):
        training.fit(run.recipe, tmp_path / "run", splits=two_classes)


def test_mistakes_say_what_is_expected(source, recipe, two_classes, tmp_path):
    for change, message in (
        ({"schedule": "plateau"}, "must be 'constant'"),
        ({"model": "lenet", "normalization": "paper"}, "do not fit lenet"),
        ({"frozen_epochs": 0}, "frozen_epochs must be 1 or more"),
    ):
        changed = dataclasses.replace(recipe, **change)
        with pytest.raises(UserError, match=message):
            transfer.transfer(source.folder, changed, tmp_path, splits=two_classes)
    with pytest.raises(UserError, match="Name one with --model"):
        transfer.recipe_of("imagenet")
    assert transfer.recipe_of("imagenet", "resnet50").model == "resnet50"
    assert {path.name for path in tmp_path.iterdir()} <= {".lock"}


def test_the_command_trains_on_ones_own_images(source, tmp_path, monkeypatch, capsys):
    from keras_course.cli import main

    monkeypatch.chdir(tmp_path)
    pets = folder_of_images(tmp_path / "pets", count=12)
    few = ["--dataset", f"folder:{pets}", "--batch-size", "4", "--epochs", "1"]
    arguments = ["transfer", str(source.folder), *few, "--frozen-epochs", "1"]
    assert main([*arguments, "--output", "new"]) == 0
    out = capsys.readouterr().out
    assert "unchanged: logits" in out and "The run is in new" in out
    for wrong in (
        ["transfer", "imagenet", *few],
        ["transfer", "elsewhere", *few],
        [*arguments, "--model", "lenet"],
        [*arguments, "--schedule", "cosine"],
    ):
        assert main(wrong) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()  # nothing is left of what did not work


@pytest.mark.slow  # 10 s
def test_its_run_is_one_that_can_be_exported_reported_and_classified_with(run, two_classes):
    from keras_course.export import export
    from keras_course.predict import predict
    from keras_course.report import report

    assert export(run, splits=two_classes).difference < 1e-5
    tested = training.test(run, splits=two_classes)
    assert "two channels" in report(tested, splits=two_classes).read_text()
    [prediction] = predict(run.folder, [folder_of_images(run.folder / "x") / "cat" / "0.png"])
    assert {name for name, _ in prediction.classes} == {"green", "red"}


def test_another_model_of_the_same_name_is_another_source(source):
    names = {transfer._name(random_weights(source.model(), seed)) for seed in range(2)}
    assert len(names) == 2 and all(name.startswith("simple_cnn:") for name in names)


def test_the_averages_are_what_is_validated_and_kept(source, two_classes, recipe, tmp_path):
    averaged = dataclasses.replace(recipe, averaging=0.9, epochs=1, frozen_epochs=1)
    kept = []

    class Keeps(keras.callbacks.SwapEMAWeights):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            kept.append(values(self.model))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.callbacks, "SwapEMAWeights", Keeps)
        run = transfer.transfer(source.folder, averaged, tmp_path / "run", splits=two_classes)
    assert len(kept) == 2  # of both parts
    best = kept[run.metrics["best_epoch"] - 1]
    for mine, averages in zip(values(run.model()), best, strict=True):
        np.testing.assert_array_equal(mine, averages)
