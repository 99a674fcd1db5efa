"""Right answers in other styles than the solution's."""

import math

import keras
import numpy as np
from keras import layers, ops


def cost__in_two_passes(table, side, channels):
    kernels, places = [], []
    for row in table:
        match row:
            case ("pool", _):
                side = math.ceil(side / 2)
            case ("conv", filters, size, strides):
                side = math.ceil(side / strides)
                kernels.append(size**2 * channels * filters)
                places.append(side**2)
                channels = filters
    return sum(kernels), np.dot(kernels, places)


def cost__recursive(table, side, channels):
    if not table:
        return [0, 0]
    first, *others = table
    if first[0] == "pool":
        return cost__recursive(others, (side + 1) // 2, channels)
    _, filters, size, strides = first
    side = (side + strides - 1) // strides
    weights, multiply_adds = cost__recursive(others, side, filters)
    own = size * size * channels * filters
    return [own + weights, own * side * side + multiply_adds]


def vgg_table__row_by_row(filters, convolutions):
    rows = []
    for stage in range(len(filters)):
        for _ in range(convolutions[stage]):
            rows.append(("conv", filters[stage], 3, 1))
        rows.append(("pool", 2))
    return rows


def vgg_table__in_one_expression(filters, convolutions):
    return tuple(
        ["conv", count, 3, 1] if number < repeats else ["pool", 2]
        for count, repeats in zip(filters, convolutions, strict=True)
        for number in range(repeats + 1)
    )


def network__with_operations(table, conv, num_classes=10):
    inputs = keras.Input((32, 32, 3), name="pixels")
    x = inputs / 127.5 - 1
    for row in table:
        if len(row) == 2:
            x = ops.max_pool(x, row[1], strides=2, padding="same", data_format="channels_last")
        else:
            x = conv(x, filters=row[1], size=row[2], strides=row[3])
    return keras.Model(inputs, layers.Dense(num_classes, name="logits")(ops.mean(x, axis=(1, 2))))


def network__steps_in_a_list(table, conv, num_classes=10):
    def step(kind, *numbers):
        if kind == "pool":
            return layers.MaxPool2D(numbers * 2, (2, 2), padding="same")
        return lambda x: conv(x, *numbers)

    x = inputs = keras.Input((32, 32, 3))
    steps = [layers.Rescaling(scale=2 / 255, offset=-1.0), *(step(*row) for row in table)]
    for each in [*steps, layers.GlobalAvgPool2D(), layers.Dense(num_classes)]:
        x = each(x)
    return keras.Model(inputs, x)


def spread__by_squares(activations):
    mean = activations.mean(axis=0)
    return float(np.sqrt((activations**2).mean(axis=0) - mean**2).mean())


def spread__by_loops(activations):
    columns = activations.reshape(len(activations), -1)
    total = 0.0
    for j in range(columns.shape[1]):
        middle = sum(columns[:, j]) / len(columns)
        total += math.sqrt(sum((x - middle) ** 2 for x in columns[:, j]) / len(columns))
    return total / columns.shape[1]


def spread__as_a_tensor(activations):
    return ops.mean(ops.std(ops.convert_to_tensor(activations), axis=0))


def he_stddev__of_inputs(shape):
    return (math.prod(shape[:-1]) / 2) ** -0.5


def he_stddev__in_numpy(shape):
    return np.sqrt(np.divide(2, np.prod(shape) / shape[3]))
