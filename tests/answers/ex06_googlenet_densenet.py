"""Right answers in other styles than the solution's."""

import keras
import numpy as np
from keras import layers, ops


def inception_block__with_operations(x, filters):
    def unit(x, count, size):
        y = layers.Conv2D(count, (size, size), padding="same")(x)  # a bias does no harm
        return ops.relu(layers.BatchNormalization(epsilon=1e-5)(y))

    pooled = ops.max_pool(x, 3, strides=1, padding="same", data_format="channels_last")
    return ops.concatenate(
        [
            unit(x, filters[0], 1),
            unit(unit(x, filters[1], 1), filters[2], 3),
            unit(unit(x, filters[3], 1), filters[4], 5),
            unit(pooled, filters[5], 1),
        ],
        axis=-1,
    )


def inception_block__normalized_at_the_end(x, filters):
    def conv(x, count, size):
        return layers.Conv2D(count, size, padding="same", use_bias=False)(x)

    def unit(x, count):
        return layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(conv(x, count, 1)))

    pooled = layers.MaxPooling2D(3, 1, "same")(x)
    branches = [
        conv(x, filters[0], 1),
        conv(unit(x, filters[1]), filters[2], 3),
        conv(unit(x, filters[3]), filters[4], 5),
        conv(pooled, filters[5], 1),
    ]
    together = layers.Concatenate()(branches)
    return layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(together))


def inception_block__by_a_table(x, filters):
    f = iter(filters)
    branches = []
    for sizes in ((1,), (1, 3), (1, 5), ("pool", 1)):
        steps = []
        for size in sizes:
            if size == "pool":
                steps.append(layers.MaxPooling2D((3, 3), strides=(1, 1), padding="same"))
                continue
            steps += [
                layers.Conv2D(next(f), size, padding="same", use_bias=False),
                layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
                layers.Activation("relu"),
            ]
        branches.append(keras.Sequential(steps)(x))
    return layers.Concatenate(axis=3)(branches)


def multiply_adds__by_names(model):
    total = 0
    for layer in model.layers:
        kernel = next((each for each in layer.weights if each.name == "kernel"), None)
        if kernel is not None and len(kernel.shape) == 4:
            _, height, width, _ = layer.output.shape
            total += height * width * int(np.prod(kernel.shape))
        elif kernel is not None:
            total += kernel.shape[0] * kernel.shape[1]
    return total


def multiply_adds__without_the_biases(model):
    def of(layer):
        match layer:
            case layers.Conv2D():
                weights = layer.count_params() - layer.filters * layer.use_bias
                return weights * np.prod(layer.compute_output_shape(layer.input.shape)[1:3])
            case layers.Dense():
                return layer.count_params() - layer.units
        return 0

    return sum(map(of, model.layers))


def dense_block__with_a_list(x, convolutions, growth):
    every = [x]
    while len(every) <= convolutions:
        y = ops.concatenate(every, axis=-1)
        y = ops.relu(layers.BatchNormalization(epsilon=1e-5)(y))
        every.append(layers.Conv2D(growth, kernel_size=3, padding="same")(y))
    return ops.concatenate(every, axis=-1)


def dense_block__with_the_normalization_of_keras(x, convolutions, growth):
    for _ in range(convolutions):
        y = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.concatenate([x, layers.Conv2D(growth, 3, padding="same")(y)])
    return x


def dense_block__recursive(x, convolutions, growth):
    if convolutions == 0:
        return x
    x = dense_block__recursive(x, convolutions - 1, growth)
    h = keras.Sequential(
        [
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            layers.ReLU(),
            layers.Conv2D(growth, 3, padding="same", use_bias=False),
        ]
    )
    return layers.Concatenate()([x, h(x)])


def not_beaten__by_arrays(points):
    costs, accuracies = np.array(list(points.values())).T
    no_worse = (costs <= costs[:, None]) & (accuracies >= accuracies[:, None])
    better = (costs < costs[:, None]) | (accuracies > accuracies[:, None])
    beaten = (no_worse & better).any(axis=1)
    return [name for name, lost in zip(points, beaten, strict=True) if not lost]


def not_beaten__by_loops(points):
    front = list(points)
    for name in points:
        for other in points:
            (cost, accuracy), (spent, reached) = points[name], points[other]
            cheaper = spent < cost and reached >= accuracy
            better = spent == cost and reached > accuracy
            if name in front and (cheaper or better):
                front.remove(name)
    return front
