"""DenseNet: every layer sees the output of all layers before it.

Huang et al. 2016, https://arxiv.org/abs/1608.06993

A dense layer adds k channels, its growth rate, to what it was given. Between dense blocks a
transition, 1x1 convolution and 2x2 average pooling, halves the size. Every convolution but the
first comes behind its normalization and ReLU.

`densenet` is the network for ImageNet, Table 1: four blocks of bottleneck layers, transitions that
halve the channels too (DenseNet-BC), k = 32, DenseNet-161 k = 48. For images of 64 pixels or fewer
one 3x3 convolution replaces its 7x7 convolution and max pooling (the CIFAR stem).

`densenet_cifar` is the network for 32x32 images, section 3, three equal blocks: DenseNet-40 with
k = 12 and 1.0M parameters, DenseNet-BC-100 with k = 12 and 0.8M. The paper's dropout of 0.2 is left
out: it is for training without augmentation only.
"""

import keras
from keras import layers

from keras_course.errors import UserError
from keras_course.models.blocks import conv, conv_norm, norm_relu
from keras_course.models.inputs import choose_stem, require_depth, require_size

# Table 1: dense layers in each block, and k.
BLOCKS = {
    121: ((6, 12, 24, 16), 32),
    161: ((6, 12, 36, 24), 48),
    169: ((6, 12, 32, 32), 32),
    201: ((6, 12, 48, 32), 32),
}


def dense_layer(x, growth, bottleneck, normalization):
    """[x, H(x)]: x and k new channels. H is a 3x3 convolution, behind one 1x1 with a bottleneck."""
    y = x
    if bottleneck:
        y = conv(norm_relu(y, normalization), 4 * growth, 1, normalization)
    y = conv(norm_relu(y, normalization), growth, 3, normalization)
    return layers.Concatenate()([x, y])


def transition(x, filters, normalization):
    """Half the size, `filters` channels."""
    x = conv(norm_relu(x, normalization), filters, 1, normalization)
    return layers.AveragePooling2D(2)(x)


def dense_blocks(x, blocks, growth, compressed, normalization):
    """Apply `blocks`, numbers of dense layers, with a transition between one block and the next.

    compressed: DenseNet-BC, with bottlenecks, and transitions that halve the channels.
    """
    for block, dense_layers in enumerate(blocks):
        if block:
            filters = x.shape[-1] // 2 if compressed else x.shape[-1]
            x = transition(x, filters, normalization)
        for _ in range(dense_layers):
            x = dense_layer(x, growth, compressed, normalization)
    return norm_relu(x, normalization)


def densenet(
    depth=121, *, input_shape=(32, 32, 3), num_classes=10, stem=None, normalization="batch"
) -> keras.Model:
    """Return DenseNet-121, -161, -169 or -201: raw pixels in, logits out.

    stem: "imagenet" (7x7 convolution and max pooling, both of stride 2) or "cifar" (one 3x3
    convolution); left out, images of 64 pixels or fewer get the CIFAR stem.
    normalization: "batch", "instance", "group" or None.
    Errors: UserError for another depth, or for images of fewer than 32 (CIFAR stem: 8) pixels.
    """
    require_depth(depth, BLOCKS)
    stem = choose_stem(stem, input_shape)
    require_size(f"densenet{depth}", input_shape, 8 if stem == "cifar" else 32)
    blocks, growth = BLOCKS[depth]
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    if stem == "cifar":
        x = layers.ReLU()(conv_norm(x, 2 * growth, 3, normalization))  # 32x32x64
    else:
        x = layers.ReLU()(conv_norm(x, 2 * growth, 7, normalization, strides=2))  # 112x112x64
        x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))  # 56x56x64
    x = dense_blocks(x, blocks, growth, True, normalization)
    x = layers.GlobalAveragePooling2D()(x)  # DenseNet-121: 7x7 (CIFAR stem: 4x4) x 1024 -> 1024
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=f"densenet{depth}")


def densenet_cifar(
    depth=40,
    *,
    input_shape=(32, 32, 3),
    num_classes=10,
    growth=12,
    compressed=False,
    normalization="batch",
) -> keras.Model:
    """Return the DenseNet of three equal blocks: raw pixels in, logits out.

    depth: 3n + 4, or 6n + 4 where it is compressed.
    growth: k, the channels that a dense layer adds.
    compressed: DenseNet-BC, with bottlenecks (B) and transitions that halve the channels (C).
    normalization: "batch", "instance", "group" or None.
    Errors: UserError for a depth outside the rule, or for images of fewer than 4 pixels.
    """
    step = 6 if compressed else 3  # a layer is one or two convolutions, and there are three blocks
    dense_layers, rest = divmod(depth - 4, step)
    if dense_layers < 1 or rest:
        nearest = step * max(1, round((depth - 4) / step)) + 4
        raise UserError(
            f"depth must be {step}n + 4, like 40 or 100. Received: {depth}; nearest is {nearest}."
        )
    name = f"densenet_bc{depth}" if compressed else f"densenet{depth}"
    require_size(name, input_shape, 4)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    # The first dense layer or the transition normalizes, so the stem does not.
    x = conv(x, 2 * growth if compressed else 16, 3, normalization)  # 32x32x16
    x = dense_blocks(x, [dense_layers] * 3, growth, compressed, normalization)
    x = layers.GlobalAveragePooling2D()(x)  # DenseNet-40: 8x8x448 -> 448
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
