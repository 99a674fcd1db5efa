"""The job on a hundred images, with a network of two layers, and what its files say."""

import csv
import json
import math
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_course import cli, integrity, mask_plots, overlap, segmentation, timing
from keras_course.data import masks, shapes
from keras_course.errors import UserError
from keras_course.guards import Diverged
from keras_course.layers import Whitening
from keras_course.progress import Progress
from keras_course.records import RecordRateAndTime

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "segmentation.json"


@pytest.fixture(scope="module")
def few():
    """100 + 50 images in place of 10,000 + 2,000, and two layers in place of U-Net."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes, "train", partial(shapes.draw, 100, seed=0))
        patch.setattr(shapes, "test", partial(shapes.draw, 50, seed=1))
        patch.setattr(segmentation, "MODELS", {**segmentation.MODELS, "unet": two_layers})
        yield


def two_layers(chosen, input_shape, num_classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, keras.layers.Conv2D(num_classes, 1)(x))


@pytest.fixture(scope="module")
def done(few, tmp_path_factory):
    """The folder and the metrics of a job."""
    folder = tmp_path_factory.mktemp("job") / "run"
    chosen = segmentation.Segmentation(model="unet", epochs=2, batch_size=30)
    return folder, segmentation.segment(chosen, folder)


def test_the_folder_holds_what_the_header_says(done):
    folder, metrics = done
    names = {"recipe.json", "metrics.json", "history.csv", "segmentation.png"}
    names |= {"best.keras", "last.npz", "last.older.npz"}
    found = {file.name for file in folder.iterdir() if not file.name.startswith(".")}
    assert found - {"best.older.keras"} == names
    assert integrity.read_sealed(folder / "metrics.json") == metrics
    assert (folder / "segmentation.png").read_bytes().startswith(b"\x89PNG")
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == metrics["epochs"] == 2
    best = max(rows, key=lambda row: float(row["val_mean_iou"]))
    assert int(best["epoch"]) == metrics["best_epoch"]
    assert float(best["val_mean_iou"]) == pytest.approx(metrics["validation"]["mean_iou"])


def test_the_metrics_say_how_they_were_measured(done):
    metrics = done[1]
    assert metrics["status"] == "finished" and metrics["test_set_opened"] == 1
    assert metrics["recipe"]["epochs"] == 2 and metrics["seconds"] > 0
    assert {"device", "precision", "versions", "date", "parameters"} <= set(metrics)
    assert metrics["test"]["images"] == 50 and len(metrics["test"]["iou"]) == 11


def test_the_test_result_is_that_of_the_best_network(done):
    folder, metrics = done
    images, truth = masks.test()
    logits = keras.models.load_model(folder / "best.keras").predict(images, verbose=0)
    measured = keras.metrics.MeanIoU(11, sparse_y_pred=False)(truth, logits)
    assert metrics["test"]["mean_iou"] == pytest.approx(float(measured), rel=1e-5)


def test_the_test_images_are_not_drawn_before_the_training_is_over(few, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("drawn")

    monkeypatch.setattr(masks, "test", fails)
    chosen = segmentation.Segmentation(model="unet", epochs=1, batch_size=30)
    with pytest.raises(RuntimeError, match="drawn"):
        segmentation.segment(chosen, tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["status"] == "finished"
    assert metrics["test_set_opened"] == 1  # it was about to be: no second look


def test_what_was_cut_off_goes_on_to_the_same_result(done, few, tmp_path, monkeypatch):
    whole, metrics = done
    chosen = segmentation.Segmentation(**metrics["recipe"])
    begin = Progress.on_epoch_begin

    def cut_off(callback, epoch, logs=None):
        if epoch == 1:
            raise RuntimeError("no power")
        begin(callback, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_epoch_begin", cut_off)
        with pytest.raises(RuntimeError, match="no power"):
            segmentation.segment(chosen, tmp_path / "run")
    again = segmentation.segment(chosen, tmp_path / "run")
    assert again["test"] == metrics["test"] and again["validation"] == metrics["validation"]
    weights = segmentation.load(tmp_path / "run").get_weights()
    for one, other in zip(segmentation.load(whole).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_ctrl_c_keeps_the_network_and_does_not_open_the_test_set(few, tmp_path, monkeypatch):
    def interrupted(self, epoch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(RecordRateAndTime, "on_epoch_end", interrupted)
    monkeypatch.setattr(segmentation, "test", lambda *_: pytest.fail("the test set was opened"))
    chosen = segmentation.Segmentation(model="unet", epochs=2, batch_size=30)
    with pytest.raises(KeyboardInterrupt):
        segmentation.segment(chosen, tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["status"] == "interrupted" and metrics["test_set_opened"] == 0
    network = keras.saving.load_model(tmp_path / "run" / "best.keras", compile=False)
    assert network.output_shape == (None, 32, 32, 11)


def test_a_loss_that_is_not_finite_ends_the_job_and_is_written_down(few, tmp_path, monkeypatch):
    monkeypatch.setitem(overlap.LOSSES, "dice", lambda _, logits: math.nan * keras.ops.sum(logits))
    chosen = segmentation.Segmentation(model="unet", epochs=1, batch_size=30, loss="dice")
    with pytest.raises(Diverged):
        segmentation.segment(chosen, tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["status"] == "diverged" and metrics["test_set_opened"] == 0


def test_the_command_hands_on_its_options_and_says_what_came_out(done, monkeypatch, capsys):
    folder, metrics = done
    given = []
    monkeypatch.setattr(
        segmentation, "segment", lambda *arguments, **others: given.append(arguments) or metrics
    )
    options = ["--model", "unet", "--epochs", "1", "--seed", "3", "--output", str(folder)]
    assert cli.main(["segment", *options]) == 0
    assert given == [(segmentation.Segmentation(model="unet", epochs=1, seed=3), folder)]
    said = capsys.readouterr().out
    assert "unet on the masks of shapes" in said and str(folder / "segmentation.png") in said


def test_a_folder_that_holds_something_is_left_alone(done, capsys):
    before = {file: file.read_bytes() for file in done[0].iterdir()}
    assert cli.main(["segment", "--model", "unet", "--output", str(done[0])]) == 2
    assert "holds a run of another recipe: batch_size 30 instead of 32" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in done[0].iterdir()} == before


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("schedule", "plateau", "schedule must be one of constant, cosine, triangular"),
        ("schedule", "cosin", "Did you mean 'cosine'"),
        ("validation_fraction", 1.5, "validation_fraction must be above 0"),
        ("learning_rate", 1e30, "learning_rate must be above 0 and at most 10"),
        ("augmentation", "flp", "augmentation must be one of"),
    ],
)
def test_what_no_training_can_be_is_refused(field, value, message):
    with pytest.raises(UserError, match=message):
        segmentation.Segmentation(**{field: value})


def test_a_batch_of_more_images_than_there_are_is_refused(few, tmp_path):
    chosen = segmentation.Segmentation(model="unet", batch_size=1000)
    with pytest.raises(UserError, match="batch_size 1000 is more than the 90 training images"):
        segmentation.segment(chosen, tmp_path / "run")


def test_the_first_filters_of_a_fastnet_are_those_of_the_images(few):
    chosen = segmentation.Segmentation(backbone="fastnet16", batch_size=30)
    given = segmentation._material(chosen, "float32")
    whitening = next(it for it in given.model.get_layer("backbone").layers if hasattr(it, "adapt"))
    images = masks.load(chosen.validation_fraction, chosen.seed)[0].images
    expected = Whitening(24, 2)
    expected.build((None, 32, 32, 3))
    expected.adapt(images / np.float32(127.5) - 1)
    np.testing.assert_allclose(whitening.kernel, expected.kernel, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--model", "unett"], "Did you mean 'unet'"),
        (["--backbone", "resnet21"], "backbone must be one of"),
        (["--backbone", "mlp"], "mlp has no maps"),
        (["--epochs", "0"], "epochs must be"),
        (["--seed", "-1"], "seed"),
        (["--minutes", "-3"], "--minutes must be positive"),
    ],
)
def test_a_mistake_ends_with_code_2_and_leaves_nothing(few, options, message, tmp_path, capsys):
    folder = tmp_path / "run"
    assert cli.main(["segment", "--output", str(folder), *options]) == 2
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_a_pixel_has_the_class_of_its_image_or_none(few):
    drawing = shapes.test()
    images, classes = masks.test()
    np.testing.assert_array_equal(images, drawing.images)
    np.testing.assert_array_equal(classes > 0, drawing.masks)
    for label, mask in zip(drawing.labels, classes, strict=True):
        assert set(np.unique(mask)) == {0, label + 1}
        assert masks.CLASS_NAMES[label + 1] == shapes.CLASS_NAMES[label]


def test_training_and_validation_images_are_apart(few):
    train, validation = masks.load(0.1, seed=0)
    assert (len(train.images), len(validation.images)) == (90, 10)
    seen = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in seen for image in validation.images)


def test_a_mask_moves_with_its_image():
    # Images whose red channel is ten times their mask: so it must be after every flip and shift.
    classes = np.random.default_rng(0).integers(0, 11, (64, 8, 8)).astype("uint8")
    images = np.stack([10 * classes, classes, classes], axis=-1)
    train = masks.MaskedImages(images, classes)
    batches = masks.training_batches(train, 32, augmentation_name="flip_shift", seed=0)
    moved, moved_classes = next(iter(batches))
    np.testing.assert_array_equal(moved[..., 0], 10 * moved_classes)
    assert moved.shape == (32, 8, 8, 3) and moved_classes.dtype == "int32"
    originals = {mask.tobytes() for mask in classes.astype("int32")}
    assert sum(mask.numpy().tobytes() in originals for mask in moved_classes) < 8


def test_a_class_has_one_colour_and_the_background_none():
    drawn = []
    mask = np.zeros((2, 4, 4), "uint8")
    mask[0, :2], mask[1, 1] = 3, 12
    images = np.zeros((2, 4, 4, 3), "uint8")
    names = ["background", *(f"class {number}" for number in range(1, 13))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            mask_plots.plots, "grid", lambda images, title, **given: drawn.append((images, given))
        )
        mask_plots.masks(images, mask, 0 * mask, names, "title")
    rows, given = drawn[0]
    assert given["row_names"] == ("image", "truth", "prediction")
    assert given["labels"] == [""] * 2 + ["class 3", "class 12"] + ["nothing"] * 2
    assert not np.any(rows[2][2:]) and np.all(rows[2][:2] == rows[2][0, 0]) and np.any(rows[2])
    assert not np.any(rows[4:])


@pytest.mark.parametrize("model", ["segmenter", "unet"])
def test_the_published_results_are_as_good_as_promised(model):
    run = json.loads(RESULTS.read_text(encoding="utf-8"))[model]
    assert run["test"]["shape_iou"] >= 0.85 and run["test"]["mean_iou"] >= 0.75
    assert run["unseen"]["shape_iou"] >= 0.85 and run["unseen"]["mean_iou"] >= 0.75
    assert run["seconds"] <= 180 and run["test_set_opened"] == 1


def test_colours_of_masks_are_their_classes_and_stay(few, tmp_path):
    chosen = segmentation.Segmentation(model="unet", epochs=1, augmentation="flip_color")
    with pytest.raises(UserError, match="augmented by moving their pixels: .* Received: color"):
        segmentation.segment(chosen, tmp_path / "run")


def test_minutes_become_epochs(few, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "measure_epoch", lambda *_: 20.0)
    chosen = segmentation.Segmentation(model="unet", batch_size=30)
    metrics = segmentation.segment(chosen, tmp_path / "run", minutes=1)
    assert metrics["epochs"] == metrics["recipe"]["epochs"] == 1  # of 20 s, with the test
