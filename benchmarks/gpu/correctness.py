"""Differences of the same step: device against processor, copies against one network by itself.

That of the gradients is the length of the difference, of the length of all of them together.
"""

import functools
import itertools
import math

import keras
import numpy as np

from benchmarks.gpu import recipes
from benchmarks.gpu.noise import noise
from keras_course import models, training, variables
from keras_course.recipes import Recipe

# The largest differences that count as rounding, as shares. Of the gradients that is much: at an
# input of nearly zero a ReLU may be open on one device and closed on the other.
ROUNDING = {"loss": 1e-4, "gradients": 3e-2}

HEAD = "| network | loss | gradients |"


def cells(case):
    return f"{case['loss']:.0e} | {case['gradients']:.0e}"


def minutes(asked):
    return 1


def parts(asked):
    names = ("simple_cnn",) if asked.short else recipes.NETWORKS
    copied = "simple_cnn" if asked.short else "resnet20"
    return {name: functools.partial(_against_processor, name) for name in names} | {
        f"{copied}, copies beside a diverged one": functools.partial(_against_one_alone, copied)
    }


def _against_processor(name):
    import jax

    keras.utils.set_random_seed(0)
    model = models.build(name, input_shape=(32, 32, 3))
    (images, labels), *_ = noise(16)
    found = []
    for device in (jax.devices("cpu")[0], jax.devices()[0]):
        with jax.default_device(device):
            found.append(loss_and_gradients(model, images.astype("float32"), labels, device))
    return difference(*found)


def loss_and_gradients(model, images, labels, device=None):
    """Return the loss of a step and all its gradients in a row, computed in float32."""
    import jax

    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @jax.jit
    @jax.value_and_grad
    def loss(trainable, others, images, labels):
        return entropy(labels, model.stateless_call(trainable, others, images, training=True)[0])

    state = (
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
    )
    with jax.default_matmul_precision("highest"):
        value, gradients = loss(*jax.device_put((*state, images, labels), device))
    return float(value), _in_a_row(gradients)


def _in_a_row(arrays):
    return np.concatenate([np.ravel(array) for array in arrays]).astype("float64")


def difference(right, other):
    """Return how far a loss and gradients are from the right ones, as shares of those."""
    (loss, gradients), (loss_too, gradients_too) = right, other
    length = np.linalg.norm(gradients_too - gradients) / np.linalg.norm(gradients)
    return {"loss": abs(loss_too / loss - 1), "gradients": float(length)}


def is_rounding(found):
    """Return whether these differences are no more than rounding; NaN is more."""
    return all(found.get(name, math.inf) < most for name, most in ROUNDING.items())


def _against_one_alone(name):
    """Return the largest differences of three copies to single steps, over some steps of SGD.

    Beside them is a fourth that has diverged: were it to touch them, NaN would be no rounding.
    """
    import jax

    from keras_course.search.copies import Copies

    recipe = Recipe(model=name, optimizer="sgd", batch_size=32, precision="float32")
    splits = noise(32 * 5)
    model = training.build(recipe, splits)
    batches, steps = training.batches(recipe, splits)
    copies, state, learning_rates = Copies(model), variables.read(model), (1e-3, 1e-2, 0.1)
    trained = {id(variable) for variable in model.trainable_variables}

    def weights():
        return _in_a_row(model.trainable_variables)

    found = []
    with jax.default_matmul_precision("highest"):
        for batch in itertools.islice(batches, steps):
            variables.write(model, state)
            before = weights()
            diverged = [
                np.full_like(value, np.nan) if id(variable) in trained else value
                for variable, value in zip(variables.of(model), state, strict=True)
            ]
            copies.begin([*[state] * len(learning_rates), diverged])
            losses = copies.train([batch], np.array([[*learning_rates, 0]]).T)["loss"]
            for number, rate in enumerate(learning_rates):
                copies.load(number)
                together = float(losses[number, 0]), weights() - before
                variables.write(model, state)
                model.optimizer.learning_rate = rate
                loss = model.train_on_batch(*batch, return_dict=True)["loss"]
                found.append(difference((loss, weights() - before), together))
            state = variables.read(model)
    return {key: float(np.max([each[key] for each in found])) for key in ROUNDING}
