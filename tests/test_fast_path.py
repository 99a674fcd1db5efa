"""What makes the step fast does not change what it learns.

Same network, images and number of steps, beside Keras as it comes. From the same state both take
the same step. Over many they drift apart by rounding; the mean loss of steps 80 to 100 stays within
what another seed makes of it.
"""

import dataclasses

import keras
import numpy as np
import pytest

from benchmarks.step import as_it_comes
from keras_course import data, models, step, training, variables
from keras_course.data import shapes
from keras_course.data.splits import Split
from keras_course.models.resnet import resnet_cifar
from keras_course.recipes import Recipe

RECIPE = Recipe(model="resnet20", learning_rate=3e-3, batch_size=32, augmentation="none")
TWENTY = 20  # steps in an epoch, of which `fit` gives the mean loss


def losses(model, batches):
    """Return the mean loss of each twenty of a hundred steps."""
    return model.fit(
        batches,
        steps_per_epoch=TWENTY,
        epochs=5,
        shuffle=False,
        verbose=0,
        callbacks=[step.EndWithEpoch()],
    ).history["loss"]


def weights(model):
    return np.concatenate([value.ravel() for value in model.get_weights()])


def test_from_the_same_state_each_step_is_that_of_keras_as_it_comes():
    keras.utils.set_random_seed(0)
    recipe = dataclasses.replace(RECIPE, optimizer="nesterov", precision="float32")
    ours = training.compiled(resnet_cifar(8, input_shape=(16, 16, 3)), recipe)
    theirs = as_it_comes(ours)
    theirs.compile(
        keras.optimizers.SGD(recipe.learning_rate, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    drawn = shapes.draw(320, seed=0)
    images = drawn.images[:, ::2, ::2].astype("float32")
    for x, y in zip(np.split(images, 10), np.split(drawn.labels, 10), strict=True):
        variables.write(theirs, variables.read(ours))
        before, found = weights(ours), []
        for model in (theirs, ours):
            fitted = model.fit(x, y, batch_size=len(x), shuffle=False, verbose=0)
            found.append((fitted.history["loss"][0], weights(model)))
        (loss, after), (our_loss, our_after) = found
        assert our_loss == pytest.approx(loss, rel=1e-4)
        assert np.linalg.norm(our_after - after) < 0.01 * np.linalg.norm(after - before)


@pytest.mark.slow
def test_the_fast_path_learns_what_the_plain_one_does():
    splits = data.load("shapes")
    images, labels = splits.train
    splits = splits._replace(train=Split(images[:, ::2, ::2], labels))  # is quicker
    ours = training.build(RECIPE, splits)
    step.take_together(ours, 1, TWENTY, RECIPE.batch_size)
    theirs = as_it_comes(models.build(RECIPE.model, input_shape=(16, 16, 3)))
    theirs.compile(
        keras.optimizers.Adam(RECIPE.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    paths = {model: (variables.read(model), []) for model in (ours, theirs)}
    for seed in range(3):
        recipe = dataclasses.replace(RECIPE, seed=seed)
        batches, _ = training.batches(recipe, splits)
        weights = training.build(recipe, splits).get_weights()
        for model, (untrained, found) in paths.items():
            variables.write(model, untrained)
            model.set_weights(weights)
            found.append(losses(model, batches))
    fast, plain = (np.array(found) for _, found in paths.values())
    before, after = plain[:, 0], plain[:, -1]
    assert after.max() < before.min()  # something is learned
    spread = np.ptp(after)
    differences = fast[:, -1] - after
    assert abs(differences.mean()) <= spread, (fast, plain)
    assert abs(differences).max() <= 2 * spread, (fast, plain)
