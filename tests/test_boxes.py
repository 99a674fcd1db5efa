import numpy as np
import pytest

from keras_course.boxes import iou, non_maximum_suppression


def random_boxes(count, seed=0, side=64):
    random = np.random.default_rng(seed)
    start = random.uniform(0, side - 20, (count, 2))
    return np.concatenate([start, start + random.uniform(5, 20, (count, 2))], axis=1)


def test_the_iou_of_boxes_by_hand():
    boxes = np.array([[0, 0, 2, 2]])
    others = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [0, 0, 4, 4], [2, 0, 4, 2], [5, 5, 5, 5]])
    # Of 2x2: itself; one square shared of seven; a quarter; only an edge; a box without area.
    np.testing.assert_allclose(iou(boxes, others), [[1, 1 / 7, 1 / 4, 0, 0]])


def test_the_iou_is_that_of_counted_pixels():
    boxes, others = random_boxes(20, 1).round(), random_boxes(30, 2).round()

    def mask(box):
        top, left, bottom, right = box.astype(int)
        canvas = np.zeros((64, 64), bool)
        canvas[top:bottom, left:right] = True
        return canvas

    counted = [
        [(mask(a) & mask(b)).sum() / (mask(a) | mask(b)).sum() for b in others] for a in boxes
    ]
    np.testing.assert_allclose(iou(boxes, others), counted)


def test_suppression_by_hand():
    boxes = np.array(
        [
            [0, 0, 10, 10],  # 0.6: overlaps the next by 90 of 100, left out
            [0, 1, 10, 10],  # 0.9: kept
            [0, 5, 10, 15],  # 0.8: shares 50 of 140 with it, kept
            [40, 40, 50, 50],  # 0.1: far away, kept
        ]
    )
    scores = np.array([0.6, 0.9, 0.8, 0.1])
    assert non_maximum_suppression(boxes, scores, 0.5).tolist() == [1, 2, 3]
    assert non_maximum_suppression(boxes, scores, 0.3).tolist() == [1, 3]
    assert non_maximum_suppression(np.zeros((0, 4)), np.zeros(0)).tolist() == []


def test_a_box_that_was_left_out_leaves_out_no_other():
    boxes = np.array([[0, 0, 10, 10], [0, 3, 10, 13], [0, 6, 10, 16]])  # IoU 7/13, 7/13 and 4/16
    assert non_maximum_suppression(boxes, np.array([0.9, 0.8, 0.7])).tolist() == [0, 2]


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7])
def test_suppression_is_that_of_tensorflow(threshold):
    import tensorflow as tf

    boxes = random_boxes(200).astype("float32")
    scores = np.random.default_rng(1).permutation(200).astype("float32")
    expected = tf.image.non_max_suppression(boxes, scores, 200, iou_threshold=threshold).numpy()
    assert 3 < len(expected) < 200
    np.testing.assert_array_equal(non_maximum_suppression(boxes, scores, threshold), expected)
