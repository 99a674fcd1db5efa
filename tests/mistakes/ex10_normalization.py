"""Wrong answers that students write; each docstring is part of what they must be told."""

import numpy as np


def batch_norm__instance(x, gamma, beta, epsilon):
    """that is instance normalization"""
    out = np.empty_like(x)
    for n, image in enumerate(x):
        out[n] = (image - image.mean((0, 1))) / np.sqrt(image.var((0, 1)) + epsilon)
    return out * gamma + beta


def batch_norm__over_the_images_alone(x, gamma, beta, epsilon):
    """each pixel has a mean of its own"""
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + epsilon) + beta


def batch_norm__one_mean(x, gamma, beta, epsilon):
    """all channels share one mean"""
    return gamma * (x - np.mean(x)) / np.sqrt(np.var(x) + epsilon) + beta


def batch_norm__over_channels(x, gamma, beta, epsilon):
    """taken over the channels"""
    mean = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    return (x - mean) / std * gamma + beta


def batch_norm__channels_first(x, gamma, beta, epsilon):
    """channels first"""
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + epsilon)
    return (x - mean) / std * gamma + beta


def batch_norm__no_root(x, gamma, beta, epsilon):
    """root is missing"""
    return gamma * (x - x.mean((0, 1, 2))) / (x.var((0, 1, 2)) + epsilon) + beta


def batch_norm__epsilon_outside(x, gamma, beta, epsilon):
    """epsilon stands outside"""
    return gamma * (x - x.mean((0, 1, 2))) / (x.std((0, 1, 2)) + epsilon) + beta


def batch_norm__no_epsilon(x, gamma, beta, epsilon):
    """epsilon is missing, or is not the one"""
    return gamma * (x - x.mean((0, 1, 2))) / x.std((0, 1, 2)) + beta


def batch_norm__unbiased(x, gamma, beta, epsilon):
    """divided by n - 1"""
    flat = x.reshape(-1, x.shape[-1])
    variance = ((flat - flat.mean(0)) ** 2).sum(0) / (len(flat) - 1)
    return gamma * (x - flat.mean(0)) / np.sqrt(variance + epsilon) + beta


def batch_norm__no_beta(x, gamma, beta, epsilon):
    """beta is missing"""
    return gamma * (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + epsilon)


def batch_norm__beta_multiplied(x, gamma, beta, epsilon):
    """beta was multiplied by gamma"""
    return ((x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + epsilon) + beta) * gamma


def batch_norm__mean_of_variances(x, gamma, beta, epsilon):
    """mean of the images' variances"""
    variances = np.array([image.var(axis=(0, 1)) for image in x])
    return gamma * (x - x.mean((0, 1, 2))) / np.sqrt(variances.mean(axis=0) + epsilon) + beta


def batch_norm__in_place(x, gamma, beta, epsilon):
    """changed its argument x"""
    std = np.sqrt(x.var((0, 1, 2)) + epsilon)
    x -= x.mean((0, 1, 2))
    return gamma * x / std + beta


def instance_norm__batch(x, gamma, beta, epsilon):
    """that is batch normalization"""
    return gamma * (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + epsilon) + beta


def instance_norm__whole_image(x, gamma, beta, epsilon):
    """channels were taken together"""
    normalized = [(image - image.mean()) / np.sqrt(image.var() + epsilon) for image in x]
    return gamma * np.array(normalized) + beta


