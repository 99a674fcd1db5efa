"""Wrong answers that students write; each docstring is part of what they must be told."""

import math

import keras
import numpy as np
from keras import layers


def decayed__as_keras_calls_it(rate, decay, epoch):
    """inverse-time decay"""
    return rate / (1.0 + decay * epoch)


def decayed__once(rate, decay, epoch):
    """applied once, whatever the epoch"""
    return rate * 1.0 / (1.0 + decay)


def decayed__epochs_from_one(rate, decay, epoch):
    """once too often"""
    for _ in range(epoch + 1):
        rate *= 1.0 / (1.0 + decay)
    return rate


def decayed__range_from_one(rate, decay, epoch):
    """one time too few"""
    for _ in range(1, epoch):
        rate /= 1 + decay
    return rate


def decayed__grows(rate, decay, epoch):
    """rate grows"""
    return rate * math.pow(1 + decay, epoch)


def decayed__share(rate, decay, epoch):
    """subtracts `decay` times the rate"""
    for _ in range(epoch):
        rate = rate - decay * rate
    return rate


def decayed__no_brackets(rate, decay, epoch):
    """brackets are missing"""
    return rate * 1 / (1 + decay**epoch)


def decayed__as_the_slide_without_brackets(rate, decay, epoch):
    """/ binds more tightly than +"""
    for _ in range(epoch):
        rate = rate * 1.0 / 1.0 + decay
    return rate


def decayed__exponential(rate, decay, epoch):
    """exponential with e"""
    return rate * math.exp(-decay * epoch)


def decayed__of_the_example(rate, decay, epoch):
    """`rate` was not used"""
    return 1.0 / (1 + decay) ** epoch


def inverse_time__power(rate, decay, epoch):
    """rule of the slide"""
    return rate * (1 + decay) ** -epoch


def inverse_time__epochs_from_one(rate, decay, epoch):
    """counted from 1"""
    return rate / (1 + decay * (epoch + 1))


def inverse_time__epoch_after_the_brackets(rate, decay, epoch):
    """the rate was multiplied by it"""
    return rate / (1 + decay) * epoch


def inverse_time__no_brackets(rate, decay, epoch):
    """binds more tightly"""
    return rate / 1 + decay * epoch


def inverse_time__wrong_brackets(rate, decay, epoch):
    """in the wrong place"""
    return rate / ((1 + decay) * epoch)


def inverse_time__rate_of_the_epoch_before(rate, decay, epoch):
    """Divide the first rate"""
    for t in range(epoch + 1):
        rate = rate / (1 + decay * t)
    return rate


def inverse_time__line(rate, decay, epoch):
    """straight line"""
    return rate - rate * decay * epoch


def inverse_time__no_one(rate, decay, epoch):
    """the 1 is missing"""
    return rate / decay / epoch


def inverse_time__no_epoch(rate, decay, epoch):
    """epoch was not used"""
    return rate / (1 + decay)


def inverse_time__printed(rate, decay, epoch):
    """Is the `return` missing?"""
    print(end=str(rate / (1 + decay * epoch))[:0])


def reduce_on_plateau__against_the_last(losses, rate, factor, patience):
    """compared with the one before"""
    rates, bad = [rate], 0
    for i in range(1, len(losses)):
        rates.append(rate)
        if losses[i] < losses[i - 1]:
            bad = 0
        else:
            bad += 1
            if bad == patience:
                rate *= factor
                bad = 0
    return rates


def reduce_on_plateau__equal_is_better(losses, rate, factor, patience):
    """equals the best"""
    best, bad, rates = float("inf"), 0, []
    for loss in losses:
        rates.append(rate)
        bad += 1
        if loss <= best:
            best = loss
            bad = 0
        if bad >= patience:
            rate, bad = rate * factor, 0
    return rates


def reduce_on_plateau__never_counts_anew(losses, rate, factor, patience):
    """continues after an improvement"""
    best, bad, rates = losses[0], 0, []
    for i, loss in enumerate(losses):
        rates.append(rate)
        if loss < best:
            best = loss
        elif i > 0:
            bad += 1
        if bad == patience:
            rate, bad = rate * factor, 0
    return rates


def reduce_on_plateau__first_epoch_waits(losses, rate, factor, patience):
    """compared with itself"""
    best, bad, rates = losses[0], 0, []
    for loss in losses:
        rates.append(rate)
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad == patience:
            rate, bad = rate * factor, 0
    return rates


