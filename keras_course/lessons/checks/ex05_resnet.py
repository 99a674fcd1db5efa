"""Checks of lesson 5: blocks and networks by what they compute with the same weights."""

import keras
import numpy as np
from keras import layers

from keras_course.lessons import networks
from keras_course.lessons.check import Check
from keras_course.lessons.usual import (
    POSITIVE_LOGITS,
    SOFTMAX,
    TEN_ALWAYS,
    numbers_of_classes,
)

FILTERS = (8, 16, 32)


def _conv_bn(x, filters, strides=1):
    x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def _shortcut(x, filters, strides):
    if strides > 1:
        x = layers.AveragePooling2D(1, strides)(x)
    return keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])])


def _relu(x):
    return layers.ReLU()(x)


def _add(*both):
    return layers.Add()(list(both))


def _residual_block(x, filters, strides=1):
    y = _conv_bn(_relu(_conv_bn(x, filters, strides)), filters)
    return _relu(_add(_shortcut(x, filters, strides), y))


def _stride_on_the_second(x, filters, strides=1):
    y = _conv_bn(_relu(_conv_bn(x, filters)), filters, strides)
    return _relu(_add(_shortcut(x, filters, strides), y))


def _stride_on_both(x, filters, strides=1):
    y = _conv_bn(_relu(_conv_bn(x, filters, strides)), filters, strides)
    return _relu(_add(_shortcut(x, filters, strides), y))


def _no_strides(x, filters, strides=1):
    y = _conv_bn(_relu(_conv_bn(x, filters)), filters)
    return _relu(_add(_shortcut(x, filters, 1), y))


def _relu_before_the_addition(x, filters, strides=1):
    y = _relu(_conv_bn(_relu(_conv_bn(x, filters, strides)), filters))
    return _add(_shortcut(x, filters, strides), y)


def _relu_before_and_after(x, filters, strides=1):
    y = _relu(_conv_bn(_relu(_conv_bn(x, filters, strides)), filters))
    return _relu(_add(_shortcut(x, filters, strides), y))


def _no_relu_between(x, filters, strides=1):
    y = _conv_bn(_conv_bn(x, filters, strides), filters)
    return _relu(_add(_shortcut(x, filters, strides), y))


def _no_relu_after(x, filters, strides=1):
    y = _conv_bn(_relu(_conv_bn(x, filters, strides)), filters)
    return _add(_shortcut(x, filters, strides), y)


def _no_shortcut(x, filters, strides=1):
    return _relu(_conv_bn(_relu(_conv_bn(x, filters, strides)), filters))


def _one_convolution(x, filters, strides=1):
    return _relu(_add(_shortcut(x, filters, strides), _conv_bn(x, filters, strides)))


def _added_to_itself(x, filters, strides=1):
    y = _relu(_conv_bn(x, filters, strides))
    return _relu(_add(y, _conv_bn(y, filters)))


def _x_overwritten(x, filters, strides=1):
    y = _relu(_conv_bn(x, filters, strides))
    return _relu(_add(_shortcut(y, filters, strides), _conv_bn(y, filters)))


def _bare_x(x, filters, strides=1):
    y = _conv_bn(_relu(_conv_bn(x, filters, strides)), filters)
    return _relu(_add(x, y))


def _projected(normalized):
    """Return the block with the paper's other shortcut where the shape changes."""

    def block(x, filters, strides=1):
        y = _conv_bn(_relu(_conv_bn(x, filters, strides)), filters)
        if strides > 1 or filters != x.shape[-1]:
            x = layers.Conv2D(filters, 1, strides, use_bias=False)(x)
            x = layers.BatchNormalization(epsilon=1e-5)(x) if normalized else x
        return _relu(_add(x, y))

    return block


