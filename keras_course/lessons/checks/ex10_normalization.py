"""Checks of lesson 10, against Keras' own layers."""

import keras
import numpy as np
from keras import layers

from keras_course.lessons.check import Check


def _by_keras(layer, x, weights, **options):
    layer.build(x.shape)
    layer.set_weights(weights)
    return keras.ops.convert_to_numpy(layer(x.astype("float32"), **options))


def _root(variance, epsilon):
    return np.sqrt(variance + epsilon)


def _affine(z, gamma, beta):
    return gamma * z + beta


def _normalized(x, axes, gamma, beta, epsilon, *, ddof=0, center=True, below=_root, affine=_affine):
    """Normalize over some axes, rightly or with a mistake."""
    mean = x.mean(axis=axes, keepdims=True) if center else 0
    variance = x.var(axis=axes, keepdims=True, ddof=ddof)
    return affine((x - mean) / below(variance, epsilon), gamma, beta)


FORMULA = {
    "the root is missing: divide by the root of variance + epsilon.": {
        "below": lambda variance, epsilon: variance + epsilon
    },
    "epsilon stands outside of the root. It is added to the variance.": {
        "below": lambda variance, epsilon: np.sqrt(variance) + epsilon
    },
    "epsilon is missing, or is not the one that was given.": {
        "below": lambda variance, epsilon: np.sqrt(variance)
    },
    "epsilon is 0.001 whatever was given.": {
        "below": lambda variance, epsilon: np.sqrt(variance + 1e-3)
    },
    "epsilon is subtracted from the variance. Add it.": {
        "below": lambda variance, epsilon: np.sqrt(np.abs(variance - epsilon))
    },
    "gamma and beta have changed places.": {
        "affine": lambda z, gamma, beta: beta * z + gamma,
    },
    "gamma is missing: multiply each channel by it.": {"affine": lambda z, gamma, beta: z + beta},
    "beta is missing: add it to each channel.": {"affine": lambda z, gamma, beta: gamma * z},
    "gamma and beta are both missing.": {"affine": lambda z, gamma, beta: z},
    "beta was multiplied by gamma, too. Add it at the end.": {
        "affine": lambda z, gamma, beta: gamma * (z + beta)
    },
}
STATISTICS = {
    "the variance was divided by n - 1. The layers divide by n, as NumPy's `var` does.": {
        "ddof": 1
    },
    "the mean was not subtracted.": {"center": False},
}


def _batch_norm(x, gamma, beta, epsilon):
    weights = [gamma, beta, 0 * gamma, 0 * beta + 1]
    return _by_keras(layers.BatchNormalization(epsilon=epsilon), x, weights, training=True)


def _over(*axes, **changes):
    return lambda x, gamma, beta, epsilon: _normalized(x, axes, gamma, beta, epsilon, **changes)


def _images(random, shape):
    """Draw images whose means and variances differ by image and by channel."""
    count, _, _, channels = shape
    mean = random.normal(size=(count, 1, 1, channels))
    scale = random.uniform(0.5, 2, (count, 1, 1, channels))
    return mean + scale * random.normal(size=shape)


def _weights(random, channels):
    return {"gamma": random.uniform(0.5, 2, channels), "beta": random.normal(size=channels)}


def _epsilon(random):
    return {"epsilon": float(random.uniform(0.05, 0.2))}  # large, so that its place is seen


def _mean_of_means(x, gamma, beta, epsilon):
    """The variance inside of the images alone."""
    mean = x.mean(axis=(0, 1, 2))
    variance = x.var(axis=(1, 2)).mean(axis=0)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


