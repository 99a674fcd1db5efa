"""Wrong answers that students write; each docstring is part of what they must be told."""

import math

import keras
from keras import layers


def cbr(x, filters, size, padding="same"):
    x = layers.Conv2D(filters, size, padding=padding, use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.Activation("relu")(x)


def brc(x, filters, size):
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.Conv2D(filters, size, padding="same", use_bias=False)(layers.ReLU()(x))


def inception(x, filters, pool, unit=cbr):
    a, b, c, d, e, f = filters
    return [
        unit(x, a, 1),
        unit(unit(x, b, 1), c, 3),
        unit(unit(x, d, 1), e, 5),
        unit(pool(x), f, 1),
    ]


def max_pool(x):
    return layers.MaxPool2D(3, 1, "same")(x)


def inception_block__strides_of_three(x, filters):
    """moves by three pixels"""
    return layers.concatenate(inception(x, filters, layers.MaxPool2D(3, padding="same")))


def inception_block__frame_dropped(x, filters):
    """drops the frame"""
    return layers.concatenate(inception(x, filters, layers.MaxPool2D(3, 1)))


def inception_block__default_pooling(x, filters):
    """leaves a ninth of the pixels"""
    return layers.concatenate(inception(x, filters, layers.MaxPool2D(3)))


def inception_block__mean_pooling(x, filters):
    """pooling takes the mean"""
    return layers.concatenate(inception(x, filters, layers.AvgPool2D(3, 1, "same")))


def inception_block__no_projection(x, filters):
    """1x1 after the pooling is missing"""
    branches = inception(x, filters, max_pool)
    branches[3] = max_pool(x)
    return layers.concatenate(branches)


def inception_block__projection_first(x, filters):
    """comes before the pooling"""
    branches = inception(x, filters, max_pool)
    branches[3] = max_pool(cbr(x, filters[5], 1))
    return layers.concatenate(branches)


def inception_block__no_reduction(x, filters):
    """before the 3x3 and the 5x5 are missing"""
    y1 = cbr(x, filters[0], 1)
    y3 = cbr(x, filters[2], 3)
    y5 = cbr(x, filters[4], 5)
    yp = cbr(max_pool(x), filters[5], 1)
    return keras.ops.concatenate([y1, y3, y5, yp], axis=-1)


def inception_block__naive(x, filters):
    """naive block of Figure 2a"""
    y1 = cbr(x, filters[0], 1)
    y3 = cbr(x, filters[2], 3)
    y5 = cbr(x, filters[4], 5)
    return keras.ops.concatenate([y1, y3, y5, max_pool(x)], axis=-1)


def inception_block__no_relu_between(x, filters):
    """after the 1x1 of the second and the third branch"""
    f1, r3, f3, r5, f5, fp = filters
    y3 = layers.Conv2D(r3, 1, use_bias=False)(x)
    y5 = layers.Conv2D(r5, 1, use_bias=False)(x)
    return layers.Concatenate()(
        [cbr(x, f1, 1), cbr(y3, f3, 3), cbr(y5, f5, 5), cbr(max_pool(x), fp, 1)]
    )


def inception_block__linear(x, filters):
    """linear maps"""

    def unit(x, filters, size):
        return layers.Conv2D(filters, size, padding="same")(x)

    return layers.concatenate(inception(x, filters, max_pool, unit))


def inception_block__before(x, filters):
    """Here they belong after"""
    return layers.concatenate(inception(x, filters, max_pool, brc))


def inception_block__twice_three(x, filters):
    """They should be 5x5"""
    branches = inception(x, filters, max_pool)
    branches[2] = cbr(cbr(x, filters[3], 1), filters[4], 3)
    return layers.concatenate(branches)


def inception_block__numbers_swapped(x, filters):
    """the number of a 1x1 comes before"""
    f1, f3, r3, f5, r5, fp = filters
    return layers.concatenate(inception(x, (f1, r3, f3, r5, f5, fp), max_pool))


def inception_block__one_after_another(x, filters):
    """one after the other"""
    f1, r3, f3, r5, f5, fp = filters
    x1 = cbr(x, f1, 1)
    x3 = cbr(cbr(x1, r3, 1), f3, 3)
    x5 = cbr(cbr(x3, r5, 1), f5, 5)
    xp = cbr(max_pool(x5), fp, 1)
    return layers.concatenate([x1, x3, x5, xp])


def inception_block__pooling_first(x, filters):
    """pooling comes first"""
    one, three, five, pooled = inception(x, filters, max_pool)
    return layers.concatenate([pooled, one, three, five])


def inception_block__three_branches(x, filters):
    """branch with the pooling is missing"""
    return layers.concatenate(inception(x, filters, max_pool)[:3])


def inception_block__added(x, filters):
    """branches were added"""
    return layers.add(inception(x, filters, max_pool))


def inception_block__first_axis(x, filters):
    """channels are the last axis"""
    return layers.concatenate(inception(x, filters, max_pool), axis=1)


def inception_block__a_list(x, filters):
    """expected the output of a Keras layer"""
    return inception(x, filters, max_pool)


def multiply_adds__no_dense(model):
    """dense layers are missing"""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            _, height, width, _ = layer.output.shape
            total += height * width * math.prod(layer.kernel.shape)
    return total


def multiply_adds__with_biases(model):
    """not multiplied with anything"""
    total = 0
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.Dense)):
            total += math.prod(layer.output.shape[1:-1]) * layer.count_params()
    return total


