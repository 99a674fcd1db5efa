import itertools

import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.models import build
from keras_course.models.resnet import resnet, resnet_cifar
from tests.builders import IMAGENET, layers_of, parameters, shape_of, steps_to_learn

PREACTIVATION = {"preactivation": True}


# The paper, torchvision's published counts, and a public model zoo for CIFAR. Pre-activation moves
# the normalizations without adding one, but projections have none: 2 x (128 + 256 + 512) less.
@pytest.mark.parametrize(
    "name, options, trainable, total",
    [
        ("resnet18", IMAGENET, 11_689_512, 11_699_112),
        ("resnet34", IMAGENET, 21_797_672, 21_814_696),
        ("resnet50", IMAGENET, 25_557_032, 25_610_152),
        pytest.param("resnet101", IMAGENET, 44_549_160, 44_654_504, marks=pytest.mark.slow),
        ("resnet152", IMAGENET, 60_192_808, 60_344_232),
        ("resnet18", {}, 11_173_962, 11_183_562),
        ("resnet18", PREACTIVATION, 11_173_962 - 1_792, 11_183_562 - 2 * 1_792),
        ("resnet50", {}, 23_520_842, 23_573_962),
        ("resnet20", {}, 269_722, 271_098),
        ("resnet20", {"shortcut": "B"}, 272_474, 274_042),
        ("resnet20", PREACTIVATION, 269_722, 271_098),
        ("resnet32", {}, 464_154, 466_426),
        ("resnet110", {}, 1_727_962, 1_736_058),
    ],
)
def test_resnet_has_the_published_parameters(name, options, trainable, total):
    assert parameters(name, **options) == (trainable, total)


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_plain_networks_and_those_of_option_a_have_the_parameters_of_the_rule(depth):
    """2n convolutions of f to f channels in each stage, but the first f/2 to f, each normalized."""
    n = (depth - 2) // 6
    kernels = 9 * (3 * 16 + 2 * n * 16 * 16 + sum((2 * n - 0.5) * f * f for f in (32, 64)))
    channels = 16 + 2 * n * (16 + 32 + 64)  # normalized: gamma, beta, and two statistics
    dense = 64 * 10 + 10
    expected = (kernels + 2 * channels + dense, kernels + 4 * channels + dense)
    assert parameters(f"plain{depth}") == expected
    assert parameters(f"resnet{depth}") == expected


def sums(model):
    """The shapes of x + F(x), and how often each follows itself."""
    shapes = [layer.output.shape[1:] for layer in layers_of(model, keras.layers.Add)]
    return [(*shape, len(list(blocks))) for shape, blocks in itertools.groupby(shapes)]


@pytest.mark.parametrize(
    "name, options, expected",
    [
        (
            "resnet18",
            IMAGENET,
            [(56, 56, 64, 2), (28, 28, 128, 2), (14, 14, 256, 2), (7, 7, 512, 2)],
        ),
        (
            "resnet50",
            IMAGENET,
            [(56, 56, 256, 3), (28, 28, 512, 4), (14, 14, 1024, 6), (7, 7, 2048, 3)],
        ),
        ("resnet18", {}, [(32, 32, 64, 2), (16, 16, 128, 2), (8, 8, 256, 2), (4, 4, 512, 2)]),
        ("resnet20", {}, [(32, 32, 16, 3), (16, 16, 32, 3), (8, 8, 64, 3)]),
        ("resnet20", PREACTIVATION, [(32, 32, 16, 3), (16, 16, 32, 3), (8, 8, 64, 3)]),
        (
            "resnet32",
            {"input_shape": (33, 30, 3)},
            [(33, 30, 16, 5), (17, 15, 32, 5), (9, 8, 64, 5)],
        ),
    ],
)
def test_resnet_has_the_stages_of_table_1_and_section_4_2(name, options, expected):
    assert sums(shape_of(name, **options)) == expected


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20", "plain20"])
def test_resnet_has_as_many_layers_as_its_name_says(name):
    """Projections are not counted, so those of ResNet-50 are found by their place beside F(x)."""
    model = shape_of(name)
    weighted = layers_of(model, keras.layers.Conv2D, keras.layers.Dense)
    projections = [source for source in shortcuts(model) if source == "BatchNormalization"]
    assert f"{len(weighted) - len(projections)}" == name[-2:]