residual_block = Check(
    "5.1",
    slides="25",
    right=_residual_block,
    cases=lambda random: [
        {"x": random.normal(size=(2, 8, 8, 4)).astype("float32"), "filters": 4},
        {"x": random.normal(size=(2, 8, 8, 4)).astype("float32"), "filters": 6, "strides": 2},
    ],
    observe=networks.block,
    mistakes={
        "the stride is on the second convolution. It belongs on the first (section 3.3 of the "
        "paper), so that both work on few pixels.": _stride_on_the_second,
        "both convolutions have the stride. Only the first needs it: the shortcut has it once.": (
            _stride_on_both
        ),
        "the stride was not used, neither by the first convolution nor by the shortcut.": (
            _no_strides
        ),
        "the second ReLU comes before the addition. Then a block can only add, never subtract.": (
            _relu_before_the_addition
        ),
        "there is a ReLU before the addition, and one after it. The first makes F(x) zero or more, "
        "so that a block could never subtract.": _relu_before_and_after,
        "the ReLU between the two convolutions is missing: they are one linear map.": (
            _no_relu_between
        ),
        "the ReLU after the addition is missing.": _no_relu_after,
        "nothing is added: this is a plain block, without its shortcut.": _no_shortcut,
        "F(x) is two convolutions, not one.": _one_convolution,
        "the output of the first convolution is added, not the block's input.": _added_to_itself,
        "x was overwritten: the shortcut starts from the output of the first convolution. It has "
        "to start from the block's input.": _x_overwritten,
        "x itself was added where the shape changes. Use shortcut(x, filters, strides).": _bare_x,
        "the shortcut is a 1x1 convolution where the shape changes: option B of the paper, which "
        "has weights. Use shortcut(x, filters, strides).": _projected(normalized=False),
        "the shortcut is a 1x1 convolution with BatchNorm where the shape changes: option B of the "
        "paper, which has weights. Use shortcut(x, filters, strides).": _projected(normalized=True),
    },
)


def _resnet(
    depth,
    block=_residual_block,
    num_classes=10,
    *,
    filters_of=FILTERS,
    first=lambda x: _relu(_conv_bn(x, FILTERS[0])),
    strides=lambda stage, number: 2 if stage and not number else 1,
    blocks=lambda depth: (depth - 2) // 6,
    pool=lambda x: layers.GlobalAveragePooling2D()(x),
    activation=None,
    scale=True,
):
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs) if scale else inputs
    x = first(x)
    for stage, filters in enumerate(filters_of):
        for number in range(blocks(depth)):
            x = block(x, filters, strides=strides(stage, number))
    return keras.Model(inputs, layers.Dense(num_classes, activation=activation)(pool(x)))


def _cheap_block(x, filters, strides=1):
    """What stands for a residual block here: the check has to build many networks."""
    return layers.Conv2D(filters, 3, strides, padding="same", activation="relu")(x)


def _with(**changes):
    return lambda depth, block, num_classes: _resnet(depth, block, num_classes, **changes)


