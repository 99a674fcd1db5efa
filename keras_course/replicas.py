"""One network on several devices of one machine: each takes its share of every batch.

Data-parallel training, by TensorFlow's MirroredStrategy: every device has the same weights, takes
the gradients of its images, and applies the mean of all gradients. The batch of the recipe is that
of all devices together, so a network without batch statistics learns the same as on one device.
BatchNormalization takes the statistics of each device's share alone, as if the batch were that
small; what it remembers for later is the mean over the devices, and validation takes that, too.

Several machines cannot train one model: Keras 3's `fit` fails under MultiWorkerMirroredStrategy
(https://github.com/keras-team/keras/issues/20585).
"""

import contextlib
import functools
import json
import os
from contextlib import AbstractContextManager

import keras
import numpy as np

from keras_course.errors import UserError


def devices() -> list[str]:
    """Return the names of what TensorFlow can train on: the GPUs, or else the logical CPUs."""
    import tensorflow as tf

    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in found]


def count(asked: str) -> int:
    """Return for "all" or a number how many devices that are.

    Errors: UserError for a number that is not there, for a job on several machines, and on another
    backend than TensorFlow.
    """
    if asked == "1":
        return 1
    _refuse_other_backends()
    _refuse_several_machines()
    there = len(devices())
    if asked == "all":
        return there
    if not asked.isdigit() or not 1 <= int(asked) <= there:
        raise UserError(
            f"--devices must be all, or a number from 1 to {there}, as many as TensorFlow sees "
            f"here. Received: {asked}."
        )
    return int(asked)


def scope(replicas: int, batch_size: int) -> AbstractContextManager:
    """Return the context in which to build and compile a model for so many devices.

    Errors: UserError for a batch that they cannot share evenly, for devices that are not there, and
    on another backend than TensorFlow.
    """
    if replicas == 1:
        return contextlib.nullcontext()
    _refuse_other_backends()
    if batch_size % replicas:
        raise UserError(
            f"{replicas} devices share each batch: batch_size must be a multiple of {replicas}, "
            f"like {replicas * max(1, batch_size // replicas)}. Received: {batch_size}."
        )
    if replicas > (there := len(devices())):
        raise UserError(
            f"{replicas} devices share each batch of this run, but TensorFlow sees {there} here. "
            "Continue on a machine with as many, or train into another folder."
        )
    return strategy(replicas).scope()


def of(model: keras.Model) -> int:
    """Return how many devices share the batches of a model."""
    if keras.backend.backend() != "tensorflow":
        return 1
    return model.distribute_strategy.num_replicas_in_sync


class ShareStatistics(keras.callbacks.Callback):
    """Give every device the mean of all devices' statistics before a validation.

    Each would judge its images by its own: not by those that are saved, and by others where a run
    has gone on in between.
    """

    def on_test_begin(self, logs=None):
        for variable in self.model.non_trainable_variables:
            variable.assign(np.array(variable))


@functools.cache  # two in a process count their exchanges alike, and TensorFlow mixes them up
def strategy(replicas: int):
    """Return the MirroredStrategy of so many devices."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices()[:replicas])


def _refuse_other_backends():
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "Only TensorFlow can share a batch among several devices, but Keras runs on "
            f"{keras.backend.backend()}. Leave out --devices, or set KERAS_BACKEND=tensorflow."
        )


def _refuse_several_machines():
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    tasks = sum(len(cluster.get(kind, [])) for kind in ("chief", "master", "worker"))
    machines = max(tasks, int(os.environ.get("SLURM_JOB_NUM_NODES", 1)))
    if machines > 1:
        raise UserError(
            f"This job has {machines} machines, and Keras 3 cannot train one model on several: its "
            "fit fails under MultiWorkerMirroredStrategy (keras issue 20585). Ask for one node; a "
            "search uses several, see `keras-course tune --slurm`."
        )
