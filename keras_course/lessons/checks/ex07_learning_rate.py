"""Checks of lesson 7: schedules against Keras' own, a range test, and a search space."""

from types import SimpleNamespace

import keras
import keras_tuner as kt
import numpy as np
from keras import layers

from keras_course.lessons.check import Check, Unusable
from keras_course.lessons.compare import shown

LOW, HIGH = 1e-4, 1.0  # of the lesson's search


def _epochs(random):
    """Draw arguments of a schedule; an epoch of 0 has the first rate by any rule."""
    return [
        {
            "rate": round(float(random.uniform(0.2, 0.9)), 3),
            "decay": round(float(random.uniform(0.2, 0.9)), 2),
            "epoch": int(random.integers(*between)),
        }
        for between in ((2, 5), (5, 9))
    ]


def _by_steps(rate, decay, epoch):
    for _ in range(epoch):
        rate = rate * 1.0 / (1.0 + decay)
    return rate


def _inverse_time(rate, decay, epoch):
    schedule = keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)
    return float(schedule(epoch))


decayed = Check(
    "7.1",
    slides="34",
    right=_by_steps,
    cases=_epochs,
    mistakes={
        "this is inverse-time decay, 1 / (1 + decay * t). The slide's rule divides the rate of the "
        "epoch before, not the first one.": _inverse_time,
        "the rule was applied once, whatever the epoch.": (
            lambda rate, decay, epoch: _by_steps(rate, decay, 1)
        ),
        "the rule was applied once too often. Epoch 0 has the first rate.": (
            lambda rate, decay, epoch: _by_steps(rate, decay, epoch + 1)
        ),
        "the rule was applied one time too few: apply it `epoch` times, not `epoch` - 1.": (
            lambda rate, decay, epoch: _by_steps(rate, decay, epoch - 1)
        ),
        "the rate grows: divide by 1 + decay, do not multiply.": (
            lambda rate, decay, epoch: rate * (1 + decay) ** epoch
        ),
        "each epoch subtracts `decay` times the rate. The rule divides the rate by 1 + decay.": (
            lambda rate, decay, epoch: rate * (1 - decay) ** epoch
        ),
        "the brackets are missing: raise all of (1 + decay) to the power of `epoch`.": (
            lambda rate, decay, epoch: rate / (1 + decay**epoch)
        ),
        "this multiplies by `decay`. The rule divides by 1 + decay.": (
            lambda rate, decay, epoch: rate * decay**epoch
        ),
        "this is an exponential with e. The rule divides by 1 + decay.": (
            lambda rate, decay, epoch: rate * np.exp(-decay * epoch)
        ),
        "`rate` was not used: begin with it.": (
            lambda rate, decay, epoch: _by_steps(1.0, decay, epoch)
        ),
        "the brackets are missing: / binds more tightly than +. Divide by (1 + decay).": (
            lambda rate, decay, epoch: rate + epoch * decay
        ),
    },
)


def _product(rate, decay, epoch):
    for number in range(1, epoch + 1):
        rate = rate / (1 + decay * number)
    return rate


inverse_time = Check(
    "7.2",
    slides="34",
    right=_inverse_time,
    cases=_epochs,
    mistakes={
        "this is the rule of the slide, a power. Here the decay is multiplied by the epoch.": (
            _by_steps
        ),
        "the epochs were counted from 1. Epoch 0 has the first rate.": (
            lambda rate, decay, epoch: _inverse_time(rate, decay, epoch + 1)
        ),
        "this is the rate of the epoch before: epochs count from 0.": (
            lambda rate, decay, epoch: _inverse_time(rate, decay, epoch - 1)
        ),
        "the brackets are missing: / binds more tightly than +. Divide by (1 + decay * epoch).": (
            lambda rate, decay, epoch: rate / 1 + decay * epoch
        ),
        "the brackets are in the wrong place: only the decay should be multiplied by the epoch.": (
            lambda rate, decay, epoch: rate / ((1 + decay) * epoch)
        ),
        "the epoch is outside the brackets, so that the rate was multiplied by it. Divide by "
        "(1 + decay * epoch).": lambda rate, decay, epoch: rate / (1 + decay) * epoch,
        "each epoch divided the rate of the epoch before. Divide the first rate, once.": _product,
        "the 1 is missing: epoch 0 has to have the first rate.": (
            lambda rate, decay, epoch: rate / (decay * epoch)
        ),
        "this falls along a straight line. Divide by 1 + decay * epoch instead.": (
            lambda rate, decay, epoch: rate * (1 - decay * epoch)
        ),
        "the epoch was not used: this is the same rate for all of them.": (
            lambda rate, decay, epoch: rate / (1 + decay)
        ),
        "the rate grows: divide by 1 + decay * epoch, do not multiply.": (
            lambda rate, decay, epoch: rate * (1 + decay * epoch)
        ),
    },
)


