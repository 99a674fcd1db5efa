"""What the tests of the networks share: networks without values, and whether one learns."""

import functools
import math
from concurrent.futures import ThreadPoolExecutor

import keras

from keras_course.data import shapes
from keras_course.models import build

IMAGENET = {"input_shape": (224, 224, 3), "num_classes": 1000}


def without_values(builder, *arguments, **options):
    """Build a network whose weights have shapes and no values: VGG would take half a gigabyte."""

    def work():
        with keras.StatelessScope(initialize_variables=False):
            return builder(*arguments, **options)

    # In a thread, for Keras keeps a list of weights without values, one list for each thread, and
    # would give them values when the next network is built.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(work).result()


@functools.cache
def shape_of(name, **options):
    """Return a network without values. It is built once, so leave it as it is."""
    return without_values(build, name, **options)


def parameters(name, **options):
    """Return the numbers of trainable and of all parameters."""
    model = shape_of(name, **options)
    return sum(math.prod(weight.shape) for weight in model.trainable_weights), model.count_params()


def layers_of(model, *kinds):
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def steps_to_learn(name, learning_rate, **options):
    """Return after how many steps, 10 to 100, a network knows 64 images of `shapes` by heart.

    None if it does not. Adam, all 64 images in each step.
    """
    images, labels, *_ = shapes.draw(64)
    keras.utils.set_random_seed(0)
    model = build(name, **options)
    model.compile(
        keras.optimizers.Adam(learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    for steps in range(10, 101, 10):
        model.fit(images, labels, batch_size=64, epochs=10, verbose=0)
        if model.evaluate(images, labels, batch_size=64, verbose=0)[1] == 1:
            return steps
    return None
