import pytest

from keras_course import models
from keras_course.errors import UserError
from keras_course.models.inputs import choose_stem, require_size


@pytest.mark.parametrize("pixels, stem", [(32, "cifar"), (64, "cifar"), (65, "imagenet")])
def test_images_of_64_pixels_or_fewer_get_the_cifar_stem(pixels, stem):
    assert choose_stem(None, (pixels, pixels, 3)) == stem


def test_the_longer_side_decides_on_the_stem():
    assert choose_stem(None, (32, 96, 3)) == "imagenet"


def test_a_stem_that_is_named_needs_no_size():
    assert choose_stem("imagenet", (None, None, 3)) == "imagenet"


@pytest.mark.parametrize("shape", [(None, None, 3), (32, None, 3), (None, 32, 3)])
def test_a_stem_that_the_size_should_choose_wants_to_know_the_size(shape):
    with pytest.raises(UserError, match=r"like \(32, 32, 3\).*simple_cnn_gap takes any size"):
        choose_stem(None, shape)
    with pytest.raises(UserError, match="lenet needs to know the size"):
        require_size("lenet", shape, 16)


@pytest.mark.parametrize("name", ["logistic_regression", "mlp", "lenet", "resnet20", "unet"])
def test_grey_images_have_a_channel(name):
    with pytest.raises(UserError, match=r"like \(28, 28, 1\) for grey ones. Received.*\(28, 28\)"):
        models.build(name, input_shape=(28, 28))


@pytest.mark.parametrize(
    "name", ["mlp", "lenet", "alexnet", "vgg16", "googlenet", "densenet40", "unet"]
)
def test_networks_that_need_a_size_say_so(name):
    with pytest.raises(UserError, match="the size of its images"):
        models.build(name, input_shape=(None, None, 3))
