"""What a student's network does, whatever its layers are called and in which order they were made.

Every weight gets values that depend on its role and shape alone, so two networks of the same layers
give the same output, however they were written. Those of a normalization depend on the role alone:
one of all channels, or one of each branch, is the same; its variances are so large that its
epsilon, which nobody is asked for, makes no difference.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_course.lessons.check import Unusable
from keras_course.lessons.compare import shown

ROLES = ("gamma", "beta", "moving_mean", "moving_variance", "bias")  # others are kernels


def block(function: Callable, x: np.ndarray, **options: Any) -> dict:
    """Observe a function from a Keras tensor to one: what it makes of the images x."""
    inputs = keras.Input(x.shape[1:])
    outputs = function(inputs, **options)
    if not isinstance(outputs, keras.KerasTensor):
        raise Unusable(f"returned {shown(outputs)}; expected the output of a Keras layer")
    return facts(keras.Model(inputs, outputs), x)


def network(function: Callable, images: np.ndarray, **options: Any) -> dict:
    """Observe a function that returns a Keras model: what that makes of the images."""
    model = a_model(function(**options))
    if not model.built:  # a class of its own, or a Sequential without an Input
        model(images[:1])
    shape = getattr(model, "input_shape", images.shape)[1:]
    if shape != images.shape[1:] and None not in shape:
        wanted = "x".join(map(str, images.shape[1:]))
        got = "x".join(map(str, shape))
        raise Unusable(f"returned a model for images of shape {got}; expected {wanted}")
    return facts(model, images)


def network_with_biases(function: Callable, images: np.ndarray, **options: Any) -> dict:
    """Observe the same, with the number of all weights, biases included."""
    models = []

    def kept(**options):
        models.append(a_model(function(**options)))
        return models[-1]

    found = network(kept, images, **options)
    return {**found, "weights with biases": models[0].count_params()}


def a_model(returned: Any) -> keras.Model:
    """Return what is a Keras model as it is; anything else is `Unusable`."""
    if isinstance(returned, keras.KerasTensor):
        raise Unusable(
            "returned the output of a layer; expected a keras.Model, from the input to that output"
        )
    if not isinstance(returned, keras.Model):
        raise Unusable(f"returned {shown(returned)}; expected a keras.Model")
    return returned


def facts(model: keras.Model, images: np.ndarray) -> dict:
    """Return shape of the output, weights in kernels, and the output, as for inference.

    Biases are not counted, and become zero: before a normalization they do no harm.
    """
    give_weights(model, seed=abs(hash(images.tobytes())) % 2**32)
    outputs = keras.ops.convert_to_numpy(model(images, training=False))
    kernels = [weight.shape for weight in model.trainable_weights if weight.name not in ROLES]
    return {
        "shape of an output": "x".join(map(str, outputs.shape[1:])),
        "weights in its kernels": sum(map(math.prod, kernels)),
        "output": outputs,
    }


def give_weights(model: keras.Model, seed: int) -> None:
    """Give every weight values by its role and shape; biases become zero."""
    for weight in model.weights:
        role = weight.name if weight.name in ROLES else "kernel"
        shape = tuple(weight.shape)
        drawn_for = shape if role == "kernel" else ()
        random = np.random.default_rng([seed, (*ROLES, "kernel").index(role), *drawn_for])
        if role == "bias" or not np.issubdtype(
            keras.backend.standardize_dtype(weight.dtype), np.floating
        ):
            continue
        if role == "gamma":
            values = np.full(shape, random.uniform(5, 15))
        elif role == "moving_variance":
            values = np.full(shape, random.uniform(50, 150))
        elif role in ("beta", "moving_mean"):
            values = np.full(shape, random.normal(0, 0.3))
        else:
            values = random.normal(0, np.sqrt(2 / max(1, np.prod(shape[:-1]))), shape)
        weight.assign(values.astype("float32"))
