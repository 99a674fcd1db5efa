"""ResNet: layers that learn what to add to their input.

He et al. 2015, https://arxiv.org/abs/1512.03385

`resnet` is the network for ImageNet, section 3.3 and Table 1: four stages of basic or bottleneck
blocks, 64 to 512 filters, projections where the shape changes (option B). For images of 64 pixels
or fewer its stem of two stride-2 layers is replaced by one 3x3 convolution (the CIFAR stem).

`resnet_cifar` is the network for 32x32 images, section 4.2: n blocks in each of three stages give
6n + 2 layers; ResNet-20 0.27M parameters, -32 0.46M, -44 0.66M, -56 0.85M, -110 1.7M. Without
shortcuts it is the plain network of Figure 6, which trains worse the deeper it is.

With `preactivation` the blocks are those of He et al. 2016, https://arxiv.org/abs/1603.05027,
Figure 4(e), and the authors' code: what is added is not rectified, so the sum runs from the first
block to the last. The stride stays where it was, on F's first convolution.
"""

import keras
from keras import layers, ops

from keras_course.errors import UserError, unknown
from keras_course.models.blocks import conv, conv_norm, norm_relu
from keras_course.models.inputs import choose_stem, require_depth, require_size

FILTERS = (64, 128, 256, 512)
FILTERS_CIFAR = (16, 32, 64)  # at 32x32, 16x16 and 8x8
SHORTCUTS = ("A", "B", None)


def basic(filters):
    """F(x): two 3x3 convolutions."""
    return [(filters, 3), (filters, 3)]


def bottleneck(filters):
    """F(x): 1x1 to fewer channels, 3x3, 1x1 to four times as many."""
    return [(filters, 1), (filters, 3), (4 * filters, 1)]


# Table 1: blocks in each stage, and their F.
STAGES = {
    18: ((2, 2, 2, 2), basic),
    34: ((3, 4, 6, 3), basic),
    50: ((3, 4, 6, 3), bottleneck),
    101: ((3, 4, 23, 3), bottleneck),
    152: ((3, 8, 36, 3), bottleneck),
}


def by_padding(x, filters, strides):
    """Option A: subsample, then fill the new channels with zeros. No parameters."""
    # The mean of single pixels: x[:, ::strides, ::strides], whose gradient takes ten times as long.
    x = layers.AveragePooling2D(1, strides)(x)
    return ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])])


def residual(x, convolutions, normalization, strides):
    """F(x) of 2015: normalize after each convolution, rectify between them."""
    (filters, kernel_size), *others = convolutions
    x = conv_norm(x, filters, kernel_size, normalization, strides)
    for filters, kernel_size in others:
        x = conv_norm(layers.ReLU()(x), filters, kernel_size, normalization)
    return x


def preactivated_residual(x, convolutions, normalization, strides):
    """F(x) of 2016, of an x that is activated: normalize and rectify before each convolution."""
    (filters, kernel_size), *others = convolutions
    x = conv(x, filters, kernel_size, normalization, strides)
    for filters, kernel_size in others:
        x = conv(norm_relu(x, normalization), filters, kernel_size, normalization)
    return x


def residual_stages(x, stages, shortcut, normalization, preactivation):
    """Apply `stages`, pairs of a number of blocks and their convolutions, to the stem's output."""
    projection = conv if preactivation else conv_norm

    def add(x, residual, strides):
        """x + F(x)"""
        filters = residual.shape[-1]
        if shortcut is None:
            return residual
        if x.shape[-1] != filters and shortcut == "A":
            x = by_padding(x, filters, strides)
        elif x.shape[-1] != filters:
            x = projection(x, filters, 1, normalization, strides)  # option B
        return layers.Add()([x, residual])

    for stage, (blocks, convolutions) in enumerate(stages):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            if not preactivation:
                y = residual(x, convolutions, normalization, strides)
                x = layers.ReLU()(add(x, y, strides))
                continue
            activated = norm_relu(x, normalization) if stage or block else x  # the stem's is
            y = preactivated_residual(activated, convolutions, normalization, strides)
            # Where a stage begins, the shortcut too starts behind the activation (authors' code).
            x = add(x if block else activated, y, strides)
    return norm_relu(x, normalization) if preactivation else x


def resnet(
    depth=18,
    *,
    input_shape=(32, 32, 3),
    num_classes=10,
    stem=None,
    normalization="batch",
    preactivation=False,
) -> keras.Model:
    """Return ResNet-18, -34, -50, -101 or -152: raw pixels in, logits out.

    stem: "imagenet" (7x7 convolution and max pooling, both of stride 2) or "cifar" (one 3x3
    convolution); left out, images of 64 pixels or fewer get the CIFAR stem.
    normalization: "batch", "instance", "group" or None.
    preactivation: normalize and rectify before the convolutions (2016) instead of after (2015).
    Errors: UserError for another depth, or for images of fewer than 32 (CIFAR stem: 8) pixels.
    """
    require_depth(depth, STAGES)
    stem = choose_stem(stem, input_shape)
    require_size(f"resnet{depth}", input_shape, 8 if stem == "cifar" else 32)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    if stem == "cifar":
        x = layers.ReLU()(conv_norm(x, FILTERS[0], 3, normalization))  # 32x32x64
    else:
        x = layers.ReLU()(conv_norm(x, FILTERS[0], 7, normalization, strides=2))  # 112x112x64
        x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))  # 56x56x64
    blocks, block_function = STAGES[depth]
    stages = [(n, block_function(filters)) for n, filters in zip(blocks, FILTERS, strict=True)]
    x = residual_stages(x, stages, "B", normalization, preactivation)
    x = layers.GlobalAveragePooling2D()(x)  # 7x7 (CIFAR stem: 4x4) x 512 or 2048 -> 512 or 2048
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=f"resnet{depth}")


def resnet_cifar(
    depth=20,
    *,
    input_shape=(32, 32, 3),
    num_classes=10,
    shortcut="A",
    normalization="batch",
    preactivation=False,
) -> keras.Model:
    """Return the 6n + 2 ResNet: raw pixels in, logits out.

    shortcut: "A" pads with zeros and has no parameters (the paper's choice here), "B" projects,
    None leaves the shortcuts out: the plain network.
    normalization: "batch", "instance", "group" or None.
    preactivation: normalize and rectify before the convolutions (2016) instead of after (2015).
    Errors: UserError for a depth outside the rule, or for images of fewer than 4 pixels.
    """
    blocks, rest = divmod(depth - 2, 6)
    if blocks < 1 or rest:
        nearest = 6 * max(1, round((depth - 2) / 6)) + 2
        raise UserError(
            f"depth must be 6n + 2, like 20, 32 or 44. Received: {depth}; nearest is {nearest}."
        )
    if shortcut not in SHORTCUTS:
        raise unknown("shortcut", shortcut, map(str, SHORTCUTS))
    name = f"resnet{depth}" if shortcut else f"plain{depth}"
    require_size(name, input_shape, 4)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.ReLU()(conv_norm(x, FILTERS_CIFAR[0], 3, normalization))  # 32x32x16
    stages = [(blocks, basic(filters)) for filters in FILTERS_CIFAR]
    x = residual_stages(x, stages, shortcut, normalization, preactivation)
    x = layers.GlobalAveragePooling2D()(x)  # 8x8x64 -> 64
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