def shortcuts(model):
    """The kind of operation from which each x of x + F(x) comes."""
    sums = layers_of(model, keras.layers.Add)
    return [type(layer.input[0]._keras_history.operation).__name__ for layer in sums]


@pytest.mark.parametrize(
    "name, options, expected",
    [
        (
            "resnet18",
            {},
            [None, None, "BatchNormalization", None] + 2 * ["BatchNormalization", None],
        ),
        ("resnet20", {"shortcut": "A"}, 3 * [None] + 2 * ["Pad", None, None]),
        ("resnet20", {"shortcut": "B"}, 3 * [None] + 2 * ["BatchNormalization", None, None]),
        # One from 64 to 256 channels in the first stage, though the size stays.
        (
            "resnet50",
            {},
            [x for n in (3, 4, 6, 3) for x in ["BatchNormalization"] + (n - 1) * [None]],
        ),
        ("plain20", {}, []),
    ],
)
def test_shortcuts_change_x_only_where_the_shape_changes(name, options, expected):
    assert shortcuts(shape_of(name, **options)) == [kind or "ReLU" for kind in expected]


@pytest.mark.parametrize(
    "name, options, expected",
    [
        # The first of the network starts behind the stem's activation, the projections behind
        # their own; every other x is the sum before it, which nothing has rectified.
        ("resnet18", {}, ["ReLU", "Add"] + 3 * ["Conv2D", "Add"]),
        ("resnet20", {}, ["ReLU", "Add", "Add"] + 2 * ["Pad", "Add", "Add"]),
    ],
)
def test_preactivation_adds_to_the_sum_before_it(name, options, expected):
    model = shape_of(name, preactivation=True, **options)
    assert shortcuts(model) == expected
    convolutions = layers_of(model, keras.layers.Conv2D)
    assert not any(layer.use_bias for layer in convolutions)  # a normalization comes later


def test_resnet50_strides_on_the_first_1x1_as_in_the_paper():
    strided = [
        layer.kernel_size
        for layer in layers_of(shape_of("resnet50"), keras.layers.Conv2D)
        if layer.strides == (2, 2)
    ]
    assert strided == [(1, 1)] * 6  # in three stages the first of F(x) and the projection


