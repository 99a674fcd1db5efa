"""U-Net against the numbers of its paper; the segmenter against what it is made of."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_course import devices
from keras_course.errors import UserError
from keras_course.models import build
from keras_course.models.unet import crop, pad, segmenter, unet
from tests.builders import layers_of, without_values

SMALL = {"input_shape": (16, 16, 3), "num_classes": 4}


def small_unet(**options):
    return unet(width=2, **{**SMALL, **options})


def small_segmenter(**options):
    return segmenter(backbone="simple_cnn_gap", width=4, **{**SMALL, **options})


@pytest.fixture(scope="module")
def paper():
    size = {"input_shape": (572, 572, 1), "num_classes": 2}
    return without_values(unet, padding="valid", **size)


def test_unet_has_the_parameters_of_the_paper(paper):
    assert paper.count_params() == 31_030_658


def test_unet_makes_388_pixels_of_572_as_figure_1(paper):
    assert paper.output.shape == (None, 388, 388, 2)
    pooled = [x.output.shape[1] for x in layers_of(paper, layers.MaxPooling2D)]
    assert pooled == [284, 140, 68, 32]
    joined = [x.output.shape[1:] for x in layers_of(paper, layers.Concatenate)]
    assert joined == [(56, 56, 1024), (104, 104, 512), (200, 200, 256), (392, 392, 128)]


def test_unet_has_23_convolutions(paper):
    assert len(layers_of(paper, layers.Conv2D, layers.Conv2DTranspose)) == 23


def test_padding_changes_no_parameter():
    model = without_values(unet, input_shape=(32, 32, 1), num_classes=2)
    assert model.count_params() == 31_030_658


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (33, 47)])
@pytest.mark.parametrize("builder", [small_unet, small_segmenter])
def test_every_pixel_gets_logits(builder, size):
    model = without_values(builder, input_shape=(*size, 3))
    assert model.output.shape == (None, *size, 4)


@pytest.mark.parametrize("backbone", ["lenet", "alexnet", "googlenet", "densenet40", "vgg11"])
@pytest.mark.parametrize("size", [32, 75])  # with the CIFAR stem and with that for ImageNet
def test_every_classifier_with_convolutions_is_a_backbone(backbone, size):
    model = without_values(
        segmenter, backbone=backbone, input_shape=(size, size, 3), num_classes=4, width=8
    )
    assert model.output.shape == (None, size, size, 4)


@pytest.mark.parametrize("builder", [small_unet, small_segmenter])
@pytest.mark.parametrize("normalization", ["batch", "group"])
def test_every_weight_gets_a_gradient(builder, normalization):
    import tensorflow as tf

    model = builder(input_shape=(32, 32, 3), normalization=normalization)
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    masks = np.random.default_rng(1).integers(0, 4, (4, 32, 32))
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        loss = keras.losses.sparse_categorical_crossentropy(masks, logits, from_logits=True)
    variables = model.trainable_variables
    for variable, gradient in zip(
        variables, tape.gradient(loss, [v.value for v in variables]), strict=True
    ):
        assert gradient is not None and np.any(gradient), variable.path


@pytest.mark.parametrize("builder", [small_unet, small_segmenter])
def test_logits_are_float32_in_half_precision(builder):
    with devices.building_in("bfloat16"):
        model = builder()
    assert model(np.zeros((1, 16, 16, 3), "float32")).dtype == "float32"


def test_a_segmenter_on_a_network_from_a_file_saves_and_loads(tmp_path):
    classifier = build("simple_cnn_gap", input_shape=(16, 16, 3))
    classifier.save(tmp_path / "classifier.keras")
    keras.backend.clear_session()  # a new process: names of layers are given out anew
    trained = keras.models.load_model(tmp_path / "classifier.keras")
    model = segmenter(backbone=trained, width=4, **SMALL)
    kernel = model.get_layer("backbone").layers[2].kernel
    np.testing.assert_array_equal(kernel, classifier.layers[2].kernel)
    model.save(tmp_path / "segmenter.keras")
    images = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype("float32")
    loaded = keras.models.load_model(tmp_path / "segmenter.keras")
    np.testing.assert_allclose(loaded(images), model(images), rtol=1e-5, atol=1e-5)


def test_maps_without_padding_stay_over_their_pixels():
    # A 3x3 convolution without padding that hands on the middle of its window, and is padded back.
    image = np.random.default_rng(0).uniform(size=(1, 8, 8, 1)).astype("float32")
    middle = np.zeros((3, 3, 1, 1), "float32")
    middle[1, 1] = 1
    padded = pad(keras.ops.conv(image, middle), (8, 8))
    np.testing.assert_array_equal(padded[:, 1:-1, 1:-1], image[:, 1:-1, 1:-1])
    assert padded.shape == image.shape and not np.any(padded[:, 0])
    np.testing.assert_array_equal(crop(padded, (5, 7)), padded[:, :5, :7])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: unet(input_shape=(15, 32, 3)), "at least 16x16"),
        (lambda: unet(padding="full"), "padding must be"),
        (lambda: unet(input_shape=(187, 188, 3), padding="valid"), "at least 188x188"),
        (lambda: unet(input_shape=(572, 570, 1), padding="valid"), "nearest is 572"),
        (lambda: segmenter(backbone="mlp"), "mlp has no maps"),
        (lambda: segmenter(backbone="resnet21"), "backbone must be one of"),
        (lambda: build("segmenter", backbon="vgg11"), "no option 'backbon'"),
    ],
)
def test_a_mistake_says_what_is_allowed(call, message):
    with pytest.raises(UserError, match=message):
        call()
