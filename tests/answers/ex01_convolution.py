"""Right answers in other styles than the solution's."""

import keras
import numpy as np


def convolve__by_einsum(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("ijab,ab->ij", windows, kernel)


def convolve__kernel_outside(image, kernel):
    h = image.shape[0] - len(kernel) + 1
    w = image.shape[1] - len(kernel[0]) + 1
    result = 0
    for a, row in enumerate(kernel):
        for b, weight in enumerate(row):
            result = result + weight * image[a : a + h, b : b + w]
    return result


def conv2d__by_shifts(images, kernel, bias):
    k = len(kernel)
    padded = np.pad(images, [(0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)])
    out = np.tile(bias, (*images.shape[:3], 1)).astype(float)
    for a in range(k):
        for b in range(k):
            out += padded[:, a : a + images.shape[1], b : b + images.shape[2]] @ kernel[a, b]
    return out


def conv2d__as_a_tensor(images, kernel, bias):
    return keras.ops.conv(images, kernel, padding="same", data_format="channels_last") + bias


def pool__by_loops(images, size, reduce):
    n, h, w, c = images.shape
    out = np.empty((n, h // size, w // size, c), dtype=images.dtype)
    for k, i, j, f in np.ndindex(out.shape):
        out[k, i, j, f] = reduce(
            images[k, i * size : i * size + size, j * size : j * size + size, f]
        )
    return out


def pool__by_strides(images, size, reduce):
    parts = [images[:, a::size, b::size] for a in range(size) for b in range(size)]
    return reduce(np.stack(parts), axis=0)


def conv_weights__by_keras(size, channels, filters):
    model = keras.Sequential([keras.Input((9, 9, channels)), keras.layers.Conv2D(filters, size)])
    return model.count_params()


def conv_weights__in_numpy(size, channels, filters):
    return np.prod([size, size, channels, filters]) + np.int64(filters)


def receptive_field__backwards_in_pixels(layers):
    pixels = 1
    for size, stride in layers[::-1]:
        pixels = (pixels - 1) * stride + size
    return pixels


def receptive_field__recursive(layers):
    if not layers:
        return 1
    (size, stride), *others = layers
    return (receptive_field__recursive(others) - 1) * stride + size