@pytest.mark.parametrize("name, options", [("resnet20", {}), ("resnet18", IMAGENET)])
def test_strided_layers_pad_on_both_sides(name, options):
    kinds = keras.layers.Conv2D, keras.layers.MaxPooling2D
    strided = [
        (getattr(layer, "kernel_size", None) or layer.pool_size, layer)
        for layer in layers_of(shape_of(name, **options), *kinds)
        if layer.strides in (2, (2, 2))
    ]
    for (size, _), layer in strided:
        assert layer.padding == "valid"
        if size > 1:
            padding = layer.input._keras_history.operation.padding
            assert padding == ((size // 2, size // 2), (size // 2, size // 2))
    assert [size for (size, _), _ in strided] == (
        [3, 3] if name == "resnet20" else [7, 3, *3 * [3, 1]]
    )


@pytest.mark.parametrize("stem, size", [("cifar", 4), ("imagenet", 1)])
def test_the_imagenet_stem_leaves_one_pixel_of_32(stem, size):
    model = shape_of("resnet18", stem=stem)
    (pooling,) = layers_of(model, keras.layers.GlobalAveragePooling2D)
    assert pooling.input.shape == (None, size, size, 512)


def test_images_of_64_pixels_or_fewer_get_the_cifar_stem():
    first = {
        size: layers_of(shape_of("resnet18", input_shape=(size, size, 3)), keras.layers.Conv2D)[
            0
        ].kernel_size
        for size in (64, 65)
    }
    assert first == {64: (3, 3), 65: (7, 7)}


@pytest.mark.parametrize("size", [32, 33])
@pytest.mark.parametrize("options", [{}, PREACTIVATION])
def test_residual_blocks_whose_kernels_are_zero_pass_their_input_on(size, options):
    model = build("resnet20", input_shape=(size, size, 3), **options)
    stem, *rest = layers_of(model, keras.layers.Conv2D)
    for convolution in rest:
        convolution.kernel.assign(np.zeros(convolution.kernel.shape))
    relu = layers_of(model, keras.layers.ReLU)[0]
    adds = layers_of(model, keras.layers.Add)
    outputs = [relu.output, adds[2].output, adds[8].output]
    images = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")
    first, third, last = keras.Model(model.input, outputs)(images)
    assert np.any(first)
    np.testing.assert_array_equal(third, first)
    # Option A subsamples and fills up with zeros. Where a stage begins, pre-activation normalizes
    # x: fresh statistics are 0 and 1, so only by epsilon.
    np.testing.assert_allclose(last[..., :16], first[:, ::4, ::4], rtol=1e-4)
    assert not np.any(last[..., 16:])


@pytest.mark.parametrize("options, rectified", [({}, True), (PREACTIVATION, False)])
def test_only_preactivation_lets_a_negative_sum_through(options, rectified):
    model = build("resnet20", normalization=None, **options)
    _, *rest = layers_of(model, keras.layers.Conv2D)
    for convolution in rest:
        convolution.kernel.assign(np.zeros(convolution.kernel.shape))
    rest[1].bias.assign(np.full(16, -1000))  # F(x) of the first block
    adds = layers_of(model, keras.layers.Add)
    outputs = [adds[0].output, adds[2].output, adds[3].output]
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    first, third, fourth = keras.Model(model.input, outputs)(images)
    assert np.all(np.asarray(first) < -500)
    np.testing.assert_array_equal(third, np.zeros_like(third) if rectified else first)
    assert not np.any(fourth)  # the first of a stage: even its shortcut is activated


@pytest.mark.parametrize("normalization", ["batch", "instance", "group", None])
@pytest.mark.parametrize("name", ["resnet20", "resnet18"])
def test_a_convolution_has_a_bias_where_no_normalization_follows(name, normalization):
    model = shape_of(name, normalization=normalization)
    biases = {layer.use_bias for layer in layers_of(model, keras.layers.Conv2D)}
    assert biases == {normalization is None}


@pytest.mark.parametrize("name", ["resnet20", "plain20"])
@pytest.mark.slow  # 8 s each on two free cores; 30 steps
def test_the_smallest_of_the_family_learns_64_images_by_heart(name):
    assert steps_to_learn(name, 1e-3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: resnet(19), "one of 18, 34, 50, 101, 152. Received: 19; nearest is 18"),
        (lambda: resnet(1000), "nearest is 152"),
        (lambda: resnet(18, stem="cifr"), "stem must be one of .* Did you mean 'cifar'"),
        (lambda: resnet(18, input_shape=(7, 9, 3)), "resnet18 needs .* at least 8x8 .* 7x9"),
        (lambda: resnet(50, input_shape=(64, 31, 3), stem="imagenet"), "at least 32x32"),
        (lambda: resnet(18, stem="imagenet", normalization="instance"), "a 1x1 map"),
        (lambda: resnet_cifar(21), "6n \\+ 2.* Received: 21; nearest is 20"),
        (lambda: resnet_cifar(54), "nearest is 56"),
        (lambda: resnet_cifar(2), "nearest is 8"),
        (lambda: resnet_cifar(20, shortcut="C"), "shortcut must be one of A, B, None"),
        (lambda: resnet_cifar(20, input_shape=(3, 3, 3)), "at least 4x4"),
        (lambda: build("plain20", input_shape=(3, 3, 3)), "plain20 needs"),
        (lambda: build("resnet20", normalization="bach"), "normalization must be one of"),
    ],
)
def test_a_mistake_says_what_is_allowed(call, message):
    with pytest.raises(UserError, match=message):
        call()
