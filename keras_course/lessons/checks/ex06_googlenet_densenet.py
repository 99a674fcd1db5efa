"""Checks of lesson 6: blocks by what they compute with the same weights, counts by the layers."""

import math

import keras
from keras import layers

from keras_course.lessons import networks
from keras_course.lessons.check import Check, Unusable


def _conv(x, filters, size):
    return layers.Conv2D(filters, size, padding="same", use_bias=False)(x)


def _bn_relu(x):
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))


def _unit(x, filters, size):
    return _bn_relu(_conv(x, filters, size))


def _pool(x):
    return layers.MaxPooling2D(3, strides=1, padding="same")(x)


def _branches(
    x, filters, *, unit=_unit, reduced=_unit, pool=_pool, sizes=(3, 5), order=(0, 1, 2, 3)
):
    f1, r3, f3, r5, f5, fp = filters
    every = [
        unit(x, f1, 1),
        unit(reduced(x, r3, 1), f3, sizes[0]),
        unit(reduced(x, r5, 1), f5, sizes[1]),
        unit(pool(x), fp, 1),
    ]
    return [every[place] for place in order]


def _inception(join=lambda branches: layers.Concatenate()(branches), **changes):
    return lambda x, filters: join(_branches(x, filters, **changes))


def _concatenated(make):
    return lambda x, filters: layers.Concatenate()(make(x, *filters))


_inception_block = _inception()

inception_block = Check(
    "6.1",
    slides="26",
    right=_inception_block,
    cases=lambda random: [
        {
            "x": random.normal(size=(2, 6, 7, channels)).astype("float32"),
            "filters": tuple(int(each) for each in random.permutation(8)[:6] + 2),
        }
        for channels in (12, 11)
    ],
    observe=networks.block,
    mistakes={
        "the pooling was given no strides, so that it moves by three pixels. It needs strides=1.": (
            _inception(pool=lambda x: layers.MaxPooling2D(3, padding="same")(x))
        ),
        'the pooling drops the frame of the image. It needs padding="same".': (
            _inception(pool=lambda x: layers.MaxPooling2D(3, strides=1)(x))
        ),
        'the pooling has neither strides=1 nor padding="same": it leaves a ninth of the pixels.': (
            _inception(pool=lambda x: layers.MaxPooling2D(3)(x))
        ),
        "the pooling takes the mean. Here it takes the largest pixel.": (
            _inception(pool=lambda x: layers.AveragePooling2D(3, strides=1, padding="same")(x))
        ),
        "the pooling is missing in the fourth branch.": _inception(pool=lambda x: x),
        "the 1x1 after the pooling is missing: all its channels are passed on.": (
            _concatenated(
                lambda x, f1, r3, f3, r5, f5, fp: [
                    *_branches(x, (f1, r3, f3, r5, f5, fp))[:3],
                    _pool(x),
                ]
            )
        ),
        "the 1x1 of the fourth branch comes before the pooling. It belongs after it.": (
            _concatenated(
                lambda x, f1, r3, f3, r5, f5, fp: [
                    *_branches(x, (f1, r3, f3, r5, f5, fp))[:3],
                    _pool(_unit(x, fp, 1)),
                ]
            )
        ),
        "the 1x1 convolutions before the 3x3 and the 5x5 are missing.": (
            _inception(reduced=lambda x, filters, size: x)
        ),
        "this is the naive block of Figure 2a, without the 1x1 before 3x3 and 5x5 and after the "
        "pooling.": _concatenated(
            lambda x, f1, r3, f3, r5, f5, fp: [
                _unit(x, f1, 1),
                _unit(x, f3, 3),
                _unit(x, f5, 5),
                _pool(x),
            ]
        ),
        "BatchNorm and ReLU are missing after the 1x1 of the second and the third branch.": (
            _inception(reduced=_conv)
        ),
        "BatchNorm and ReLU are missing after the last convolution of each branch.": (
            _inception(unit=_conv)
        ),
        "BatchNorm and ReLU are missing: three of the four branches are linear maps.": (
            _inception(unit=_conv, reduced=_conv)
        ),
        "BatchNorm and ReLU come before the convolutions. Here they belong after.": (
            _inception(
                unit=lambda x, filters, size: _conv(_bn_relu(x), filters, size),
                reduced=lambda x, filters, size: _conv(_bn_relu(x), filters, size),
            )
        ),
        "the third branch has 3x3 filters, like the second. They should be 5x5.": (
            _inception(sizes=(3, 3))
        ),
        "the numbers were taken in the wrong order: in `filters`, the number of a 1x1 comes before "
        "that of the 3x3 or 5x5 after it.": (
            lambda x, filters: _inception_block(x, [filters[place] for place in (0, 2, 1, 4, 3, 5)])
        ),
        "the 1x1 convolutions come after the 3x3 and the 5x5. They make these cheap only if they "
        "come before.": _concatenated(
            lambda x, f1, r3, f3, r5, f5, fp: [
                _unit(x, f1, 1),
                _unit(_unit(x, f3, 3), r3, 1),
                _unit(_unit(x, f5, 5), r5, 1),
                _unit(_pool(x), fp, 1),
            ]
        ),
        "the branches are one after the other: each takes the output of the one before. All should "
        "start from x.": _concatenated(lambda x, *filters: _chained(x, filters)),
        "the branch with the pooling comes first. The order is 1x1, 3x3, 5x5, pooling.": (
            _inception(order=(3, 0, 1, 2))
        ),
        "the branches are in reverse order. It should be 1x1, 3x3, 5x5, pooling.": (
            _inception(order=(3, 2, 1, 0))
        ),
        "the branch with the pooling is missing.": _inception(order=(0, 1, 2)),
        "the branch with the single 1x1 is missing.": _inception(order=(1, 2, 3)),
        "the branches were added. Their numbers of channels differ: put them side by side.": (
            _inception(join=lambda branches: layers.Add()(branches))
        ),
        "the branches were joined along the rows, one below the other. The channels are the last "
        "axis.": _inception(join=lambda branches: layers.Concatenate(axis=1)(branches)),
        "x itself was put beside the branches. That is DenseNet's idea.": (
            lambda x, filters: layers.Concatenate()([x, *_branches(x, filters)])
        ),
    },
)


