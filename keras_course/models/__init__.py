"""The architectures of the lecture, by name: one paper, one file.

Each builder returns an uncompiled functional `keras.Model`: pixels 0..255 in (the rescaling is
inside), logits out, no augmentation inside. `CLASSIFIERS` give one row of logits for an image,
the other `BUILDERS` one for each of its pixels or places.
"""

import inspect
import math
from collections.abc import Callable
from functools import partial

import keras

from keras_course.errors import UserError, unknown
from keras_course.layers import NORMALIZATIONS
from keras_course.models.alexnet import alexnet
from keras_course.models.densenet import densenet, densenet_cifar
from keras_course.models.detector import detector
from keras_course.models.fastnet import fastnet
from keras_course.models.googlenet import googlenet
from keras_course.models.lenet import lenet
from keras_course.models.linear import logistic_regression, mlp
from keras_course.models.narrow import narrow
from keras_course.models.resnet import resnet, resnet_cifar
from keras_course.models.simple_cnn import simple_cnn, simple_cnn_gap
from keras_course.models.unet import segmenter, unet
from keras_course.models.vgg import vgg

FASTNETS = {16: (16, 64, 64), 32: (32, 128, 128), 64: (64, 192, 256)}
CLASSIFIERS: dict[str, Callable[..., keras.Model]] = {
    "logistic_regression": logistic_regression,
    "mlp": mlp,
    "simple_cnn": simple_cnn,
    "simple_cnn_gap": simple_cnn_gap,
    "lenet": lenet,
    "alexnet": alexnet,
    **{f"vgg{depth}": partial(vgg, depth) for depth in (11, 13, 16, 19)},
    "googlenet": googlenet,
    **{f"resnet{depth}": partial(resnet, depth) for depth in (18, 34, 50, 101, 152)},
    **{f"resnet{depth}": partial(resnet_cifar, depth) for depth in (20, 32, 44, 56, 110)},
    **{
        f"plain{depth}": partial(resnet_cifar, depth, shortcut=None)
        for depth in (20, 32, 44, 56, 110)
    },
    **{f"densenet{depth}": partial(densenet, depth) for depth in (121, 161, 169, 201)},
    **{f"densenet{depth}": partial(densenet_cifar, depth) for depth in (16, 40)},
    "densenet_bc100": partial(densenet_cifar, 100, compressed=True),
    **{f"fastnet{width}": partial(fastnet, widths=widths) for width, widths in FASTNETS.items()},
}
BUILDERS = {**CLASSIFIERS, "unet": unet, "segmenter": segmenter, "detector": detector}


def build(
    name: str,
    *,
    input_shape=(32, 32, 3),
    num_classes=10,
    stem=None,
    normalization="paper",
    width_multiplier=1.0,
    **options,
) -> keras.Model:
    """Return the uncompiled model of that name.

    stem: "cifar" or "imagenet"; left out, images of 64 pixels or fewer get the CIFAR stem.
    normalization: "batch", "instance", "group", None, or "paper" for the one of the paper.
    width_multiplier: the share of the paper's filters and hidden units, see `models.narrow`.
    options: what the builder takes beside these, such as `shortcut` or `dropout`.
    """
    if stem is not None:
        options["stem"] = stem
    check(name, normalization=normalization, **options)
    if width_multiplier != 1 and name not in CLASSIFIERS:
        raise UserError(
            f"width_multiplier is for classifiers; {name} has options of its own for its width. "
            f"Received: {width_multiplier}."
        )
    if not 0 < width_multiplier < math.inf:
        raise UserError(
            f"width_multiplier must be above 0, like 0.5 for half of the filters. "
            f"Received: {width_multiplier}."
        )
    if normalization != "paper":
        options["normalization"] = normalization
    model = BUILDERS[name](input_shape=input_shape, num_classes=num_classes, **options)
    return model if width_multiplier == 1 else narrow(model, width_multiplier)


def check(name: str, *, normalization="paper", **options) -> None:
    """Raise a `UserError` unless there is a model of that name that takes these options."""
    if name not in BUILDERS:
        raise unknown("model", name, BUILDERS)
    if normalization != "paper":
        if normalization not in NORMALIZATIONS:
            raise unknown("normalization", normalization, ["paper", *map(str, NORMALIZATIONS)])
        options["normalization"] = normalization
    known = inspect.signature(BUILDERS[name]).parameters
    for option in options:
        if option not in known:
            takes = ", ".join(known) or "none"
            raise UserError(f"{name} has no option {option!r}. It takes: {takes}.")
