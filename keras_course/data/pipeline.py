"""The input pipeline: batches in an order, and with draws, that depend on seed and epoch alone.

Batch first, then augment: mapped over whole batches the layers cost a sixth of what they cost
image by image.
"""

import itertools
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_course import devices
from keras_course.augmentation import augment

PARALLEL = min(devices.cores(), 8)  # batches in the making at a time
# Bytes of images that NumPy picks at once: few enough for any memory, enough for its calls not to
# count. A copy of the whole set, as TensorFlow makes it of an array, would take its size twice.
CHUNK = 8_000_000
OPTIONS = tf.data.Options()
# Its thread sleeps, and the end of a data set waits for it up to a minute.
OPTIONS.autotune.enabled = False


def order(count: int, batch_size: int, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which images make up each step of an epoch, and the key of each step's draws.

    The indices have the shape (steps, batch_size): what is left over after the last full batch is
    not seen in this epoch, and is other images in the next. The keys have the shape (steps, 2).
    """
    random = np.random.default_rng((seed, epoch))
    steps = count // batch_size
    indices = random.permutation(count)[: steps * batch_size].reshape(steps, batch_size)
    keys = random.integers(2**31, size=(steps, 2), dtype=np.int32)
    return indices, keys


def training_batches(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    *,
    layers: Sequence[keras.layers.Layer] = (),
    seed: int = 0,
    first_epoch: int = 0,
    alternate: bool = False,
) -> tf.data.Dataset:
    """Return an endless data set of batches (images, labels), one epoch after the other.

    images: (n, height, width, channels) with values 0..255; they come out as float32, augmented
    by `layers`. alternate: mirror half of the images, drawn once, in even epochs and the other
    half in odd ones (Jordan 2024, section 3.6): two epochs show every image both ways, where draws
    show half of them the same way twice. Give `fit` the `steps_per_epoch = n // batch_size`.
    """

    together = max(1, CHUNK // (batch_size * images[0].nbytes))  # steps

    mirrored = np.random.default_rng(seed).integers(2, size=len(images), dtype=bool)

    def chunks() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for epoch in itertools.count(first_epoch):
            indices, keys = order(len(images), batch_size, seed, epoch)
            for first in range(0, len(indices), together):
                steps = slice(first, first + together)
                picked = images[indices[steps]]
                if alternate:
                    turned = mirrored[indices[steps]] ^ bool(epoch % 2)
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
    return dataset.prefetch(PARALLEL).with_options(OPTIONS)


def evaluation_batches(
    images: np.ndarray, labels: np.ndarray, batch_size: int = 256
) -> tf.data.Dataset:
    """Return the data set of all images in their order, none left out, none augmented."""
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size)
    dataset = dataset.map(lambda x, y: (tf.cast(x, "float32"), y))
    return dataset.prefetch(PARALLEL).with_options(OPTIONS)
