"""The batches of the input pipeline for JAX, see pipeline.py: made on the device that uses them.

All images lie there as uint8, a quarter of the size of float32. One compiled function picks those
of a step, mirrors and augments them. To call it takes longer than a GPU takes for a small batch:
there the batches of several steps are made in one call. From the host comes the number of the first
of them alone, and once an epoch the order of the images.
"""

import copy
import weakref

import jax
import jax.numpy as jnp
import keras
import numpy as np

from keras_course import devices
from keras_course.augmentation import augment
from keras_course.data import pipeline
from keras_course.errors import Failure, memory_is_full
from keras_course.step import BYTES_TOGETHER, MOST, largest_divisor

_placed: dict[int, jax.Array] = {}


def on_device(array: np.ndarray) -> jax.Array:
    """Return a copy of the array on the device; as long as the array is there it is the same one.

    Errors: Failure where the memory of the device is too small for it.
    """
    if (key := id(array)) not in _placed:
        try:
            # Of a copy: where the device is the processor, JAX keeps what it gets.
            _placed[key] = jax.device_put(np.array(array)).block_until_ready()
        except Exception as error:
            if not memory_is_full(error):
                raise
            raise Failure(
                f"The {array.nbytes / 1e6:,.0f} MB of images do not fit into the memory of the "
                "device. With KERAS_BACKEND=tensorflow they stay in the memory of the machine."
            ) from error
        weakref.finalize(array, _placed.pop, key).atexit = False
    return _placed[key]


class TrainingBatches(keras.utils.PyDataset):
    """Endless; a batch follows from its number alone, so that any one can be the first."""

    num_batches = None

    def __init__(self, images, labels, batch_size, layers, seed, first_epoch, alternate, then):
        super().__init__()
        self.arrays = on_device(images), on_device(labels)
        count = len(images)  # and hold no images but those on the device
        self.steps = count // batch_size  # of an epoch
        self.first = first_epoch * self.steps
        self.epoch, self.order = None, None
        fitting = BYTES_TOGETHER // (4 * batch_size * images[0].size) if devices.gpus() else 1
        self.together = largest_divisor(self.steps, min(MOST, fitting))
        self.made, self.batches = None, []
        self.count, self.batch_size, self.seed, self.alternate = count, batch_size, seed, alternate
        self.layers, self.then = tuple(layers), then

    def __getitem__(self, number):
        epoch, step = divmod(self.first + number, self.steps)
        if epoch != self.epoch:
            self.epoch, self.order = epoch, self._order_of(epoch)
        place = step % self.together
        if (made := (epoch, step - place)) != self.made:
            first = jax.device_put(np.int32(step - place))
            self.made, self.batches = None, []  # their memory is free for the next ones
            self.batches = _batches(
                self.arrays, self.order, first, self.together, self.layers, self.then
            )
            self.made = made
        return self.batches[place]

    def _order_of(self, epoch):
        indices, keys = pipeline.order(self.count, self.batch_size, self.seed, epoch)
        turned = None
        if self.alternate:
            turned = pipeline.turned(self.count, self.seed, epoch)[indices]
        return jax.device_put((indices.astype("int32"), keys.astype("uint32"), turned))

    def one_by_one(self) -> "TrainingBatches":
        """Return the same batches, each made in a call of its own: that takes less memory."""
        alone = copy.copy(self)
        alone.together, alone.made, alone.batches = 1, None, []
        return alone

    def skip(self, steps: int) -> "TrainingBatches":
        rest = copy.copy(self)
        rest.first += steps
        return rest


# Compiled once for all instances with the same static ones.
@jax.jit(static_argnames=("count", "layers", "then"))
def _batches(arrays, order, first, count, layers, then):
    """Return the batches of `count` steps, from the step `first` on."""

    def batch(step):
        (images, labels), (indices, keys, turned) = arrays, order
        x = images[indices[step]]
        if turned is not None:
            x = jnp.where(turned[step][:, None, None, None], x[:, :, ::-1], x)
        x, y = augment(x.astype("float32"), layers, keys[step]), labels[indices[step]]
        return then(x, y) if then else (x, y)

    if count == 1:
        return [batch(first)]
    x, y = jax.lax.map(batch, first + jnp.arange(count))
    return list(zip(x, y, strict=True))


class EvaluationBatches(keras.utils.PyDataset):
    """All images in their order.

    A batch of another size is compiled anew: so they are of the largest size up to `batch_size`
    and above half of it that divides the images, where there is one. Else the last one is smaller.
    """

    def __init__(self, images, labels, batch_size):
        super().__init__()
        self.arrays, self.count = (on_device(images), on_device(labels)), len(images)
        sizes = range(batch_size, batch_size // 2, -1)
        self.batch_size = next((size for size in sizes if self.count % size == 0), batch_size)

    def __len__(self):
        return -(-self.count // self.batch_size)

    def __getitem__(self, number):
        first = number * self.batch_size
        size = min(self.batch_size, self.count - first)
        return _slice(self.arrays, jax.device_put(np.int32(first)), size)


@jax.jit(static_argnums=2)
def _slice(arrays, first, size):
    x, y = (jax.lax.dynamic_slice_in_dim(array, first, size) for array in arrays)
    return x.astype("float32"), y


training_batches, evaluation_batches = TrainingBatches, EvaluationBatches
