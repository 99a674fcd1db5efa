import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.models import build
from keras_course.models.densenet import densenet, densenet_cifar
from tests.builders import IMAGENET, layers_of, parameters, shape_of, steps_to_learn


# torchvision's published counts, for 121 and 201 keras.applications' too; for 32x32 the paper's
# and a public model zoo's. Keras counts the moving statistics as well.
@pytest.mark.parametrize(
    "name, options, trainable, total",
    [
        ("densenet121", IMAGENET, 7_978_856, 8_062_504),
        ("densenet121", {}, 6_956_426, 7_040_074),
        ("densenet201", IMAGENET, 20_013_928, 20_242_984),
        ("densenet40", {}, 1_019_722, 1_037_818),
        ("densenet_bc100", {}, 769_162, 793_150),
        pytest.param("densenet161", IMAGENET, 28_681_000, 28_900_936, marks=pytest.mark.slow),
        pytest.param("densenet169", IMAGENET, 14_149_480, 14_307_880, marks=pytest.mark.slow),
    ],
)
def test_densenet_has_the_published_parameters(name, options, trainable, total):
    assert parameters(name, **options) == (trainable, total)


@pytest.mark.parametrize(
    "name, options, blocks",
    [
        # Side, channels and dense layers of each block: Table 1, and section 3.
        ("densenet121", IMAGENET, [(56, 256, 6), (28, 512, 12), (14, 1024, 24), (7, 1024, 16)]),
        ("densenet121", {}, [(32, 256, 6), (16, 512, 12), (8, 1024, 24), (4, 1024, 16)]),
        ("densenet40", {}, [(32, 160, 12), (16, 304, 12), (8, 448, 12)]),
        ("densenet40", {"input_shape": (33, 33, 3)}, [(33, 160, 12), (16, 304, 12), (8, 448, 12)]),
        ("densenet16", {}, [(32, 64, 4), (16, 112, 4), (8, 160, 4)]),
        ("densenet_bc100", {}, [(32, 216, 16), (16, 300, 16), (8, 342, 16)]),
    ],
)
def test_densenet_has_the_blocks_of_the_paper(name, options, blocks):
    maps = [x.output.shape for x in layers_of(shape_of(name, **options), keras.layers.Concatenate)]
    sides = [shape[1] for shape in maps]
    found = [
        (side, max(shape[3] for shape in maps if shape[1] == side), sides.count(side))
        for side in dict.fromkeys(sides)
    ]
    assert found == blocks


@pytest.mark.parametrize("name", ["densenet121", "densenet16", "densenet40", "densenet_bc100"])
def test_densenet_has_as_many_layers_as_its_name_says(name):
    weighted = layers_of(shape_of(name), keras.layers.Conv2D, keras.layers.Dense)
    assert name.endswith(str(len(weighted)))


@pytest.mark.parametrize("name, options", [("densenet121", IMAGENET), ("densenet40", {})])
def test_transitions_halve_the_size_with_average_pooling_behind_a_1x1_convolution(name, options):
    poolings = layers_of(shape_of(name, **options), keras.layers.AveragePooling2D)
    for pooling in poolings:
        convolution = pooling.input._keras_history.operation
        assert (pooling.pool_size, pooling.strides) == ((2, 2), (2, 2))
        assert convolution.kernel_size == (1, 1)
        halved = convolution.kernel.shape[2] // convolution.kernel.shape[3]
        assert halved == (2 if name == "densenet121" else 1)  # compression
    assert len(poolings) == (3 if name == "densenet121" else 2)


@pytest.mark.parametrize("name", ["densenet121", "densenet40", "densenet_bc100"])
def test_every_convolution_but_the_first_comes_behind_normalization_and_relu(name):
    _, *rest = layers_of(shape_of(name), keras.layers.Conv2D)
    for convolution in rest:
        relu = convolution.input._keras_history.operation
        normalization = relu.input._keras_history.operation
        assert isinstance(relu, keras.layers.ReLU)
        assert isinstance(normalization, keras.layers.BatchNormalization)
        assert not convolution.use_bias


@pytest.mark.compiles
def test_a_dense_layer_passes_on_all_that_it_was_given():
    model = build("densenet40", input_shape=(8, 8, 3))
    stem = layers_of(model, keras.layers.Conv2D)[0].output
    maps = [layer.output for layer in layers_of(model, keras.layers.Concatenate)[:12]]
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    stem, *maps = keras.Model(model.input, [stem, *maps])(images)
    assert np.any(stem)
    for number, x in enumerate(maps, start=1):
        assert x.shape == (2, 8, 8, 16 + 12 * number)
        np.testing.assert_array_equal(x[..., :16], stem)
        np.testing.assert_array_equal(x, maps[-1][..., : x.shape[-1]])


@pytest.mark.parametrize("normalization", ["instance", "group", None])
def test_densenet_takes_every_normalization(normalization):
    model = shape_of("densenet40", normalization=normalization)
    biases = {layer.use_bias for layer in layers_of(model, keras.layers.Conv2D)}
    assert biases == {normalization is None}


@pytest.mark.slow  # 50 s on two free cores; 30 steps
def test_densenet40_learns_64_images_by_heart():
    assert steps_to_learn("densenet40", 1e-3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: densenet(120), "one of 121, 161, 169, 201. Received: 120; nearest is 121"),
        (lambda: densenet(121, stem="none"), "stem must be one of"),
        (lambda: densenet(121, input_shape=(7, 8, 3)), "densenet121 needs .* at least 8x8 .* 7x8"),
        (lambda: densenet(121, input_shape=(31, 99, 3)), "at least 32x32"),
        (lambda: densenet_cifar(41), "3n \\+ 4, like 40 or 100. Received: 41; nearest is 40"),
        (lambda: densenet_cifar(3), "nearest is 7"),
        (lambda: densenet_cifar(97, compressed=True), "6n \\+ 4.* nearest is 100"),
        (lambda: densenet_cifar(input_shape=(3, 3, 3)), "densenet40 needs .* at least 4x4"),
        (lambda: build("densenet_bc100", input_shape=(3, 3, 3)), "densenet_bc100 needs"),
        (lambda: build("densenet40", stem="cifar"), "densenet40 has no option 'stem'"),
    ],
)
def test_a_mistake_says_what_is_allowed(call, message):
    with pytest.raises(UserError, match=message):
        call()
