"""A narrower network: the layers of the wide one, with a share of its filters."""

import itertools

import keras
import numpy as np
import pytest

from keras_course import architecture, models
from keras_course.errors import UserError
from keras_course.models.narrow import narrow


@pytest.mark.parametrize("name", ["alexnet", "vgg11"])
def test_half_the_width_has_half_the_filters_and_a_quarter_of_the_multiply_adds(name):
    whole = models.build(name)
    half = models.build(name, width_multiplier=0.5)
    for one, two in zip(whole.layers, half.layers, strict=True):
        assert type(one) is type(two)
        if isinstance(one, keras.layers.Conv2D):
            assert one.filters == 2 * two.filters, one.name
    assert half.output.shape == whole.output.shape
    costs = [architecture.total(architecture.rows(model)).multiply_adds for model in (half, whole)]
    # The first convolution sees three channels in both.
    assert 0.2 < costs[0] / costs[1] < 0.3


@pytest.mark.parametrize(("normalization", "in_a_group"), [("instance", 1), ("group", 2)])
def test_a_narrow_network_has_the_groups_of_its_own_channels(normalization, in_a_group):
    half = models.build("vgg11", normalization=normalization, width_multiplier=0.25)
    layers = [it for it in half.layers if isinstance(it, keras.layers.GroupNormalization)]
    assert layers[0].output.shape[-1] == 16
    assert [layer.output.shape[-1] // layer.groups for layer in layers[:2]] == [in_a_group] * 2


@pytest.mark.parametrize(
    ("filters", "width_multiplier", "expected"),
    [
        (64, 0.5, 32),
        (96, 0.25, 32),  # the nearest to 24; Python rounds a half to the even number
        (100, 0.5, 48),
        (64, 0.01, 16),
        (12, 0.5, 12),  # never more than the paper's
        (12, 4 / 3, 16),
        (16, 4 / 3, 16),
    ],
)
def test_filters_are_multiples_of_sixteen(filters, width_multiplier, expected):
    inputs = keras.Input((4, 4, 3))
    outputs = keras.layers.Conv2D(2, 1)(keras.layers.Conv2D(filters, 1)(inputs))
    scaled = narrow(keras.Model(inputs, outputs), width_multiplier)
    assert [layer.filters for layer in scaled.layers[1:]] == [expected, 2]


def test_a_narrow_network_is_that_of_its_builder_where_it_has_one():
    narrowed = models.build("vgg11", width_multiplier=0.5)
    counts = [layer.count_params() for layer in narrowed.layers if layer.weights]
    channels = [3, 32, 64, 128, 128, 256, 256, 256, 256]  # Table 1, column A, halved
    convolutions = [9 * a * b + b for a, b in itertools.pairwise(channels)]
    assert counts == [*convolutions, 256 * 10 + 10]
    by_hand = models.BUILDERS["mlp"]()
    assert narrow(by_hand, 1).count_params() == by_hand.count_params()


def test_it_trains_and_can_be_loaded_again(tmp_path):
    model = models.build("alexnet", width_multiplier=0.1, num_classes=3)
    images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype("float32")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, np.arange(8) % 3, verbose=0)
    model.save(tmp_path / "narrow.keras")
    again = keras.saving.load_model(tmp_path / "narrow.keras", compile=False)
    np.testing.assert_allclose(
        again.predict(images, verbose=0), model.predict(images, verbose=0), rtol=1e-5
    )


def test_a_shortcut_that_adds_channels_is_refused():
    with pytest.raises(UserError, match="Leave width_multiplier at 1. Received: 0.5"):
        models.build("resnet20", width_multiplier=0.5)


def test_the_answers_of_a_network_with_several_stay_as_many():
    inputs = keras.Input((4, 4, 3))
    first, second = keras.layers.Dense(100), keras.layers.Dense(100)
    wide = keras.Model(inputs, {"first": first(inputs), "second": second(inputs)})
    half = narrow(wide, 0.5)
    assert {output.shape[-1] for output in half.outputs} == {100}


@pytest.mark.parametrize("width_multiplier", [0, -1, float("nan"), float("inf")])
def test_a_width_is_a_positive_number(width_multiplier):
    with pytest.raises(UserError, match="width_multiplier must be above 0, like 0.5"):
        models.build("simple_cnn", width_multiplier=width_multiplier)


@pytest.mark.parametrize("name", ["unet", "segmenter", "detector"])
def test_only_classifiers_are_narrowed(name):
    with pytest.raises(UserError, match="width_multiplier is for classifiers"):
        models.build(name, width_multiplier=0.5)
