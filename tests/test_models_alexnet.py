import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.models.alexnet import alexnet
from tests.builders import IMAGENET, layers_of, parameters, shape_of, steps_to_learn


# By hand from the layer list of the paper, the same rule that gives torchvision's published
# 61,100,840 for the widths of its "one weird trick" version.
@pytest.mark.parametrize(
    "options, expected",
    [
        (IMAGENET, 60_965_224),
        ({**IMAGENET, "input_shape": (227, 227, 3)}, 60_965_224),
        ({**IMAGENET, "groups": 1}, 62_378_344),
        # conv 7,296 + 307,456 + 885,120 + 663,936 + 442,624, dense 2,360,320 + 1,049,600 + 10,250
        ({}, 5_726_602),
    ],
)
def test_alexnet_has_the_parameters_of_the_paper(options, expected):
    assert parameters("alexnet", **options) == (expected, expected)


def stages(model):
    """The sizes of what the ReLUs, the poolings and the dense layers give."""
    kinds = keras.layers.ReLU, keras.layers.MaxPooling2D, keras.layers.Dense
    return [
        f"{layer.output.shape[1]}x{layer.output.shape[-1]}"
        if len(layer.output.shape) == 4
        else layer.output.shape[-1]
        for layer in layers_of(model, *kinds)
    ]


@pytest.mark.parametrize("groups", [1, 2])
def test_alexnet_has_the_sizes_of_figure_2(groups):
    assert stages(shape_of("alexnet", **IMAGENET, groups=groups)) == [
        *("55x96", "27x96"),
        *("27x256", "13x256"),
        *("13x384", "13x384", "13x256", "6x256"),
        *(4096, 4096, 1000),
    ]


def test_the_cifar_stem_ends_at_3x3():
    assert stages(shape_of("alexnet")) == [
        *("32x96", "15x96"),
        *("15x256", "7x256"),
        *("7x384", "7x384", "7x256", "3x256"),
        *(1024, 1024, 10),
    ]


@pytest.mark.parametrize(
    "groups, kernels",
    [
        # section 3.5: 11x11x3, 5x5x48, 3x3x256, 3x3x192, 3x3x192
        (2, ["11x3"] + ["5x48"] * 2 + ["3x256"] + ["3x192"] * 4),
        (1, ["11x3", "5x96", "3x256", "3x384", "3x384"]),
    ],
)
def test_alexnet_has_the_kernels_of_the_paper(groups, kernels):
    convolutions = layers_of(shape_of("alexnet", **IMAGENET, groups=groups), keras.layers.Conv2D)
    assert [f"{x.kernel.shape[0]}x{x.kernel.shape[2]}" for x in convolutions] == kernels
    assert [x.strides[0] for x in convolutions] == [4] + [1] * (len(kernels) - 1)


def test_a_tower_sees_its_own_half_except_in_conv3():
    """Without the kernels of the second tower in conv2, its half of the channels is empty."""
    model = alexnet()
    convolutions = layers_of(model, keras.layers.Conv2D)
    second = convolutions[2]
    second.kernel.assign(np.zeros(second.kernel.shape))
    joined = layers_of(model, keras.layers.Concatenate)
    conv3 = convolutions[3]
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    conv2, talk = keras.Model(model.input, [joined[0].output, conv3.output])(images)
    assert np.all(np.std(conv2[..., :128], axis=(0, 1, 2)) > 0)
    assert not np.any(conv2[..., 128:])
    assert np.all(np.std(talk, axis=(0, 1, 2)) > 0)  # every map of conv3 sees the first tower


@pytest.mark.parametrize("groups", [2, 4])
def test_towers_are_the_grouped_convolution_of_keras(groups):
    """In NumPy: each group of filters convolves its share, as `Conv2D(groups)` is documented."""
    from keras_course.models.alexnet import conv

    inputs = keras.Input((5, 5, 8))
    model = keras.Model(inputs, conv(inputs, 4 * groups, 3, None, groups))
    random = np.random.default_rng(0)
    kernels = random.normal(size=(groups, 3, 3, 8 // groups, 4)).astype("float32")
    for layer, kernel in zip(layers_of(model, keras.layers.Conv2D), kernels, strict=True):
        layer.kernel.assign(kernel)
    images = random.normal(size=(1, 5, 5, 8)).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(images[0], (3, 3), axis=(0, 1))
    windows = windows.reshape(3, 3, groups, 8 // groups, 3, 3)  # y, x, group, channel, ky, kx
    expected = np.einsum("yxgcij,gijcf->yxgf", windows, kernels).reshape(3, 3, 4 * groups)
    np.testing.assert_allclose(model(images)[0, 1:4, 1:4], np.maximum(expected, 0), atol=1e-4)


def test_dropout_is_the_share_that_was_asked_for():
    assert [x.rate for x in layers_of(shape_of("alexnet"), keras.layers.Dropout)] == [0.5, 0.5]
    changed = shape_of("alexnet", dropout=0.2)
    assert [x.rate for x in layers_of(changed, keras.layers.Dropout)] == [0.2, 0.2]


@pytest.mark.slow  # 40 s on two free cores
def test_alexnet_learns_64_images_by_heart():
    assert steps_to_learn("alexnet", 1e-3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"groups": 3}, "groups must divide the 96, 256 and 384.*Received: 3; the nearest is 2"),
        ({"groups": 64}, "the nearest is 32"),
        ({"groups": 0}, "the nearest is 1"),
        ({"input_shape": (14, 32, 3)}, "'cifar' needs images of at least 15x15"),
        ({"input_shape": (62, 62, 3), "stem": "imagenet"}, "'imagenet' needs .* 63x63"),
        ({"stem": "paper"}, "stem must be one of cifar, imagenet"),
    ],
)
def test_a_mistake_says_what_is_allowed(options, message):
    with pytest.raises(UserError, match=message):
        alexnet(**options)


@pytest.mark.parametrize(
    "options", [{"input_shape": (15, 15, 3)}, {"input_shape": (63, 63, 1), "stem": "imagenet"}]
)
def test_the_smallest_images_are_taken(options):
    model = shape_of("alexnet", **options)
    assert layers_of(model, keras.layers.MaxPooling2D)[-1].output.shape == (None, 1, 1, 256)
