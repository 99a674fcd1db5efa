"""A step that does not fit into the memory of the device, and a batch size that does.

What a step keeps for its gradients grows with its images, so smaller batches are tried, each half
of the one before, until a step succeeds: a number that is measured, not guessed.
"""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np

from keras_course import devices, files, replicas, variables
from keras_course.errors import Failure, memory_is_full


class OutOfMemory(Failure):
    """The memory of the device is too small for a step."""


@contextlib.contextmanager
def told(model: keras.Model, batches) -> Iterator[None]:
    """Raise `OutOfMemory` where the memory is too small for what the block does.

    The block trains the compiled model with these endless batches (images, targets). The weights
    are lost then, and the step of `step.in_one_graph` with them.
    """
    try:
        yield
    except Failure:  # which says already what was too large
        raise
    except Exception as error:
        if not _is_of_the_device(error):
            raise
        raise with_a_batch_size(model, batches) from error


def with_a_batch_size(model: keras.Model, batches) -> OutOfMemory:
    """Return an `OutOfMemory` that names a batch size that fits; see `told` for what is lost."""
    print("The memory of the device is full. Trying smaller batches.", flush=True)
    sharing = replicas.of(model)
    return OutOfMemory(_advice(*_search(model, batches, sharing), devices.describe(sharing)))


@contextlib.contextmanager
def told_of_looking() -> Iterator[None]:
    """Raise `OutOfMemory` where the memory is too small for what the block does, which does not
    train: no batch size of a step would help."""
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        if not _is_of_the_device(error):
            raise
        raise OutOfMemory(
            f"The memory of {devices.describe()} was full. End other programs that use it, then "
            "run the same command again."
        ) from error


def _is_of_the_device(error):
    """Return whether an error says that its memory is full, and not the disk."""
    return memory_is_full(error) and not files.says_full(error)


def _search(model, batches, sharing):
    """Return how many images a batch has, and of how many a step fits, 0 for none.

    sharing: the devices that share a batch. One call of `train_on_batch` gives each of them all of
    its images.
    """
    if hasattr(batches, "one_by_one"):  # of JAX
        batches = batches.one_by_one()
    batch = keras.tree.map_structure(keras.ops.convert_to_numpy, next(iter(batches)))
    images = len(batch[0])
    share = images // sharing
    model.make_train_function(force=True)
    while share:
        # On JAX a step that fails has lost them.
        variables.write(model, [np.zeros(each.shape) for each in variables.of(model)])
        try:
            model.train_on_batch(*(part[:share] for part in batch))
            break
        except Exception as error:
            if not memory_is_full(error):
                raise
        share //= 2
    return images, share * sharing


def _advice(images, fitting, device):
    if fitting == images:
        smaller = f"a batch size of {images // 2}, or " if images > 1 else ""
        return (
            f"The memory of {device} was full, though a step of {images} images fits by itself. "
            f"End other programs that use it, or use {smaller}a smaller network."
        )
    if fitting == 0:
        return (
            f"Not even a step of one image fits into the memory of {device}. Use a smaller "
            "network, or fewer filters."
        )
    return (
        f"A step of {images} images does not fit into the memory of {device}; one of {fitting} "
        f"does: use a batch size of {fitting}, or a smaller network."
    )
