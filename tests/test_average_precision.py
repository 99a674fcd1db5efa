import contextlib
import io

import numpy as np
import pytest

from keras_course.average_precision import Objects, average_precision, mean_average_precision

BOXES = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]])


def objects(boxes, labels, scores=None):
    scores = np.ones(len(labels)) if scores is None else np.array(scores, "float64")
    return Objects(np.array(boxes, "float64").reshape(-1, 4), np.array(labels, "int64"), scores)


NOTHING = objects([], [], [])


def test_average_precision_by_hand():
    there = [objects(BOXES[:1], [0]), objects(BOXES[1:2], [0])]
    found = [objects(BOXES[:1], [0], [0.9]), objects(BOXES[[2, 1]], [0, 0], [0.8, 0.7])]
    # Right, wrong, right: precision 1 up to recall 0.5 (51 of 101 recalls), 2/3 up to 1 (50).
    assert average_precision(found, there, 0) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_an_object_can_be_found_once():
    there = [objects(BOXES[:2], [0, 0])]
    found = [objects(BOXES[[0, 0, 1]], [0, 0, 0], [0.9, 0.8, 0.7])]
    assert average_precision(found, there, 0) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_an_object_that_nobody_found_costs_its_recall():
    found = [objects(BOXES[:1], [0], [0.2])]
    assert average_precision(found, [objects(BOXES[:2], [0, 0])], 0) == pytest.approx(51 / 101)


def test_a_better_precision_later_counts_for_lower_recalls():
    found = [objects(BOXES[[2, 0, 1]], [0, 0, 0], [0.9, 0.8, 0.7])]  # wrong, right, right: 2/3
    assert average_precision(found, [objects(BOXES[:2], [0, 0])], 0) == pytest.approx(2 / 3)


def test_each_class_counts_the_same_and_one_without_objects_not_at_all():
    there = [objects(BOXES, [0, 0, 1])]
    found = [objects(BOXES[[0, 1, 2]], [0, 0, 5], [0.9, 0.8, 0.7])]
    assert mean_average_precision(found, there) == pytest.approx((1 + 0) / 2)
    assert mean_average_precision(there, there) == 1
    assert mean_average_precision([NOTHING], there) == 0
    assert np.isnan(mean_average_precision([NOTHING], [NOTHING]))
    assert np.isnan(mean_average_precision([], []))


def test_the_iou_must_be_a_half():
    there = [objects([[0, 0, 10, 10]], [0])]
    just, not_quite = [objects([[0, 0, 5, 10]], [0])], [objects([[0, 0, 4.99, 10]], [0])]
    assert mean_average_precision(just, there) == 1
    assert mean_average_precision(not_quite, there) == 0


def scattered(seed, images=30, classes=4):
    """Objects, and a poor detector's findings: shifted, renamed, doubled, missing, invented."""
    random = np.random.default_rng(seed)
    there, found = [], []
    for _ in range(images):
        count = random.integers(0, 8)  # also none
        start = random.uniform(0, 60, (count, 2))
        boxes = np.concatenate([start, start + random.uniform(8, 30, (count, 2))], axis=1)
        labels = random.integers(0, classes, count)
        there.append(objects(boxes, labels))
        twice = np.flatnonzero(random.uniform(size=count) < 0.8).repeat(2)
        moved = boxes[twice] + random.normal(0, 2.5, (len(twice), 4))
        renamed = np.where(random.uniform(size=len(twice)) < 0.2, 0, labels[twice])
        invented = np.array([[5.0, 5, 25, 25], [50, 50, 70, 75]])
        found.append(
            objects(
                np.concatenate([moved, invented]),
                np.concatenate([renamed, random.integers(0, classes, 2)]),
                random.uniform(size=len(twice) + 2),
            )
        )
    return found, there


def coco_ap50(found, there):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(images):
        for image, its in enumerate(images):
            for box, label, score in zip(*its, strict=True):
                top, left, bottom, right = box
                size = [left, top, right - left, bottom - top]
                yield {
                    "image_id": image + 1,
                    "category_id": int(label) + 1,
                    "bbox": size,
                    "area": size[2] * size[3],
                    "iscrowd": 0,
                    "score": score,
                }

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": image + 1} for image in range(len(there))],
            "categories": [{"id": label + 1} for label in range(4)],
            "annotations": [{**row, "id": 1 + i} for i, row in enumerate(rows(there))],
            "info": {},
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(list(rows(found))), "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, -1]  # (recalls, classes), all sizes
    return precision[precision > -1].mean()


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_ap50_of_coco(seed):
    found, there = scattered(seed)
    expected = coco_ap50(found, there)
    assert 0.1 < expected < 0.9
    assert mean_average_precision(found, there) == pytest.approx(expected, abs=1e-9)
