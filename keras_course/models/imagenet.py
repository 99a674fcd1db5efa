"""The networks of `keras.applications`, and their ImageNet weights.

https://keras.io/api/applications/

Each wants its pixels in its own way, which its `preprocess_input` computes ("caffe" and "torch" are
its modes):

    vgg, resnet   caffe   blue, green, red, the mean of ImageNet subtracted
    densenet      torch   (pixel / 255 - mean) / standard deviation

The means and standard deviations below are those of `keras.applications`; all in red, green, blue.
"""

import os
from pathlib import Path

import keras

from keras_course import fetch, files
from keras_course.errors import UserError, unknown

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Scale and offset that make pixels 0..255 the input, and whether the first kernel is BGR.
CAFFE = (1.0, [-123.68, -116.779, -103.939], True)
TORCH = (
    [1 / (255 * std) for std in STD],
    [-mean / std for mean, std in zip(MEAN, STD, strict=True)],
    False,
)
APPLICATIONS = {
    "vgg16": keras.applications.VGG16,
    "vgg19": keras.applications.VGG19,
    "resnet50": keras.applications.ResNet50,
    "resnet101": keras.applications.ResNet101,
    "resnet152": keras.applications.ResNet152,
    "densenet121": keras.applications.DenseNet121,
    "densenet169": keras.applications.DenseNet169,
    "densenet201": keras.applications.DenseNet201,
}
INPUTS = {name: TORCH if name.startswith("dense") else CAFFE for name in APPLICATIONS}
HOST = "https://storage.googleapis.com/tensorflow/keras-applications"


def build(name: str) -> keras.Model:
    """Return the network of `keras.applications` of that name, its weights at random.

    Errors: UserError for a network that is not there.
    """
    if name not in APPLICATIONS:
        raise unknown("model with ImageNet weights", name, APPLICATIONS)
    return APPLICATIONS[name](weights=None, classifier_activation=None)


def load(name: str, top: bool) -> keras.Model:
    """Return the network with its ImageNet weights, from ~/.keras/models (or KERAS_HOME).

    top: with its dense layers, without which the file is smaller. A file that is not there is
    downloaded. Errors: UserError where the host does not answer.
    """
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    path = home / "models" / f"{name}_weights_tf_dim_ordering_tf_kernels{'_notop' * (not top)}.h5"
    family = name if name.startswith("vgg") else name.rstrip("0123456789")
    url = f"{HOST}/{family}/{path.name}"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fetch.fetch(url, path)
        return APPLICATIONS[name](weights="imagenet", include_top=top)  # checks the file's hash
    except files.DiskFull:
        raise
    except Exception as error:  # what Keras raises for a damaged file is of many kinds
        raise UserError(
            f"The ImageNet weights of {name} cannot be downloaded from {url} ({error}). Download "
            f"that file on another machine and put it into {path.parent}, or give a run folder or "
            "a Keras model instead of 'imagenet'."
        ) from error
