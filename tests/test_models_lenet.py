import keras
import numpy as np
import pytest

from keras_course.errors import UserError
from keras_course.models.lenet import lenet
from tests.builders import layers_of, parameters, steps_to_learn


# By hand, from the layer list; the first is also the published count of the CIFAR version.
@pytest.mark.parametrize(
    "options, trainable, total",
    [
        ({}, 62_006, 62_006),
        ({"input_shape": (32, 32, 1)}, 61_706, 61_706),
        ({"normalization": "batch"}, 62_006 + 22, 62_006 + 66),  # beta for the bias, and gamma
    ],
)
def test_lenet_has_the_parameters_of_its_layers(options, trainable, total):
    assert parameters("lenet", **options) == (trainable, total)


def test_lenet_has_the_sizes_of_figure_2():
    model = lenet(input_shape=(32, 32, 1))
    drawn = layers_of(model, keras.layers.Conv2D, keras.layers.AveragePooling2D, keras.layers.Dense)
    assert [layer.output.shape[1:] for layer in drawn] == [
        (28, 28, 6),
        (14, 14, 6),
        (10, 10, 16),
        (5, 5, 16),
        (120,),
        (84,),
        (10,),
    ]


def test_lenet_squashes_every_layer_but_the_last():
    """All weights a hundred times too large: tanh gives -1 or 1, and the last layer adds these."""
    model = lenet(input_shape=(28, 28, 1))
    for weight in model.trainable_weights[:-2]:
        weight.assign(weight * 100)
    images = np.random.default_rng(0).uniform(0, 255, (4, 28, 28, 1)).astype("float32")
    *_, f6, logits = model.layers
    hidden = np.asarray(keras.Model(model.input, f6.output)(images))
    assert np.mean(np.abs(hidden) > 0.99) > 0.9 and np.max(np.abs(hidden)) <= 1
    np.testing.assert_allclose(
        model(images), hidden @ np.asarray(logits.kernel) + np.asarray(logits.bias), atol=1e-5
    )


def test_lenet_learns_64_images_by_heart():
    assert steps_to_learn("lenet", 3e-3)


@pytest.mark.parametrize("size", [(15, 32), (32, 15)])
def test_images_too_small_for_lenet_are_refused(size):
    with pytest.raises(UserError, match="lenet needs images of at least 16x16 pixels.*Received: "):
        lenet(input_shape=(*size, 3))
    assert lenet(input_shape=(16, 16, 3)).output.shape == (None, 10)
