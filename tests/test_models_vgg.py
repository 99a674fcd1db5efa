import keras
import numpy as np
import pytest

from keras_course.data import shapes
from keras_course.errors import UserError
from keras_course.models.vgg import vgg
from tests.builders import IMAGENET, layers_of, parameters, shape_of, steps_to_learn, without_values

BATCH = {"normalization": "batch"}


# torchvision's published counts, the last two of a public model zoo for CIFAR; Keras counts the
# moving statistics too, two for each of the 2,752 to 5,504 channels.
@pytest.mark.parametrize(
    "name, options, trainable, total",
    [
        ("vgg11", IMAGENET, 132_863_336, 132_863_336),
        ("vgg13", IMAGENET, 133_047_848, 133_047_848),
        ("vgg16", IMAGENET, 138_357_544, 138_357_544),
        ("vgg19", IMAGENET, 143_667_240, 143_667_240),
        ("vgg11", {**IMAGENET, **BATCH}, 132_868_840, 132_868_840 + 2 * 2752),
        ("vgg13", {**IMAGENET, **BATCH}, 133_053_736, 133_053_736 + 2 * 2944),
        ("vgg16", {**IMAGENET, **BATCH}, 138_365_992, 138_374_440),
        ("vgg19", {**IMAGENET, **BATCH}, 143_678_248, 143_678_248 + 2 * 5504),
        ("vgg16", BATCH, 14_728_266, 14_736_714),
        ("vgg16", {}, 14_728_266 - 2 * 4224, 14_728_266 - 2 * 4224),
    ],
)
def test_vgg_has_the_published_parameters(name, options, trainable, total):
    assert parameters(name, **options) == (trainable, total)


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_vgg_has_as_many_layers_as_its_name_says(depth):
    model = shape_of(f"vgg{depth}", **IMAGENET)
    convolutions = layers_of(model, keras.layers.Conv2D)
    assert len(convolutions) + len(layers_of(model, keras.layers.Dense)) == depth
    for layer in convolutions:
        assert (layer.kernel_size, layer.strides, layer.padding) == ((3, 3), (1, 1), "same")
    poolings = layers_of(model, keras.layers.MaxPooling2D)
    assert [(x.pool_size, x.strides) for x in poolings] == [((2, 2), (2, 2))] * 5
    assert [layer.output.shape[1:] for layer in poolings] == [
        (112, 112, 64),
        (56, 56, 128),
        (28, 28, 256),
        (14, 14, 512),
        (7, 7, 512),
    ]


@pytest.mark.parametrize("depth", [16, 19])
def test_vgg_has_the_weights_of_keras_applications_in_their_order(depth):
    published = {16: keras.applications.VGG16, 19: keras.applications.VGG19}[depth]
    theirs = without_values(published, weights=None)
    ours = shape_of(f"vgg{depth}", **IMAGENET)
    assert [x.shape for x in ours.weights] == [x.shape for x in theirs.weights]


@pytest.mark.parametrize(
    "stem, head",
    [
        ("cifar", ["GlobalAveragePooling2D", "Dropout", "Dense"]),
        ("imagenet", ["Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense"]),
    ],
)
def test_the_stems_of_vgg_differ_in_the_dense_layers(stem, head):
    model = shape_of("vgg11", stem=stem, dropout=0.3)
    last = max(model.layers.index(x) for x in layers_of(model, keras.layers.MaxPooling2D))
    assert model.layers[last].output.shape == (None, 1, 1, 512)
    assert [type(layer).__name__ for layer in model.layers[last + 1 :]] == head
    assert {layer.rate for layer in layers_of(model, keras.layers.Dropout)} == {0.3}


@pytest.mark.slow  # 60 s on two free cores
def test_vgg_without_normalization_learns_64_images_by_heart():
    assert steps_to_learn("vgg11", 1e-4)


@pytest.mark.slow  # 5 s, and a quarter of a gigabyte
@pytest.mark.parametrize("kernels, smallest, largest", [("he_normal", 0.1, 1), (0.01, 0, 1e-8)])
def test_he_normal_kernels_keep_the_signal_and_those_of_alexnet_lose_it(kernels, smallest, largest):
    """How far the logits of different images are apart, before any training."""
    keras.utils.set_random_seed(0)
    model = vgg(16)
    if kernels != "he_normal":
        for layer in layers_of(model, keras.layers.Conv2D, keras.layers.Dense):
            layer.kernel.assign(keras.random.normal(layer.kernel.shape, stddev=kernels))
    logits = model(shapes.draw(16).images.astype("float32"))
    assert smallest <= np.mean(np.std(logits, axis=0)) <= largest


@pytest.mark.parametrize(
    "depth, options, message",
    [
        (15, {}, "depth must be one of 11, 13, 16, 19. Received: 15; nearest is 16"),
        (50, {}, "nearest is 19"),
        (11, {"input_shape": (32, 31, 3)}, "vgg11 needs images of at least 32x32.*Received: 32x31"),
        (11, {"stem": "dense"}, "stem must be one of cifar, imagenet"),
        (11, {"normalization": "layer"}, "normalization must be one of"),
    ],
)
def test_a_mistake_says_what_is_allowed(depth, options, message):
    with pytest.raises(UserError, match=message):
        vgg(depth, **options)
