"""FastNet against sums by hand; the whitening layer against NumPy."""

import keras
import numpy as np
import pytest

from keras_course import architecture
from keras_course.errors import UserError
from keras_course.layers import Whitening
from keras_course.models import FASTNETS, build
from keras_course.models.fastnet import IdentityFirst, fastnet
from keras_course.models.test_time_augmentation import mirrored, shifted
from tests.builders import steps_to_learn
from tests.conftest import bright_channel


def convolutions(widths):
    """Pixels of the output, channels and filters of each 3x3 convolution."""
    sizes, channels = (31, 15, 15, 7, 7, 3), 24
    for stage, filters in enumerate(widths):
        yield sizes[2 * stage] ** 2, channels, filters
        yield sizes[2 * stage + 1] ** 2, filters, filters
        channels = filters


@pytest.mark.parametrize("width, widths", FASTNETS.items())
def test_parameters_and_multiply_adds_by_hand(width, widths):
    model = build(f"fastnet{width}")
    kernels = sum(9 * channels * filters for _, channels, filters in convolutions(widths))
    norms = sum(2 * 4 * filters for filters in widths)  # two of four rows each
    assert model.count_params() == 12 * 24 + 24 + kernels + norms + 10 * widths[-1]
    multiply_adds = sum(9 * size * c * filters for size, c, filters in convolutions(widths))
    total = architecture.total(architecture.rows(model)).multiply_adds
    assert total == 12 * 24 * 31**2 + multiply_adds + 10 * widths[-1]


def test_the_papers_widths_are_those_of_the_plain_function():
    convolution = [it for it in fastnet().layers if type(it) is keras.layers.Conv2D]
    assert [it.filters for it in convolution] == [64, 64, 256, 256, 256, 256]


def test_images_that_the_poolings_leave_nothing_of_are_refused():
    assert fastnet(input_shape=(9, 9, 3)).output_shape == (None, 10)
    with pytest.raises(UserError, match="at least 9x9"):
        fastnet(input_shape=(8, 32, 3))


def test_it_learns_64_images_by_heart():
    assert steps_to_learn("fastnet16", 1e-3)


def test_the_first_filters_pass_their_channels_on():
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
    layer = keras.layers.Conv2D(7, 3, padding="same", kernel_initializer=IdentityFirst())
    outputs = keras.ops.convert_to_numpy(layer(images))
    np.testing.assert_allclose(outputs[..., :4], images, atol=1e-6)
    assert np.all(np.std(outputs[..., 4:], axis=(0, 1, 2)) > 0.1)


def whitening(images):
    layer = Whitening(Whitening.filters_for(3, 2), 2, use_bias=False)
    layer.build(images.shape)
    layer.adapt(images)
    return layer


def test_whitened_patches_are_uncorrelated_and_of_equal_size():
    images = bright_channel(200, size=8).images.astype("float32") / 127.5 - 1
    outputs = keras.ops.convert_to_numpy(whitening(images)(images))
    half = outputs[..., :12].reshape(-1, 12).astype("float64")
    np.testing.assert_allclose(half.T @ half / len(half), np.eye(12), atol=0.05)
    np.testing.assert_allclose(outputs[..., 12:], -outputs[..., :12], atol=1e-5)


def test_whitening_by_hand():
    images = np.random.default_rng(0).uniform(-1, 1, (5, 3, 3, 3)).astype("float32")
    patches = np.array(
        [
            image[row : row + 2, column : column + 2].reshape(12)
            for image in images
            for row in range(2)
            for column in range(2)
        ]
    )
    kernel = keras.ops.convert_to_numpy(whitening(images).kernel).reshape(12, 24)[:, :12]
    covariance = patches.T @ patches / len(patches) + 5e-4 * np.eye(12)
    np.testing.assert_allclose(kernel @ kernel.T, np.linalg.inv(covariance), rtol=2e-2, atol=1e-2)


def test_no_gradient_changes_the_kernel_of_the_whitening_but_its_bias():
    layer = next(it for it in build("fastnet16").layers if isinstance(it, Whitening))
    layer.trainable = False  # as transfer freezes a body,
    layer.trainable = True  # and frees it
    assert [weight.name for weight in layer.trainable_weights] == ["bias"]
    assert [weight.name for weight in layer.non_trainable_weights] == ["kernel"]


def test_mirrored_is_the_mean_over_the_image_and_its_mirror_image():
    model = build("simple_cnn")
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    both = [model.predict(it, verbose=0) for it in (images, images[:, :, ::-1])]
    found = mirrored(model).predict(images, verbose=0)
    np.testing.assert_allclose(found, (both[0] + both[1]) / 2, atol=1e-4 * np.abs(found).max())


def test_shifted_is_half_the_image_and_a_quarter_each_of_two_that_are_moved():
    model = build("simple_cnn")
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    wide = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), "reflect")
    whole, up_left, down_right = (
        model.predict(it, verbose=0) for it in (images, wide[:, 4:, 4:], wide[:, :-4, :-4])
    )
    found = shifted(model, 2).predict(images, verbose=0)
    expected = whole / 2 + up_left / 4 + down_right / 4
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(found).max())
