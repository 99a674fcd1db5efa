"""Checks of lesson 4: tables against what Keras builds of them, a start against Keras' own."""

import statistics

import keras
import numpy as np
from keras import layers

from keras_course.lessons import networks
from keras_course.lessons.check import Check
from keras_course.lessons.usual import POSITIVE_LOGITS, SOFTMAX, TEN_ALWAYS


def _by_keras(table, side, channels):
    """Let Keras build the layers and count."""
    x = keras.Input((side, side, channels))
    weights = multiply_adds = 0
    for kind, *row in table:
        if kind == "pool":
            x = layers.MaxPooling2D(row[0], strides=2, padding="same")(x)
            continue
        filters, size, strides = row
        layer = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)
        x = layer(x)
        weights += layer.count_params()
        multiply_adds += layer.count_params() * x.shape[1] * x.shape[2]
    return weights, multiply_adds


def _halves(side, strides):
    return -(-side // strides)


def _cost(
    table,
    side,
    channels,
    *,
    kernel=lambda size, channels, filters: size**2 * channels * filters,
    divide=_halves,
    pooled=lambda side, size: _halves(side, 2),
    places=lambda before, side: side * side,
    chained=True,
    biases=0,
    factor=1,
):
    weights = multiply_adds = 0
    for kind, *row in table:
        if kind == "pool":
            side = pooled(side, row[0])
            continue
        filters, size, strides = row
        before, side = side, divide(side, strides)
        count = kernel(size, channels, filters)
        weights += count + biases * filters
        multiply_adds += factor * count * places(before, side)
        channels = filters if chained else channels
    return weights, multiply_adds


def _costs(**changes):
    return lambda table, side, channels: _cost(table, side, channels, **changes)


def _of_the_last(table, side, channels):
    last = max(place for place, row in enumerate(table) if row[0] == "conv")
    before = _cost(table[:last], side, channels)
    return tuple(np.subtract(_cost(table, side, channels), before).tolist())


def _return_in_the_loop(table, side, channels):
    return _cost(table[:1], side, channels)


def _any_table(random, kinds, strides):
    """Draw a table with rows of these kinds, and the strides of its convolutions."""
    strides = iter(strides)
    return [
        ("conv", int(random.integers(6, 13)), int(random.choice([3, 5])), next(strides))
        if kind == "conv"
        else ("pool", kind)
        for kind in kinds
    ]


cost = Check(
    "4.1",
    slides="23 to 24",
    right=_by_keras,
    cases=lambda random: [
        {
            "table": _any_table(random, ["conv", 3, "conv", "conv"], [2, 3, 1]),
            "side": 12 * int(random.integers(2, 5)) + 5,
            "channels": 3,
        },
        {
            "table": _any_table(random, ["conv", "conv", 2, "conv"], [1, 4, 1]),
            "side": 8 * int(random.integers(2, 6)) + 7,
            "channels": 5,
        },
    ],
    mistakes={
        "the channels stay those of the image. A convolution gets as many as the one before it has "
        "filters.": _costs(chained=False),
        "the strides of the convolutions were ignored: they divide the side.": (
            _costs(divide=lambda side, strides: side)
        ),
        "the poolings were ignored: each halves the side.": _costs(pooled=lambda side, size: side),
        "strides and poolings were ignored, so that every layer has the pixels of the image.": (
            _costs(divide=lambda side, strides: side, pooled=lambda side, size: side)
        ),
        "the places were counted before the strides divided the side. Count those of the output.": (
            _costs(places=lambda before, side: before * before)
        ),
        "a side was rounded down. Ceil rounds up.": (
            _costs(divide=lambda a, b: a // b, pooled=lambda side, size: side // 2)
        ),
        "a side is not a whole number: round it up.": (
            _costs(divide=lambda a, b: a / b, pooled=lambda side, size: side / 2)
        ),
        "the size of a pooling was taken for its strides. They are always 2.": (
            _costs(pooled=_halves)
        ),
        "a kernel has size x size pixels, not size.": (
            _costs(kernel=lambda size, channels, filters: size * channels * filters)
        ),
        "the channels that come in are missing: each filter has weights for all of them.": (
            _costs(kernel=lambda size, channels, filters: size**2 * filters)
        ),
        "`channels` was overwritten before it was used: these are size x size x filters x filters "
        "weights.": _costs(kernel=lambda size, channels, filters: size**2 * filters**2),
        "there are side x side places, not side.": _costs(places=lambda before, side: side),
        "the biases were counted. Leave them out.": _costs(biases=1),
        "each product and each sum was counted. A multiply-add is both at once.": (
            _costs(factor=2)
        ),
        "only the last convolution was counted. Add up over all of them.": _of_the_last,
        "only the first row was counted: the `return` is inside the loop.": _return_in_the_loop,
        "weights and multiply-adds are the wrong way round.": (
            lambda table, side, channels: _cost(table, side, channels)[::-1]
        ),
        "all weights were multiplied with the places of the last layer. Each convolution has its "
        "own places.": lambda table, side, channels: _at_the_end(table, side, channels),
    },
)


def _at_the_end(table, side, channels):
    weights, _ = _cost(table, side, channels)
    for kind, *row in table:
        side = _halves(side, 2 if kind == "pool" else row[2])
    return weights, weights * side * side


def _stages(filters, convolutions, stage):
    return [row for pair in zip(filters, convolutions, strict=True) for row in stage(*pair)]


def _table(stage):
    return lambda filters, convolutions: _stages(filters, convolutions, stage)


def _vgg_table(filters, convolutions):
    """Written backwards, from the last stage to the first."""
    table = []
    for count, repeats in reversed(list(zip(filters, convolutions, strict=True))):
        table.insert(0, ("pool", 2))
        for _ in range(repeats):
            table.insert(0, ("conv", count, 3, 1))
    return table


vgg_table = Check(
    "4.2",
    slides="24",
    right=_vgg_table,
    cases=lambda random: [
        {
            "filters": tuple(int(each) for each in random.permutation([8, 12, 16, 24])[:stages]),
            "convolutions": tuple(int(each) for each in random.permutation([2, 4, 5])[:stages]),
        }
        for stages in (2, 3)
    ],
    mistakes={
        "a pooling follows every convolution. Only the last of a stage should have one.": (
            _table(lambda count, repeats: [("conv", count, 3, 1), ("pool", 2)] * repeats)
        ),
        "the pooling comes first in a stage. It belongs after the convolutions.": (
            _table(lambda count, repeats: [("pool", 2)] + [("conv", count, 3, 1)] * repeats)
        ),
        "the last stage has no pooling. It needs one, too.": (
            lambda filters, convolutions: _vgg_table(filters, convolutions)[:-1]
        ),
        "the poolings are missing.": (
            _table(lambda count, repeats: [("conv", count, 3, 1)] * repeats)
        ),
        "there is one pooling, at the end of the network. Every stage should end with one.": (
            lambda filters, convolutions: [
                *_stages(filters, convolutions, lambda count, n: [("conv", count, 3, 1)] * n),
                ("pool", 2),
            ]
        ),
        "each stage has one convolution. `convolutions` says how many.": (
            _table(lambda count, repeats: [("conv", count, 3, 1), ("pool", 2)])
        ),
        "filters and size are the wrong way round: a row is (kind, filters, size, strides).": (
            _table(lambda count, repeats: [("conv", 3, count, 1)] * repeats + [("pool", 2)])
        ),
        "filters and convolutions are the wrong way round.": (
            _table(lambda count, repeats: [("conv", repeats, 3, 1)] * count + [("pool", 2)])
        ),
        "the convolutions have strides 2. Here only the poolings halve the images.": (
            _table(lambda count, repeats: [("conv", count, 3, 2)] * repeats + [("pool", 2)])
        ),
        "the poolings are AlexNet's, of 3x3. VGG's are 2x2.": (
            _table(lambda count, repeats: [("conv", count, 3, 1)] * repeats + [("pool", 3)])
        ),
        "a pooling's row needs only its size: the strides are always 2.": (
            _table(lambda count, repeats: [("conv", count, 3, 1)] * repeats + [("pool", 2, 2)])
        ),
        "there is a list for each stage. Join them into one list of rows (+=, or extend).": (
            lambda filters, convolutions: [
                [("conv", count, 3, 1)] * repeats + [("pool", 2)]
                for count, repeats in zip(filters, convolutions, strict=True)
            ]
        ),
        "each stage has one convolution too few: range(n) gives n numbers, range(1, n) one less.": (
            _table(lambda count, repeats: [("conv", count, 3, 1)] * (repeats - 1) + [("pool", 2)])
        ),
        "only the last stage is left: the list is made again for each stage.": (
            lambda filters, convolutions: _vgg_table(filters[-1:], convolutions[-1:])
        ),
        "only the first stage is there: the `return` is inside the loop.": (
            lambda filters, convolutions: _vgg_table(filters[:1], convolutions[:1])
        ),
    },
)


def _conv(x, filters, size, strides):
    """What the check gives as `conv`: with BatchNorm, to tell it from a student's own."""
    x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(x))


def _plain_conv(x, filters, size, strides):
    return layers.Conv2D(filters, size, strides=strides, padding="same", activation="relu")(x)


def _network(
    table,
    conv,
    num_classes=10,
    *,
    scale=True,
    rows=lambda table: table,
    call=lambda conv, x, filters, size, strides: conv(x, filters, size, strides),
    pool=layers.MaxPooling2D,
    options=lambda size: {"pool_size": size, "strides": 2, "padding": "same"},
    head=layers.GlobalAveragePooling2D,
    activation=None,
):
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs) if scale else inputs
    for kind, *row in rows(table):
        x = pool(**options(row[0]))(x) if kind == "pool" else call(conv, x, *row)
    return keras.Model(inputs, layers.Dense(num_classes, activation=activation)(head()(x)))