def multiply_adds__of_the_input(model):
    """places of the input"""
    total = 0
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.Dense)):
            total += math.prod(layer.input.shape[1:-1]) * math.prod(layer.kernel.shape)
    return total


def multiply_adds__operations(model):
    """both at once"""
    total = 0
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.Dense)):
            total += 2 * math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
    return total


def multiply_adds__weights(model):
    """these are the weights. A convolution"""
    return sum(
        math.prod(weight.shape) for weight in model.trainable_weights if weight.name == "kernel"
    )


def multiply_adds__weights_and_biases(model):
    """weights and biases"""
    chosen = [each for each in model.layers if isinstance(each, (layers.Conv2D, layers.Dense))]
    return sum(layer.count_params() for layer in chosen)


def multiply_adds__parameters(model):
    """all parameters of the model"""
    return model.count_params()


def multiply_adds__filters_twice(model):
    """filters were counted twice"""
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            total += math.prod(layer.output.shape[1:]) * math.prod(layer.kernel.shape)
    return total


def multiply_adds__one_channel(model):
    """channels that come in are missing"""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            total += math.prod(layer.output.shape[1:]) * math.prod(layer.kernel_size)
        if isinstance(layer, layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total


def multiply_adds__square_images(model):
    """images are not square"""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            total += layer.output.shape[1] ** 2 * math.prod(layer.kernel.shape)
        if isinstance(layer, layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total


def multiply_adds__first_layer(model):
    """inside the loop"""
    total = 0
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.Dense)):
            total += math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
            return total


def multiply_adds__last_layer(model):
    """only the last layer"""
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.Dense)):
            total = math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
    return total


def multiply_adds__batches_too(model):
    """first axis of a shape"""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            total += math.prod(layer.output.shape[:-1]) * math.prod(layer.kernel.shape)
    return total


def dense_block__added(x, convolutions, growth):
    """DenseNet puts them beside it"""
    for _ in range(convolutions):
        x = layers.Add()([x, brc(x, growth, 3)])
    return x


def dense_block__plus(x, convolutions, growth):
    """the outputs are added to x"""
    for _ in range(convolutions):
        x = x + brc(x, growth, 3)
    return x


def dense_block__replaced(x, convolutions, growth):
    """nothing is kept"""
    for _ in range(convolutions):
        x = brc(x, growth, 3)
    return x


def dense_block__from_the_one_before(x, convolutions, growth):
    """output of the one before"""
    y, every = x, [x]
    for _ in range(convolutions):
        y = brc(y, growth, 3)
        every.append(y)
    return layers.concatenate(every)


def dense_block__from_the_input(x, convolutions, growth):
    """only the block's input"""
    every = [x]
    for _ in range(convolutions):
        every.append(brc(x, growth, 3))
    return layers.concatenate(every)


def dense_block__without_the_input(x, convolutions, growth):
    """input is missing"""
    every = [x]
    for _ in range(convolutions):
        joined = layers.concatenate(every) if len(every) > 1 else x
        every.append(brc(joined, growth, 3))
    return layers.concatenate(every[1:])


def dense_block__exploding(x, convolutions, growth):
    """the block explodes"""
    features = [x]
    for _ in range(convolutions):
        features.append(brc(x, growth, 3))
        x = layers.concatenate(features)
        features.append(x)
    return x


def dense_block__new_ones_first(x, convolutions, growth):
    """They belong after them"""
    for _ in range(convolutions):
        x = layers.concatenate([brc(x, growth, 3), x])
    return x


