"""AlexNet: large filters, ReLU and dropout, in two towers.

Krizhevsky et al. 2012, section 3.5 and Figure 2,
https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html

    conv1  96 filters 11x11, stride 4   55x55    pool 3x3, stride 2   27x27
    conv2  256 filters 5x5              27x27    pool 3x3, stride 2   13x13
    conv3  384, conv4 384, conv5 256 filters 3x3 pool 3x3, stride 2   6x6
    dense 4096, 4096, num_classes

Five convolutions and three dense layers (slide 23 prints "6 conv, 2 dense"). Half of the channels
sat on each of two GPUs: in conv2, conv4 and conv5 each tower sees its own half, in conv3 and the
dense layers both. 60,965,224 parameters, in one tower (groups=1) 62,378,344.

For small images (the CIFAR stem) conv1 is 5x5 with stride 1, as in the authors' own network for
CIFAR-10 (cuda-convnet): 32x32 pixels then end as 3x3, a quarter of 6x6, and the dense layers have
a quarter of the units, 1024.

Where we differ:
- No local response normalization: Simonyan 2014, section 4.1, measured no gain from it.
- He-normal kernels and no bias of 1 to start with: the paper drew from N(0, 0.01).
- 224 pixels would give 54.25 outputs at stride 4; conv1 is padded by 2, for the 55 of the paper.
"""

import keras
from keras import layers, ops

from keras_course.errors import UserError
from keras_course.layers import normalize
from keras_course.models.inputs import choose_stem, require_size

GROUPS = (1, 2, 4, 8, 16, 32)  # what divides 96, 256 and 384 channels
UNITS = {"imagenet": 4096, "cifar": 1024}


def conv(x, filters, kernel_size, normalization, groups=1, strides=1, padding="same"):
    """relu(convolution), where each group of filters sees its share of the channels only."""
    # One convolution for each group: on a CPU, Conv2D(groups=2) takes ten times as long.
    shares = ops.split(x, groups, axis=-1) if groups > 1 else [x]
    towers = [
        layers.Conv2D(
            filters // groups,
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=normalization is None,  # a normalization layer brings its own
            kernel_initializer="he_normal",
        )(share)
        for share in shares
    ]
    x = layers.Concatenate()(towers) if groups > 1 else towers[0]
    return layers.ReLU()(normalize(x, normalization))


def alexnet(
    *,
    input_shape=(32, 32, 3),
    num_classes=10,
    groups=2,
    stem=None,
    normalization=None,
    dropout=0.5,
) -> keras.Model:
    """Return the uncompiled AlexNet: raw pixels in, logits out.

    groups: towers, 1, 2 (the paper's), 4, 8, 16 or 32.
    stem: "imagenet" (the paper's) or "cifar"; left out, images of 64 pixels or fewer get "cifar".
    normalization: "batch", "instance", "group" or None, between convolution and ReLU.
    dropout: the share of dense units left out at each training step, 0 <= dropout < 1.
    Errors: UserError for images below 15x15 with the CIFAR stem, below 63x63 with the other, and
    for groups that do not divide the channels.
    """
    stem = choose_stem(stem, input_shape)
    require_size(f"alexnet with stem {stem!r}", input_shape, 15 if stem == "cifar" else 63)
    if groups not in GROUPS:
        nearest = min(GROUPS, key=lambda known: abs(known - groups))
        raise UserError(
            "groups must divide the 96, 256 and 384 channels: one of "
            f"{', '.join(map(str, GROUPS))}. Received: {groups}; the nearest is {nearest}."
        )
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    # Both towers of conv1 see the whole image, which is one convolution with the filters of both.
    if stem == "cifar":
        x = conv(x, 96, 5, normalization)  # 32x32x96
    else:
        x = layers.ZeroPadding2D(2)(x)
        x = conv(x, 96, 11, normalization, strides=4, padding="valid")  # 55x55x96
    x = layers.MaxPooling2D(3, strides=2)(x)  # 27x27x96
    x = conv(x, 256, 5, normalization, groups)
    x = layers.MaxPooling2D(3, strides=2)(x)  # 13x13x256
    x = conv(x, 384, 3, normalization)  # here the towers see each other
    x = conv(x, 384, 3, normalization, groups)
    x = conv(x, 256, 3, normalization, groups)
    x = layers.MaxPooling2D(3, strides=2)(x)  # 6x6x256
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(UNITS[stem], activation="relu", kernel_initializer="he_normal")(x)
        x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="alexnet")
