import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.models.simple_cnn import simple_cnn, simple_cnn_gap
from tests.builders import layers_of, parameters, shape_of, steps_to_learn


# By hand: 896 + 18,496 + 73,856 + 1,290; with BatchNorm beta takes the place of the bias, gamma and
# the two statistics come on top.
@pytest.mark.parametrize(
    "options, trainable, total",
    [
        ({}, 94_538, 94_538),
        ({"input_shape": (None, None, 3)}, 94_538, 94_538),
        ({"input_shape": (96, 64, 3)}, 94_538, 94_538),
        ({"normalization": "batch"}, 94_538 + 224, 94_538 + 672),
    ],
)
def test_global_average_pooling_makes_the_parameters_independent_of_the_image_size(
    options, trainable, total
):
    assert parameters("simple_cnn_gap", **options) == (trainable, total)


def test_the_same_weights_take_images_of_two_sizes():
    """Of two images side by side, the mean of each map is the mean of both images' means."""
    model = simple_cnn_gap(input_shape=(None, None, 3))
    for layer in layers_of(model, keras.layers.Conv2D):  # 1x1, or the seam would add to the maps
        kernel = np.zeros(layer.kernel.shape, "float32")
        kernel[1, 1] = layer.kernel[1, 1]
        layer.kernel.assign(kernel)
    left, right = np.random.default_rng(0).uniform(0, 255, (2, 1, 32, 32, 3)).astype("float32")
    apart = np.asarray(model(left)), np.asarray(model(right))
    together = model(np.concatenate([left, right], axis=2))
    assert np.ptp(apart) > 1e-3
    np.testing.assert_allclose(together, np.mean(apart, axis=0), atol=1e-5)
    assert model(left[:, :9, :21]).shape == (1, 10)


def test_the_weights_of_a_fixed_size_fit_any_size():
    fixed, free = simple_cnn_gap(), simple_cnn_gap(input_shape=(None, None, 3))
    free.set_weights(fixed.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(free(images), fixed(images), atol=1e-5)


def test_the_sizes_are_those_of_the_header():
    drawn = {"simple_cnn": (keras.layers.MaxPooling2D,), "simple_cnn_gap": (keras.layers.Conv2D,)}
    assert {
        name: [layer.output.shape[1:] for layer in layers_of(shape_of(name), *kinds)]
        for name, kinds in drawn.items()
    } == {
        "simple_cnn": [(14, 14, 12), (6, 6, 24)],
        "simple_cnn_gap": [(32, 32, 32), (16, 16, 64), (8, 8, 128)],
    }


@pytest.mark.parametrize("name", ["simple_cnn", "simple_cnn_gap"])
def test_the_first_networks_learn_64_images_by_heart(name):
    assert steps_to_learn(name, 2e-3)


@pytest.mark.parametrize("builder, pixels", [(simple_cnn, 14), (simple_cnn_gap, 8)])
def test_images_too_small_are_refused(builder, pixels):
    with pytest.raises(UserError, match=f"at least {pixels}x{pixels} pixels"):
        builder(input_shape=(64, pixels - 1, 3))
    assert builder(input_shape=(pixels, pixels, 3)).output.shape == (None, 10)
