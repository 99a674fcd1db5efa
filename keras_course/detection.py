"""Detection in the embedded scenes: train, choose by the validation scenes, test once.

The folder of it holds

    recipe.json    what changes the result
    metrics.json   what was trained, and what came out: mAP, device, seconds, versions, date, how
                   often the test set was opened
    history.csv    one row for each epoch
    best.keras     the network of the epoch with the best mAP of the validation scenes
    last.npz       all that the training needs to go on, see checkpoint.py
    detection.png  test scenes with what is there and what the network found
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keras_course import (
    box_plots,
    devices,
    optimizers,
    out_of_memory,
    plots,
    step,
    task,
)
from keras_course.average_precision import Objects, average_precision, mean_average_precision
from keras_course.data import pipeline, scenes
from keras_course.data.scenes import CLASS_NAMES, Scenes
from keras_course.layers import whitening
from keras_course.models.detector import DetectionLoss, decode, detector

AFTERWARDS = 4  # seconds for average precision and the picture
SHOWN = 8  # test scenes in the picture


@dataclasses.dataclass(frozen=True)
class Detection:
    """All that changes the result. epochs: of 3,000 scenes; learning_rate: at the start."""

    backbone: str = "resnet20"
    optimizer: str = "adam"
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    batch_size: int = 16
    epochs: int = 4
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self):
        task.check(self)


class MeasurePrecision(keras.callbacks.Callback):
    """Add to each epoch's logs the loss and the mAP of the validation scenes.

    Not a Keras metric: mAP needs all images at once, sorted by score.
    """

    def __init__(self, watched: Scenes, batch_size: int = 256):
        super().__init__()
        self.watched, self.there, self.batch_size = watched, objects(watched), batch_size

    def on_epoch_end(self, epoch, logs=None):
        outputs = find(self.model, self.watched, self.batch_size)
        logs["val_loss"] = float(DetectionLoss()(targets(self.watched), outputs))
        logs["val_mAP"] = mean_average_precision(decode(outputs), self.there)


def build(chosen: Detection, precision: str) -> keras.Model:
    """Return the compiled detector with its first weights, which the seed chose."""
    keras.utils.set_random_seed(chosen.seed)
    with devices.building_in(precision):
        model = detector(
            backbone=chosen.backbone,
            input_shape=(scenes.SIDE, scenes.SIDE, 3),
            num_classes=len(CLASS_NAMES),
        )
    model.compile(optimizers.optimizer(chosen.optimizer, chosen.learning_rate), DetectionLoss())
    step.in_one_graph(model)
    return model


def detect(chosen: Detection, folder: str | Path, *, minutes: float | None = None) -> dict:
    """Train a detector, test it once, write the folder, and return what metrics.json holds.

    minutes: choose the number of epochs so that all of this takes so long. What was finished in the
    folder is returned as it is, what was cut off goes on. Errors: UserError for a folder that holds
    anything else; `guards.Diverged` when the loss is not finite any more.
    """
    return task.run(
        chosen,
        folder,
        name=f"detector on {chosen.backbone}",
        dataset="scenes",
        material=_material,
        test=test,
        monitor="val_mAP",
        afterwards=AFTERWARDS,
        minutes=minutes,
    )


def _material(chosen, precision):
    train, watched = scenes.load("train"), scenes.load("validation")
    at_once = pipeline.looked_at_once(chosen.batch_size)

    def batches(first_epoch=0):
        return pipeline.training_batches(
            train.images,
            targets(train),
            chosen.batch_size,
            seed=chosen.seed,
            first_epoch=first_epoch,
        )

    model = build(chosen, precision)
    whitening.adapt(model, train.images)
    return task.Material(
        model,
        batches,
        pipeline.evaluation_batches(watched.images, targets(watched), at_once),
        steps_per_epoch=len(train.images) // chosen.batch_size,
        images=len(train.images),
        test_images=scenes.SIZES["test"],  # which are drawn, too
        measuring=[MeasurePrecision(watched, at_once)],
    )


def test(model: keras.Model, folder: Path, metrics: dict) -> dict:
    """Open the test scenes: write the picture, and return the average precisions."""
    title = (
        f"{metrics['model']}, test scenes, {metrics['epochs']} epochs, {metrics['device']}: "
        "dashed what is there, solid what was found"
    )
    tested = scenes.load("test")
    at_once = pipeline.looked_at_once(metrics["recipe"]["batch_size"])
    there, found = objects(tested), decode(find(model, tested, at_once))
    picture = box_plots.boxes(
        tested.images[:SHOWN], there[:SHOWN], found[:SHOWN], CLASS_NAMES, title
    )
    plots.save(picture, folder / "detection.png")
    return {
        "mAP": mean_average_precision(found, there),
        "iou": 0.5,
        "average_precision": {
            name: average_precision(found, there, label) for label, name in enumerate(CLASS_NAMES)
        },
        "images": len(there),
        "objects": sum(len(image.labels) for image in there),
    }


def find(model: keras.Model, given: Scenes, batch_size: int = 256) -> np.ndarray:
    """Return the outputs of the detector for all scenes."""
    batches = pipeline.evaluation_batches(given.images, given.labels, batch_size)
    with out_of_memory.told_of_looking():
        return model.predict(batches, verbose=0)


def targets(given: Scenes) -> np.ndarray:
    """Return boxes and labels as `DetectionLoss` takes them: float32, (n, 5, 5)."""
    return np.concatenate([given.boxes, given.labels[..., None].astype("float32")], axis=-1)


def objects(given: Scenes) -> Sequence[Objects]:
    """Return what is in each scene."""
    present = [labels >= 0 for labels in given.labels]
    return [
        Objects(boxes[its], labels[its], np.ones(its.sum()))
        for boxes, labels, its in zip(given.boxes, given.labels, present, strict=True)
    ]
