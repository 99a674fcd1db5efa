"""IoU and the losses against counts by hand and against Keras' own metrics."""

import keras
import numpy as np
import pytest

from keras_course import overlap
from keras_course.errors import UserError

# 2 x 4 pixels: of class 1 two right, one missed, one too many; class 2 is in neither.
TRUTH = np.array([[[0, 0, 1, 1], [0, 0, 1, 0]]])
PREDICTED = np.array([[[0, 0, 1, 1], [1, 0, 0, 0]]])


@pytest.fixture
def random():
    generator = np.random.default_rng(0)
    return generator.integers(0, 4, (3, 5, 6)), generator.normal(size=(3, 5, 6, 4)).astype(
        "float32"
    )


def test_iou_by_hand():
    counts = overlap.confusion(TRUTH, PREDICTED, 3)
    assert counts.tolist() == [[4, 1, 0], [1, 2, 0], [0, 0, 0]]
    np.testing.assert_allclose(overlap.iou(counts), [4 / 6, 2 / 4, np.nan])
    assert overlap.mean_iou(counts) == pytest.approx((4 / 6 + 2 / 4) / 2)
    assert overlap.foreground_iou(counts) == pytest.approx(2 / 4)


def test_a_wrong_shape_class_is_foreground_all_the_same():
    counts = overlap.confusion(np.array([0, 1, 2]), np.array([0, 2, 2]), 3)
    assert overlap.foreground_iou(counts) == 1 and overlap.mean_iou(counts) == pytest.approx(0.5)


def test_masks_of_bytes_do_not_overflow():
    truth = np.full((1, 4), 200, "uint8")
    assert overlap.confusion(truth, truth, 201)[200, 200] == 4


def test_iou_is_that_of_keras(random):
    masks, logits = random
    counts = overlap.confusion(masks, logits.argmax(-1), 4)
    metric = keras.metrics.MeanIoU(4, sparse_y_pred=False)
    assert overlap.mean_iou(counts) == pytest.approx(float(metric(masks, logits)), rel=1e-6)
    binary = keras.metrics.BinaryIoU(target_class_ids=[1])(masks > 0, logits.argmax(-1) > 0)
    assert overlap.foreground_iou(counts) == pytest.approx(float(binary), rel=1e-6)


def test_losses_by_hand(random):
    masks, logits = random
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    truth = np.eye(4)[masks]
    covered = 2 * (truth * probabilities).sum((0, 1, 2))
    dice = 1 - covered / (truth.sum((0, 1, 2)) + probabilities.sum((0, 1, 2)))
    entropy = -np.log((truth * probabilities).sum(-1)).mean()
    assert float(overlap.dice(masks, logits)) == pytest.approx(dice.mean(), rel=1e-5)
    assert float(overlap.cross_entropy(masks, logits)) == pytest.approx(entropy, rel=1e-5)
    both = float(overlap.dice_and_cross_entropy(masks, logits))
    assert both == pytest.approx(dice.mean() + entropy, rel=1e-5)


def test_dice_of_certain_predictions_is_that_of_sets():
    logits = 100 * np.eye(2, dtype="float32")[PREDICTED]
    # of class 0 four of 5 and 5 pixels, of class 1 two of 3 and 3
    expected = 1 - (2 * 4 / (5 + 5) + 2 * 2 / (3 + 3)) / 2
    assert float(overlap.dice(TRUTH, logits)) == pytest.approx(expected, rel=1e-5)


def test_masks_of_nothing_but_background_have_no_iou():
    nothing = np.zeros((2, 4), int)
    assert np.isnan(overlap.foreground_iou(overlap.confusion(nothing, nothing, 3)))


@pytest.mark.parametrize("name", overlap.LOSSES)
def test_a_network_is_saved_and_loaded_with_its_loss(name, tmp_path):
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1)(inputs))
    model.compile("sgd", overlap.loss(name))
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").loss is overlap.loss(name)


def test_an_unknown_loss_names_the_known_ones():
    with pytest.raises(UserError, match="loss must be one of cross_entropy, dice.*'dice'"):
        overlap.loss("dise")
