import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.models import build
from keras_course.models.googlenet import googlenet
from tests.builders import IMAGENET, layers_of, parameters, shape_of, steps_to_learn

# Section 5: a 1x1 convolution of 512 or 528 to 128 channels, 4x4x128 to 1024 to the classes. The
# convolution is normalized here, so it has gamma and beta, and two statistics, but no bias.
HEADS = (512 + 528) * 128 + 2 * (2049 * 1024 + 1025 * 1000)


# By formula from the paper's Table 1.
@pytest.mark.parametrize(
    "options, trainable, total",
    [
        ({**IMAGENET, "normalization": None}, 6_998_552, 6_998_552),
        (IMAGENET, 7_005_832, 7_020_392),
        ({}, 5_871_914, 5_886_218),
        (
            {**IMAGENET, "auxiliary_heads": True},
            7_005_832 + HEADS + 2 * 128 * 2,
            7_020_392 + HEADS + 2 * 128 * 4,
        ),
    ],
)
def test_googlenet_has_the_parameters_of_the_table(options, trainable, total):
    assert parameters("googlenet", **options) == (trainable, total)


def modules(model):
    """The shape after each inception module."""
    return [layer.output.shape[1:] for layer in layers_of(model, keras.layers.Concatenate)]


@pytest.mark.parametrize(
    "options, sizes",
    [(IMAGENET, (28, 14, 7)), ({}, (32, 16, 8)), ({"input_shape": (33, 31, 3)}, (33, 17, 9))],
)
def test_the_modules_have_the_output_sizes_of_the_table(options, sizes):
    channels = (256, 480), (512, 512, 512, 528, 832), (832, 1024)
    assert [(shape[0], shape[2]) for shape in modules(shape_of("googlenet", **options))] == [
        (size, count) for size, counts in zip(sizes, channels, strict=True) for count in counts
    ]


def test_the_stem_and_the_poolings_of_googlenet_are_those_of_the_table():
    model = shape_of("googlenet", **IMAGENET)
    kinds = (keras.layers.Conv2D, keras.layers.MaxPooling2D)
    strided = [layer for layer in layers_of(model, *kinds) if layer.strides in (2, (2, 2))]
    assert [(type(layer).__name__, tuple(layer.output.shape[1:])) for layer in strided] == [
        ("Conv2D", (112, 112, 64)),
        ("MaxPooling2D", (56, 56, 64)),
        ("MaxPooling2D", (28, 28, 192)),
        ("MaxPooling2D", (14, 14, 480)),
        ("MaxPooling2D", (7, 7, 832)),
    ]


def test_googlenet_has_22_layers():
    """Section 5 counts those with weights, and a module as the two that lie behind one another."""
    model = shape_of("googlenet", **IMAGENET)
    depth = {}
    for operation in model.operations:
        sources = [id(x) for x in keras.tree.flatten(operation.input)]
        weighted = isinstance(operation, keras.layers.Conv2D | keras.layers.Dense)
        before = max((depth.get(source, 0) for source in sources), default=0)
        depth[id(operation.output)] = before + weighted
    assert depth[id(model.output)] == 22


@pytest.mark.compiles
def test_a_module_sees_1_3_and_5_pixels_and_the_maximum_of_3():
    """One lit pixel, all kernels one: the branches of module 3a differ in how far it reaches."""
    model = build("googlenet", input_shape=(15, 15, 1), normalization=None)
    first, module = (
        keras.Model(model.input, layers_of(model, kind)[0].output)
        for kind in (keras.layers.ReLU, keras.layers.Concatenate)
    )
    for layer in layers_of(model, keras.layers.Conv2D):
        kernel = np.zeros(layer.kernel.shape)
        if layer is layers_of(model, keras.layers.Conv2D)[0]:
            kernel[1, 1] = 1
        else:
            kernel[:] = 1
        layer.kernel.assign(kernel)
    image = np.zeros((1, 15, 15, 1), "float32")
    image[0, 7, 7] = 255
    assert np.count_nonzero(np.asarray(first(image))[0, :, :, 0]) == 1
    lit = np.asarray(module(image))[0]
    ends = np.cumsum([0, 64, 128, 32, 32])  # Table 1: 1x1, 3x3, 5x5, pool projection
    for start, end, reach in zip(ends, ends[1:], (1, 3, 5, 3), strict=False):
        assert np.all(np.count_nonzero(lit[..., start:end], axis=(0, 1)) == reach**2)