def _numbers(function, **inputs):
    """Observe a function that returns a row of numbers: a list or an array of any kind."""
    answer = function(**inputs)
    if answer is None:
        return None
    array = np.asarray(answer)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise Unusable(f"returned {shown(answer)}; expected a row of numbers")
    return [float(number) for number in array]


def _losses(random, patience):
    """Draw losses: improvements, and between them epochs that improve only on the one before."""
    best, losses = float(random.uniform(1.8, 2.2)), []
    for waiting in (patience - 1, patience - 1, patience, 2 * patience + 1, patience + 1):
        best *= float(random.uniform(0.7, 0.9))
        losses.append(best)
        if waiting:  # the best again, then far above it and coming down
            losses += [best, *sorted(best * random.uniform(1.1, 1.6, waiting - 1))[::-1]]
    return [float(loss) for loss in losses]


def _by_keras(losses, rate, factor, patience):
    callback = keras.callbacks.ReduceLROnPlateau(
        "val_loss", mode="min", factor=factor, patience=patience, min_delta=0
    )
    callback.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=rate)))
    callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses):
        logs = {"val_loss": loss}
        callback.on_epoch_end(epoch, logs)
        rates.append(logs["learning_rate"])
    return rates


def _plateau(
    losses,
    rate,
    factor,
    patience,
    *,
    improved=lambda loss, best, before: loss < best,
    reset=True,
    forget=False,
    begin_anew=True,
    lower=lambda rate, factor: rate * factor,
    often=np.inf,
    at_once=False,
    known=False,
):
    best = before = np.inf if improved(0, 1, 1) else -np.inf
    best = losses[0] if known else best
    waited, reductions, rates = 0, 0, []
    for loss in losses:
        if not at_once:
            rates.append(rate)
        if improved(loss, best, before):
            best, waited = loss, 0 if reset else waited
        else:
            waited += 1
        before = loss
        if waited >= patience and reductions < often:
            rate, reductions = lower(rate, factor), reductions + 1
            waited = 0 if begin_anew else waited
            best = loss if forget else best
        if at_once:
            rates.append(rate)
    return rates


def _plateau_with(**changes):
    return lambda losses, rate, factor, patience: _plateau(
        losses, rate, factor, patience, **changes
    )


reduce_on_plateau = Check(
    "7.3",
    slides="34",
    right=_by_keras,
    cases=lambda random: [
        {
            "losses": _losses(random, patience),
            "rate": round(float(random.uniform(0.3, 0.9)), 3),
            "factor": round(float(random.uniform(0.3, 0.6)), 2),
            "patience": patience,
        }
        for patience in (3, 2)
    ],
    observe=_numbers,
    mistakes={
        "each loss was compared with the one before. Compare it with the best so far.": (
            _plateau_with(improved=lambda loss, best, before: loss < before)
        ),
        "a loss that equals the best counted as an improvement. It has to be below.": (
            _plateau_with(improved=lambda loss, best, before: loss <= best)
        ),
        "the count of epochs continues after an improvement. Set the count to 0 there.": (
            _plateau_with(reset=False)
        ),
        "the count continues after the rate was lowered, so that each further epoch lowers it "
        "again. Set the count to 0 there.": _plateau_with(begin_anew=False),
        "the first epoch was compared with itself, and counted as one without improvement. Begin "
        "with a best loss of infinity.": _plateau_with(known=True),
        "it waited one epoch too many: `patience` epochs without improvement are enough.": (
            lambda losses, rate, factor, patience: _plateau(losses, rate, factor, patience + 1)
        ),
        "it waited one epoch too few: `patience` epochs have to pass without improvement.": (
            lambda losses, rate, factor, patience: _plateau(losses, rate, factor, patience - 1)
        ),
        "the rate was lowered one epoch too early. An epoch's loss is known only at its end.": (
            _plateau_with(at_once=True)
        ),
        "the factor was subtracted. The rate is multiplied by it.": (
            _plateau_with(lower=lambda rate, factor: rate - factor)
        ),
        "the rate was divided by the factor, and grows. Multiply.": (
            _plateau_with(lower=lambda rate, factor: rate / factor)
        ),
        "the rate was lowered once and never again.": _plateau_with(often=1),
        "the best loss was forgotten when the rate was lowered. Keep the lowest of all.": (
            _plateau_with(forget=True)
        ),
        "the highest loss was taken for the best. A loss should fall.": (
            _plateau_with(improved=lambda loss, best, before: loss > best)
        ),
        "the rate never changes.": _plateau_with(often=0),
        "this is only the last rate. Return a list with the rate of each epoch.": (
            lambda losses, rate, factor, patience: _by_keras(losses, rate, factor, patience)[-1]
        ),
        "there is one rate more than there are losses.": (
            lambda losses, rate, factor, patience: [
                rate,
                *_plateau(losses, rate, factor, patience, at_once=True),
            ]
        ),
    },
)