def _with(**changes):
    return lambda table, conv, num_classes: _network(table, conv, num_classes, **changes)


network = Check(
    "4.3",
    slides="23 to 24",
    right=_network,
    cases=lambda random: [
        {
            "images": random.uniform(0, 255, (2, 32, 32, 3)).astype("float32"),
            "table": [
                (kind, int(filters), *row) if kind == "conv" else (kind, *row)
                for (kind, *row), filters in zip(rows, random.permutation(6) + 6, strict=False)
            ],
            "conv": _conv,
            "num_classes": classes,
        }
        for rows, classes in (
            ([("conv", 5, 2), ("pool", 3), ("conv", 3, 1)], int(random.integers(3, 9))),
            ([("conv", 3, 3), ("pool", 2), ("conv", 1, 1), ("pool", 3)], 11),
        )
    ],
    observe=networks.network,
    mistakes={
        SOFTMAX: (_with(activation="softmax")),
        POSITIVE_LOGITS: (_with(activation="relu")),
        "the poolings take the mean. These networks take the largest pixel of a window.": (
            _with(pool=layers.AveragePooling2D)
        ),
        "the poolings were given no strides, so that a 3x3 moves by three pixels. The strides are "
        "always 2.": _with(options=lambda size: {"pool_size": size, "padding": "same"}),
        'the poolings drop the pixels that are left over. They need padding="same".': (
            _with(options=lambda size: {"pool_size": size, "strides": 2})
        ),
        'the poolings have neither strides 2 nor padding "same".': (
            _with(options=lambda size: {"pool_size": size})
        ),
        "every pooling is 2x2. A row says its size.": (
            _with(options=lambda size: {"pool_size": 2, "strides": 2, "padding": "same"})
        ),
        "the poolings were left out.": (
            _with(rows=lambda table: [row for row in table if row[0] == "conv"])
        ),
        "`conv` was not used: call it, so that other convolutions fit as well.": (
            lambda table, conv, num_classes: _network(table, _plain_conv, num_classes)
        ),
        "the strides of the convolutions were not used.": (
            _with(call=lambda conv, x, filters, size, strides: conv(x, filters, size, 1))
        ),
        "filters and size are the wrong way round: `conv` takes (x, filters, size, strides).": (
            _with(call=lambda conv, x, filters, size, strides: conv(x, size, filters, strides))
        ),
        "every convolution is 3x3. A row says its size.": (
            _with(call=lambda conv, x, filters, size, strides: conv(x, filters, 3, strides))
        ),
        "the images were flattened. The mean over all pixels needs GlobalAveragePooling2D.": (
            _with(head=layers.Flatten)
        ),
        "the largest pixel was taken. The mean needs GlobalAveragePooling2D.": (
            _with(head=layers.GlobalMaxPooling2D)
        ),
        "the dense layer works on each pixel: take the mean over all pixels before it.": (
            _with(head=layers.Identity)
        ),
        "the pixels were not scaled: call the first layer with `x`, not with `inputs`.": (
            _with(scale=False)
        ),
        TEN_ALWAYS: (lambda table, conv, num_classes: _network(table, conv)),
        "every layer takes the image, so that only the last one counts. Call each with the output "
        "of the one before it.": _with(rows=lambda table: table[-1:]),
        "the last row of the table is missing.": _with(rows=lambda table: table[:-1]),
        "only the first row became a layer: the lines that belong after the loop are inside it.": (
            _with(rows=lambda table: table[:1])
        ),
    },
)