resnet = Check(
    "5.2",
    slides="25",
    right=_resnet,
    cases=lambda random: [
        {
            "images": random.uniform(0, 255, (2, 32, 32, 3)).astype("float32"),
            "depth": depth,
            "block": _cheap_block,
            "num_classes": classes,
        }
        for depth, classes in zip((8, 14), numbers_of_classes(random), strict=True)
    ],
    observe=networks.network,
    mistakes={
        SOFTMAX: (_with(activation="softmax")),
        POSITIVE_LOGITS: _with(activation="relu"),
        "the first stage halves the images, too. Only the second and third should.": (
            _with(strides=lambda stage, number: 1 if number else 2)
        ),
        "every block of the later stages halves the images. Only the first of a stage should.": (
            _with(strides=lambda stage, number: 2 if stage else 1)
        ),
        "no block halves the images: the second and third stage need strides=2 in their first "
        "block.": _with(strides=lambda stage, number: 1),
        "the last block of a stage halves the images. The first should.": (
            lambda depth, block, num_classes: _resnet(
                depth,
                block,
                num_classes,
                strides=lambda stage, number: 2 if stage and number == (depth - 8) // 6 else 1,
            )
        ),
        "the first convolution is missing.": _with(first=lambda x: x),
        "the ReLU after the first convolution is missing.": (
            _with(first=lambda x: _conv_bn(x, FILTERS[0]))
        ),
        "the normalization after the first convolution is missing.": (
            _with(first=lambda x: _relu(layers.Conv2D(FILTERS[0], 3, padding="same")(x)))
        ),
        "nothing takes the mean over all pixels: GlobalAveragePooling2D goes before the logits.": (
            _with(pool=lambda x: x)
        ),
        "a block has two layers, and there are three stages: n is (depth - 2) / 6, not / 3.": (
            _with(blocks=lambda depth: (depth - 2) // 3)
        ),
        "n is (depth - 2) / 6: one block too few.": _with(
            blocks=lambda depth: (depth - 2) // 6 - 1
        ),
        "n is (depth - 2) / 6, not depth / 6 rounded up.": (
            _with(blocks=lambda depth: -(-depth // 6))
        ),
        TEN_ALWAYS: (lambda depth, block, num_classes: _resnet(depth, block)),
        "`block` was not used: call it, so that other blocks fit as well.": (
            lambda depth, block, num_classes: _resnet(depth, _no_shortcut, num_classes)
        ),
        "the images were flattened. The mean over all pixels needs GlobalAveragePooling2D.": (
            _with(pool=lambda x: layers.Flatten()(x))
        ),
        "the largest pixel was taken. The mean needs GlobalAveragePooling2D.": (
            _with(pool=lambda x: layers.GlobalMaxPooling2D()(x))
        ),
        "all stages have the same number of filters. Each has its own in FILTERS.": (
            _with(filters_of=(8, 8, 8))
        ),
        "the pixels were not scaled: call the first convolution with `x`, not with `inputs`.": (
            _with(scale=False)
        ),
    },
)


def _gradient_norms(kernels, gradients):
    return [
        float(np.sqrt((gradient**2).sum()) / np.sqrt((kernel**2).sum()))
        for kernel, gradient in zip(kernels, gradients, strict=True)
    ]


def _norms(of):
    return lambda kernels, gradients: [
        of(kernel, gradient) for kernel, gradient in zip(kernels, gradients, strict=True)
    ]


def _length(array):
    return np.linalg.norm(array)


gradient_norms = Check(
    "5.3",
    slides="25",
    right=_gradient_norms,
    cases=lambda random: [
        {
            "kernels": [random.normal(size=shape) for shape in shapes],
            "gradients": [random.normal(size=shape) for shape in shapes],
        }
        for shapes in ([(3, 3, 2, 4), (3, 3, 4, 4)], [(1, 1, 3, 5)])
    ],
    mistakes={
        "the lengths of the kernels are missing: divide by them.": (
            _norms(lambda kernel, gradient: _length(gradient))
        ),
        "the root is missing: this is the ratio of the sums of squares.": (
            _norms(lambda kernel, gradient: (_length(gradient) / _length(kernel)) ** 2)
        ),
        "the fraction is upside down: divide the gradient's length by the kernel's.": (
            _norms(lambda kernel, gradient: _length(kernel) / _length(gradient))
        ),
        "the absolute values were added. A length is the root of the sum of squares.": (
            _norms(lambda kernel, gradient: np.abs(gradient).sum() / np.abs(kernel).sum())
        ),
        "the largest entries were taken. A length is the root of the sum of squares.": (
            _norms(lambda kernel, gradient: np.abs(gradient).max() / np.abs(kernel).max())
        ),
        "gradient and kernel were divided entry by entry, before their lengths were taken.": (
            _norms(lambda kernel, gradient: _length(gradient / kernel))
        ),
        "the root is missing from the kernel's length. The gradient's has one.": (
            _norms(lambda kernel, gradient: _length(gradient) / _length(kernel) ** 2)
        ),
        "this is one number for all layers. Return a list with one for each.": (
            lambda kernels, gradients: float(np.mean(_gradient_norms(kernels, gradients)))
        ),
        "kernels and gradients were multiplied, not divided.": (
            _norms(lambda kernel, gradient: _length(kernel) * _length(gradient))
        ),
    },
)


def _pixels_left(size, strides):
    """Let Keras say it."""
    x = keras.Input((size, size, 1))
    for stride in strides:
        x = layers.MaxPooling2D(3, stride, padding="same")(x)
    return x.shape[1]


def _each(divide):
    def left(size, strides):
        for stride in strides:
            size = divide(size, stride)
        return size

    return left


pixels_left = Check(
    "5.4",
    slides="14 to 17",
    right=_pixels_left,
    cases=lambda random: [
        {"size": size, "strides": strides}
        for size, strides in (
            (int(random.integers(4, 30)) * 8 + 1, [2, 2, 2]),
            (int(random.integers(4, 30)) * 12 + 8, [3, 2, 1, 2]),
        )
    ],
    mistakes={
        'the result was rounded down. With padding "same", a pixel that is left over counts.': (
            _each(lambda size, stride: size // stride)
        ),
        "nothing was rounded: there are no half pixels.": (
            _each(lambda size, stride: size / stride)
        ),
        "the strides were subtracted. Divide by them.": _each(lambda size, stride: size - stride),
        "only the last stride was used. Keep the result of each for the next one.": (
            lambda size, strides: -(-size // strides[-1])
        ),
        "only the first stride was used: the `return` is inside the loop.": (
            lambda size, strides: -(-size // strides[0])
        ),
        "every stride was taken to be 2.": _each(lambda size, stride: -(-size // 2)),
        "the strides were added, and the size divided once. Divide by one after the other.": (
            lambda size, strides: -(-size // sum(strides))
        ),
        "one pixel was added at every layer, even if nothing was left over.": (
            _each(lambda size, stride: size // stride + 1)
        ),
        "it was rounded to the nearest number. Round up.": (
            _each(lambda size, stride: round(size / stride))
        ),
    },
)
