"""What makes the step fast does not change what it learns.

Same network, images and number of steps, beside Keras as it comes. Single steps drift apart by
rounding; the mean loss of steps 80 to 100 stays within what another seed makes of it.
"""

import dataclasses

import keras
import numpy as np

from benchmarks.step import as_it_comes
from keras_course import data, models, step, training, variables
from keras_course.data.splits import Split
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


def test_the_fast_path_learns_what_the_plain_one_does():
    splits = data.load("shapes")
    images, labels = splits.train
    splits = splits._replace(train=Split(images[:, ::2, ::2], labels))  # is quicker
    ours = training.build(RECIPE, splits)
    step.take_together(ours, 1, TWENTY)
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
