"""Right answers in other styles than the solution's."""

import math

import keras
import numpy as np
from keras import layers


def residual_block__with_operators(x, filters, strides=1):
    y = layers.Conv2D(filters, 3, strides, padding="same")(x)  # a bias does no harm
    y = keras.ops.relu(layers.BatchNormalization(epsilon=1e-5)(y))
    y = layers.BatchNormalization(epsilon=1e-5)(layers.Conv2D(filters, 3, padding="same")(y))
    if strides > 1:
        x = x[:, ::strides, ::strides, :]
    if x.shape[-1] < filters:
        x = keras.ops.concatenate([x, 0 * x[..., : filters - x.shape[-1]]], axis=-1)
    return keras.ops.relu(y + x)


def residual_block__as_a_model(x, filters, strides=1):
    residual = keras.Sequential(
        [
            layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            layers.Activation("relu"),
            layers.Conv2D(filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        ]
    )
    kept = layers.MaxPooling2D(1, strides)(x) if strides > 1 else x
    kept = keras.ops.pad(kept, [(0, 0)] * 3 + [(0, filters - x.shape[-1])])
    return layers.Activation("relu")(layers.Add()([residual(x), kept]))


def resnet__by_hand(depth, block, num_classes=10):
    n = (depth - 2) // 6
    inputs = keras.Input((32, 32, 3))
    x = inputs / 127.5 - 1
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(x))
    for _ in range(n):
        x = block(x, 8)
    for filters in (16, 32):
        x = block(x, filters, strides=2)
        for _ in range(n - 1):
            x = block(x, filters)
    return keras.Model(inputs, layers.Dense(num_classes)(keras.ops.mean(x, axis=(1, 2))))


def resnet__by_a_list(depth, block, num_classes=10):
    n = depth // 6
    plan = [(8, 1)] * n + [(16, 2)] + [(16, 1)] * (n - 1) + [(32, 2)] + [(32, 1)] * (n - 1)
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(scale=2 / 255, offset=-1.0)(inputs)
    x = layers.BatchNormalization(epsilon=1e-5)(layers.Conv2D(8, 3, padding="same")(x))
    x = keras.activations.relu(x)
    for filters, strides in plan:
        x = block(x, filters, strides)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(num_classes, name="logits")(x))


def resnet__with_the_normalization_of_keras(depth, block, num_classes=10):
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x)))
    for filters in (8, 16, 32):
        for number in range((depth - 2) // 6):
            x = block(x, filters, 1 + (filters > 8 and number == 0))
    return keras.Model(inputs, layers.Dense(num_classes)(layers.GlobalAvgPool2D()(x)))


def gradient_norms__as_an_array(kernels, gradients):
    return np.array(
        [np.linalg.norm(g) / np.linalg.norm(k) for k, g in zip(kernels, gradients, strict=True)]
    )


def gradient_norms__by_loops(kernels, gradients):
    ratios = []
    for i in range(len(kernels)):
        length = math.sqrt(sum(x**2 for x in gradients[i].ravel()))
        ratios.append(length / math.sqrt(sum(x**2 for x in kernels[i].ravel())))
    return ratios


def gradient_norms__by_dot(kernels, gradients):
    def length(x):
        return np.vdot(x, x) ** 0.5

    return tuple(map(lambda k, g: length(g) / length(k), kernels, gradients))


def pixels_left__by_ceil(size, strides):
    for stride in strides:
        size = math.ceil(size / stride)
    return size


def pixels_left__by_slices(size, strides):
    pixels = list(range(size))
    for stride in strides:
        pixels = pixels[::stride]
    return len(pixels)
