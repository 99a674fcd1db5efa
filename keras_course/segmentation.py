"""Segmentation of the embedded data set: train, choose by the validation images, test once.

The folder of it holds

    recipe.json       what changes the result
    metrics.json      what was trained, and what came out: IoU, device, seconds, versions, date, how
                      often the test set was opened
    history.csv       one row for each epoch
    best.keras        the network of the epoch with the best mean IoU of the validation images
    last.npz          all that the training needs to go on, see checkpoint.py
    segmentation.png  test images, their masks, and what the network makes of them
"""

import dataclasses
from pathlib import Path

import keras
import numpy as np

from keras_course import (
    devices,
    mask_plots,
    optimizers,
    out_of_memory,
    overlap,
    plots,
    runs,
    step,
    task,
)
from keras_course.data import masks, pipeline
from keras_course.errors import unknown
from keras_course.layers import whitening
from keras_course.models.unet import segmenter, unet

AFTERWARDS = 5  # seconds for drawing the test images and for the picture


@dataclasses.dataclass(frozen=True)
class Segmentation:
    """All that changes the result; `backbone` is of the segmenter alone."""

    model: str = "segmenter"
    backbone: str = "resnet20"
    loss: str = "dice_and_cross_entropy"
    optimizer: str = "adam"
    learning_rate: float = 5e-3
    schedule: str = "cosine"
    augmentation: str = "flip_shift"
    batch_size: int = 32
    epochs: int = 8
    precision: str = "auto"
    validation_fraction: float = 0.1
    seed: int = 0

    def __post_init__(self):
        if self.model not in MODELS:
            raise unknown("model", self.model, MODELS)
        overlap.loss(self.loss)
        task.check(self)


# Widths that two cores can train in three minutes, and no less than the classes: with 8 channels
# U-Net learned slower. Its normalization is that of ResNet.
MODELS = {
    "segmenter": lambda chosen, **size: segmenter(backbone=chosen.backbone, width=16, **size),
    "unet": lambda chosen, **size: unet(width=12, normalization="batch", **size),
}


def build(chosen: Segmentation, input_shape, precision: str) -> keras.Model:
    """Return the compiled network with its first weights, which the seed chose."""
    keras.utils.set_random_seed(chosen.seed)
    num_classes = len(masks.CLASS_NAMES)
    with devices.building_in(precision):
        model = MODELS[chosen.model](chosen, input_shape=input_shape, num_classes=num_classes)
    model.compile(
        optimizers.optimizer(chosen.optimizer, chosen.learning_rate),
        overlap.loss(chosen.loss),
        metrics=[keras.metrics.MeanIoU(num_classes, sparse_y_pred=False, name="mean_iou")],
    )
    step.in_one_graph(model)
    return model


def segment(chosen: Segmentation, folder: str | Path, *, minutes: float | None = None) -> dict:
    """Train a network, test it once, write the folder, and return what metrics.json holds.

    minutes: choose the number of epochs so that all of this takes so long. What was finished in the
    folder is returned as it is, what was cut off goes on. Errors: UserError for a folder that holds
    anything else; `guards.Diverged` when the loss is not finite any more.
    """
    return task.run(
        chosen,
        folder,
        name=name(chosen),
        dataset="shapes, masks",
        material=_material,
        test=test,
        monitor="val_mean_iou",
        afterwards=AFTERWARDS,
        minutes=minutes,
    )


def _material(chosen, precision):
    train, validation = masks.load(chosen.validation_fraction, chosen.seed)

    def batches(first_epoch=0):
        return masks.training_batches(
            train,
            chosen.batch_size,
            augmentation_name=chosen.augmentation,
            seed=chosen.seed,
            first_epoch=first_epoch,
        )

    model = build(chosen, train.images.shape[1:], precision)
    whitening.adapt(model, train.images)
    return task.Material(
        model,
        batches,
        pipeline.evaluation_batches(*validation, pipeline.looked_at_once(chosen.batch_size)),
        steps_per_epoch=len(train.images) // chosen.batch_size,
        images=len(train.images),
        test_images=masks.shapes.TEST_IMAGES,
    )


def test(model: keras.Model, folder: Path, metrics: dict) -> dict:
    """Open the test set: write the picture, and return the IoU of the network."""
    images, truth = masks.test()
    predicted = predict(model, images, pipeline.looked_at_once(metrics["recipe"]["batch_size"]))
    title = (
        f"{metrics['model']} on test images of shapes, their masks, and its predictions: "
        f"{metrics['epochs']} epochs, {metrics['device']}"
    )
    picture = mask_plots.masks(images[:10], truth[:10], predicted[:10], masks.CLASS_NAMES, title)
    plots.save(picture, folder / "segmentation.png")
    return score(truth, predicted)


def load(folder: str | Path) -> keras.Model:
    """Return the uncompiled network of the best epoch."""
    return runs.best_network(Path(folder))


def predict(model: keras.Model, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Return the class of each pixel, (n, height, width), of images of 0..255."""
    nothing = np.zeros(len(images), "int64")  # the batches want labels
    with out_of_memory.told_of_looking():
        logits = model.predict(pipeline.evaluation_batches(images, nothing, batch_size), verbose=0)
    return logits.argmax(axis=-1)


def score(truth: np.ndarray, predicted: np.ndarray) -> dict:
    """Return IoU, 0..1, of shape against background, the mean over classes, and of each class."""
    counts = overlap.confusion(truth, predicted, len(masks.CLASS_NAMES))
    return {
        "shape_iou": overlap.foreground_iou(counts),
        "mean_iou": overlap.mean_iou(counts),
        "iou": dict(zip(masks.CLASS_NAMES, overlap.iou(counts).tolist(), strict=True)),
        "pixel_accuracy": float(np.mean(predicted == truth)),
        "images": len(truth),
    }


def name(chosen: Segmentation) -> str:
    return f"segmenter on {chosen.backbone}" if chosen.model == "segmenter" else chosen.model
