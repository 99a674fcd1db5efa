"""The batches of the input pipeline as a tf.data.Dataset, see pipeline.py."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_course import devices
from keras_course.augmentation import augment
from keras_course.data import pipeline

PARALLEL = min(devices.cores(), 8)  # batches in the making at a time
# Bytes of images that NumPy picks at once: few enough for any memory, enough for its calls not to
# count. A copy of the whole set, as TensorFlow makes it of an array, would take its size twice.
CHUNK = 8_000_000
OPTIONS = tf.data.Options()
# Its thread sleeps, and the end of a data set waits for it up to a minute.
OPTIONS.autotune.enabled = False


def training_batches(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    layers: Sequence[keras.layers.Layer],
    seed: int,
    first_epoch: int,
    alternate: bool,
    then: Callable | None,
) -> tf.data.Dataset:
    together = max(1, CHUNK // (batch_size * images[0].nbytes))  # steps

    def chunks() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for epoch in itertools.count(first_epoch):
            indices, keys = pipeline.order(len(images), batch_size, seed, epoch)
            mirrored = pipeline.turned(len(images), seed, epoch) if alternate else None
            for first in range(0, len(indices), together):
                steps = slice(first, first + together)
                picked = images[indices[steps]]
                if alternate:
                    turned = mirrored[indices[steps]]
                    picked[turned] = picked[turned, :, ::-1]
                yield picked, labels[indices[steps]], keys[steps]

    @tf.function(jit_compile=bool(layers))  # one pass over the images instead of twenty
    def augmented(x, key):
        return augment(tf.cast(x, "float32"), layers, key)

    steps = tf.data.Dataset.from_generator(
        chunks,
        output_signature=(
            tf.TensorSpec((None, batch_size, *images.shape[1:]), images.dtype),
            tf.TensorSpec((None, batch_size, *labels.shape[1:]), labels.dtype),
            tf.TensorSpec((None, 2), "int32"),
        ),
    ).flat_map(lambda *chunk: tf.data.Dataset.from_tensor_slices(chunk))
    dataset = steps.map(lambda x, y, key: (augmented(x, key), y), num_parallel_calls=PARALLEL)
    dataset = dataset.prefetch(PARALLEL).with_options(OPTIONS)
    return dataset.map(then) if then else dataset


def evaluation_batches(images: np.ndarray, labels: np.ndarray, batch_size: int) -> tf.data.Dataset:
    with tf.device("CPU:0"):  # or all images would be copied to the GPU
        dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size)
    dataset = dataset.map(lambda x, y: (tf.cast(x, "float32"), y))
    return dataset.prefetch(PARALLEL).with_options(OPTIONS)
