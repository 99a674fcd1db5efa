"""How well predicted masks cover the true ones: intersection over union, and losses for it.

With t the true pixels of a class and p the predicted ones, over all images at once:

    IoU   |t and p| / |t or p|             Jaccard 1901; 1 is perfect
    Dice  2 |t and p| / (|t| + |p|)        Dice 1945; as a loss Milletari et al. 2016,
                                           https://arxiv.org/abs/1606.04797, who square |t| and |p|

Cross-entropy counts pixels, so a class with few pixels counts little. The Dice loss, 1 - Dice with
probabilities for p, counts classes; its gradient is small where nothing is covered yet, and so the
two are often added, as in nnU-Net (Isensee et al. 2018, https://arxiv.org/abs/1809.10486).
"""

import math

import keras
import numpy as np
from keras import ops

from keras_course.errors import unknown


@keras.saving.register_keras_serializable(package="keras_course")
def cross_entropy(masks, logits):
    """Return the mean cross-entropy of the pixels; shapes as those of `dice`."""
    return ops.mean(keras.losses.sparse_categorical_crossentropy(masks, logits, from_logits=True))


@keras.saving.register_keras_serializable(package="keras_course")
def dice(masks, logits):
    """Return the mean over the classes of 1 - Dice, 0 to 1, taken over the whole batch.

    masks: integers (batch, height, width), the class of each pixel. logits: (batch, height, width,
    classes). A class that the batch lacks counts 1 and has no gradient: use batches with all.
    """
    probabilities = ops.softmax(ops.cast(logits, "float32"))
    truth = ops.one_hot(ops.cast(masks, "int32"), logits.shape[-1])
    return ops.mean(keras.losses.dice(truth, probabilities, axis=(0, 1, 2)))


@keras.saving.register_keras_serializable(package="keras_course")
def dice_and_cross_entropy(masks, logits):
    """Return the sum of both."""
    return dice(masks, logits) + cross_entropy(masks, logits)


LOSSES = {
    "cross_entropy": cross_entropy,
    "dice": dice,
    "dice_and_cross_entropy": dice_and_cross_entropy,
}


def loss(name: str):
    """Return the loss of that name, a function of masks and logits."""
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return LOSSES[name]


def confusion(masks: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Return how many pixels of each class (rows) were taken for which class (columns).

    masks, predicted: integers 0 to num_classes - 1, of equal shapes.
    """
    pairs = num_classes * masks.astype("int64") + predicted
    return np.bincount(pairs.ravel(), minlength=num_classes**2).reshape(num_classes, num_classes)


def iou(counts: np.ndarray) -> np.ndarray:
    """Return the IoU of each class from `confusion`, NaN for one that is in neither mask."""
    both = np.diag(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1) - both
    return np.divide(both, either, out=np.full(len(counts), np.nan), where=either > 0)


def mean_iou(counts: np.ndarray) -> float:
    """Return the mean IoU of the classes that there are, as `keras.metrics.MeanIoU`."""
    return float(np.nanmean(iou(counts)))


def foreground_iou(counts: np.ndarray) -> float:
    """Return the IoU of all classes but the first, the background, taken as one; NaN where all of
    both masks is background."""
    both, either = counts[1:, 1:].sum(), counts.sum() - counts[0, 0]
    return float(both / either) if either else math.nan