def reduce_on_plateau__each_further_epoch(losses, rate, factor, patience):
    """each further epoch lowers it again"""
    best, bad, rates = 1e9, 0, []
    for loss in losses:
        rates.append(rate)
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad >= patience:
            rate = rate * factor
    return rates


def reduce_on_plateau__more_than_patience(losses, rate, factor, patience):
    """waited one epoch too many"""
    best, bad, rates = 1e9, 0, []
    for loss in losses:
        rates.append(rate)
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad > patience:
            rate, bad = rate * factor, 0
    return rates


def reduce_on_plateau__first_bad_epoch_counts_twice(losses, rate, factor, patience):
    """waited one epoch too few"""
    best, bad, rates = 1e9, 1, []
    for loss in losses:
        rates.append(rate)
        if loss < best:
            best, bad = loss, 1
        else:
            bad += 1
        if bad == patience:
            rate, bad = rate * factor, 1
    return rates


def reduce_on_plateau__in_the_same_epoch(losses, rate, factor, patience):
    """one epoch too early"""
    best, bad, rates = 1e9, 0, []
    for loss in losses:
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad == patience:
            rate, bad = rate * factor, 0
        rates.append(rate)
    return rates


def reduce_on_plateau__divides(losses, rate, factor, patience):
    """divided by the factor"""
    best, bad, rates = 1e9, 0, []
    for loss in losses:
        rates.append(rate)
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad == patience:
            rate, bad = rate / factor, 0
    return rates


def reduce_on_plateau__forgets_the_best(losses, rate, factor, patience):
    """best loss was forgotten"""
    best, bad, rates = 1e9, 0, []
    for loss in losses:
        rates.append(rate)
        if loss < best:
            best, bad = loss, 0
            continue
        bad += 1
        if bad == patience:
            rate, best, bad = rate * factor, loss, 0
    return rates


def reduce_on_plateau__highest(losses, rate, factor, patience):
    """highest loss was taken for the best"""
    best, bad, rates = 0, 0, []
    for loss in losses:
        rates.append(rate)
        if loss > best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad == patience:
            rate, bad = rate * factor, 0
    return rates


def reduce_on_plateau__last_rate(losses, rate, factor, patience):
    """only the last rate"""
    best, bad = 1e9, 0
    for loss in losses[:-1]:
        bad = 0 if loss < best else bad + 1
        best = min(best, loss)
        if bad == patience:
            rate, bad = rate * factor, 0
    return rate


def reduce_on_plateau__one_more(losses, rate, factor, patience):
    """one rate more than there are losses"""
    best, bad, rates = 1e9, 0, [rate]
    for loss in losses:
        bad = 0 if loss < best else bad + 1
        best = min(best, loss)
        if bad == patience:
            bad = 0
            rates.append(rates[-1] * factor)
        else:
            rates.append(rates[-1])
    return rates


def range_test_rates__linear(low, high, steps):
    """evenly spaced"""
    return [low + i * (high - low) / (steps - 1) for i in range(steps)]


def range_test_rates__high_is_missing(low, high, steps):
    """`high` is not reached"""
    return np.geomspace(low, high, steps, endpoint=False)


def range_test_rates__low_is_missing(low, high, steps):
    """`low` is missing"""
    factor = (high / low) ** (1 / steps)
    rates = []
    for _ in range(steps):
        low *= factor
        rates.append(low)
    return rates


def range_test_rates__exponents(low, high, steps):
    """these are the exponents"""
    return np.linspace(math.log10(low), math.log10(high), steps)


def range_test_rates__logspace_of_rates(low, high, steps):
    """takes exponents, not the rates"""
    return np.logspace(low, high, num=steps)


def range_test_rates__two_bases(low, high, steps):
    """natural logarithm"""
    return np.logspace(np.log(low), np.log(high), steps)


def range_test_rates__falling(low, high, steps):
    """They should grow"""
    return np.geomspace(low, high, steps)[::-1]


def range_test_rates__one_more(low, high, steps):
    """one rate too many"""
    factor = (high / low) ** (1 / steps)
    return [low * factor**i for i in range(steps + 1)]


def range_test_rates__decades(low, high, steps):
    """factor is ten"""
    return [low * 10**i for i in range(steps)]


def choose_rate__lowest(rates, losses):
    """about to explode"""
    return rates[np.nanargmin(losses)]


