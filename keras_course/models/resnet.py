"""ResNet: layers that learn what to add to their input.

He et al. 2015, https://arxiv.org/abs/1512.03385

`resnet` is the network for ImageNet, section 3.3 and Table 1: four stages of basic or bottleneck
blocks, 64 to 512 filters, projections where the size changes (option B). For images of 64 pixels
or fewer its stem of two stride-2 layers is replaced by one 3x3 convolution (the CIFAR stem).

`resnet_cifar` is the network for 32x32 images, section 4.2: n blocks in each of three stages give
6n + 2 layers; ResNet-20 0.27M parameters, -32 0.46M, -44 0.66M, -56 0.85M, -110 1.7M.
"""

import keras
from keras import layers, ops

from keras_course.errors import UserError
from keras_course.layers import normalize

FILTERS = (64, 128, 256, 512)
FILTERS_CIFAR = (16, 32, 64)  # at 32x32, 16x16 and 8x8


def conv_norm(x, filters, kernel_size, normalization, strides=1):
    # Padding on both sides, as in the paper: "same" would pad a strided layer on one side only.
    if strides > 1 and kernel_size > 1:
        x = layers.ZeroPadding2D(kernel_size // 2)(x)
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="valid" if strides > 1 else "same",
        use_bias=normalization is None,  # a normalization layer brings its own
        kernel_initializer="he_normal",
    )(x)
    return normalize(x, normalization)


def shortcut_by_padding(x, filters, strides):
    """Option A: subsample, then fill the new channels with zeros. No parameters."""
    if strides == 1:
        return x
    x = x[:, ::strides, ::strides]
    return ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])])


def shortcut_by_projection(x, filters, strides, normalization):
    """Option B: a 1x1 convolution wherever the shape changes."""
    if strides == 1 and x.shape[-1] == filters:
        return x
    return conv_norm(x, filters, 1, normalization, strides)


def basic(x, filters, normalization, strides=1):
    """F(x): two 3x3 convolutions."""
    x = layers.ReLU()(conv_norm(x, filters, 3, normalization, strides))
    return conv_norm(x, filters, 3, normalization)


def bottleneck(x, filters, normalization, strides=1):
    """F(x): 1x1 to fewer channels, with the stride, then 3x3, then 1x1 to four times as many."""
    x = layers.ReLU()(conv_norm(x, filters, 1, normalization, strides))
    x = layers.ReLU()(conv_norm(x, filters, 3, normalization))
    return conv_norm(x, 4 * filters, 1, normalization)


# Table 1: blocks in each stage, and which F they use.
STAGES = {
    18: ((2, 2, 2, 2), basic),
    34: ((3, 4, 6, 3), basic),
    50: ((3, 4, 6, 3), bottleneck),
    101: ((3, 4, 23, 3), bottleneck),
    152: ((3, 8, 36, 3), bottleneck),
}


def add(shortcut, residual):
    """relu(x + F(x))"""
    return layers.ReLU()(layers.Add()([shortcut, residual]))


def resnet(
    depth=18, *, input_shape=(32, 32, 3), num_classes=10, stem=None, normalization="batch"
) -> keras.Model:
    """Return ResNet-18, -34, -50, -101 or -152: raw pixels in, logits out.

    stem: "imagenet" (7x7 convolution and max pooling, both of stride 2) or "cifar" (one 3x3
    convolution); left out, images of 64 pixels or fewer get the CIFAR stem.
    """
    if depth not in STAGES:
        raise UserError(f"depth must be one of {', '.join(map(str, STAGES))}. Received: {depth}.")
    if stem not in (None, "cifar", "imagenet"):
        raise UserError(f"stem must be 'cifar' or 'imagenet'. Received: {stem!r}.")
    stem = stem or ("cifar" if max(input_shape[:2]) <= 64 else "imagenet")
    blocks, block_function = STAGES[depth]
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    if stem == "cifar":
        x = layers.ReLU()(conv_norm(x, FILTERS[0], 3, normalization))  # 32x32x64
    else:
        x = layers.ReLU()(conv_norm(x, FILTERS[0], 7, normalization, strides=2))  # 112x112x64
        x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))  # 56x56x64
    for stage, filters in enumerate(FILTERS):
        for block in range(blocks[stage]):
            strides = 2 if stage and not block else 1
            residual = block_function(x, filters, normalization, strides)
            x = add(shortcut_by_projection(x, residual.shape[-1], strides, normalization), residual)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=f"resnet{depth}")


def resnet_cifar(
    depth=20, *, input_shape=(32, 32, 3), num_classes=10, shortcut="A", normalization="batch"
) -> keras.Model:
    """Return the 6n + 2 ResNet: raw pixels in, logits out.

    shortcut: "A" pads with zeros and has no parameters (the paper's choice here), "B" projects.
    """
    blocks, rest = divmod(depth - 2, 6)
    if blocks < 1 or rest:
        nearest = 6 * max(1, round((depth - 2) / 6)) + 2
        raise UserError(
            f"depth must be 6n + 2, like 20, 32 or 44. Received: {depth}; the nearest is {nearest}."
        )
    if shortcut not in ("A", "B"):
        raise UserError(f"shortcut must be 'A' or 'B'. Received: {shortcut!r}.")
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.ReLU()(conv_norm(x, FILTERS_CIFAR[0], 3, normalization))  # 32x32x16
    for stage, filters in enumerate(FILTERS_CIFAR):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            residual = basic(x, filters, normalization, strides)
            if shortcut == "A":
                x = add(shortcut_by_padding(x, filters, strides), residual)
            else:
                x = add(shortcut_by_projection(x, filters, strides, normalization), residual)
    x = layers.GlobalAveragePooling2D()(x)  # 8x8x64 -> 64
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=f"resnet{depth}")
