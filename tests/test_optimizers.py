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
        # G is 0.2 and 0.24, D before the steps 0 and 1e-7
        ("adadelta", 1 - 0.1 * (2 * np.sqrt(1e-7 / 0.2000001) + np.sqrt(2e-7 / 0.2400001))),
    ],
)  # fmt: skip
def test_two_steps_by_hand(name, expected):
    small = name == "adadelta"  # whose steps are
    assert step(name, 1.0, [2.0, 1.0]) == pytest.approx(expected, abs=1e-6 if small else 1e-5)


def test_all_six_of_the_lecture_are_there():
    assert set(OPTIMIZERS) == {"sgd", "momentum", "nesterov", "adagrad", "adadelta", "adam"}


def test_an_unknown_optimizer_names_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'adam'"):
        optimizer("adan", 0.1)


def test_a_whole_number_is_a_rate_too():
    assert float(optimizer("sgd", 1).learning_rate) == 1.0


def test_weight_decay_takes_a_share_of_kernels_and_leaves_biases():
    variables = [keras.Variable(np.float32(2.0), name=name) for name in ("kernel", "bias")]
    optimizer("sgd", 0.1, weight_decay=0.5).apply(
        [keras.ops.zeros(()) for _ in variables], variables
    )
    assert [float(variable) for variable in variables] == pytest.approx([2 - 0.1 * 0.5 * 2, 2.0])


def test_a_kernel_decays_whatever_its_layer_is_called():
    inputs = keras.Input((2,))
    layers = [keras.layers.Dense(1, name=name) for name in ("beta", "unbiased", "gamma_1")]
    model = keras.Model(inputs, [layer(inputs) for layer in layers])
    for variable in model.trainable_variables:
        variable.assign(keras.ops.ones(variable.shape))
    chosen = optimizer("sgd", 0.1, weight_decay=0.5)
    variables = model.trainable_variables
    chosen.apply([keras.ops.zeros(variable.shape) for variable in variables], variables)
    for layer in layers:
        np.testing.assert_allclose(layer.kernel, 1 - 0.1 * 0.5, rtol=1e-6)
        np.testing.assert_array_equal(layer.bias, 1.0)


def test_the_average_begins_at_the_first_step_and_forgets():
    variable = keras.Variable(np.float32(1.0))
    averaging = optimizer("sgd", 0.1, averaging=0.75)
    for _ in range(3):  # 0.9, 0.8, 0.7
        averaging.apply([keras.ops.ones(())], [variable])
    expected = 0.75 * (0.75 * 0.9 + 0.25 * 0.8) + 0.25 * 0.7
    averaging.finalize_variable_values([variable])
    assert float(variable) == pytest.approx(expected)