def _spread(activations):
    """Number by number, by the statistics of the standard library."""
    columns = np.reshape(activations, (len(activations), -1)).T
    return statistics.fmean(statistics.pstdev(column.tolist()) for column in columns)


spread = Check(
    "4.4",
    slides="24 and 46",
    right=_spread,
    cases=lambda random: [
        {"activations": random.normal(size=shape) + 2 * random.normal(size=shape[1:])}
        for shape in ((5, 3, 4, 2), (7, 6))
    ],
    mistakes={
        "the standard deviation was taken over all numbers. Two channels that differ do not tell "
        "images apart: take it only over the images.": lambda activations: np.std(activations),
        "the standard deviation was taken over the channels. The images are the first axis.": (
            lambda activations: np.std(activations, axis=-1).mean()
        ),
        "the standard deviation was taken within each image. The images are the first axis.": (
            lambda activations: np.std(activations, axis=tuple(range(1, activations.ndim))).mean()
        ),
        "this is the variance. The standard deviation is its root.": (
            lambda activations: np.var(activations, axis=0).mean()
        ),
        "the mean was taken before the root. First the root, then the mean.": (
            lambda activations: np.sqrt(np.var(activations, axis=0).mean())
        ),
        "the sum of the squares was divided by n - 1. Divide it by n.": (
            lambda activations: np.std(activations, axis=0, ddof=1).mean()
        ),
        "the mean is missing: this is still a number for each place and channel.": (
            lambda activations: np.std(activations, axis=0)
        ),
        "each image was averaged first. Then only its mean counts, not what is where in it.": (
            lambda activations: np.std(activations.reshape(len(activations), -1).mean(axis=1))
        ),
        "mean and standard deviation are swapped. First take the standard deviation over the "
        "images, then the mean of that.": lambda activations: np.std(activations.mean(axis=0)),
        "absolute distances were averaged. The standard deviation squares them.": (
            lambda activations: np.abs(activations - activations.mean(axis=0)).mean()
        ),
        "this is the range from the smallest to the largest number, not the standard deviation.": (
            lambda activations: np.ptp(activations, axis=0).mean()
        ),
        "the largest standard deviation was taken. Take the mean of all.": (
            lambda activations: np.std(activations, axis=0).max()
        ),
        "the standard deviations were added. Take their mean.": (
            lambda activations: np.std(activations, axis=0).sum()
        ),
        "the mean image was not subtracted: this is the size of the numbers, not their spread.": (
            lambda activations: np.sqrt(np.mean(activations**2, axis=0)).mean()
        ),
    },
)


