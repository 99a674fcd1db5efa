"""Keras layers that Keras lacks, or computes slower."""

from keras_course.layers.batch_normalization import BatchNormalization
from keras_course.layers.gelu import GELU
from keras_course.layers.normalization import NORMALIZATIONS, normalize
from keras_course.layers.random_color_jitter import RandomColorJitter
from keras_course.layers.random_rotation90 import RandomRotation90
from keras_course.layers.random_shift import RandomShift
from keras_course.layers.whitening import Whitening

__all__ = [
    "GELU",
    "NORMALIZATIONS",
    "BatchNormalization",
    "RandomColorJitter",
    "RandomRotation90",
    "RandomShift",
    "Whitening",
    "normalize",
]