def choose_rate__tenth(rates, losses):
    """which is another rule"""
    return rates[np.nanargmin(losses)] / 10


def choose_rate__half_of_the_fall(rates, losses):
    """Take the middle between it"""
    level = (losses[0] + np.nanmin(losses)) / 2
    return rates[np.where(losses <= level)[0][0]]


def choose_rate__linear_middle(rates, losses):
    """middle on a linear axis"""
    upper = np.nanargmin(losses)
    lower = np.argmax(losses <= losses[0] - (losses[0] - losses[upper]) / 2)
    return (rates[lower] + rates[upper]) / 2


def choose_rate__product(rates, losses):
    """root is missing"""
    upper = np.nanargmin(losses)
    lower = np.argmax(losses <= losses[0] - (losses[0] - losses[upper]) / 2)
    return rates[lower] * rates[upper]


def choose_rate__exponent(rates, losses):
    """the logarithm of the rate"""
    upper = np.nanargmin(losses)
    lower = np.argmax(losses <= losses[0] - (losses[0] - losses[upper]) / 2)
    return np.mean(np.log10([rates[lower], rates[upper]]))


def choose_rate__last_above(rates, losses):
    """last step above half"""
    upper = np.nanargmin(losses)
    lower = upper
    while losses[lower - 1] <= (losses[0] + losses[upper]) / 2:
        lower -= 1
    return np.sqrt(rates[lower] * rates[upper])


def choose_rate__down_to_zero(rates, losses):
    """not at 0"""
    upper = np.nanargmin(losses)
    return np.sqrt(rates[np.argmax(losses <= losses[0] / 2)] * rates[upper])


def choose_rate__nan_is_lowest(rates, losses):
    """nan was taken for the lowest loss"""
    upper = np.argmin(losses)
    lower = np.argmax(losses <= (losses[0] + losses[upper]) / 2)
    return math.sqrt(rates[lower] * rates[upper])


def choose_rate__steepest(rates, losses):
    """steepest fall"""
    return rates[np.nanargmin(losses[1:-2] - losses[:-3])]


def choose_rate__step(rates, losses):
    """number of a step"""
    return int(np.nanargmin(losses))


def compiled(rate, from_logits=True, metrics=("accuracy",), optimizer=keras.optimizers.SGD):
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizer(rate), loss, metrics=list(metrics))
    return model


def build__linear(hp):
    """drawn linearly"""
    return compiled(hp.Float("learning_rate", min_value=1e-4, max_value=1.0))


def build__reversed(hp):
    """sampling is reversed"""
    return compiled(hp.Float("learning_rate", 1e-4, 1.0, sampling="reverse_log"))


def build__drawn_and_forgotten(hp):
    """the optimizer has another one"""
    hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
    return compiled(0.01)


def build__exponent(hp):
    """exponent was drawn"""
    return compiled(10 ** hp.Float("learning_rate", -4, 0))


def build__lr(hp):
    """hyperparameter is not called"""
    return compiled(hp.Float("lr", 1e-4, 1.0, sampling="log"))


def build__choice(hp):
    """tries a few rates only"""
    return compiled(hp.Choice("learning_rate", values=[1e-4, 1e-3, 1e-2, 1e-1, 1.0]))


def build__by_numpy(hp):
    """nothing was drawn from `hp`"""
    return compiled(10 ** np.random.uniform(-4, 0))


def build__probabilities(hp):
    """takes the outputs for probabilities"""
    rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
    return compiled(rate, from_logits=False)


def build__no_accuracy(hp):
    """accuracy is not measured"""
    return compiled(hp.Float("learning_rate", 1e-4, 1.0, sampling="log"), metrics=())


def build__not_compiled(hp):
    """not compiled"""
    hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(10)])


def build__adam(hp):
    """optimizer is Adam"""
    rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
    return compiled(rate, optimizer=keras.optimizers.Adam)


def build__rate_only(hp):
    """expected a compiled keras.Model"""
    return hp.Float("learning_rate", 1e-4, 1.0, sampling="log")


def build__momentum(hp):
    """has momentum, and plain SGD has none"""
    rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
    return compiled(rate, optimizer=lambda rate: keras.optimizers.SGD(rate, momentum=0.9))


def build__stepwise(hp):
    """tries a few rates only. Leave it out"""
    return compiled(hp.Float("learning_rate", 1e-4, 1.0, step=10, sampling="log"))