def _chained(x, filters):
    f1, r3, f3, r5, f5, fp = filters
    first = _unit(x, f1, 1)
    second = _unit(_unit(first, r3, 1), f3, 3)
    third = _unit(_unit(second, r5, 1), f5, 5)
    return [first, second, third, _unit(_pool(third), fp, 1)]


def _by_config(model):
    """Count from what the layers were made with."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            height, width = layer.kernel_size
            _, down, across, filters = layer.output.shape
            total += down * across * height * width * layer.input.shape[-1] * filters
        elif isinstance(layer, layers.Dense):
            total += layer.input.shape[-1] * layer.units
    return total


def _count(
    conv=lambda places, taps, channels, filters: places * taps * channels * filters,
    dense=lambda inputs, units: inputs * units,
    places=lambda layer: layer.output.shape[1] * layer.output.shape[2],
    taps=lambda size: size * size,
    chosen=lambda weighted: weighted,
    factor=1,
):
    def multiply_adds(model):
        total = 0
        weighted = [each for each in model.layers if hasattr(each, "kernel")]
        for layer in chosen(weighted):
            if isinstance(layer, layers.Dense):
                total += dense(layer.input.shape[-1], layer.units)
            else:
                channels, filters = layer.input.shape[-1], layer.filters
                total += conv(places(layer), taps(layer.kernel_size[0]), channels, filters)
        return factor * total

    return multiply_adds


def _observed(function, image, convolutions, units):
    """Call the function with a model of these layers."""
    x = inputs = keras.Input(image)
    for filters, size, strides, padding in convolutions:
        x = layers.Conv2D(filters, size, strides=strides, padding=padding)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    for count in units:
        x = layers.Dense(count)(x)
    return function(model=keras.Model(inputs, x))


def _with_normalization(model):
    more = sum(
        layer.count_params() * layer.output.shape[1] * layer.output.shape[2]
        for layer in model.layers
        if isinstance(layer, layers.BatchNormalization)
    )
    return _by_config(model) + more


multiply_adds = Check(
    "6.2",
    slides="26",
    right=_by_config,
    cases=lambda random: [
        {
            "image": (int(random.integers(9, 13)), int(random.integers(14, 20)), 3),
            "convolutions": [
                (int(filters), size, strides, padding)
                for filters, (size, strides, padding) in zip(
                    random.permutation(7) + 3, rows, strict=False
                )
            ],
            "units": tuple(int(each) for each in random.integers(5, 9, 2)),
        }
        for rows in (
            [(3, 2, "same"), (1, 1, "same"), (5, 1, "valid")],
            [(5, 1, "same"), (3, 2, "valid")],
        )
    ],
    observe=_observed,
    mistakes={
        "the first axis of a shape is the batch, and its size is None: begin with the next axis.": (
            lambda model: math.prod(model.output.shape)
        ),
        "the dense layers are missing.": _count(dense=lambda inputs, units: 0),
        "the convolutions are missing.": _count(
            chosen=lambda weighted: [each for each in weighted if isinstance(each, layers.Dense)]
        ),
        "the biases were counted. They are not multiplied with anything.": _count(
            conv=lambda places, taps, channels, filters: places * (taps * channels + 1) * filters,
            dense=lambda inputs, units: (inputs + 1) * units,
        ),
        "the biases of the convolutions were counted.": _count(
            conv=lambda places, taps, channels, filters: places * (taps * channels + 1) * filters
        ),
        "the biases of the dense layers were counted.": (
            _count(dense=lambda inputs, units: (inputs + 1) * units)
        ),
        "the places of the input were counted. With strides or without padding, the output has "
        "fewer.": _count(places=lambda layer: layer.input.shape[1] * layer.input.shape[2]),
        "each product and each sum was counted. A multiply-add is both at once.": _count(factor=2),
        "these are the weights. A convolution uses each of them at every place of its output.": (
            _count(places=lambda layer: 1)
        ),
        "these are the weights and biases. A convolution uses each weight at every place of its "
        "output, and biases do not count.": lambda model: sum(
            each.count_params() for each in model.layers if hasattr(each, "kernel")
        ),
        "these are all parameters of the model. How often is each of them used?": (
            lambda model: model.count_params()
        ),
        "BatchNorm was counted as well. Count only Conv2D and Dense layers.": _with_normalization,
        "the filters were counted twice: by the kernel's shape, and by the output's last axis.": (
            _count(
                conv=lambda places, taps, channels, filters: places * taps * channels * filters**2,
                dense=lambda inputs, units: inputs * units**2,
            )
        ),
        "the filters of the convolutions were counted twice: by the kernel's shape, and by the "
        "output's last axis.": _count(
            conv=lambda places, taps, channels, filters: places * taps * channels * filters**2
        ),
        "the channels that come in are missing: a filter has weights for all of them.": (
            _count(conv=lambda places, taps, channels, filters: places * taps * filters)
        ),
        "the filters are missing: each of them is at work at every place.": (
            _count(conv=lambda places, taps, channels, filters: places * taps * channels)
        ),
        "a kernel has size x size pixels, not size.": _count(taps=lambda size: size),
        "the images are not square: the height was taken for the width.": (
            _count(places=lambda layer: layer.output.shape[1] ** 2)
        ),
        "the images are not square: the width was taken for the height.": (
            _count(places=lambda layer: layer.output.shape[2] ** 2)
        ),
        "only the height of the output was counted.": (
            _count(places=lambda layer: layer.output.shape[1])
        ),
        "only the last layer was counted. Add up over all of them.": (
            _count(chosen=lambda weighted: weighted[-1:])
        ),
        "only the first layer was counted: the `return` is inside the loop.": (
            _count(chosen=lambda weighted: weighted[:1])
        ),
    },
)


def _dense_layer(x, growth):
    return _conv(_bn_relu(x), growth, 3)


def _dense(
    make=_dense_layer,
    join=lambda x, new: [x, new],
    number=lambda convolutions: convolutions,
    growth_of=lambda growth, place: growth,
    end=lambda x: x,
):
    def block(x, convolutions, growth):
        for place in range(number(convolutions)):
            x = layers.Concatenate()(join(x, make(x, growth_of(growth, place))))
        return end(x)

    return block


def _dense_block(x, convolutions, growth):
    """With a list of all outputs so far, joined for each convolution."""
    every = [x]
    for _ in range(convolutions):
        joined = layers.Concatenate()(every) if len(every) > 1 else x
        every.append(_dense_layer(joined, growth))
    return layers.Concatenate()(every)


def _from_the_one_before(x, convolutions, growth):
    every = [x]
    for _ in range(convolutions):
        every.append(_dense_layer(every[-1], growth))
    return layers.Concatenate()(every)


def _from_the_input(x, convolutions, growth):
    return layers.Concatenate()([x, *(_dense_layer(x, growth) for _ in range(convolutions))])


def _without_the_input(x, convolutions, growth):
    start = x.shape[-1]
    return _dense_block(x, convolutions, growth)[..., start:]


def _no_more_joined(x, convolutions, growth):
    for _ in range(convolutions):
        x = _dense_layer(x, growth)
    return x


def _last_alone(x, convolutions, growth):
    for _ in range(convolutions - 1):
        x = layers.Concatenate()([x, _dense_layer(x, growth)])
    return _dense_layer(x, growth)


def _beside_the_input_alone(x, convolutions, growth):
    y = x
    for _ in range(convolutions):
        y = layers.Concatenate()([x, _dense_layer(y, growth)])
    return y


def _again_and_again(x, convolutions, growth):
    every = [x]
    for _ in range(convolutions):
        new = _dense_layer(x, growth)
        every.append(new)
        x = layers.Concatenate()(every)
        every.append(x)
    return x


def _everything_again(x, convolutions, growth):
    every = [x]
    for _ in range(convolutions):
        x = layers.Concatenate()([*every, _dense_layer(x, growth)])
        every.append(x)
    return x


EXPLODES = (
    "a list of outputs also holds outputs that were joined before, so that channels come twice "
)
EXPLODES += "and the block explodes. Join each of them once."

dense_block = Check(
    "6.3",
    slides="26",
    right=_dense_block,
    cases=lambda random: [
        {
            "x": random.normal(size=(2, 6, 5, channels)).astype("float32"),
            "convolutions": convolutions,
            "growth": int(random.integers(4, 7)),
        }
        for channels, convolutions in ((3, 2), (8, 3))  # never as many as the growth
    ],
    observe=networks.block,
    mistakes={
        "the outputs are added to x, or would be if the shapes fitted. DenseNet puts them beside "
        "it (layers.Concatenate).": (
            lambda x, convolutions, growth: layers.Add()([x, _dense_layer(x, growth)])
        ),
        "nothing is kept: each convolution replaces x. Put its output beside x.": _no_more_joined,
        "each convolution sees only the output of the one before it, not all of them.": (
            _from_the_one_before
        ),
        "each convolution sees only the block's input. It should take all channels that there are "
        "so far.": _from_the_input,
        "only the input and the last output are kept: those between are lost.": (
            _beside_the_input_alone
        ),
        "the input is missing from what is returned. The output begins with its channels.": (
            _without_the_input
        ),
        "only the last output is returned. Put it beside all the others, too.": _last_alone,
        EXPLODES: _again_and_again,
        EXPLODES + " The new x already contains them all.": _everything_again,
        "the new channels come before those of x. They belong after them: [x, new].": (
            _dense(join=lambda x, new: [new, x])
        ),
        "BatchNorm and ReLU come after the convolution. Here they belong before it.": (
            _dense(make=lambda x, growth: _bn_relu(_conv(x, growth, 3)))
        ),
        "BatchNorm and ReLU are missing before the convolution.": (
            _dense(make=lambda x, growth: _conv(x, growth, 3))
        ),
        "BatchNorm and ReLU come before *and* after the convolution. They belong only before.": (
            _dense(make=lambda x, growth: _bn_relu(_dense_layer(x, growth)))
        ),
        "the block ends with BatchNorm and ReLU. They belong to what comes after it.": (
            _dense(end=_bn_relu)
        ),
        "x itself was normalized: what is passed on has to stay as it is. Give the result of "
        "bn_relu another name.": lambda x, convolutions, growth: _overwritten(
            x, convolutions, growth
        ),
        "the convolutions are 1x1. They should be 3x3.": (
            _dense(make=lambda x, growth: _conv(_bn_relu(x), growth, 1))
        ),
        "the growth grows: every convolution adds `growth` channels, the first like the last.": (
            _dense(growth_of=lambda growth, place: growth * (place + 1))
        ),
        "there is one convolution, whatever `convolutions` says.": _dense(number=lambda number: 1),
        "there is one convolution too few.": _dense(number=lambda number: number - 1),
        "there is one convolution too many.": _dense(number=lambda number: number + 1),
        "each convolution has as many filters as x has channels. It needs `growth`.": (
            _dense(make=lambda x, growth: _conv(_bn_relu(x), x.shape[-1], 3))
        ),
        "growth and convolutions are the wrong way round.": (
            lambda x, convolutions, growth: _dense_block(x, growth, convolutions)
        ),
    },
)


def _overwritten(x, convolutions, growth):
    for _ in range(convolutions):
        x = _bn_relu(x)
        x = layers.Concatenate()([x, _conv(x, growth, 3)])
    return x


def _by_sweep(points):
    """From the cheapest upwards: of each cost the best, if it is better than all cheaper ones."""
    kept, best = set(), float("-inf")
    for cost in sorted({cost for cost, _ in points.values()}):
        top = max(accuracy for spent, accuracy in points.values() if spent == cost)
        if top > best:
            kept |= {name for name, point in points.items() if tuple(point) == (cost, top)}
            best = top
    return [name for name in points if name in kept]


def _unless(beats):
    """Keep the names that no point beats; the point itself is among them."""
    return lambda points: [
        name for name, point in points.items() if not any(beats(o, point) for o in points.values())
    ]


def _sorted(points, **options):
    return sorted(_by_sweep(points), key=lambda name: points[name], **options)


def _one_of_each(points):
    kept = []
    for name in sorted(points, key=lambda name: (points[name][0], -points[name][1])):
        if not kept or points[name][1] > points[kept[-1]][1]:
            kept.append(name)
    return kept


def _some_points(random):
    """Points on the front, one of them twice, and others that are as cheap or as good as those.

    The first one is the most expensive of the front, with the last name: the front is in the order
    neither of its costs nor of the alphabet.
    """
    cheapest = int(random.integers(5, 10))  # so cheap that no other has more accuracy per cost
    costs = sorted(int(each) for each in random.choice(range(40, 90), 4, replace=False))
    costs = [cheapest, *costs]
    shares = sorted(random.choice(range(20, 90), 6, replace=False) / 100)
    low, first, between, second, third, top = (float(each) for each in shares)
    points = [
        (costs[0], first),
        (costs[1], second),
        (costs[1], between),  # as expensive, worse
        (costs[2], second),  # as good, more expensive
        (costs[2], third),
        (costs[3], top),
        (costs[4], low),  # worse than all, and most expensive
    ]
    points = [(costs[3], top), *(points[place] for place in random.permutation(len(points)))]
    names = ["H", *random.permutation(["A", "B", "C", "D", "E", "F", "G"])]
    return {str(name): point for name, point in zip(names, points, strict=True)}


def _two_beaten(random):
    """One that beats both of the others."""
    cheap, dear = sorted(int(each) for each in random.choice(range(10, 90), 2, replace=False))
    low, high = sorted(float(each) for each in random.choice(range(2, 9), 2, replace=False) / 10)
    return {"A": (dear, high), "B": (cheap, high), "C": (cheap, low)}


def _kept(function, points):
    """Call the function, and see whether it takes points away from the dictionary itself."""
    before = dict(points)
    names = function(points=points)
    if points != before:
        raise Unusable(
            "changed its argument points, which the caller still needs. Make a new list."
        )
    return names


not_beaten = Check(
    "6.4",
    slides="26",
    right=_by_sweep,
    cases=lambda random: [
        {"points": points}
        for points in (_some_points(random), _two_beaten(random), _some_points(random))
    ],
    observe=_kept,
    mistakes={
        "nothing is left, because a point beats itself. To beat another, it has to be better in "
        "cost or accuracy.": _unless(lambda other, own: other[0] <= own[0] and other[1] >= own[1]),
        "equal points beat each other. To beat another, a point has to be better in cost or "
        "accuracy.": (
            lambda points: [
                name
                for name, own in points.items()
                if not any(
                    other[0] <= own[0] and other[1] >= own[1]
                    for key, other in points.items()
                    if key != name
                )
            ]
        ),
        "a point also beats one of the same cost or the same accuracy: it needs to be better in "
        "only one of the two.": _unless(lambda other, own: other[0] < own[0] and other[1] > own[1]),
        "a point also beats one that costs the same and is less accurate.": (
            _unless(lambda other, own: other[0] < own[0] and other[1] >= own[1])
        ),
        "a point also beats one that is as accurate and more expensive.": (
            _unless(lambda other, own: other[0] <= own[0] and other[1] > own[1])
        ),
        "a point was taken as beaten if another is better in one of the two. To beat it, that "
        "other point must not be worse in the second.": (
            _unless(lambda other, own: other[0] < own[0] or other[1] > own[1])
        ),
        "a low accuracy was taken for the better one.": (
            _unless(
                lambda other, own: (
                    other[0] <= own[0] and other[1] <= own[1] and tuple(other) != tuple(own)
                )
            )
        ),
        "a high cost was taken for the better one.": (
            _unless(
                lambda other, own: (
                    other[0] >= own[0] and other[1] >= own[1] and tuple(other) != tuple(own)
                )
            )
        ),
        "low accuracy and high cost were taken for the better ones.": (
            _unless(
                lambda other, own: (
                    other[0] >= own[0] and other[1] <= own[1] and tuple(other) != tuple(own)
                )
            )
        ),
        "these are the beaten ones. Return the others.": (
            lambda points: [name for name in points if name not in _by_sweep(points)]
        ),
        "they are in the order of their cost, not in that of `points`.": _sorted,
        "they are in the order of their cost, the highest first, not in that of `points`.": (
            lambda points: _sorted(points, reverse=True)
        ),
        "they are in the order of the alphabet, not in that of `points`.": (
            lambda points: sorted(_by_sweep(points))
        ),
        "of two equal points only one is left, and the order is that of the cost. Neither beats "
        "the other.": _one_of_each,
        "of two equal points only one is left. Neither beats the other.": (
            lambda points: [name for name in points if name in _one_of_each(points)]
        ),
        "only the most accurate are left. They do not beat a point that is cheaper.": (
            lambda points: [
                name
                for name, (_, accuracy) in points.items()
                if accuracy == max(each for _, each in points.values())
            ]
        ),
        "only the cheapest is left. It does not beat a point that is more accurate.": (
            lambda points: [
                name
                for name, (cost, _) in points.items()
                if cost == min(each for each, _ in points.values())
            ]
        ),
        "only the highest accuracy per cost is left. That is one choice among those not beaten.": (
            lambda points: [max(points, key=lambda name: points[name][1] / points[name][0])]
        ),
        "these are the points. Return their names.": (
            lambda points: [points[name] for name in _by_sweep(points)]
        ),
        "this is a dictionary. Return a list of the names.": (
            lambda points: {name: points[name] for name in _by_sweep(points)}
        ),
    },
)
