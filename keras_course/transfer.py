"""Transfer learning: a new head on a network that has learned elsewhere (slides 47-49).

Labelled images are expensive; what the first layers find, edges and corners and textures, serves
other classes as well. So the body comes from a network trained on many images, and only then:

1. The body frozen, a new head is trained: its first, random gradients cannot spoil the body, whose
   BatchNormalization keeps the statistics it has (inference mode, Keras' meaning of
   `trainable=False`: https://keras.io/guides/transfer_learning/).
2. All layers are trained on, at a tenth of the rate: enough to adapt, too little to forget.

Each part ends early when the validation metric stops improving. The second begins at the best
weights of the first, and the best of both parts are kept.
"""

import dataclasses
import hashlib
import os
from pathlib import Path

import keras

from keras_course import data, devices, files, folders, lock, runs, schedules, training
from keras_course.data.splits import Splits, digest
from keras_course.errors import UserError
from keras_course.loop import Loop
from keras_course.models.pretrained import load_pretrained
from keras_course.recipes import Recipe
from keras_course.runs import Run

FINE_TUNING = 0.1  # of the rate of the head
# Few images: small batches, so that an epoch has some steps.
RECIPE = Recipe(schedule="constant", learning_rate=3e-3, batch_size=16, frozen_epochs=10)


def recipe_of(source: str | os.PathLike, model: str | None = None) -> Recipe:
    """Return the recipe that `transfer` starts from: `RECIPE` with the network of the source.

    source: a run folder, whose network it is, or "imagenet", which needs the name of a `model`.
    """
    if source == "imagenet":
        if model is None:
            raise UserError(
                "'imagenet' has several networks. Name one with --model, like resnet50."
            )
        return dataclasses.replace(RECIPE, model=model)
    of = Run.load(source).recipe
    return dataclasses.replace(
        RECIPE,
        model=of.model,
        normalization=of.normalization,
        dropout=of.dropout,
        width_multiplier=of.width_multiplier,
    )


def transfer(
    source: "str | os.PathLike | keras.Model",
    recipe: Recipe,
    folder: str | os.PathLike,
    *,
    splits: Splits | None = None,
) -> Run:
    """Train a new head on the body of `source`, then all of it at a tenth of the rate.

    source: a run folder, "imagenet" or a Keras model, as `load_pretrained` takes it. recipe: its
    network is the source's, its rate that of the head, its schedule "constant"; the epochs of both
    parts are at most; `recipe_of` makes one. The recipe of the run names the source.

    The run folder is as that of `training.fit`; `metrics.json` says under "transfer" how long the
    body was frozen. A finished run of the same recipe and source is returned as it is; one that was
    cut off goes on. Errors: UserError for a source that does not fit; `guards.Diverged`.
    """
    if recipe.schedule != "constant":
        raise UserError(
            "transfer trains at one rate, then at a tenth of it: the schedule must be 'constant'. "
            f"Received: {recipe.schedule!r}."
        )
    if recipe.frozen_epochs < 1:
        raise UserError(
            f"frozen_epochs must be 1 or more, like 10. Received: {recipe.frozen_epochs}."
        )
    name = _name(source)
    random, recipe = (dataclasses.replace(recipe, pretrained=it) for it in (None, name))
    folder = folders.claim(folder, recipe)
    with lock.alone(folder), files.telling_when_full(folder):
        if runs.is_finished(folder):
            print(
                f"{folder} holds the finished run of this recipe and source; it is not trained "
                "again."
            )
            return Run.load(folder)
        splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
        precision = devices.choose_precision(recipe.precision)
        model = load_pretrained(training.build(random, splits, precision), source, head=False)
        _fit(model, recipe, folder, splits, precision)
        return Run.load(folder)


def _name(source):
    """Return what the recipe calls the source: a model by its name and weights."""
    if not isinstance(source, keras.Model):
        return str(Path(source))  # `runs/0001/` is `runs/0001`
    digest = hashlib.sha256(b"".join(value.tobytes() for value in source.get_weights()))
    return f"{source.name}:{digest.hexdigest()[:12]}"


def _fit(model, recipe, folder, splits, precision):
    """Train both parts, and write down how that ended."""
    _, steps_per_epoch = training.batches(recipe, splits)
    validation = training.evaluation_batches(recipe, splits.validation)
    files.write_text(folder / "recipe.json", recipe.to_json())
    loop = Loop(folder, recipe.monitor, precision)

    def fit(part, rate, epochs):
        """Compile and fit, until the validation metric stops improving."""
        print(f"{recipe.model} on {recipe.dataset}, {part}: rate {rate:.2g}", flush=True)
        training.compiled(model, dataclasses.replace(recipe, learning_rate=rate))
        early_stopping = keras.callbacks.EarlyStopping(
            recipe.monitor,
            mode=schedules.mode(recipe.monitor),
            patience=recipe.patience,
            restore_best_weights=True,
        )
        loop.fit(
            model,
            lambda first: training.batches(recipe, splits, first)[0],
            validation,
            recipe=dataclasses.asdict(recipe),
            data=digest(splits),
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            measuring=training.averages(recipe),
            others=[early_stopping],
        )

    *body, _ = model.layers
    fine_tuning_rate = FINE_TUNING * recipe.learning_rate
    try:
        for layer in body:
            layer.trainable = False
        try:
            fit("the head on a frozen body", recipe.learning_rate, recipe.frozen_epochs)
        finally:
            if loop.status == "finished":  # its part alone, and a signal may have come meanwhile
                loop.status = "interrupted"
        for layer in body:
            layer.trainable = True
        fit("all layers", fine_tuning_rate, recipe.epochs)
    finally:
        # `before` is that of the part which ended last: none, where that was the first one.
        parts = {"frozen_epochs": loop.before, "fine_tuning_rate": fine_tuning_rate}
        metrics = {**loop.record(model), "transfer": parts}
        training.write(Run(folder, recipe, loop.history.rows, metrics))
