"""The learning-rate range test: one short run that shows which rates a network learns with.

Smith 2015, section 3.3, https://arxiv.org/abs/1506.01186: train while the rate grows, and look at
the loss against the rate. Too small a rate leaves the loss where it was, too large a one drives it
up; Smith's bounds are where it begins to fall and where it stops.

Here the rate grows by the same factor at each step, from `low` to `high`. The losses of the steps
are smoothed over `SMOOTHING` decades of the rate. Then

    band        from the rate at which a fifth of the whole fall is done to the one with the lowest
                loss; at least one decade and at most two, counted from the upper end
    suggestion  the middle of the band, on the logarithmic axis

which, unlike the point of steepest descent, does not hang on the noise of a single step. Networks
with normalization do not explode: at rates far too large their loss goes up and down at random.
The lowest loss is therefore that before the loss first gives back half of a fall, where only a fall
counts that is half of the largest one, and three times the noise; or the first valley before it
that is nearly as deep.
"""

import dataclasses
import math
import time
from pathlib import Path

import keras
import numpy as np

from keras_course import (
    data,
    devices,
    files,
    folders,
    guards,
    out_of_memory,
    plots,
    timing,
    training,
    variables,
)
from keras_course.data.splits import Splits
from keras_course.errors import UserError
from keras_course.recipes import Recipe
from keras_course.search import pictures, progress

SMOOTHING = 0.25  # decades, the standard deviation of the Gaussian window
EXPLODED = 2  # times the first loss: no rate beyond can be of use
FEW = 8  # steps that the noise is taken from at least
NEARLY = 0.85  # as deep: at rates far too large the loss is that of chance, which may be low, too
BEGUN = 0.2  # the share of the whole fall after which the loss has begun to fall


class NothingFound(UserError):
    """The losses of a range test say nothing about the rates."""


class Exploded(NothingFound):
    """Even the lowest rates are too large."""


