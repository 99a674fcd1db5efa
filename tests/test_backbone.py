"""The maps of classifiers, against the sizes that the papers print."""

import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.models import build
from keras_course.models.backbone import encode, feature_maps
from tests.builders import IMAGENET, shape_of


def sizes(model):
    return {stride: tuple(x.shape[1:]) for stride, x in feature_maps(model).items()}


def test_resnet_has_the_maps_of_table_1():
    assert sizes(shape_of("resnet18", **IMAGENET)) == {
        2: (112, 112, 64),  # not 1: what the stem pads is no map
        4: (56, 56, 64),
        8: (28, 28, 128),
        16: (14, 14, 256),
        32: (7, 7, 512),
    }


def test_vgg_has_the_maps_before_its_poolings_and_behind_the_last():
    assert sizes(shape_of("vgg16", **IMAGENET)) == {
        1: (224, 224, 64),
        2: (112, 112, 128),
        4: (56, 56, 256),
        8: (28, 28, 512),
        16: (14, 14, 512),
        32: (7, 7, 512),
    }


def test_the_padding_shortcut_is_not_taken_for_a_map():
    model = shape_of("resnet20")
    assert sizes(model) == {1: (32, 32, 16), 2: (16, 16, 32), 4: (8, 8, 64)}
    kinds = {stride: x._keras_history.operation for stride, x in feature_maps(model).items()}
    assert all(isinstance(operation, keras.layers.ReLU) for operation in kinds.values())


def test_odd_sizes_are_rounded_up():
    model = shape_of("resnet20", input_shape=(33, 45, 3))
    assert sizes(model) == {1: (33, 45, 16), 2: (17, 23, 32), 4: (9, 12, 64)}


def test_without_padding_the_stride_is_that_of_the_layers():
    # 5x5 leaves 28, pooled 14; 5x5 leaves 10, pooled 5: LeCun 1998, Figure 2
    assert sizes(shape_of("lenet")) == {1: (28, 28, 6), 2: (10, 10, 16), 4: (5, 5, 16)}


def test_both_towers_of_alexnet_are_in_its_maps():
    assert {
        stride: size[-1] for stride, size in sizes(shape_of("alexnet", **IMAGENET)).items()
    } == {
        4: 96,
        8: 256,
        16: 256,
        32: 256,
    }


@pytest.mark.parametrize("name", ["densenet40", "googlenet", "simple_cnn", "simple_cnn_gap"])
@pytest.mark.parametrize("size", [32, 33])
def test_every_family_has_maps_from_stride_1_on(name, size):
    maps = sizes(shape_of(name, input_shape=(size, size, 3)))
    assert list(maps) == [2**level for level in range(len(maps))] and len(maps) >= 3
    for stride, (height, width, _) in maps.items():
        assert size / stride - 5 <= height == width <= -(-size // stride)


def test_auxiliary_heads_have_no_maps():
    plain = sizes(shape_of("googlenet", input_shape=(96, 96, 3)))
    assert sizes(shape_of("googlenet", input_shape=(96, 96, 3), auxiliary_heads=True)) == plain


def test_a_network_that_was_saved_and_loaded_has_the_same_maps(tmp_path):
    model = build("simple_cnn", input_shape=(16, 16, 3), normalization="batch")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert sizes(loaded) == sizes(model)
    images = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype("float32")
    for one, other in zip(
        *(keras.Model(x.input, list(feature_maps(x).values()))(images) for x in (model, loaded)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_backbone_keeps_its_weights_and_can_be_frozen():
    classifier = build("simple_cnn_gap", input_shape=(16, 16, 3))
    inputs = keras.Input((16, 16, 3))
    maps = encode(inputs, classifier)
    model = keras.Model(inputs, list(maps.values()))
    assert {id(x) for x in model.weights} < {id(x) for x in classifier.weights}
    model.get_layer("backbone").trainable = False
    assert model.weights and not model.trainable_weights


def open_size():
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))


def flattened():
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, keras.layers.Conv2D(4, 3, strides=(2, 1))(inputs))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: feature_maps(flattened()), r"differ along height and width: \(2, 1\)"),
        (lambda: feature_maps(build("mlp")), "mlp has no maps"),
        (lambda: feature_maps(open_size()), "input_shape"),
        (lambda: encode(keras.Input((32, 32, 3)), "resnet21"), "backbone must be one of"),
        (lambda: encode(keras.Input((24, 24, 3)), build("simple_cnn")), r"\(32, 32, 3\)"),
    ],
)
def test_a_mistake_says_what_is_allowed(call, message):
    with pytest.raises(UserError, match=message):
        call()