def instance_norm__over_channels(x, gamma, beta, epsilon):
    """over the channels of a pixel"""
    mean, variance = x.mean(3, keepdims=True), x.var(3, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def instance_norm__rows_alone(x, gamma, beta, epsilon):
    """Take it over axis 2, too"""
    mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def instance_norm__channels_first(x, gamma, beta, epsilon):
    """channels first"""
    mean, variance = x.mean((2, 3), keepdims=True), x.var((2, 3), keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def instance_norm__keepdims_forgotten(x, gamma, beta, epsilon):
    """keepdims=True"""
    mean, variance = x.mean((1, 2)), x.var((1, 2))
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def instance_norm__gamma_for_beta(x, gamma, beta, epsilon):
    """changed places"""
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    return beta * (x - mean) / np.sqrt(variance + epsilon) + gamma


def instance_norm__no_root(x, gamma, beta, epsilon):
    """root is missing"""
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    return gamma * (x - mean) / (variance + epsilon) + beta


def in_groups(x, gamma, beta, groups, epsilon):
    n, h, w, c = x.shape
    size = c // groups
    out = np.zeros((n, h, w, c))
    for i in range(n):
        for g in range(groups):
            part = x[i, :, :, g * size : (g + 1) * size]
            out[i, :, :, g * size : (g + 1) * size] = (part - part.mean()) / np.sqrt(
                part.var() + epsilon
            )
    return out * gamma + beta


def group_norm__channels_in_a_group(x, gamma, beta, groups, epsilon):
    """It is the number of groups"""
    return in_groups(x, gamma, beta, x.shape[-1] // groups, epsilon)


def group_norm__every_other(x, gamma, beta, groups, epsilon):
    """every `groups`-th channel"""
    out = np.zeros(x.shape)
    for i in range(len(x)):
        for g in range(groups):
            part = x[i, ..., g::groups]
            out[i, ..., g::groups] = (part - part.mean()) / np.sqrt(part.var() + epsilon)
    return out * gamma + beta


def group_norm__over_the_batch(x, gamma, beta, groups, epsilon):
    """Each image has means of its own"""
    out = np.zeros(x.shape)
    for channels in np.split(np.arange(x.shape[-1]), groups):
        part = x[..., channels]
        out[..., channels] = (part - part.mean()) / np.sqrt(part.var() + epsilon)
    return out * gamma + beta


def group_norm__instance(x, gamma, beta, groups, epsilon):
    """that is instance normalization"""
    return in_groups(x, gamma, beta, x.shape[-1], epsilon)


def group_norm__one_group(x, gamma, beta, groups, epsilon):
    """as if they were one group"""
    return in_groups(x, gamma, beta, 1, epsilon)


def group_norm__over_groups(x, gamma, beta, groups, epsilon):
    """axis 4"""
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, groups, c // groups)
    mean, variance = x.mean((1, 2, 3), keepdims=True), x.var((1, 2, 3), keepdims=True)
    return gamma * ((x - mean) / np.sqrt(variance + epsilon)).reshape(n, h, w, c) + beta


def group_norm__pixel_by_pixel(x, gamma, beta, groups, epsilon):
    """each pixel was normalized by itself"""
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, groups, c // groups)
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return gamma * ((x - mean) / np.sqrt(variance + epsilon)).reshape(n, h, w, c) + beta


def group_norm__from_torch(x, gamma, beta, groups, epsilon):
    """pixels were mixed up"""
    n, h, w, c = x.shape
    x = x.reshape(n, groups, c // groups, h, w)
    mean, variance = x.mean((2, 3, 4), keepdims=True), x.var((2, 3, 4), keepdims=True)
    return gamma * ((x - mean) / np.sqrt(variance + epsilon)).reshape(n, h, w, c) + beta


def group_norm__still_in_groups(x, gamma, beta, groups, epsilon):
    """go back to the shape of x first"""
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, groups, c // groups)
    mean, variance = x.mean((1, 2, 4), keepdims=True), x.var((1, 2, 4), keepdims=True)
    return (gamma * ((x - mean) / np.sqrt(variance + epsilon)) + beta).reshape(n, h, w, c)


def group_norm__epsilon_outside(x, gamma, beta, groups, epsilon):
    """epsilon stands outside"""
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, groups, c // groups)
    mean, std = x.mean((1, 2, 4), keepdims=True), x.std((1, 2, 4), keepdims=True)
    return gamma * ((x - mean) / (std + epsilon)).reshape(n, h, w, c) + beta


def moved(batches, momentum, mean, variance, ddof=0):
    for batch in batches:
        axes = tuple(range(batch.ndim - 1))
        mean = momentum * mean + (1 - momentum) * np.mean(batch, axes)
        variance = momentum * variance + (1 - momentum) * np.var(batch, axes, ddof=ddof)
    return mean, variance


def moving_statistics__momentum_turned_around(batches, momentum):
    """wrong way round"""
    return moved(batches, 1 - momentum, 0, 1)


def moving_statistics__from_the_first(batches, momentum):
    """begin with those of the first batch. Begin"""
    mean, variance = None, None
    for batch in batches:
        m, v = batch.mean((0, 1, 2)), batch.var((0, 1, 2))
        mean = m if mean is None else momentum * mean + (1 - momentum) * m
        variance = v if variance is None else momentum * variance + (1 - momentum) * v
    return mean, variance


def moving_statistics__variance_from_zero(batches, momentum):
    """variance begins with 0"""
    return moved(batches, momentum, 0, 0)


def moving_statistics__unbiased(batches, momentum):
    """divided by n - 1"""
    return moved(batches, momentum, 0, 1, ddof=1)


def moving_statistics__standard_deviations(batches, momentum):
    """standard deviations were averaged"""
    mean, deviation = 0, 1
    for batch in batches:
        mean = mean * momentum + batch.mean((0, 1, 2)) * (1 - momentum)
        deviation = deviation * momentum + batch.std((0, 1, 2)) * (1 - momentum)
    return mean, deviation


def moving_statistics__plain(batches, momentum):
    """plain mean over all batches"""
    means = [batch.mean((0, 1, 2)) for batch in batches]
    variances = [batch.var((0, 1, 2)) for batch in batches]
    return sum(means) / len(batches), sum(variances) / len(batches)


def moving_statistics__returns_in_the_loop(batches, momentum):
    """inside the loop"""
    mean, variance = 0, 1
    for batch in batches:
        mean = momentum * mean + (1 - momentum) * batch.mean((0, 1, 2))
        variance = momentum * variance + (1 - momentum) * batch.var((0, 1, 2))
        return mean, variance


def moving_statistics__begins_anew(batches, momentum):
    """only the last batch was used"""
    for batch in batches:
        mean, variance = 0, 1
        mean = momentum * mean + (1 - momentum) * batch.mean((0, 1, 2))
        variance = momentum * variance + (1 - momentum) * batch.var((0, 1, 2))
    return mean, variance


def moving_statistics__whole_batch_added(batches, momentum):
    """batch counts in full"""
    mean, variance = 0, 1
    for batch in batches:
        mean = momentum * mean + batch.mean((0, 1, 2))
        variance = momentum * variance + batch.var((0, 1, 2))
    return mean, variance


def moving_statistics__about_the_moving_mean(batches, momentum):
    """around the moving mean"""
    mean, variance = 0, 1
    for batch in batches:
        mean = momentum * mean + (1 - momentum) * batch.mean((0, 1, 2))
        squares = np.mean((batch - mean) ** 2, axis=(0, 1, 2))
        variance = momentum * variance + (1 - momentum) * squares
    return mean, variance


def moving_statistics__swapped(batches, momentum):
    """wrong order"""
    mean, variance = moved(batches, momentum, 0, 1)
    return variance, mean


def batch_norm_inference__as_in_training(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """as in training"""
    return gamma * (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + epsilon) + beta


def batch_norm_inference__own_mean(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """the mean is the batch's own"""
    return gamma * (x - x.mean((0, 1, 2))) / np.sqrt(moving_variance + epsilon) + beta


def batch_norm_inference__own_variance(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """the variance is the batch's own"""
    return gamma * (x - moving_mean) / np.sqrt(x.var((0, 1, 2)) + epsilon) + beta


def batch_norm_inference__swapped(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """moving mean and moving variance have changed places"""
    return gamma * (x - moving_variance) / np.sqrt(moving_mean + epsilon) + beta


def batch_norm_inference__no_root(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """root is missing"""
    return gamma * (x - moving_mean) / (moving_variance + epsilon) + beta


def batch_norm_inference__squared(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """as if it were a standard deviation"""
    return gamma * (x - moving_mean) / (moving_variance**2 + epsilon) ** 0.5 + beta


def batch_norm_inference__epsilon_outside(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """epsilon stands outside"""
    return gamma * (x - moving_mean) / (np.sqrt(moving_variance) + epsilon) + beta


def batch_norm_inference__twice(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """by its own statistics first"""
    x = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + epsilon)
    return gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta


def batch_norm_inference__no_gamma_and_beta(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """gamma and beta are both missing"""
    return (x - moving_mean) / np.sqrt(moving_variance + epsilon)
