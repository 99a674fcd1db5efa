"""Boxes around objects: how much two overlap, and which of many that overlap to keep.

A box is top, left, bottom, right in pixels, as edges: image[top:bottom, left:right] is what it
holds, and bottom - top its height.
"""

import numpy as np


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return intersection over union of each box (n, 4) with each other (m, 4): (n, m), 0 to 1."""
    first, second = np.asarray(boxes, "float64")[:, None], np.asarray(others, "float64")[None]
    start, end = (
        np.maximum(first[..., :2], second[..., :2]),
        np.minimum(first[..., 2:], second[..., 2:]),
    )
    intersection = np.prod(np.maximum(end - start, 0), axis=-1)
    union = area(first) + area(second) - intersection
    return intersection / np.maximum(union, 1e-12)  # two boxes without area have no overlap


def area(boxes: np.ndarray) -> np.ndarray:
    """Return height times width of boxes (..., 4), in square pixels."""
    return np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)


def non_maximum_suppression(
    boxes: np.ndarray, scores: np.ndarray, threshold: float = 0.5
) -> np.ndarray:
    """Return the indices of the boxes to keep, the highest score first.

    A detector finds one object at several places. From the highest score down each box is kept
    unless its IoU with one that is kept already is above `threshold`. boxes: (n, 4), of one class;
    scores: (n,).
    """
    overlaps = iou(boxes, boxes) > threshold
    kept, free = [], np.ones(len(boxes), bool)
    for index in np.argsort(-scores, kind="stable"):
        if free[index]:
            kept.append(index)
            free &= ~overlaps[index]
    return np.array(kept, "int64")