batch_norm = Check(
    "10.1",
    slides="46",
    right=_batch_norm,
    cases=lambda random: [
        {"x": _images(random, shape), **_weights(random, shape[-1]), **_epsilon(random)}
        for shape in ((3, 2, 4, 5), (2, 3, 2, 4))
    ],
    mistakes={
        "each channel of each image was normalized by itself: that is instance normalization. "
        "Take all images of the batch together.": _over(1, 2),
        "each pixel has a mean of its own. Take rows and columns together, too, not only the "
        "images.": _over(0),
        "all channels share one mean. Each channel has its own.": _over(0, 1, 2, 3),
        "the mean was taken over the channels. Each channel has its own, over all other axes.": (
            _over(3)
        ),
        "each image was normalized as a whole. A channel is normalized over all images.": (
            _over(1, 2, 3)
        ),
        "the axes are those of images with the channels first. Here the channels are axis 3.": (
            _over(0, 2, 3)
        ),
        "the variance is the mean of the images' variances. Take it over all numbers of a channel "
        "at once: the images' means differ, too.": _mean_of_means,
        **{text: _over(0, 1, 2, **changes) for text, changes in (FORMULA | STATISTICS).items()},
    },
)


def _group_norm(x, gamma, beta, groups, epsilon):
    return _by_keras(layers.GroupNormalization(groups, epsilon=epsilon), x, [gamma, beta])


instance_norm = Check(
    "10.2",
    slides="46",
    right=lambda x, gamma, beta, epsilon: _group_norm(x, gamma, beta, -1, epsilon),
    cases=lambda random: [
        {"x": _images(random, shape), **_weights(random, shape[-1]), **_epsilon(random)}
        for shape in ((3, 2, 4, 5), (2, 3, 3, 4))
    ],
    mistakes={
        "the images were taken together: that is batch normalization. Each image has its own mean "
        "and variance.": _over(0, 1, 2),
        "the channels were taken together. Each has its own mean and variance.": _over(1, 2, 3),
        "the mean was taken over the channels of a pixel. Take it over rows and columns.": _over(3),
        "the mean was taken only over axis 1, the rows. Take it over axis 2, too.": _over(1),
        "the mean was taken only over axis 2, the columns. Take it over axis 1, too.": _over(2),
        "the axes are those of images with the channels first. Here rows and columns are axes 1 "
        "and 2.": _over(2, 3),
        "the means have the shape (n, channels), which does not fit x: keepdims=True.": (
            lambda x, gamma, beta, epsilon: x - x.mean(axis=(1, 2))
        ),
        **{text: _over(1, 2, **changes) for text, changes in (FORMULA | STATISTICS).items()},
    },
)


def _in_groups(*axes, cut=None, join=None, **changes):
    """Return a group normalization over axes of (n, height, width, groups, channels of one)."""

    def normalize(x, gamma, beta, groups, epsilon):
        affine = changes.get("affine", _affine)
        grouped = cut(x, groups) if cut else x.reshape(*x.shape[:3], groups, -1)
        others = {**changes, "affine": lambda z, gamma, beta: z}
        z = _normalized(grouped, axes, gamma, beta, epsilon, **others)
        return affine(join(z) if join else z.reshape(x.shape), gamma, beta)

    return normalize


def _every_other(x, groups):
    return x.reshape(*x.shape[:3], -1, groups).swapaxes(3, 4)


def _every_other_back(z):
    return z.swapaxes(3, 4).reshape(*z.shape[:3], -1)


def _channels_first(x, gamma, beta, groups, epsilon):
    """As one writes it where the axes are (n, channels, height, width)."""
    grouped = x.reshape(len(x), groups, -1)
    z = _normalized(grouped, 2, gamma, beta, epsilon, affine=lambda z, gamma, beta: z)
    return gamma * z.reshape(x.shape) + beta


def _not_joined(x, gamma, beta, groups, epsilon):
    return gamma * x.reshape(*x.shape[:3], groups, -1) + beta


