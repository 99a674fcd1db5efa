"""The normalization layers of the lecture, by name.

Each subtracts a mean and divides by a standard deviation; they differ in what these are taken over:

    batch     all images and pixels, for each channel     Ioffe & Szegedy 2015
    instance  one image's pixels, for each channel        Ulyanov et al. 2016
    group     one image's pixels and a group of channels  Wu & He 2018

Batch normalization wants batches large enough for a good estimate; the other two do not look at
other images at all.
"""

import math

import keras

from keras_course.errors import UserError, unknown
from keras_course.layers.batch_normalization import EPSILON, BatchNormalization

NORMALIZATIONS = ("batch", "instance", "group", None)


def groups(channels: int) -> int:
    """Return how many groups to make of `channels`.

    32 as in the paper; where these would not have an even number of channels each, the largest
    power of two of which that is so: with one channel a group, GroupNorm would be InstanceNorm. Of
    an odd number of channels, one group.
    """
    return math.gcd(32, channels // 2) if channels % 2 == 0 else 1


def normalize(x, normalization: str | None):
    """Apply the normalization layer of that name to images of shape (batch, h, w, channels)."""
    if normalization not in NORMALIZATIONS:
        raise unknown("normalization", normalization, map(str, NORMALIZATIONS))
    if normalization is None:
        return x
    if normalization == "batch":
        return BatchNormalization()(x)
    if normalization == "group":
        return keras.layers.GroupNormalization(groups(x.shape[-1]), epsilon=EPSILON)(x)
    if tuple(x.shape[1:3]) == (1, 1):
        raise UserError(
            "normalization 'instance' of a 1x1 map would be zero everywhere: a single pixel is its "
            "own mean. Use larger images, 'group' or 'batch'."
        )
    return keras.layers.GroupNormalization(-1, epsilon=EPSILON)(x)
