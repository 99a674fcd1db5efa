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
import datetime
import os
import time
from importlib import metadata

import keras

from keras_course import (
    callbacks,
    data,
    devices,
    files,
    optimizers,
    plots,
    runs,
    schedules,
    training,
)
from keras_course.data import pipeline
from keras_course.data.splits import Splits
from keras_course.errors import UserError
from keras_course.models.pretrained import load_pretrained
from keras_course.recipes import Recipe
from keras_course.runs import Run

FINE_TUNING = 0.1  # of the rate of the head
FROZEN_EPOCHS = 10
# Few images: small batches, so that an epoch has some steps.
RECIPE = Recipe(schedule="constant", learning_rate=3e-3, batch_size=16)


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
        RECIPE, model=of.model, normalization=of.normalization, dropout=of.dropout
    )


def transfer(
    source: "str | os.PathLike | keras.Model",
    recipe: Recipe,
    folder: str | os.PathLike,
    *,
    splits: Splits | None = None,
    frozen_epochs: int = FROZEN_EPOCHS,
) -> Run:
    """Train a new head on the body of `source`, then all of it at a tenth of the rate.

    source: a run folder, "imagenet" or a Keras model, as `load_pretrained` takes it. recipe: its
    network is the source's, its rate that of the head, its schedule "constant", its epochs those
    of the second part at most; `recipe_of` makes one. frozen_epochs: of the first part, at most.

    The run folder is as that of `training.fit`; `metrics.json` names the source under "transfer".
    A finished one of the same recipe and source is returned as it is. Errors: UserError for a
    source that does not fit; `callbacks.Diverged`.
    """
    began = time.perf_counter()
    if recipe.schedule != "constant":
        raise UserError(
            "transfer trains at one rate, then at a tenth of it: the schedule must be 'constant'. "
            f"Received: {recipe.schedule!r}."
        )
    if frozen_epochs < 1:
        raise UserError(f"frozen_epochs must be at least 1, like 10. Received: {frozen_epochs}.")
    name = source.name if isinstance(source, keras.Model) else str(source)
    folder = runs.claim(folder, recipe)
    if runs.is_finished(folder):
        run = Run.load(folder)
        if run.metrics.get("transfer", {}).get("source") != name:
            raise UserError(f"{folder} holds a run from another source. Give another --output.")
        print(f"{folder} holds the finished run of this recipe and source; it is used as it is.")
        return run
    splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    train, steps_per_epoch = training.batches(recipe, splits)
    validation = pipeline.evaluation_batches(*splits.validation)
    precision = devices.choose_precision(recipe.precision)
    model = load_pretrained(training.build(recipe, splits, precision), source, head=False)
    files.write_text(folder / "recipe.json", recipe.to_json())

    best = callbacks.SaveBest(folder / "best.keras", recipe.monitor)
    history = callbacks.WriteHistory(folder / "history.csv")

    def fit(part, rate, epochs, kept):
        """Plain Keras: compile and fit, until the validation metric stops improving."""
        print(f"{recipe.model} on {recipe.dataset}, {part}: rate {rate:.2g}", flush=True)
        model.compile(
            optimizers.optimizer(recipe.optimizer, rate),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        early_stopping = keras.callbacks.EarlyStopping(
            recipe.monitor,
            mode=schedules.mode(recipe.monitor),
            patience=recipe.patience,
            restore_best_weights=True,
        )
        interrupt, progress = callbacks.EndOnInterrupt(), callbacks.Progress()
        guards = [callbacks.StopWhenNotFinite(), interrupt, callbacks.RecordRateAndTime()]
        try:
            model.fit(
                train,
                steps_per_epoch=steps_per_epoch,
                epochs=epochs,
                validation_data=validation,
                callbacks=[*guards, *kept, early_stopping, progress],
                shuffle=False,  # the data set brings its order
                verbose=0,
            )
        finally:
            interrupt.close()
            progress.close()

    *body, _ = model.layers
    frozen, status = 0, "failed"
    try:
        for layer in body:
            layer.trainable = False
        fit("the head on a frozen body", recipe.learning_rate, frozen_epochs, [best, history])
        frozen = len(history.rows)
        for layer in body:
            layer.trainable = True
        kept = [After(frozen, best), After(frozen, history)]
        fit("all layers", FINE_TUNING * recipe.learning_rate, recipe.epochs, kept)
        status = "finished"
    except callbacks.Diverged:
        status = "diverged"
        raise
    except KeyboardInterrupt:
        status = "interrupted"
        if not best.epoch:
            best.save()  # no epoch has ended: these weights are the best there are
        print(f"Interrupted. The best weights so far: {best.path}")
        raise
    finally:
        metrics = {
            "status": status,
            "parameters": model.count_params(),
            "epochs": len(history.rows),
            "best_epoch": best.epoch,
            "validation": best.metrics,
            "test_set_opened": 0,
            "transfer": {
                "source": name,
                "frozen_epochs": frozen,
                "fine_tuning_rate": FINE_TUNING * recipe.learning_rate,
            },
            "seconds": round(time.perf_counter() - began, 1),
            "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "device": devices.describe(),
            "precision": precision,
            "versions": {package: metadata.version(package) for package in training.PACKAGES},
        }
        run = Run(folder, recipe, history.rows, metrics).write_metrics()
        if run.history:
            title = f"{recipe.model} from {name} on {recipe.dataset}, {devices.describe()}"
            figure = plots.curves(run.history, title, monitor=recipe.monitor)
            plots.save(figure, folder / "curves.png")
    return Run.load(folder)


class After(keras.callbacks.Callback):
    """Hands the epochs of a later `fit` to a callback of the first one, counted on."""

    def __init__(self, epochs: int, callback: keras.callbacks.Callback):
        super().__init__()
        self.epochs, self.callback = epochs, callback

    def on_epoch_end(self, epoch, logs=None):
        self.callback.on_epoch_end(self.epochs + epoch, logs)