group_norm = Check(
    "10.3",
    slides="46",
    right=_group_norm,
    cases=lambda random: [
        {
            "x": _images(random, shape),
            **_weights(random, shape[-1]),
            "groups": groups,
            **_epsilon(random),
        }
        for shape, groups in (((2, 3, 2, 6), 2), ((3, 2, 4, 12), 3))
    ],
    mistakes={
        "`groups` was taken for the number of channels in a group. It is the number of groups.": (
            lambda x, gamma, beta, groups, epsilon: _group_norm(
                x, gamma, beta, x.shape[-1] // groups, epsilon
            )
        ),
        "a group was made of every `groups`-th channel. It should be made of neighbours: reshape "
        "to (..., groups, channels // groups), in this order.": (
            _in_groups(1, 2, 4, cut=_every_other, join=_every_other_back)
        ),
        "the images were taken together. Each image has means of its own.": _in_groups(0, 1, 2, 4),
        "each channel was normalized by itself: that is instance normalization. The channels of a "
        "group share mean and variance.": _in_groups(1, 2),
        "all channels of an image were taken together, as if they were one group.": (
            _in_groups(1, 2, 3, 4)
        ),
        "the mean was taken over the groups. Take it over the channels of a group, axis 4.": (
            _in_groups(1, 2, 3)
        ),
        "each pixel was normalized by itself. Take the mean over rows and columns, too.": (
            _in_groups(4)
        ),
        "the pixels were mixed up: reshape(n, groups, ...) is for images with the channels first. "
        "Here the last axis has to be cut.": _channels_first,
        "gamma and beta have one number for each channel: go back to the shape of x first.": (
            _not_joined
        ),
        **{
            text: _in_groups(1, 2, 4, **changes) for text, changes in (FORMULA | STATISTICS).items()
        },
    },
)


def _moved_by_keras(batches, momentum):
    layer = layers.BatchNormalization(momentum=momentum, center=False, scale=False)
    for batch in batches:
        layer(batch.astype("float32"), training=True)
    return [keras.ops.convert_to_numpy(weight) for weight in layer.weights]


def _moved(
    *,
    begin=lambda batches: (np.zeros(batches[0].shape[-1]), np.ones(batches[0].shape[-1])),
    mean_of=lambda batch: batch.mean(axis=(0, 1, 2)),
    spread_of=lambda batch: batch.var(axis=(0, 1, 2)),
    turn=lambda momentum: momentum,
    of=lambda batches: batches,
):
    def statistics(batches, momentum):
        mean, spread = begin(batches)
        momentum = turn(momentum)
        for batch in of(batches):
            mean = momentum * mean + (1 - momentum) * mean_of(batch)
            spread = momentum * spread + (1 - momentum) * spread_of(batch)
        return mean, spread

    return statistics


def _of_the_first(batches):
    return batches[0].mean(axis=(0, 1, 2)), batches[0].var(axis=(0, 1, 2))


def _about_the_moving_mean(batches, momentum):
    mean, variance = np.zeros(batches[0].shape[-1]), np.ones(batches[0].shape[-1])
    for batch in batches:
        mean = momentum * mean + (1 - momentum) * batch.mean(axis=(0, 1, 2))
        around = ((batch - mean) ** 2).mean(axis=(0, 1, 2))
        variance = momentum * variance + (1 - momentum) * around
    return mean, variance


def _plain_means(batches, momentum):
    statistics = [(batch.mean(axis=(0, 1, 2)), batch.var(axis=(0, 1, 2))) for batch in batches]
    return tuple(np.mean(statistics, axis=0))


def _added(batches, momentum):
    mean, variance = np.zeros(batches[0].shape[-1]), np.ones(batches[0].shape[-1])
    for batch in batches:
        mean = momentum * mean + batch.mean(axis=(0, 1, 2))
        variance = momentum * variance + batch.var(axis=(0, 1, 2))
    return mean, variance