def _powers(low, high, steps):
    return 10 ** np.linspace(np.log10(low), np.log10(high), steps)


range_test_rates = Check(
    "7.4",
    slides="30 and 31",
    right=_powers,
    cases=lambda random: [
        {
            "low": round(float(random.uniform(1, 9)) * 10.0**-exponent, 9),
            "high": round(float(random.uniform(0.5, 5)), 3),
            "steps": int(random.integers(4, 9)),
        }
        for exponent in (5, 4)
    ],
    observe=_numbers,
    mistakes={
        "the rates are evenly spaced. Each should be the one before times the same factor.": (
            lambda low, high, steps: np.linspace(low, high, steps)
        ),
        "`high` is not reached: from the first to the last rate there are steps - 1 factors.": (
            lambda low, high, steps: low * (high / low) ** (np.arange(steps) / steps)
        ),
        "`low` is missing: the first rate is `low` itself, without the factor.": (
            lambda low, high, steps: low * (high / low) ** (np.arange(1, steps + 1) / steps)
        ),
        "these are the exponents. Raise 10 to them.": (
            lambda low, high, steps: np.log10(_powers(low, high, steps))
        ),
        "these are logarithms. Take the exponential of them.": (
            lambda low, high, steps: np.log(_powers(low, high, steps))
        ),
        "np.logspace takes exponents, not the rates themselves.": (
            lambda low, high, steps: np.logspace(low, high, steps)
        ),
        "the natural logarithm was taken, but 10 was raised to it. Use the same base both ways.": (
            lambda low, high, steps: 10 ** np.log(_powers(low, high, steps))
        ),
        "the rates fall from `high` to `low`. They should grow.": (
            lambda low, high, steps: _powers(high, low, steps)
        ),
        "there is one rate too many. Return `steps` of them, both ends included.": (
            lambda low, high, steps: _powers(low, high, steps + 1)
        ),
        "the factor is ten whatever `high` and `steps` are.": (
            lambda low, high, steps: low * 10.0 ** np.arange(steps)
        ),
    },
)


def _curve(random, ending):
    """Draw a range test: flat, a fall with a step back in it, a rise, and an explosion."""
    start = float(random.uniform(2, 3))
    fall = start * float(random.uniform(0.6, 0.7))
    shape = [0, 0.04, -0.05, 0.02, 0.1, 0.25, 0.4, 0.56, 0.45, 0.6, 0.7, 0.97, 1, 0.8, 0.3, -0.5]
    losses = [start - fall * (share + random.uniform(0, 0.01)) for share in shape]
    losses[0] = start
    rates = np.geomspace(random.uniform(1, 9) * 1e-6, random.uniform(0.5, 5), len(losses) + 2)
    return {"rates": rates, "losses": np.array([*losses, *ending])}


def _choice(
    rates,
    losses,
    *,
    middle=lambda low, high: np.sqrt(low * high),
    low=lambda rates, losses, lowest, half: next(
        rate for rate, loss in zip(rates, losses, strict=True) if loss <= half
    ),
    half=lambda first, lowest: (first + lowest) / 2,
):
    finite = [(loss, number) for number, loss in enumerate(losses) if np.isfinite(loss)]
    lowest = min(finite)[1]
    level = half(losses[0], losses[lowest])
    return float(middle(low(rates, losses, lowest, level), rates[lowest]))


