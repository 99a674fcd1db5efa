"""Training: from a recipe to a run folder, then the test set, once.

The validation images choose the epoch that is kept, and everything else; the test images are
looked at by `test` alone, and the run records how often.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keras_course import (
    architecture,
    augmentation,
    data,
    devices,
    files,
    folders,
    lock,
    losses,
    models,
    optimizers,
    out_of_memory,
    plots,
    runs,
    schedules,
    step,
    timing,
)
from keras_course import replicas as replicated
from keras_course.data import pipeline
from keras_course.data.splits import Split, Splits, digest
from keras_course.errors import UserError
from keras_course.layers import whitening
from keras_course.loop import Loop
from keras_course.rates import EndInTime, FollowRates
from keras_course.recipes import Recipe
from keras_course.records import seconds_of_saving
from keras_course.runs import Run


def build(recipe: Recipe, splits: Splits, precision: str | None = None) -> keras.Model:
    """Return the compiled network of the recipe with its first weights, which its seed chose.

    Errors: UserError for a recipe whose first weights are those of another run.
    """
    if recipe.pretrained is not None:
        raise UserError(
            f"This recipe begins with the weights of {recipe.pretrained}: `keras-course transfer` "
            "trains it. Or leave out `pretrained`, to train from random weights."
        )
    keras.utils.set_random_seed(recipe.seed)
    with devices.building_in(precision or devices.choose_precision(recipe.precision)):
        model = models.build(
            recipe.model,
            input_shape=splits.train.images.shape[1:],
            num_classes=len(splits.class_names),
            width_multiplier=recipe.width_multiplier,
            **recipe.model_options,
        )
    whitening.adapt(model, splits.train.images)
    return compiled(model, recipe)


def compiled(model: keras.Model, recipe: Recipe) -> keras.Model:
    """Give the model the recipe's optimizer and loss, and a step that is one graph; return it."""
    model.compile(
        optimizers.optimizer(
            recipe.optimizer,
            recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            averaging=recipe.averaging,
        ),
        losses.crossentropy(recipe.label_smoothing),
        metrics=["accuracy"],
    )
    step.in_one_graph(model)
    return model


def batches(recipe: Recipe, splits: Splits, first_epoch: int = 0):
    """Return the training batches of the recipe, endless, and the steps in an epoch."""
    images, labels = splits.train
    if len(images) < recipe.batch_size:
        raise UserError(
            f"batch_size {recipe.batch_size} is more than the {len(images)} training images of "
            f"{recipe.dataset}. Choose a smaller one."
        )
    # Within TensorFlow's graph the layer's own words would be lost.
    augmentation.check_size(recipe.augmentation, *images.shape[1:3])
    layers = augmentation.layers_of(recipe.augmentation)
    dataset = pipeline.training_batches(
        images,
        labels,
        recipe.batch_size,
        layers=layers,
        seed=recipe.seed,
        first_epoch=first_epoch,
        alternate=recipe.alternating_flip,
    )
    return dataset, len(images) // recipe.batch_size


def evaluation_batches(recipe: Recipe, split: Split):
    """Return batches of images to be judged: twice as many as in a step, which keeps more of each;
    at least 32, for speed, and at most 256."""
    return pipeline.evaluation_batches(*split, pipeline.looked_at_once(recipe.batch_size))