def dense_block__normalized_after(x, convolutions, growth):
    """Here they belong before it"""
    for _ in range(convolutions):
        x = layers.concatenate([x, cbr(x, growth, 3)])
    return x


def dense_block__not_normalized(x, convolutions, growth):
    """missing before the convolution"""
    for _ in range(convolutions):
        x = layers.concatenate([x, layers.Conv2D(growth, 3, padding="same")(x)])
    return x


def dense_block__x_normalized(x, convolutions, growth):
    """has to stay as it is"""
    for _ in range(convolutions):
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
        new = layers.Conv2D(growth, 3, padding="same", use_bias=False)(x)
        x = layers.concatenate([x, new])
    return x


def dense_block__one_by_one(x, convolutions, growth):
    """convolutions are 1x1"""
    for _ in range(convolutions):
        x = layers.concatenate([x, brc(x, growth, 1)])
    return x


def dense_block__growing_growth(x, convolutions, growth):
    """the growth grows"""
    for i in range(1, convolutions + 1):
        x = layers.concatenate([x, brc(x, i * growth, 3)])
    return x


def dense_block__one_less(x, convolutions, growth):
    """one convolution too few"""
    for _ in range(1, convolutions):
        x = layers.concatenate([x, brc(x, growth, 3)])
    return x


def dense_block__last_alone(x, convolutions, growth):
    """only the last output is returned"""
    for i in range(convolutions):
        y = brc(x, growth, 3)
        if i < convolutions - 1:
            x = layers.concatenate([x, y])
    return y


def dense_block__between_lost(x, convolutions, growth):
    """those between are lost"""
    y = x
    for _ in range(convolutions):
        y = layers.concatenate([x, brc(y, growth, 3)])
    return y


def not_beaten__by_itself(points):
    """a point beats itself"""
    front = []
    for name in points:
        cost, accuracy = points[name]
        if not [1 for c, a in points.values() if c <= cost and a >= accuracy]:
            front.append(name)
    return front


def not_beaten__equal_ones(points):
    """equal points beat each other"""
    front = []
    for name, (cost, accuracy) in points.items():
        others = [points[other] for other in points if other != name]
        if all(c > cost or a < accuracy for c, a in others):
            front.append(name)
    return front


def not_beaten__better_in_both(points):
    """it needs to be better in only one"""
    front = []
    for name, (cost, accuracy) in points.items():
        if not any(c < cost and a > accuracy for c, a in points.values()):
            front.append(name)
    return front


def not_beaten__better_in_one(points):
    """must not be worse"""
    front = []
    for name, (cost, accuracy) in points.items():
        if not any(c < cost or a > accuracy for c, a in points.values()):
            front.append(name)
    return front


def not_beaten__low_accuracy(points):
    """low accuracy was taken"""
    front = []
    for name, (cost, accuracy) in points.items():
        if not any(
            c <= cost and a <= accuracy and (c < cost or a < accuracy) for c, a in points.values()
        ):
            front.append(name)
    return front


def beaten(points):
    found = []
    for name, (cost, accuracy) in points.items():
        for c, a in points.values():
            if c <= cost and a >= accuracy and (c < cost or a > accuracy):
                found.append(name)
                break
    return found


def not_beaten__the_beaten(points):
    """Return the others"""
    return beaten(points)


def not_beaten__by_cost(points):
    """order of their cost, not"""
    wrong = beaten(points)
    return [name for name in sorted(points, key=lambda n: points[n][0]) if name not in wrong]


def not_beaten__by_name(points):
    """order of the alphabet"""
    return sorted(set(points) - set(beaten(points)))


def not_beaten__one_of_two(points):
    """only one is left. Neither"""
    seen, front = [], []
    for name, point in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        if not seen or point[1] > max(a for _, a in seen):
            front.append(name)
            seen.append(point)
    return [name for name in points if name in front]


def not_beaten__most_accurate(points):
    """only the most accurate"""
    best = max(accuracy for _, accuracy in points.values())
    return [name for name in points if points[name][1] == best]


def not_beaten__ratio(points):
    """highest accuracy per cost"""
    ratios = {name: accuracy / cost for name, (cost, accuracy) in points.items()}
    return [name for name in points if ratios[name] == max(ratios.values())]


def not_beaten__points(points):
    """Return their names"""
    wrong = beaten(points)
    return [point for name, point in points.items() if name not in wrong]


def not_beaten__a_set(points):
    """a set has no order"""
    return set(points) - set(beaten(points))


def not_beaten__emptied(points):
    """changed its argument points"""
    for name in beaten(points):
        points.pop(name)
    return list(points)