def _choice_with(**changes):
    return lambda rates, losses: _choice(rates, losses, **changes)


def _half_of_lowest(rates, losses):
    return np.sqrt(rates[np.argmax(losses <= losses[0] / 2)] * rates[np.nanargmin(losses)])


choose_rate = Check(
    "7.5",
    slides="30 and 31",
    right=_choice,
    cases=lambda random: [
        _curve(random, ending=(float(random.uniform(5, 9)), float(random.uniform(10, 50)))),
        _curve(random, ending=(np.nan, np.nan)),
    ],
    mistakes={
        "this is the rate with the lowest loss: there training is about to explode.": (
            _choice_with(middle=lambda low, high: high)
        ),
        "this is the rate halfway down. Take the middle between it and that of the lowest loss.": (
            _choice_with(middle=lambda low, high: low)
        ),
        "this is a tenth of the rate with the lowest loss, which is another rule.": (
            _choice_with(middle=lambda low, high: high / 10)
        ),
        "this is the middle on a linear axis. On a logarithmic one take the root of the product.": (
            _choice_with(middle=lambda low, high: (low + high) / 2)
        ),
        "the root is missing: this is the product of the two rates.": (
            _choice_with(middle=lambda low, high: low * high)
        ),
        "this is the logarithm of the rate. Raise 10 to it.": (
            _choice_with(middle=lambda low, high: np.log10(low * high) / 2)
        ),
        "this is the natural logarithm of the rate. Take the exponential of it.": (
            _choice_with(middle=lambda low, high: np.log(low * high) / 2)
        ),
        "the lower rate is that of the first step. Take that of the first loss halfway down.": (
            _choice_with(low=lambda rates, losses, lowest, half: rates[0])
        ),
        "the last step above halfway was looked for. Take the first one at or below halfway.": (
            _choice_with(
                low=lambda rates, losses, lowest, half: rates[
                    np.flatnonzero(losses[:lowest] > half)[-1] + 1
                ]
            )
        ),
        "the lower rate is one step too early: the loss is not yet halfway down there.": (
            _choice_with(
                low=lambda rates, losses, lowest, half: rates[np.argmax(losses <= half) - 1]
            )
        ),
        "half of the first loss is not halfway: the fall ends at the lowest loss, not at 0.": (
            _half_of_lowest
        ),
        "nan was taken for the lowest loss: np.argmin stops at it. Losses that are not finite do "
        "not count.": lambda rates, losses: np.sqrt(
            rates[np.argmax(losses <= (losses[0] + np.nanmin(losses)) / 2)]
            * rates[np.argmin(losses)]
        ),
        "nan was taken for the lowest loss, so that no loss is halfway down. Losses that are not "
        "finite do not count.": lambda rates, losses: np.sqrt(
            rates[np.argmax(losses <= (losses[0] + losses.min()) / 2)] * rates[np.argmin(losses)]
        ),
        "this is the rate of the steepest fall, which depends on the noise of one step.": (
            lambda rates, losses: rates[np.nanargmin(np.diff(losses[:-2]))]
        ),
        "this is the number of a step. Return a rate.": (
            lambda rates, losses: np.nanargmin(losses)
        ),
    },
)


def _build(
    hp,
    *,
    draw=lambda hp: hp.Float("learning_rate", LOW, HIGH, sampling="log"),
    optimizer=keras.optimizers.SGD,
    from_logits=True,
    metrics=("accuracy",),
    compiled=True,
):
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(10)]
    )
    rate = draw(hp)
    if compiled:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
        model.compile(optimizer(rate), loss, metrics=list(metrics))
    return model


def _build_with(**changes):
    return lambda hp: _build(hp, **changes)


def _space(hp):
    """Return in words what a function has drawn from."""
    if not hp.space:
        return "none"
    return ", ".join(
        f"{type(each).__name__} {each.name}"
        + (
            f" from {each.min_value:g} to {each.max_value:g}, {each.sampling}, step {each.step}"
            if hasattr(each, "min_value")
            else ""
        )
        for each in hp.space
    )


