"""The contract of a network: a sound one is silent, each broken one is told what is wrong."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_course import devices
from keras_course.layers import normalize
from keras_course.testing import ContractBroken, check_builder


def network(
    input_shape,
    num_classes,
    *,
    scale=True,
    middle=lambda x: x,
    last=None,
    images=None,
    classes=None,
):
    """A small sound network, and what a test wants to be broken in it."""
    inputs = keras.Input(images or input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(4, 3, strides=2, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(middle(x))
    dense = {"dtype": "float32", **(last or {})}
    return keras.Model(inputs, layers.Dense(classes or num_classes, **dense)(x))


def broken(**mistake):
    def builder(*, input_shape, num_classes):
        return network(input_shape, num_classes, **mistake)

    return builder


@keras.saving.register_keras_serializable(package="tests")
class Layer(layers.Layer):
    """Passes its input on; its `mistake` is a function that does not."""

    def __init__(self, mistake="", **options):
        super().__init__(**options)
        self.mistake, self.factor = mistake, 1.0

    def build(self, shape):
        if self.mistake == "unused weight":
            self.add_weight(shape=(2,), name="unused")

    def call(self, x):
        if self.mistake == "dropout":
            return keras.random.dropout(x, 0.5)
        if self.mistake == "numpy" and not isinstance(x, keras.KerasTensor):
            return ops.convert_to_tensor(np.asarray(x) + 1)
        return x * self.factor

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)

    def get_config(self):
        return {**super().get_config(), "mistake": self.mistake}


class Unregistered(Layer):
    pass


def forgetful(x):
    layer = Layer()
    layer.factor = 3.0  # stands in no config
    return layer(x)


def behind_relu_that_is_off(x):
    off = layers.Conv2D(4, 1, bias_initializer=keras.initializers.Constant(-1e4), name="off")
    return layers.Add()([x, layers.ReLU()(off(x))])


def setting(change):
    def builder(*, input_shape, num_classes):
        change()
        return network(input_shape, num_classes)

    return builder


def compiled(*, input_shape, num_classes):
    model = network(input_shape, num_classes)
    model.compile("adam", "mse")
    return model


def sequential(*, input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(num_classes)])


def flatten_is_missing(*, input_shape, num_classes):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(num_classes)(layers.MaxPooling2D()(inputs)))


def frozen(*, input_shape, num_classes):
    model = network(input_shape, num_classes)
    model.trainable = False
    return model


def two_outputs(*, input_shape, num_classes):
    model = network(input_shape, num_classes)
    return keras.Model(model.input, [model.output, model.output])


def no_scale(*, input_shape, num_classes):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(num_classes)(layers.Flatten()(inputs)))


TINY = keras.initializers.RandomNormal(stddev=1e-6, seed=1)
ZERO = {"kernel_initializer": "zeros"}
HUGE = {"kernel_initializer": keras.initializers.Constant(np.inf)}
MISTAKES = {
    "softmax": (broken(last={"activation": "softmax"}), "returns class probabilities; expected l"),
    "sigmoid": (broken(last={"activation": "sigmoid"}), "returns the sigmoid of its last layer"),
    "ten classes": (broken(classes=10), r"of shape \(None, 10\); expected \(None, 7\)"),
    "fixed size": (broken(images=(32, 32, 3)), r"images of \(32, 32, 3\); expected \(48, 32, 1\)"),
    "no flatten": (flatten_is_missing, r"of shape \(None, 16, 16, 7\)"),
    "no scale": (no_scale, "The first loss of no_scale is .*; expected about 1.9"),
    "dropout on": (broken(middle=Layer("dropout")), "other logits when it is asked again"),
    "mean of the batch": (
        broken(middle=lambda x: x - ops.mean(x, axis=0, keepdims=True)),
        "when it comes without the others",
    ),
    "zero": (broken(last=ZERO), "the same logits for every image"),
    "infinite": (broken(last=HUGE), "logits that are not finite"),
    "dead": (broken(middle=behind_relu_that_is_off), "2 of 7 .* off/kernel, off/bias"),
    "unused": (broken(middle=Layer("unused weight")), "1 of 6 .* layer.*/unused"),
    "frozen": (frozen, "no trainable weight"),
    "compiled": (compiled, "a model that is compiled"),
    "sequential": (sequential, "returned Sequential; expected a functional"),
    "nothing": (lambda *, input_shape, num_classes: None, "returned NoneType; .*\n.*is missing"),
    "two": (two_outputs, "has 2 outputs"),
    "names": (lambda shape: None, "raised: .*; expected a builder with these two named arguments"),
    "seed": (setting(lambda: keras.utils.set_random_seed(1)), "changed the seed"),
    "lambda": (broken(middle=layers.Lambda(lambda x: x + 1)), "cannot be saved and loaded"),
    "unregistered": (broken(middle=Unregistered()), "cannot be saved and loaded"),
    "forgetful": (broken(middle=forgetful), "other logits after saving and loading"),
    "numpy": (broken(middle=Layer("numpy")), "cannot be trained under fit"),
}


def test_a_sound_network_passes():
    check_builder(broken())


@pytest.mark.parametrize("normalization", ["batch", "instance"])
def test_a_bias_right_before_batch_or_instance_norm_may_have_no_gradient(normalization):
    def middle(x):
        return layers.ReLU()(normalize(layers.Conv2D(4, 3)(x), normalization))

    check_builder(broken(middle=middle))


def test_a_class_for_each_pixel_passes():
    def builder(*, input_shape, num_classes):
        inputs = keras.Input(input_shape)
        x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        return keras.Model(inputs, layers.Conv2D(num_classes, 1)(x))

    check_builder(builder, input_shape=(16, 24, 1))


def overflows_after_a_step(x):
    """A step makes the weights large, and one step of statistics is too little to divide by."""
    deep = x
    for _ in range(20):
        deep = layers.Conv2D(4, 1, use_bias=False, kernel_initializer=TINY)(deep)
        deep = layers.BatchNormalization(epsilon=1e-20)(deep)
    return layers.Add()([x, deep])


def test_a_deep_network_whose_statistics_lag_behind_passes():
    keras.utils.set_random_seed(0)
    check_builder(broken(middle=overflows_after_a_step))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_broken_network_is_told_what_is_wrong(mistake):
    builder, message = MISTAKES[mistake]
    with pytest.raises(ContractBroken, match=message) as caught:
        check_builder(builder)
    assert "Usual cause: " in str(caught.value)


def test_logits_in_half_precision_are_refused():
    with devices.building_in("bfloat16"):
        check_builder(broken())
        with pytest.raises(ContractBroken, match="returns bfloat16; expected float32 logits"):
            check_builder(broken(last={"dtype": "mixed_bfloat16"}))


def test_a_dtype_policy_that_a_builder_leaves_behind_is_refused():
    before = keras.config.dtype_policy()
    try:
        with pytest.raises(ContractBroken, match="changed the dtype policy"):
            check_builder(setting(lambda: keras.config.set_dtype_policy("mixed_bfloat16")))
    finally:
        keras.config.set_dtype_policy(before)


def test_a_mistake_of_the_builder_itself_is_not_hidden():
    def builder(*, input_shape, num_classes):
        raise TypeError("unsupported operand")

    with pytest.raises(TypeError, match="unsupported operand"):
        check_builder(builder)