@pytest.mark.compiles
def test_auxiliary_heads_train_with_the_loss_of_the_paper():
    shape = (9, 9, 3)  # the smallest that their pooling can take
    model = build("googlenet", input_shape=shape, auxiliary_heads=True)
    assert list(model.output) == ["logits", "auxiliary_4a", "auxiliary_4d"]
    assert {x.shape for x in model.output.values()} == {(None, 10)}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        "adam",
        loss={name: loss for name in model.output},
        loss_weights={"logits": 1.0, "auxiliary_4a": 0.3, "auxiliary_4d": 0.3},
        run_eagerly=True,  # the graph for one step would take ten times as long to make
    )
    random = np.random.default_rng(0)
    images = random.uniform(0, 255, (4, *shape)).astype("float32")
    labels = np.arange(4)
    (head,) = (layer for layer in model.layers if layer.name == "auxiliary_4a")
    before = head.get_weights()[0]
    history = model.fit(images, {name: labels for name in model.output}, verbose=0).history
    parts = [history[f"{name}_loss"][0] for name in ("logits", "auxiliary_4a", "auxiliary_4d")]
    np.testing.assert_allclose(history["loss"][0], np.dot([1, 0.3, 0.3], parts), rtol=1e-5)
    assert not np.array_equal(before, head.get_weights()[0])
    classifier = keras.Model(model.input, model.output["logits"])
    assert classifier(images).shape == (4, 10)
    assert classifier.count_params() == parameters("googlenet")[1]


@pytest.mark.parametrize("options, size", [(IMAGENET, 14), ({}, 16)])
def test_auxiliary_heads_are_those_of_section_5(options, size):
    model = shape_of("googlenet", auxiliary_heads=True, **options)
    poolings = layers_of(model, keras.layers.AveragePooling2D)
    assert [(x.pool_size, x.strides, x.input.shape[1:]) for x in poolings] == [
        ((5, 5), (3, 3), (size, size, 512)),
        ((5, 5), (3, 3), (size, size, 528)),
    ]
    assert {x.output.shape[1:3] for x in poolings} == {(4, 4)}
    assert sorted(x.rate for x in layers_of(model, keras.layers.Dropout)) == [0.4, 0.7, 0.7]


@pytest.mark.parametrize("normalization", ["instance", "group"])
def test_googlenet_takes_every_normalization(normalization):
    model = shape_of("googlenet", normalization=normalization)
    biases = {layer.use_bias for layer in layers_of(model, keras.layers.Conv2D)}
    assert biases == {False}


@pytest.mark.slow  # 110 s on two free cores; 30 steps
def test_googlenet_learns_64_images_by_heart():
    assert steps_to_learn("googlenet", 1e-3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"input_shape": (31, 40, 3), "stem": "imagenet"}, "googlenet needs .* 32x32 .* 31x40"),
        ({"input_shape": (3, 3, 3)}, "at least 4x4"),
        ({"input_shape": (8, 8, 3), "auxiliary_heads": True}, "auxiliary heads .* at least 9x9"),
        ({"input_shape": (65, 64, 3), "auxiliary_heads": True}, "at least 65x65"),
        ({"stem": "imgnet"}, "stem must be one of"),
        ({"normalization": "lrn"}, "normalization must be one of"),
    ],
)
def test_a_mistake_says_what_is_allowed(options, message):
    with pytest.raises(UserError, match=message):
        googlenet(**options)