def _search(function, value, images):
    """Observe `build`: what it draws from, and what it compiles the network with."""
    hp = kt.HyperParameters()
    first = _compiled(function(hp))
    model, drawn = first, None
    if len(hp.space) == 1 and type(hp.space[0]).__name__ == "Float":
        drawn = hp.values[hp.space[0].name] = value
        model = _compiled(function(hp))
    rates = [float(each.optimizer.learning_rate) for each in (first, model)]
    follows = drawn is not None and np.isclose(rates[1], drawn)
    labels = np.arange(len(images)) % 10
    model.run_eagerly = True
    measured = model.test_on_batch(images, labels, return_dict=True)
    logits = keras.ops.convert_to_numpy(model(images))
    logits = logits - logits.max(axis=-1, keepdims=True)
    unlikely = np.log(np.exp(logits).sum(axis=-1)) - logits[np.arange(len(images)), labels]
    return {
        "the hyperparameters": _space(hp),
        "the rate of the optimizer": "the drawn one" if follows else "another one",
        "the optimizer": type(model.optimizer).__name__,
        "its momentum": getattr(model.optimizer, "momentum", 0),
        "the loss is cross-entropy from logits": bool(
            np.isclose(measured["loss"], unlikely.mean(), rtol=1e-3)
        ),
        "what is measured": ", ".join(sorted(measured)),
    }


def _compiled(model):
    if not isinstance(model, keras.Model):
        raise Unusable(f"returned {shown(model)}; expected a compiled keras.Model")
    if not model.compiled:
        raise Unusable("returned a model that is not compiled")
    return model


build = Check(
    "7.6",
    slides="31",
    right=_build,
    cases=lambda random: [
        {
            "value": float(10 ** random.uniform(-3.5, -0.5)),
            "images": random.uniform(0, 255, (4, 32, 32, 3)).astype("float32"),
        }
        for _ in range(2)
    ],
    observe=_search,
    mistakes={
        'the rate is drawn linearly: most trials would have a high one. Use sampling="log".': (
            _build_with(draw=lambda hp: hp.Float("learning_rate", LOW, HIGH))
        ),
        'the sampling is reversed, with most trials near HIGH. Use sampling="log".': (
            _build_with(
                draw=lambda hp: hp.Float("learning_rate", LOW, HIGH, sampling="reverse_log")
            )
        ),
        "a rate was drawn, but the optimizer has another one. Give it that of `hp`.": (
            _build_with(draw=lambda hp: 2 * hp.Float("learning_rate", LOW, HIGH, sampling="log"))
        ),
        "the exponent was drawn, so that the results would show exponents. Draw the rate, with "
        'sampling="log".': (
            _build_with(draw=lambda hp: 10 ** hp.Float("learning_rate", -4.0, 0.0))
        ),
        'the hyperparameter is not called "learning_rate".': (
            _build_with(draw=lambda hp: hp.Float("lr", LOW, HIGH, sampling="log"))
        ),
        "`hp.Choice` tries a few rates only. `hp.Float` draws from the whole range.": (
            _build_with(draw=lambda hp: hp.Choice("learning_rate", [1e-4, 1e-2, 1.0]))
        ),
        "with a `step`, `hp.Float` tries a few rates only. Leave it out.": (
            _build_with(
                draw=lambda hp: hp.Float("learning_rate", LOW, HIGH, step=10, sampling="log")
            )
        ),
        "nothing was drawn from `hp`, so KerasTuner has nothing to search.": (
            _build_with(draw=lambda hp: 3.0)
        ),
        "the loss takes the outputs for probabilities. They are logits: from_logits=True.": (
            _build_with(from_logits=False)
        ),
        "the accuracy is not measured, and the search has nothing to compare.": (
            _build_with(metrics=())
        ),
        'the metric has another name, but the search looks for val_accuracy. Use "accuracy".': (
            _build_with(metrics=("sparse_categorical_accuracy",))
        ),
        "the model is not compiled. `model.compile` takes optimizer, loss and metrics.": (
            _build_with(compiled=False)
        ),
        "the optimizer is Adam, not plain SGD. Their best rates are not the same.": (
            _build_with(optimizer=keras.optimizers.Adam)
        ),
        "the optimizer has momentum, and plain SGD has none. Their best rates are not the same.": (
            _build_with(optimizer=lambda rate: keras.optimizers.SGD(rate, momentum=0.9))
        ),
    },
)
