import inspect
import math

import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.models import BUILDERS, build

IMAGENET = {"input_shape": (224, 224, 3), "num_classes": 1000}


# From the papers, from torchvision's published counts and, for the course's own, by hand.
@pytest.mark.parametrize(
    "name, options, trainable, total",
    [
        ("logistic_regression", {}, 30_730, 30_730),  # 3072 x 10 + 10
        ("simple_cnn", {}, 115_198, 115_198),
        ("simple_cnn", {"normalization": "batch"}, 115_270, 115_342),
        ("resnet20", {}, 269_722, 271_098),
        ("resnet20", {"shortcut": "B"}, 272_474, 274_042),
        ("resnet32", {}, 464_154, 466_426),
        ("resnet110", {}, 1_727_962, 1_736_058),
        ("resnet18", {}, 11_173_962, 11_183_562),
        ("resnet50", {}, 23_520_842, 23_573_962),
        ("resnet18", IMAGENET, 11_689_512, 11_699_112),
        ("resnet50", IMAGENET, 25_557_032, 25_610_152),
        ("resnet152", IMAGENET, 60_192_808, 60_344_232),
    ],
)
def test_the_network_has_the_parameters_of_the_paper(name, options, trainable, total):
    model = build(name, **options)
    assert sum(math.prod(weight.shape) for weight in model.trainable_weights) == trainable
    assert model.count_params() == total


def test_the_mlp_has_a_weight_for_every_pixel():
    expected = 3072 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10
    assert build("mlp").count_params() == expected


def test_resnet50_strides_on_the_first_1x1_as_in_the_paper():
    model = build("resnet50")
    strided = [
        layer.kernel_size
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.strides == (2, 2)
    ]
    assert strided == [(1, 1)] * 6  # in three stages the first of F(x) and the projection


@pytest.mark.parametrize("stem, size", [("cifar", 4), ("imagenet", 1)])
def test_the_imagenet_stem_leaves_one_pixel_of_32(stem, size):
    model = build("resnet18", stem=stem)
    pooling = next(x for x in model.layers if isinstance(x, keras.layers.GlobalAveragePooling2D))
    assert pooling.input.shape == (None, size, size, 512)


def test_images_of_64_pixels_or_fewer_get_the_cifar_stem():
    first = {
        size: next(
            layer
            for layer in build("resnet18", input_shape=(size, size, 3)).layers
            if isinstance(layer, keras.layers.Conv2D)
        ).kernel_size
        for size in (64, 65)
    }
    assert first == {64: (3, 3), 65: (7, 7)}


def test_residual_blocks_whose_kernels_are_zero_pass_their_input_on():
    model = build("resnet20")
    stem, *rest = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    for convolution in rest:
        convolution.kernel.assign(np.zeros(convolution.kernel.shape))
    relu = next(layer for layer in model.layers if isinstance(layer, keras.layers.ReLU))
    adds = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)]
    outputs = [relu.output, adds[2].output, adds[8].output]
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    first, third, last = keras.Model(model.input, outputs)(images)
    assert np.any(first)
    np.testing.assert_array_equal(third, first)
    np.testing.assert_array_equal(last[..., :16], first[:, ::4, ::4])  # option A subsamples
    assert not np.any(last[..., 16:])  # and fills up with zeros


@pytest.mark.parametrize("name", ["logistic_regression", "mlp", "simple_cnn", "resnet20"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_in_logits_out_and_every_weight_gets_a_gradient(name, channels):
    import tensorflow as tf

    model = build(name, input_shape=(32, 32, channels), num_classes=7)
    images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, channels)).astype("float32")
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        loss = keras.losses.sparse_categorical_crossentropy(
            np.arange(8) % 7, logits, from_logits=True
        )
    assert logits.shape == (8, 7) and logits.dtype == "float32"
    assert np.ptp(logits) > 1e-3 and not np.allclose(np.sum(logits, -1), 1)  # no softmax inside
    for variable, gradient in zip(
        model.trainable_variables,
        tape.gradient(loss, [v.value for v in model.trainable_variables]),
        strict=True,
    ):
        assert gradient is not None and np.any(gradient), variable.path


@pytest.mark.parametrize("normalization", ["batch", "instance", "group", None])
def test_every_normalization_builds(normalization):
    model = build("resnet20", normalization=normalization)
    biases = [x.use_bias for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert all(biases) == (normalization is None)  # a normalization layer brings its own


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: build("resnet21"), "model must be one of"),
        (lambda: build("resnet20", stem="cifar"), "resnet20 has no option 'stem'"),
        (lambda: build("resnet18", stem="cifr"), "stem must be"),
        (lambda: build("resnet20", normalization="bach"), "normalization must be one of"),
        (lambda: build("simple_cnn", input_shape=(10, 10, 3)), "at least 14x14"),
        (lambda: BUILDERS["resnet20"].func(21), "6n \\+ 2"),
        (lambda: BUILDERS["resnet18"].func(19), "depth must be one of"),
    ],
)
def test_a_mistake_says_what_is_allowed(call, message):
    with pytest.raises(UserError, match=message):
        call()


def test_builders_take_at_most_six_arguments():
    for name, builder in BUILDERS.items():
        assert len(inspect.signature(builder).parameters) <= 6, name