moving_statistics = Check(
    "10.4",
    slides="46",
    right=_moved_by_keras,
    cases=lambda random: [
        {
            "batches": [_images(random, (count, 2, 3, channels)) for _ in range(batches)],
            "momentum": float(random.uniform(0.7, 0.9)),
        }
        for count, channels, batches in ((2, 3, 4), (3, 4, 3))
    ],
    mistakes={
        "the momentum is the wrong way round: the old value counts with m, the batch with 1 - m.": (
            _moved(turn=lambda momentum: 1 - momentum)
        ),
        "the statistics begin with those of the first batch. Begin with mean 0 and variance 1.": (
            _moved(begin=_of_the_first, of=lambda batches: batches[1:])
        ),
        "the statistics begin with those of the first batch, which then counts again. Begin with "
        "mean 0 and variance 1.": _moved(begin=_of_the_first),
        "the variance begins with 0. It should begin with 1.": (
            _moved(begin=lambda batches: (0 * _of_the_first(batches)[0],) * 2)
        ),
        "the mean begins with 1. It should begin with 0.": (
            _moved(begin=lambda batches: (0 * _of_the_first(batches)[0] + 1,) * 2)
        ),
        "the variance was divided by n - 1. The layer divides by n, as NumPy's `var` does.": _moved(
            spread_of=lambda batch: batch.var(axis=(0, 1, 2), ddof=1)
        ),
        "standard deviations were averaged. The layer keeps the variance.": (
            _moved(spread_of=lambda batch: batch.std(axis=(0, 1, 2)))
        ),
        "this is the plain mean over all batches. Later batches should count more.": (_plain_means),
        "these are the statistics of only the last batch. Move a little with each batch.": (
            lambda batches, momentum: _of_the_first(batches[-1:])
        ),
        "only the first batch was used: the `return` is inside the loop.": (
            _moved(of=lambda batches: batches[:1])
        ),
        "only the last batch was used: each one has to begin with what the one before left.": (
            _moved(of=lambda batches: batches[-1:])
        ),
        "the batch counts in full. Multiply it by 1 - m.": _added,
        "the variance was taken around the moving mean. Take it around the batch's own mean.": (
            _about_the_moving_mean
        ),
        "variance and mean came back in the wrong order.": (
            lambda batches, momentum: _moved()(batches, momentum)[::-1]
        ),
        "the statistics were taken over all channels together. Each channel has its own.": (
            _moved(mean_of=lambda batch: batch.mean(), spread_of=lambda batch: batch.var())
        ),
        "the variance is the mean of the images' variances. Take it over all numbers of a channel "
        "at once.": _moved(spread_of=lambda batch: batch.var(axis=(1, 2)).mean(axis=0)),
    },
)


def _batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon):
    weights = [gamma, beta, moving_mean, moving_variance]
    return _by_keras(layers.BatchNormalization(epsilon=epsilon), x, weights, training=False)


def _with_given(
    *,
    mean=lambda x, mean, variance: mean,
    spread=lambda x, mean, variance: variance,
    below=_root,
    affine=_affine,
):
    def normalize(x, gamma, beta, moving_mean, moving_variance, epsilon):
        centre, width = (each(x, moving_mean, moving_variance) for each in (mean, spread))
        return affine((x - centre) / below(width, epsilon), gamma, beta)

    return normalize


def _own_mean(x, mean, variance):
    return x.mean(axis=(0, 1, 2))


def _own_variance(x, mean, variance):
    return x.var(axis=(0, 1, 2))


batch_norm_inference = Check(
    "10.5",
    slides="46",
    right=_batch_norm_inference,
    cases=lambda random: [
        {
            "x": _images(random, shape),
            **_weights(random, shape[-1]),
            "moving_mean": random.uniform(0.3, 2, shape[-1]),  # has a root, too
            "moving_variance": random.uniform(0.3, 2, shape[-1]),
            **_epsilon(random),
        }
        for shape in ((3, 2, 4, 5), (1, 3, 2, 4))
    ],
    mistakes={
        "the batch's own mean and variance were used, as in training. An image's answer then "
        "depends on the others.": _with_given(mean=_own_mean, spread=_own_variance),
        "the mean is the batch's own. Use the moving one.": _with_given(mean=_own_mean),
        "the variance is the batch's own. Use the moving one.": _with_given(spread=_own_variance),
        "moving mean and moving variance have changed places.": (
            _with_given(
                mean=lambda x, mean, variance: variance, spread=lambda x, mean, variance: mean
            )
        ),
        "the moving mean was added. Subtract it.": _with_given(
            mean=lambda x, mean, variance: -mean
        ),
        "the mean was not subtracted.": _with_given(mean=lambda x, mean, variance: 0),
        "the moving variance was squared, as if it were a standard deviation.": (
            _with_given(spread=lambda x, mean, variance: variance**2)
        ),
        "x was normalized by its own statistics first, and then by the moving ones.": (
            lambda x, gamma, beta, moving_mean, moving_variance, epsilon: _with_given()(
                _normalized(x, (0, 1, 2), 1, 0, epsilon),
                gamma,
                beta,
                moving_mean,
                moving_variance,
                epsilon,
            )
        ),
        **{text: _with_given(**changes) for text, changes in FORMULA.items()},
    },
)
