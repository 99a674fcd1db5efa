"""Mean average precision (mAP): how well a detector finds, places and names objects.

Everingham et al. 2010, section 4.2, https://doi.org/10.1007/s11263-009-0275-4; Lin et al. 2014,
https://arxiv.org/abs/1405.0312. For each class:

1. From the highest score down, over all images, a detection is right if its IoU with an object of
   its class and image is at least 0.5 and no earlier detection has taken that object; of several
   it takes the one that it overlaps most.
2. After each detection, precision is the share of detections so far that are right, recall the
   share of objects that are found.
3. Average precision is the mean, over the recalls 0, 0.01 ... 1, of the highest precision at that
   recall or a higher one; 0 where the recall is never reached.

mAP is the mean over the classes that have objects. This is what COCO's tools call AP50 (without
objects marked as crowds, and with at most 100 detections an image).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_course.boxes import iou

RECALLS = np.linspace(0, 1, 101)


class Objects(NamedTuple):
    """The objects of one image: those that are there, or those that a detector found."""

    boxes: np.ndarray  # float, (n, 4): top, left, bottom, right in pixels
    labels: np.ndarray  # int, (n,), index into the class names
    scores: np.ndarray  # float, (n,), 0 to 1; 1 for what is there


def mean_average_precision(
    found: Sequence[Objects], there: Sequence[Objects], threshold: float = 0.5
) -> float:
    """Return the mAP, 0 to 1, of what was found in some images against what is there; NaN where
    nothing is there."""
    if not any(len(image.labels) for image in there):
        return math.nan
    classes = np.unique(np.concatenate([image.labels for image in there]))
    return float(np.mean([average_precision(found, there, label, threshold) for label in classes]))


def average_precision(
    found: Sequence[Objects], there: Sequence[Objects], label: int, threshold: float = 0.5
) -> float:
    """Return the average precision of one class that has at least one object."""
    scores, right, objects = [], [], 0
    for its, true in zip(found, there, strict=True):
        mine, true_boxes = its.labels == label, true.boxes[true.labels == label]
        objects += len(true_boxes)
        scores.append(its.scores[mine])
        right.append(matches(its.boxes[mine], its.scores[mine], true_boxes, threshold))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    right = np.concatenate(right)[order].cumsum()
    recall, precision = right / objects, right / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # at this recall or a higher one
    first = np.searchsorted(recall, RECALLS, side="left")  # detection that reaches the recall
    return float(np.append(best, 0)[first].mean())


def matches(boxes, scores, true_boxes, threshold) -> np.ndarray:
    """Return for each box of an image whether it is right, by rule 1: bool, (n,)."""
    right = np.zeros(len(boxes), bool)
    overlap = iou(boxes, true_boxes)
    for index in np.argsort(-scores, kind="stable") if len(true_boxes) else ():
        its = overlap[index].argmax()
        if overlap[index, its] >= threshold:
            right[index] = True
            overlap[:, its] = -1  # taken
    return right