def _by_he_uniform(shape):
    """Keras draws +-a with the same standard deviation, a / sqrt(3); find a from equal draws."""
    drawn = keras.initializers.HeUniform(seed=1)(shape)
    unit = keras.initializers.RandomUniform(-1, 1, seed=1)(shape)
    largest = [np.abs(keras.ops.convert_to_numpy(each)).max() for each in (drawn, unit)]
    return float(largest[0] / largest[1] / np.sqrt(3))


def _stddev(inputs, numerator=2, root=np.sqrt):
    return lambda shape: float(root(numerator / inputs(*shape)))


he_stddev = Check(
    "4.5",
    slides="46",
    right=_by_he_uniform,
    cases=lambda random: [
        {"shape": (height, width, int(random.integers(3, 9)), int(random.integers(9, 20)))}
        for height, width in ((3, 3), (5, 2))
    ],
    mistakes={
        "the number of filters was counted, too. n is the number of inputs of one filter.": (
            _stddev(lambda height, width, channels, filters: height * width * channels * filters)
        ),
        "filters were taken for channels. The shape is (height, width, channels, filters).": (
            _stddev(lambda height, width, channels, filters: height * width * filters)
        ),
        "the root is missing: this is the variance.": (
            _stddev(lambda height, width, channels, filters: height * width * channels, root=float)
        ),
        "the 2 is missing. The ReLU halves the variance, and the kernel makes up for it.": (
            _stddev(lambda height, width, channels, filters: height * width * channels, 1)
        ),
        "this is Glorot's start, Keras' default: it takes the mean of inputs and outputs, and does "
        "not know of the ReLU.": (
            _stddev(lambda height, width, channels, filters: height * width * (channels + filters))
        ),
        "only the channels were counted. A filter sees height x width pixels of each.": (
            _stddev(lambda height, width, channels, filters: channels)
        ),
        "only the pixels of the kernel were counted. A filter sees each of them in all channels.": (
            _stddev(lambda height, width, channels, filters: height * width)
        ),
        "the kernel's height was taken for its width, too.": (
            _stddev(lambda height, width, channels, filters: height * height * channels)
        ),
        "the fraction is upside down: more inputs need smaller weights.": (
            lambda shape: float(np.sqrt(shape[0] * shape[1] * shape[2] / 2))
        ),
        "the 2 is in the denominator. Solve n s² / 2 = 1 for s.": (
            lambda shape: float(np.sqrt(1 / (2 * shape[0] * shape[1] * shape[2])))
        ),
        "the root was taken only of the number of inputs, not of the 2.": (
            lambda shape: float(2 / np.sqrt(shape[0] * shape[1] * shape[2]))
        ),
        "this is the start of the AlexNet paper, 0.01 for every shape.": lambda shape: 0.01,
        "this is the limit of a uniform distribution, sqrt(6 / n). Its standard deviation is "
        "smaller by sqrt(3).": (
            _stddev(lambda height, width, channels, filters: height * width * channels, 6)
        ),
    },
)
