import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.losses import SmoothedCrossentropy, crossentropy

LABELS = np.array([0, 3, 2])
LOGITS = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def test_smoothed_equals_keras_on_one_hot_labels():
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    expected = theirs(np.eye(4)[LABELS], LOGITS)
    assert float(crossentropy(0.2)(LABELS, LOGITS)) == pytest.approx(float(expected), rel=1e-6)


def test_by_hand_the_target_of_the_class_is_lowered_and_the_others_raised():
    targets = np.full((3, 4), 0.2 / 4)
    targets[range(3), LABELS] += 0.8
    logarithms = LOGITS - np.log(np.exp(LOGITS).sum(-1, keepdims=True))
    expected = -(targets * logarithms).sum(-1).mean()
    assert float(crossentropy(0.2)(LABELS, LOGITS)) == pytest.approx(expected, rel=1e-5)


def test_without_smoothing_it_is_keras_own():
    assert isinstance(crossentropy(), keras.losses.SparseCategoricalCrossentropy)


def test_it_survives_its_config():
    copy = SmoothedCrossentropy.from_config(crossentropy(0.3).get_config())
    assert copy.label_smoothing == 0.3


def test_labels_may_be_a_column_as_those_of_keras_datasets():
    column = crossentropy(0.2)(LABELS[:, None], LOGITS)
    assert float(column) == pytest.approx(float(crossentropy(0.2)(LABELS, LOGITS)))


@pytest.mark.parametrize("label_smoothing", [-0.1, 1, 2])
def test_a_smoothing_that_is_none_is_refused(label_smoothing):
    with pytest.raises(UserError, match="at least 0 and below 1, like 0.1. Received"):
        crossentropy(label_smoothing)