def fit(
    recipe: Recipe,
    folder: str | Path,
    *,
    splits: Splits | None = None,
    model: keras.Model | None = None,
    epoch_seconds: float | None = None,
    minutes: float | None = None,
    replicas: int | None = None,
    extra_callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Train the recipe's network, keep the best epoch's weights, and return the run.

    splits, model, epoch_seconds: what `data.load`, `build` and `timing.measure_epoch` return for
    this recipe, where they are there already; the model may have another rate. minutes: choose the
    number of epochs so that all of this, from the call on, takes so long; the recipe of the run
    says what it became. replicas: devices of this machine that share each batch, see replicas.py;
    left out, as many as a run that goes on began with, or one.

    A finished run of the same recipe in `folder` is returned as it is; one that was cut off goes
    on where its last epoch ended, to the same result, with the number of epochs that was chosen
    then. Raises `guards.Diverged` when the loss is not finite any more, and `UserError` for what
    cannot work.
    """
    _refuse_two_schedules(recipe, extra_callbacks)
    folder = folders.claim(folder, recipe, chosen=("epochs",) if minutes else ())
    with lock.alone(folder), files.telling_when_full(folder):
        if runs.is_finished(folder):
            print(f"{folder} holds the finished run of this recipe; it is not trained again.")
            return Run.load(folder)
        precision = devices.choose_precision(recipe.precision)
        if model is not None:
            replicas = _same(replicas, replicated.of(model))
        loop = Loop(folder, recipe.monitor, precision, replicas=replicas)
        if loop.state:
            recipe, minutes = Recipe(**loop.state.recipe), None
        splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
        train, steps_per_epoch = batches(recipe, splits)
        validation = evaluation_batches(recipe, splits.validation)
        if model is None:
            with replicated.scope(loop.replicas, recipe.batch_size):
                model = build(recipe, splits, precision)
        model.optimizer.learning_rate = recipe.learning_rate
        if extra_callbacks:
            step.take_singly(model)
        else:
            take_steps(recipe, model, steps_per_epoch)
        seconds = loop.epoch_seconds or epoch_seconds
        seconds = seconds or timing.measure_epoch(model, train, steps_per_epoch, validation)
        if minutes is not None:
            saving = seconds_of_saving(model, folder)
            epochs = timing.epochs_within(60 * minutes, seconds, loop.seconds(), saving)
            recipe = dataclasses.replace(recipe, epochs=epochs)
        files.write_text(folder / "recipe.json", recipe.to_json())
        left = loop.left(recipe.epochs)
        print(
            f"Training {recipe.model} on {recipe.dataset}, {devices.describe(loop.replicas)}, "
            f"{precision}: at most {left} epochs of about {timing.duration(seconds)} each, "
            f"{timing.duration(left * seconds)} in all. "
            "Press Ctrl-C to stop and keep the best epoch.",
            flush=True,
        )
        schedule = _schedule(recipe, steps_per_epoch, extra_callbacks)
        others = [
            *schedule,
            keras.callbacks.EarlyStopping(
                recipe.monitor, mode=schedules.mode(recipe.monitor), patience=recipe.patience
            ),
            *extra_callbacks,
        ]
        if keras.backend.backend() == "tensorflow":  # which writes its files
            others.append(keras.callbacks.TensorBoard(folder / "logs", write_graph=False))
        if minutes is not None:
            follow = next((it for it in schedule if isinstance(it, FollowRates)), None)
            others.append(EndInTime(loop.began + 60 * minutes, follow))
        try:
            loop.fit(
                model,
                # The batches that were measured are compiled already.
                lambda first: batches(recipe, splits, first)[0] if first else train,
                validation,
                recipe=dataclasses.asdict(recipe),
                data=digest(splits),
                steps_per_epoch=steps_per_epoch,
                epochs=recipe.epochs,
                measuring=averages(recipe),
                others=others,
            )
        finally:
            metrics = {**loop.record(model), "replicas": loop.replicas}
            write(Run(folder, recipe, loop.history.rows, metrics))
        return Run.load(folder)


def _same(replicas, those_of_the_model):
    if replicas not in (None, those_of_the_model):
        raise UserError(
            f"The model was built for {those_of_the_model} of the devices that share each batch, "
            f"and replicas is {replicas}. Build it within `replicas.scope({replicas}, batch_size)`."
        )
    return those_of_the_model


def take_steps(recipe: Recipe, model: keras.Model, steps_per_epoch: int) -> None:
    """Let `fit` take several steps of a small network in a call, where the schedule allows it."""
    on_jax = keras.backend.backend() == "jax"  # where each step of a call has its rate
    if on_jax or recipe.schedule in schedules.BETWEEN_EPOCHS:
        total = architecture.total(architecture.rows(model))
        multiply_adds = total.multiply_adds * recipe.batch_size
        step.take_together(model, multiply_adds, steps_per_epoch, recipe.batch_size)
    else:
        step.take_singly(model)


def averages(recipe: Recipe) -> list[keras.callbacks.Callback]:
    """Return what makes an epoch be validated and kept with the averages of its weights, where the
    recipe has them; it comes before all that looks at the epoch."""
    return [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if recipe.averaging else []


def write(run: Run) -> None:
    """Write the curves and the metrics of a run, however it ended.

    The metrics come last: they say that all is there.
    """
    if run.history:
        recipe, metrics = run.recipe, run.metrics
        title = f"{recipe.model} on {recipe.dataset}, {metrics['precision']}, {metrics['device']}"
        figure = plots.curves(run.history, title, monitor=recipe.monitor)
        plots.save(figure, run.folder / "curves.png")
    run.write_metrics()


def test(run: Run, *, splits: Splits | None = None) -> Run:
    """Open the test set, and return the run with its accuracy and loss on it.

    A run that has its test result already is returned as it is: a second look is a look too many.
    The class probabilities of the test images go to `test_predictions.npz`, so that a report needs
    no third one. Errors: UserError for a data set that is not the one of the training.
    """
    if "test" in run.metrics:
        return run
    with lock.alone(run.folder), files.telling_when_full(run.folder):
        run = Run.load(run.folder)  # another process may have opened it meanwhile
        return run if "test" in run.metrics else _test(run, splits)


def _test(run, splits):
    recipe = run.recipe
    splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    run.check_data(splits)
    model = run.model()
    run = run.write_metrics(test_set_opened=run.metrics["test_set_opened"] + 1)
    with out_of_memory.told_of_looking():
        logits = model.predict(evaluation_batches(recipe, splits.test), verbose=0)
    labels = splits.test.labels
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    each_loss = keras.ops.convert_to_numpy(
        keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    )
    with files.whole(run.folder / "test_predictions.npz") as temporary:
        np.savez(temporary, labels=labels, probabilities=probabilities)
    return run.write_metrics(
        test={
            "accuracy": float(np.mean(logits.argmax(-1) == labels)),
            "loss": float(np.mean(each_loss)),
            "images": len(labels),
        }
    )


def _schedule(recipe, steps_per_epoch, extra_callbacks):
    if recipe.schedule == "plateau":
        return [schedules.plateau(recipe.monitor, recipe.patience)]
    if recipe.schedule == "constant" and extra_callbacks:
        return []  # one of which may set the rate
    rates = schedules.rates(
        recipe.schedule,
        recipe.learning_rate,
        decay=recipe.decay,
        steps_per_epoch=steps_per_epoch,
        epochs=recipe.epochs,
    )
    return [FollowRates(rates)]


def _refuse_two_schedules(recipe, extra_callbacks):
    setters = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
    for callback in extra_callbacks:
        if isinstance(callback, setters) and recipe.schedule != "constant":
            raise UserError(
                f"{type(callback).__name__} and the schedule {recipe.schedule!r} would both set "
                "the learning rate, each undoing the other. Use the schedule 'constant' with it."
            )