@dataclasses.dataclass(frozen=True)
class RangeTestResult:
    """The rates and losses of the steps, and what they say.

    rates, losses, smoothed: one number a step. band: (lowest, highest) rate worth a search. note:
    what to keep in mind, or an empty string.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    band: tuple[float, float]
    suggestion: float
    note: str = ""

    def text(self) -> str:
        """Return the result in a line or two."""
        low, high = self.band
        line = (
            f"The loss falls to {self.smoothed[self.rates.index(high)]:.3g} at the learning rate "
            f"{high:.2g}. Search between {low:.2g} and {high:.2g}. "
            f"Suggestion: {self.suggestion:.2g}."
        )
        return f"{line}\n{self.note}" if self.note else line


class StepLosses(keras.callbacks.Callback):
    """Record the loss of each step in `losses`.

    Keras' own logs hold the mean over the epoch so far. The tracker of the loss keeps a sum over
    images and their number, so the difference of two steps is exact for batches of any size.
    """

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_epoch_begin(self, epoch, logs=None):
        self.total = self.count = 0.0

    def on_train_batch_end(self, batch, logs=None):
        variables.catch_up(self.model)
        tracker = self.model.metrics[0]
        total, count = variables.number(tracker.total), variables.number(tracker.count)
        self.losses.append((total - self.total) / (count - self.count))
        self.total, self.count = total, count


class RangeTest(StepLosses):
    """Raise the learning rate at each step from `low` to `high`, record the loss, and stop `fit`.

        test = RangeTest()
        model.fit(images, labels, epochs=100, callbacks=[test])
        print(test.result().text())

    It ends after `steps` steps, or when the loss explodes or is not finite. The model has then been
    trained with rates of all sizes: build it anew before training it. Leave ReduceLROnPlateau and
    schedules out. Errors: UserError unless 0 < low < high and steps >= 10.
    """

    def __init__(self, steps: int = 100, low: float = 1e-6, high: float = 1.0):
        super().__init__()
        if not (math.isfinite(low) and math.isfinite(high) and 0 < low < high):
            raise UserError(
                "A range test needs 0 < low < high, like 1e-6 and 1. "
                f"Received: low={low}, high={high}."
            )
        if steps < 10:
            raise UserError(f"A range test needs at least 10 steps, better 100. Received: {steps}.")
        self.low, self.high = low, high
        self.rates = [float(rate) for rate in np.geomspace(low, high, steps)]

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_begin(self, batch, logs=None):
        variables.catch_up(self.model)
        self.model.optimizer.learning_rate = self.rates[len(self.losses)]

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        finite = math.isfinite(self.losses[-1])
        exploded = not finite or self.losses[-1] > EXPLODED * abs(self.losses[0])
        if exploded or len(self.losses) == len(self.rates):
            self.model.stop_training = True

    def result(self) -> RangeTestResult:
        """Return what the recorded losses say, or raise `NothingFound` if they say nothing."""
        return interpret(self.rates[: len(self.losses)], self.losses, self.high)


def interpret(rates: list[float], losses: list[float], high: float) -> RangeTestResult:
    """Apply the rule at the head of this file.

    rates: each larger than the one before by the same factor. losses: of the step with that rate;
    the last one may be infinite or NaN. high: where the test would have ended by itself.
    Errors: NothingFound when the loss never falls by more than its noise.
    """
    if not math.isfinite(losses[-1]):
        rates, losses = rates[:-1], losses[:-1]
    if len(losses) < 5:
        raise Exploded(
            f"The loss exploded within {len(losses) + 1} steps, at a learning rate of about "
            f"{rates[-1] if rates else high:.2g}. Begin the range test at a rate 1000 times lower "
            "(find-lr: --band)."
        )
    smoothed = smooth(rates, losses)
    start = float(np.mean(losses[: max(3, len(losses) // 10)]))
    falls = start - smoothed
    # From step to step: where few steps lie within a window, the smoothed losses have noise, too.
    before = losses[: max(int(np.argmax(falls)) + 1, FEW)]
    noise = float(np.std(np.diff(before)) / math.sqrt(2))
    least = max(3 * noise, 0.01 * abs(start), falls.max() / 2)
    lowest = _first_valley(falls, least)
    fall = falls[lowest]
    if fall <= least:
        raise NothingFound(
            f"The loss stayed near {start:.3g} for all learning rates from {rates[0]:.2g} to "
            f"{rates[-1]:.2g}, as far as {len(losses)} steps show. Try more steps, or rates from "
            "1e-8 to 10 (find-lr: --steps, --band); if the network learns with none of them, check "
            "the labels and its layers."
        )
    not_begun = np.flatnonzero(smoothed[:lowest] > start - BEGUN * fall)
    top = rates[lowest]
    begun = rates[not_begun[-1]] if len(not_begun) else rates[0]
    bottom = min(max(begun, top / 100), top / 10)
    note = ""
    if top == high:
        note = (
            f"The loss still fell at the largest rate of the test, {high:.2g}: "
            "a test up to a larger one (find-lr: --band) may find better rates."
        )
    return RangeTestResult(
        rates, losses, smoothed.tolist(), (bottom, top), math.sqrt(bottom * top), note
    )


def _first_valley(falls, least):
    """Return the step of the largest fall before half of one above `least` is given back, or of
    the first valley that is `NEARLY` as deep."""
    so_far = np.maximum.accumulate(falls)
    lost = (so_far > least) & (falls < so_far / 2)
    lowest = int(np.argmax(falls[: np.argmax(lost)] if lost.any() else falls))
    valleys = (falls[1:-1] > falls[:-2]) & (falls[1:-1] >= falls[2:])
    deep = falls[1:-1] >= NEARLY * falls[lowest]
    return min([*np.flatnonzero(valleys & deep) + 1, lowest])


def smooth(rates: list[float], losses: list[float]) -> np.ndarray:
    """Return the losses averaged over neighbouring rates; an explosion counts as EXPLODED."""
    decades = np.log10(rates)
    weights = np.exp(-0.5 * ((decades[:, None] - decades) / SMOOTHING) ** 2)
    clipped = np.minimum(losses, EXPLODED * abs(losses[0]))
    return weights @ clipped / weights.sum(axis=1)


def range_test(
    recipe: Recipe,
    *,
    splits: Splits | None = None,
    steps: int = 100,
    low: float = 1e-6,
    high: float = 1.0,
    folder: str | Path | None = None,
) -> RangeTestResult:
    """Make the range test with the recipe's network, optimizer, batches and augmentation.

    The recipe's own rate, schedule and number of epochs play no part. With a `folder` it writes
    `range_test.json` and `range_test.png` there. Errors: NothingFound when no rate makes the loss
    fall; UserError for impossible `steps`, `low` and `high`.
    """
    if folder is not None:
        folders.mark(Path(folder), recipe)
    splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    train, _ = training.batches(recipe, splits)
    model = training.build(recipe, splits)
    return measure(recipe, model, train, RangeTest(steps, low, high), folder)


def measure(recipe: Recipe, model: keras.Model, train, test: RangeTest, folder=None):
    """Run the test on a compiled model; see `range_test`. The model is left as the test left it."""
    began = time.perf_counter()
    steps = len(test.rates)
    print(
        f"Range test: {recipe.model} on {recipe.dataset}, {steps} steps with learning rates from "
        f"{test.low:.2g} to {test.high:.2g}.",
        flush=True,
    )
    bar = progress.bar(steps, "range test")
    advance = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
    try:
        with out_of_memory.told(model, train), guards.heeding_signals():
            model.fit(
                train,
                steps_per_epoch=steps,
                callbacks=[test, advance],
                shuffle=False,
                verbose=0,
            )
    finally:
        bar.close()
    result = test.result()
    seconds = time.perf_counter() - began
    print(f"{result.text()} It took {timing.duration(seconds)}.", flush=True)
    if folder is not None:
        report = {
            "dataset": recipe.dataset,
            "model": recipe.model,
            "optimizer": recipe.optimizer,
            "batch_size": recipe.batch_size,
            "device": devices.describe(),
            "seconds": round(seconds, 1),
            **dataclasses.asdict(result),
        }
        files.write_json(Path(folder) / "range_test.json", report)
        title = f"Range test: {recipe.model} on {recipe.dataset}, {recipe.optimizer}"
        plots.save(pictures.range_test(result, title), Path(folder) / "range_test.png")
    return result
