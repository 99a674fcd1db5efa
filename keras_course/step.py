"""The training step as one graph, and several steps of a small network in one call.

What is said here is of TensorFlow; JAX's own step is in jax_step.py.

`fit` calls `model.train_function(iterator)` for each step. The first call of the one that Keras
makes creates the optimizer's and the metrics' variables, so TensorFlow traces it twice. Here they
are there before, and one trace is enough. And a call from Python costs some milliseconds: as much
as a whole step of a small network. Several steps of those are a loop inside the graph; that trains
with the same images, in the same order, by the same rules.
"""

import math

import keras
import numpy as np

from keras_course import devices

# Multiply-adds, forward and back, in a call: a tenth of a second or two on a laptop, or on a GPU,
# so that progress and Ctrl-C stay lively.
TOGETHER, TOGETHER_ON_GPU = 10e9, 3e12
BYTES_TOGETHER = 2**28  # of float32 images in a call on JAX; it may hold twice as many meanwhile
MOST = 32  # steps in a call: more gain nothing


def in_one_graph(model: keras.Model) -> None:
    """Give the compiled model a `train_function` of its own, until it is compiled again.

    Its metrics are as `create_variables` wants them. Nothing changes where Keras does better by
    itself: with TensorFlow under XLA, as on GPUs, in eager mode, on several devices, and where it
    was told to take several steps at a time.
    """
    if model.run_eagerly or model.steps_per_execution > 1:
        return
    if keras.backend.backend() == "jax":
        from keras_course import jax_step

        model.train_function = jax_step.TrainFunction(model)
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    if tf.distribute.has_strategy() or model.jit_compile:  # replicas take the step together
        return
    without_sum_over_devices(model)
    create_variables(model)
    model.train_function = TrainFunction(model)


def without_sum_over_devices(model: keras.Model) -> None:
    """Let the optimizer of a compiled model take the gradients of one device as they are.

    Keras sums them over the devices, be it one, through a custom gradient, and TensorFlow remembers
    each of those for good, with the whole graph around it: some megabytes for each network that a
    process trains. Nothing changes on another backend, and where several devices share a batch.
    """
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if on_tensorflow and model.distribute_strategy.num_replicas_in_sync == 1:
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # of float16
        optimizer._all_reduce_sum_gradients = list


def create_variables(model: keras.Model) -> None:
    """Create the variables of the optimizer and the metrics, as the first step would.

    The metrics, if any, take logits and the number of the class, of an image or of each pixel.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    logits = np.zeros((1, *model.output.shape[1:]), "float32")
    model.compute_metrics(None, np.zeros(logits.shape[:-1], "int64"), logits)
    model.reset_metrics()


def take_together(
    model: keras.Model, multiply_adds: int, steps_per_epoch: int, batch_size: int
) -> None:
    """Let `fit` take as many steps in a call as suit a step of so many multiply-adds forward.

    `fit` then needs the callback `EndWithEpoch`. What happens between steps, happens between calls:
    on TensorFlow nothing may change the learning rate within an epoch. On JAX it is a divisor of
    the steps of an epoch, or there would be two programs; so few that their images, `batch_size` of
    a step, fit into `BYTES_TOGETHER`; and one without a GPU, see jax_step.py.
    """
    budget = TOGETHER_ON_GPU if devices.gpus() else TOGETHER
    steps = int(min(MOST, budget / (3 * multiply_adds)))  # back, for weights and images, is twice
    if keras.backend.backend() == "jax":
        fitting = BYTES_TOGETHER // (4 * batch_size * math.prod(model.input_shape[1:]))
        steps = largest_divisor(steps_per_epoch, min(steps, fitting) if devices.gpus() else 1)
    _take(model, max(1, steps))


def take_singly(model: keras.Model) -> None:
    """Let `fit` take one step in a call, also after an earlier `fit` that took several."""
    _take(model, 1)


def _take(model, steps):
    if not hasattr(model.train_function, "steps"):  # Keras' own, which takes one
        return
    model.train_function.steps = steps
    if model.steps_per_execution != steps:
        model.steps_per_execution = steps
        model.test_function = model.predict_function = None  # they may be there for another number


def largest_divisor(number: int, most: int) -> int:
    """Return the largest divisor of a number that is no more than `most`, 1 where that is less."""
    return next(each for each in range(max(1, most), 0, -1) if number % each == 0)


class TrainFunction:
    """Trains on the next `steps` batches of an iterator and returns the metrics after them.

    It ends at once after a step whose loss is not finite; `optimizer.iterations` says which.
    """

    def __init__(self, model: keras.Model):
        import tensorflow as tf

        self.steps = 1

        def one_step(iterator):
            return model.train_step(next(iterator))

        def several_steps(iterator, steps):
            return tf.while_loop(
                lambda step, logs: (step < steps) & tf.math.is_finite(logs["loss"]),
                lambda step, logs: (step + 1, one_step(iterator)),
                (0, model.get_metrics_result()),
                parallel_iterations=1,
            )[1]

        self.one_step = tf.function(one_step, autograph=False)
        self.several_steps = tf.function(several_steps, autograph=False)
        self.number = tf.constant  # a tensor, or each number would be traced

    def __call__(self, iterator) -> dict:
        if self.steps == 1:
            return self.one_step(iterator)
        return self.several_steps(iterator, self.number(self.steps))


class EndWithEpoch(keras.callbacks.Callback):
    """Takes only the steps in the last call of an epoch that are left in it."""

    def on_train_begin(self, logs=None):
        # Here, as on JAX `self.model` puts all variables of the network back.
        self.take, self.together = self.model.train_function, self.model.steps_per_execution

    def on_train_batch_begin(self, batch, logs=None):
        if isinstance(self.take, TrainFunction):
            self.take.steps = min(self.together, self.params["steps"] - batch)
