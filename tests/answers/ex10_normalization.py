"""Right answers in other styles than the solution's."""

import keras
import numpy as np
from keras import ops


def batch_norm__by_loops(x, gamma, beta, epsilon):
    out = np.zeros(x.shape)
    for channel in range(x.shape[-1]):
        numbers = x[..., channel]
        mean = numbers.sum() / numbers.size
        variance = ((numbers - mean) ** 2).sum() / numbers.size
        out[..., channel] = (numbers - mean) / (variance + epsilon) ** 0.5
        out[..., channel] = out[..., channel] * gamma[channel] + beta[channel]
    return out


def batch_norm__by_einsum(x, gamma, beta, epsilon):
    count = x[..., 0].size
    mean = np.einsum("nhwc->c", x) / count
    variance = np.einsum("nhwc,nhwc->c", x, x) / count - mean**2
    slope = gamma / np.sqrt(variance + epsilon)
    return x * slope + (beta - mean * slope)


def batch_norm__by_keras_ops(x, gamma, beta, epsilon):
    x = ops.convert_to_tensor(x, dtype="float32")
    mean, variance = ops.moments(x, axes=[0, 1, 2])
    return ops.batch_normalization(x, mean, variance, -1, beta, gamma, epsilon)


def instance_norm__image_by_image(x, gamma, beta, epsilon):
    out = []
    for image in x:
        mean, variance = image.mean(axis=(0, 1)), image.var(axis=(0, 1))
        out.append((image - mean) / np.sqrt(variance + epsilon) * gamma + beta)
    return np.stack(out)


def instance_norm__in_rows(x, gamma, beta, epsilon):
    rows = x.transpose(0, 3, 1, 2).reshape(len(x), x.shape[-1], -1)
    rows = rows - rows.mean(axis=-1, keepdims=True)
    rows = rows / np.sqrt(np.mean(rows**2, axis=-1, keepdims=True) + epsilon)
    n, h, w, c = x.shape
    return rows.reshape(n, c, h, w).transpose(0, 2, 3, 1) * gamma + beta


def group_norm__by_loops(x, gamma, beta, groups, epsilon):
    size = x.shape[-1] // groups
    out = np.array(x)
    for image in out:
        for first in range(0, x.shape[-1], size):
            part = image[:, :, first : first + size]
            part[:] = (part - part.mean()) / np.sqrt(part.var() + epsilon)
    return out * gamma + beta


def group_norm__by_split(x, gamma, beta, groups, epsilon):
    parts = []
    for part in np.split(x, groups, axis=-1):
        mean = part.mean(axis=(1, 2, 3))[:, None, None, None]
        variance = part.var(axis=(1, 2, 3))[:, None, None, None]
        parts.append((part - mean) / np.sqrt(variance + epsilon))
    return np.concatenate(parts, axis=-1) * gamma + beta


def group_norm__as_a_tensor(x, gamma, beta, groups, epsilon):
    count, height, width, channels = x.shape
    x = ops.cast(x, "float32")
    grouped = ops.reshape(x, (count, height * width, groups, channels // groups))
    mean, variance = ops.moments(grouped, axes=[1, 3], keepdims=True)
    normalized = (grouped - mean) * ops.rsqrt(variance + epsilon)
    return ops.reshape(normalized, x.shape) * gamma.astype("float32") + beta.astype("float32")


def moving_statistics__by_differences(batches, momentum):
    mean, variance = 0.0, 1.0
    for batch in batches:
        rows = batch.reshape(-1, batch.shape[-1])
        mean = mean - (1 - momentum) * (mean - rows.mean(axis=0))
        variance = variance - (1 - momentum) * (variance - rows.var(axis=0))
    return [mean, variance]


def moving_statistics__by_weights(batches, momentum):
    count = len(batches)
    weights = (1 - momentum) * momentum ** np.arange(count - 1, -1, -1)
    means = np.array([batch.mean(axis=(0, 1, 2)) for batch in batches])
    variances = np.array([batch.var(axis=(0, 1, 2)) for batch in batches])
    return weights @ means, momentum**count + weights @ variances


def batch_norm_inference__as_a_line(x, gamma, beta, moving_mean, moving_variance, epsilon):
    slope = gamma * (moving_variance + epsilon) ** -0.5
    return slope * x + beta - slope * moving_mean


def batch_norm_inference__by_keras(x, gamma, beta, moving_mean, moving_variance, epsilon):
    layer = keras.layers.BatchNormalization(epsilon=epsilon)
    layer.build(x.shape)
    layer.set_weights([gamma, beta, moving_mean, moving_variance])
    return layer(x.astype("float32"))
