import csv
import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_course import detection, devices, timing
from keras_course.average_precision import mean_average_precision
from keras_course.cli import main
from keras_course.data import pipeline, scenes
from keras_course.detection import Detection, detect
from keras_course.guards import Diverged
from keras_course.models.detector import DetectionLoss, decode, detector
from keras_course.progress import Progress
from keras_course.records import RecordRateAndTime

CHOSEN = Detection(backbone="simple_cnn_gap", epochs=2)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A few scenes, a narrow detector, and no timing of an epoch, which takes two seconds."""
    monkeypatch.setattr(scenes, "SIZES", {"train": 32, "validation": 8, "test": 10})
    monkeypatch.setattr(detection, "detector", lambda **size: detector(width=8, **size))
    monkeypatch.setattr(timing, "measure_epoch", lambda *_: 1.0)
    monkeypatch.setattr(detection, "SHOWN", 2)


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_a_run_leaves_its_numbers_its_best_network_and_a_picture(tmp_path, monkeypatch, capsys):
    opened = []
    load = scenes.load
    monkeypatch.setattr(scenes, "load", lambda part: opened.append(part) or load(part))
    monkeypatch.setattr(detection, "build", quick(detection.build))
    # In bfloat16 a graph rounds in other places than operations do that are called one by one.
    monkeypatch.setattr(devices, "choose_precision", lambda _: "float32")
    folder = tmp_path / "run"
    assert (
        main(
            [
                "detect",
                "--backbone",
                "simple_cnn_gap",
                "--epochs",
                "2",
                "--seed",
                "1",
                "--output",
                str(folder),
            ]
        )
        == 0
    )
    assert "test mAP" in capsys.readouterr().out
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names - {"best.older.keras"} == {
        "recipe.json", "metrics.json", "history.csv", "best.keras", "last.npz", "last.older.npz",
        "detection.png",
    }  # fmt: skip
    metrics = metrics_of(folder)
    assert metrics["status"] == "finished" and metrics["test_set_opened"] == 1
    assert opened.count("test") == 1
    assert metrics["recipe"]["seed"] == 1 and metrics["recipe"]["backbone"] == "simple_cnn_gap"
    with (folder / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    values = [float(row["val_mAP"]) for row in history]
    assert len(history) == 2 and max(values) == metrics["validation"]["mAP"]
    # The file gives the numbers again.
    model = keras.saving.load_model(folder / "best.keras", compile=False)
    for part in ("validation", "test"):
        given = load(part)
        found = decode(
            model.predict(pipeline.evaluation_batches(given.images, given.labels), verbose=0)
        )
        again = mean_average_precision(found, detection.objects(given))
        assert again == pytest.approx(metrics[part]["mAP"], abs=1e-6), part
    assert metrics["test"]["objects"] == (load("test").labels >= 0).sum()
    per_class = metrics["test"]["average_precision"]
    assert set(per_class) == set(scenes.CLASS_NAMES)


def quick(build):
    """Make a step of the detector cheap to start: no graph is traced."""

    def built(*arguments):
        model = build(*arguments)
        model.run_eagerly, model.train_function = True, None
        return model

    return built


def interrupted(*_):
    raise KeyboardInterrupt


def test_ctrl_c_keeps_the_best_network_and_does_not_open_the_test_set(tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "build", quick(detection.build))
    monkeypatch.setattr(detection, "test", lambda *_: pytest.fail("the test set was opened"))
    monkeypatch.setattr(RecordRateAndTime, "on_epoch_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        detect(CHOSEN, tmp_path / "run")
    metrics = metrics_of(tmp_path / "run")
    assert metrics["status"] == "interrupted" and metrics["test_set_opened"] == 0
    assert (
        keras.saving.load_model(tmp_path / "run" / "best.keras", compile=False).name == "detector"
    )


def test_what_was_cut_off_goes_on_to_the_same_result(tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "build", quick(detection.build))
    monkeypatch.setattr(devices, "choose_precision", lambda _: "float32")
    chosen = dataclasses.replace(CHOSEN, epochs=2)
    whole = detect(chosen, tmp_path / "whole")
    begin = Progress.on_epoch_begin

    def cut_off(callback, epoch, logs=None):
        if epoch == 1:
            raise RuntimeError("no power")
        begin(callback, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_epoch_begin", cut_off)
        with pytest.raises(RuntimeError, match="no power"):
            detect(chosen, tmp_path / "cut")
    again = detect(chosen, tmp_path / "cut")
    assert again["test"] == whole["test"] and again["validation"] == whole["validation"]


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "build", quick(detection.build))
    monkeypatch.setattr(
        DetectionLoss,
        "call",
        lambda self, y_true, y_pred: float("nan") * keras.ops.sum(y_pred, (1, 2, 3)),
    )
    with pytest.raises(Diverged, match="at step 1"):
        detect(CHOSEN, tmp_path / "run")
    assert metrics_of(tmp_path / "run")["status"] == "diverged"


@pytest.mark.parametrize(
    "typed, message",
    [
        (["--backbone", "resnet21"], "Did you mean 'resnet20'"),
        (["--backbone", "mlp"], "has no maps"),
        (["--epochs", "0"], "epochs must be at least 1"),
        (["--minutes", "-1"], "--minutes must be positive"),
        (["--output", "/proc/out"], "Cannot write into /proc/out"),
        (["--output", "."], "holds other files"),
    ],
)
def test_a_mistake_ends_in_one_message(typed, message, tmp_path, monkeypatch, capsys):
    place = tmp_path / "place"
    place.mkdir()
    if typed[-1] == ".":
        (place / "thesis.doc").write_text("mine")
    monkeypatch.chdir(place)
    before = set(place.rglob("*"))
    assert main(["detect", *typed]) == 2
    error = capsys.readouterr().err
    assert error.startswith("keras-course: ") and message in error and error.count("\n") == 1
    assert set(place.rglob("*")) == before


def test_the_targets_are_boxes_and_labels(monkeypatch):
    given = scenes.load("validation")
    there = detection.objects(given)
    targets = detection.targets(given)
    assert targets.shape == (8, 5, 5) and targets.dtype == np.float32
    for rows, its in zip(targets, there, strict=True):
        np.testing.assert_array_equal(rows[rows[:, 4] >= 0][:, :4], its.boxes)
        np.testing.assert_array_equal(rows[: len(its.labels), 4], its.labels)


@pytest.mark.slow  # about 40 s on two cores
def test_a_detector_learns_a_few_scenes_by_heart():
    given = scenes.draw(16)
    keras.utils.set_random_seed(0)
    model = detector(backbone="simple_cnn_gap")
    model.compile(keras.optimizers.Adam(3e-3), DetectionLoss())
    images = given.images.astype("float32")
    model.fit(images, detection.targets(given), batch_size=16, epochs=150, verbose=0)
    found = decode(model.predict(images, verbose=0))
    assert mean_average_precision(found, detection.objects(given)) > 0.95


def test_minutes_become_epochs(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "measure_epoch", lambda *_: 20.0)
    monkeypatch.setattr(detection, "build", quick(detection.build))
    chosen = dataclasses.replace(CHOSEN, epochs=9)
    metrics = detection.detect(chosen, tmp_path / "run", minutes=1)
    assert metrics["epochs"] == metrics["recipe"]["epochs"] <= 2
