import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.optimizers import OPTIMIZERS, optimizer


def step(name, weight, gradients, rate=0.1):
    """Apply gradients one after the other to one weight."""
    variable = keras.Variable(np.float32(weight))
    built_in = optimizer(name, rate)
    for gradient in gradients:
        built_in.apply([keras.ops.convert_to_tensor(np.float32(gradient))], [variable])
    return float(variable)


# By hand, with the rules of slides 35-41, rate 0.1, from weight 1, gradients 2 and 1.
@pytest.mark.parametrize(
    "name, expected",
    [
        ("sgd", 1 - 0.1 * 2 - 0.1 * 1),
        ("momentum", 1 - 0.2 - (0.9 * 0.2 + 0.1)),
        ("nesterov", 1 - (0.9 * 0.2 + 0.2) - (0.9 * (0.9 * 0.2 + 0.1) + 0.1)),
        ("adagrad", 1 - 0.1 * 2 / np.sqrt(0.1 + 4) - 0.1 * 1 / np.sqrt(0.1 + 5)),
        ("adam", 1 - 0.1 - 0.1 * (0.1 * 1 + 0.9 * 0.1 * 2) / 0.19
         / np.sqrt((0.001 * 1 + 0.999 * 0.001 * 4) / (1 - 0.999**2))),
    ],
)  # fmt: skip
def test_two_steps_by_hand(name, expected):
    assert step(name, 1.0, [2.0, 1.0]) == pytest.approx(expected, abs=1e-5)


def test_adadelta_moves_against_the_gradient():
    assert step("adadelta", 1.0, [2.0, 1.0], rate=1.0) < 1


def test_all_six_of_the_lecture_are_there():
    assert set(OPTIMIZERS) == {"sgd", "momentum", "nesterov", "adagrad", "adadelta", "adam"}


def test_an_unknown_optimizer_names_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'adam'"):
        optimizer("adan", 0.1)


def test_a_whole_number_is_a_rate_too():
    assert float(optimizer("sgd", 1).learning_rate) == 1.0
