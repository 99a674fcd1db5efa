"""Checks of lesson 8: each optimizer against Keras' own, step by step, and a fair comparison."""

import math
from functools import partial

import keras
import numpy as np

from keras_course.lessons.check import Check, Unusable
from keras_course.lessons.compare import same, shown


def _steps(function, weights, gradients, rates, **options):
    """Observe an optimizer: the weights after each of some steps."""
    state, after = {}, {}
    for number, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        given = {"weights": np.array(weights), "gradient": np.array(gradient)}
        answer = function(given["weights"], given["gradient"], state, rate, **options)
        if answer is None:
            return None
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            raise Unusable(f"returned {shown(answer)}; expected the new weights and the new state")
        moved, state = np.asarray(answer[0], "float64"), answer[1]
        changed = [
            name
            for name, value in (("weights", weights), ("gradient", gradient))
            if not same(given[name], value)
        ]
        if changed:
            raise Unusable(
                f"changed its argument {' and '.join(changed)}: the caller still needs it. "
                "Make a new array, without -= and *="
            )
        if moved.shape != weights.shape:
            raise Unusable(f"returned weights of shape {moved.shape}; expected {weights.shape}")
        if not np.isfinite(moved).all():
            raise Unusable(f"returned weights that are not finite (nan or inf) in step {number}")
        weights = after[f"the weights after step {number}"] = moved
    return after


def _by_keras(make):
    """Return an optimizer of Keras as a function for one step."""

    def step(weights, gradient, state, learning_rate, **options):
        if not state:
            state = {"optimizer": make(**options), "weights": keras.Variable(weights)}
        state["optimizer"].learning_rate = learning_rate
        gradient = keras.ops.convert_to_tensor(gradient, state["weights"].dtype)
        state["optimizer"].apply([gradient], [state["weights"]])
        return keras.ops.convert_to_numpy(state["weights"]), state

    return step


def _cases(rate, sizes=(1.0, 1.0), **options):
    """Return cases of five steps with gradients of some size; the rate falls on the way.

    options: what the second case gives by name, instead of what is usual.
    """

    def cases(random):
        return [
            {
                "weights": random.normal(size=3),
                "gradients": size * random.choice([-1, 1], (5, 3)) * random.uniform(0.3, 2, (5, 3)),
                "rates": [round(rate * share * random.uniform(0.7, 1.3), 4) for share in FALLING],
                **given,
            }
            for size, given in zip(sizes, ({}, options), strict=True)
        ]

    return cases


FALLING = (1, 1, 0.3, 0.3, 0.1)
DOWNHILL = "the step goes uphill: subtract it from the weights."
FORGETFUL = "nothing is remembered: return a state with what the next step has to know, and use it."


def _forgetful(optimizer):
    return lambda weights, gradient, state, learning_rate, **options: optimizer(
        weights, gradient, {}, learning_rate, **options
    )


def _uphill(optimizer):
    def step(weights, gradient, state, learning_rate, **options):
        new, state = optimizer(weights, gradient, state, learning_rate, **options)
        return 2 * weights - new, state

    return step


def _rolling(
    weights,
    gradient,
    state,
    learning_rate,
    gamma=0.9,
    *,
    velocity=lambda v, g, rate, gamma: gamma * v + rate * g,
    step=lambda v, g, rate, gamma, before: v,
):
    before = state.get("v", 0)
    v = velocity(before, gradient, learning_rate, gamma)
    return weights - step(v, gradient, learning_rate, gamma, before), {"v": v}


def _rolling_with(**changes):
    return partial(_rolling, **changes)


def _ahead(v, g, rate, gamma, before):
    return gamma * v + rate * g


def _fixed(optimizer, name, value):
    """Return the optimizer with an option that is not used."""

    def step(weights, gradient, state, learning_rate, **options):
        return optimizer(weights, gradient, state, learning_rate, **{**options, name: value})

    return step


momentum = Check(
    "8.1",
    slides="37",
    right=_by_keras(lambda gamma=0.9: keras.optimizers.SGD(momentum=gamma)),
    cases=_cases(0.2, gamma=0.6),
    observe=_steps,
    mistakes={
        DOWNHILL: _uphill(_rolling),
        FORGETFUL: _forgetful(_rolling),
        "the learning rate is outside the velocity. That is the same only if the rate never "
        "changes; the slide has it inside.": _rolling_with(
            velocity=lambda v, g, rate, gamma: gamma * v + g,
            step=lambda v, g, rate, gamma, before: rate * v,
        ),
        "the new gradient has a factor 1 - gamma. Momentum adds all of it.": (
            _rolling_with(velocity=lambda v, g, rate, gamma: gamma * v + (1 - gamma) * rate * g)
        ),
        "gamma belongs to the old velocity, not to the gradient.": (
            _rolling_with(velocity=lambda v, g, rate, gamma: v + gamma * rate * g)
        ),
        "the old velocity is not damped by gamma: it would never slow down.": (
            _rolling_with(velocity=lambda v, g, rate, gamma: v + rate * g)
        ),
        "the step is by the old velocity. Take the new one.": (
            _rolling_with(step=lambda v, g, rate, gamma, before: before)
        ),
        "the old velocity was subtracted. Add it: the sign before gamma v is a plus.": (
            _rolling_with(velocity=lambda v, g, rate, gamma: rate * g - gamma * v)
        ),
        "the gradient was counted twice: it is in the velocity already.": (
            _rolling_with(step=lambda v, g, rate, gamma, before: v + rate * g)
        ),
        "this is Nesterov's step, the next TODO.": _rolling_with(step=_ahead),
        "`gamma` was not used: it is 0.9 always.": _fixed(_rolling, "gamma", 0.9),
    },
)


_nesterov = _rolling_with(step=_ahead)


def _whole_step_kept(weights, gradient, state, learning_rate, gamma=0.9):
    v = gamma * state.get("v", 0) + learning_rate * gradient
    step = gamma * v + learning_rate * gradient
    return weights - step, {"v": step}


nesterov = Check(
    "8.2",
    slides="38",
    right=_by_keras(lambda gamma=0.9: keras.optimizers.SGD(momentum=gamma, nesterov=True)),
    cases=_cases(0.2, gamma=0.6),
    observe=_steps,
    mistakes={
        DOWNHILL: _uphill(_nesterov),
        FORGETFUL: _forgetful(_nesterov),
        "this is plain momentum. The step is gamma v + rate * gradient, with the new v.": _rolling,
        "the step lacks the gradient. It should be gamma v + rate * gradient.": (
            _rolling_with(step=lambda v, g, rate, gamma, before: gamma * v)
        ),
        "gamma is missing in the step: it looks ahead by gamma v, not by v.": (
            _rolling_with(step=lambda v, g, rate, gamma, before: v + rate * g)
        ),
        "the step is v + gamma v. It should be gamma v + rate * gradient.": (
            _rolling_with(step=lambda v, g, rate, gamma, before: v + gamma * v)
        ),
        "the learning rate is outside the velocity. That is the same only if it never changes.": (
            _rolling_with(
                velocity=lambda v, g, rate, gamma: gamma * v + g,
                step=lambda v, g, rate, gamma, before: rate * (gamma * v + g),
            )
        ),
        "the whole step was kept as the velocity. Keep only v.": (_whole_step_kept),
        "the new gradient has a factor 1 - gamma. Momentum adds all of it.": (
            _rolling_with(
                velocity=lambda v, g, rate, gamma: gamma * v + (1 - gamma) * rate * g, step=_ahead
            )
        ),
        "`gamma` was not used: it is 0.9 always.": _fixed(_nesterov, "gamma", 0.9),
    },
)


def _adagrad(
    weights,
    gradient,
    state,
    learning_rate,
    epsilon=1e-7,
    *,
    start=0.1,
    add=lambda total, g, rate: total + g**2,
    step=lambda g, total, before, epsilon: g / np.sqrt(total + epsilon),
):
    before = state.get("G", start)
    total = add(before, gradient, learning_rate)
    with np.errstate(all="ignore"):
        return weights - learning_rate * step(gradient, total, before, epsilon), {"G": total}


def _adagrad_with(**changes):
    return partial(_adagrad, **changes)


adagrad = Check(
    "8.3",
    slides="39",
    right=_by_keras(lambda epsilon=1e-7: keras.optimizers.Adagrad(epsilon=epsilon)),
    cases=_cases(0.3, sizes=(1.0, 0.1), epsilon=0.05),
    observe=_steps,
    mistakes={
        DOWNHILL: _uphill(_adagrad),
        "G begins with zero. In Keras it begins with 0.1.": _adagrad_with(start=0.0),
        "only this step's gradient is in G. It is the sum over all steps: keep it in the state.": (
            _forgetful(_adagrad)
        ),
        "the root is missing: divide by the root of G + epsilon.": (
            _adagrad_with(step=lambda g, total, before, epsilon: g / (total + epsilon))
        ),
        "epsilon stands outside of the root: divide by the root of G + epsilon.": (
            _adagrad_with(step=lambda g, total, before, epsilon: g / (np.sqrt(total) + epsilon))
        ),
        "`epsilon` was not used: add it to G below the root.": _fixed(_adagrad, "epsilon", 1e-7),
        "the gradients were not squared before they were added up.": (
            _adagrad_with(add=lambda total, g, rate: total + g)
        ),
        "the absolute gradients were added up. G is the sum of their squares.": (
            _adagrad_with(add=lambda total, g, rate: total + np.abs(g))
        ),
        "the old G was used. This step's squared gradient belongs in it, too.": (
            _adagrad_with(step=lambda g, total, before, epsilon: g / np.sqrt(before + epsilon))
        ),
        "G is one number for all weights. Each weight has its own.": (
            _adagrad_with(add=lambda total, g, rate: total + np.sum(g**2))
        ),
        "G is the mean over all weights. Each weight has its own.": (
            _adagrad_with(add=lambda total, g, rate: total + np.mean(g**2))
        ),
        "the step was multiplied by the root of G. Divide by it.": (
            _adagrad_with(step=lambda g, total, before, epsilon: g * np.sqrt(total + epsilon))
        ),
        "the learning rate is in G. Only the squared gradients are.": (
            _adagrad_with(add=lambda total, g, rate: total + (rate * g) ** 2)
        ),
        "G forgets. Adagrad adds up all squared gradients; Adadelta forgets.": (
            _adagrad_with(add=lambda total, g, rate: 0.9 * total + 0.1 * g**2)
        ),
        "0.1 was added in each step. G begins with it, once.": (
            _adagrad_with(start=0.0, add=lambda total, g, rate: total + g**2 + 0.1)
        ),
    },
)


def _adadelta(
    weights,
    gradient,
    state,
    learning_rate,
    rho=0.95,
    epsilon=1e-7,
    *,
    mean=lambda mean, new, rho: rho * mean + (1 - rho) * new,
    change=lambda g, of_g, of_d, before, eps: g * np.sqrt(of_d + eps) / np.sqrt(of_g + eps),
    counted=lambda change, g, rate: change**2,
    step=lambda change, rate: rate * change,
    start=0.0,
):
    before = state.get("G", start)
    of_gradients = mean(before, gradient**2, rho)
    of_changes = state.get("D", start)
    changed = change(gradient, of_gradients, of_changes, before, epsilon)
    of_changes = mean(of_changes, counted(changed, gradient, learning_rate), rho)
    return weights - step(changed, learning_rate), {"G": of_gradients, "D": of_changes}


def _adadelta_with(**changes):
    return partial(_adadelta, **changes)


adadelta = Check(
    "8.4",
    slides="40 and 41",
    right=_by_keras(
        lambda rho=0.95, epsilon=1e-7: keras.optimizers.Adadelta(rho=rho, epsilon=epsilon)
    ),
    cases=_cases(100.0, rho=0.8, epsilon=1e-3),
    observe=_steps,
    mistakes={
        DOWNHILL: _uphill(_adadelta),
        FORGETFUL: _forgetful(_adadelta),
        "the numerator, the root of D + epsilon, is missing: this is what RMSprop does.": (
            _adadelta_with(change=lambda g, of_g, of_d, before, eps: g / np.sqrt(of_g + eps))
        ),
        "the learning rate is in D. The change is kept without it.": (
            _adadelta_with(counted=lambda change, g, rate: (rate * change) ** 2)
        ),
        "epsilon stands outside the roots. Add it inside, or the first steps hardly move.": (
            _adadelta_with(
                change=lambda g, of_g, of_d, before, eps: (
                    g * (np.sqrt(of_d) + eps) / (np.sqrt(of_g) + eps)
                )
            )
        ),
        "rho and 1 - rho are swapped: most of a mean is what it was before.": (
            _adadelta_with(mean=lambda mean, new, rho: (1 - rho) * mean + rho * new)
        ),
        "the squares were added up for ever. A running mean forgets: it is rho times the old mean "
        "plus (1 - rho) times the new square.": (
            _adadelta_with(mean=lambda mean, new, rho: mean + new)
        ),
        "the factor 1 - rho is missing in the running means.": (
            _adadelta_with(mean=lambda mean, new, rho: rho * mean + new)
        ),
        "the old G was used. This step's squared gradient belongs in it, too.": (
            _adadelta_with(
                change=lambda g, of_g, of_d, before, eps: (
                    g * np.sqrt(of_d + eps) / np.sqrt(before + eps)
                )
            )
        ),
        "the fraction is upside down: divide the root of D + epsilon by that of G + epsilon.": (
            _adadelta_with(
                change=lambda g, of_g, of_d, before, eps: (
                    g * np.sqrt(of_g + eps) / np.sqrt(of_d + eps)
                )
            )
        ),
        "D is the mean of the squared changes, not of the squared gradients.": (
            _adadelta_with(counted=lambda change, g, rate: g**2)
        ),
        "the changes were not squared for D.": (
            _adadelta_with(counted=lambda change, g, rate: np.abs(change))
        ),
        "the learning rate was not used. The paper has none, but Keras has one.": (
            _adadelta_with(step=lambda change, rate: change)
        ),
        "the roots are missing around both means.": (
            _adadelta_with(
                change=lambda g, of_g, of_d, before, eps: g * (of_d + eps) / (of_g + eps)
            )
        ),
        "the means begin with 0.1, as Adagrad's sum does. Here they begin with zero.": (
            _adadelta_with(start=0.1)
        ),
        "`rho` was not used: it is 0.95 always.": _fixed(_adadelta, "rho", 0.95),
        "`epsilon` was not used: it is 1e-7 always.": _fixed(_adadelta, "epsilon", 1e-7),
    },
)


def _adam(
    weights,
    gradient,
    state,
    learning_rate,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    *,
    first=1,
    count=lambda t: t + 1,
    square=lambda g, m: g**2,
    correct=lambda beta, t: 1 - beta**t,
    step=lambda m, v, one, two, eps: np.sqrt(two) / one * m / (np.sqrt(v) + eps),
):
    t = state.get("t", first)
    m = beta_1 * state.get("m", 0.0) + (1 - beta_1) * gradient
    v = beta_2 * state.get("v", 0.0) + (1 - beta_2) * square(gradient, m)
    one, two = correct(beta_1, t), correct(beta_2, t)
    with np.errstate(all="ignore"):
        new = weights - learning_rate * step(m, v, one, two, epsilon)
    return new, {"t": count(t), "m": m, "v": v}


def _adam_with(**changes):
    return partial(_adam, **changes)


def _betas_swapped(weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    return _adam(weights, gradient, state, learning_rate, beta_2, beta_1, epsilon)


def _without_momentum(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    t = state.get("t", 1)
    v = beta_2 * state.get("v", 0.0) + (1 - beta_2) * gradient**2
    alpha = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return weights - alpha * gradient / (np.sqrt(v) + epsilon), {"t": t + 1, "v": v}


COUNTED_LATE = "the first step has t = 0, and 1 - beta ** 0 is zero"

adam = Check(
    "8.5",
    slides="40 and 41",
    right=_by_keras(
        lambda beta_1=0.9, beta_2=0.999, epsilon=1e-7: keras.optimizers.Adam(
            beta_1=beta_1, beta_2=beta_2, epsilon=epsilon
        )
    ),
    cases=_cases(0.1, sizes=(1.0, 1e-6), beta_1=0.8, beta_2=0.99, epsilon=3e-7),
    observe=_steps,
    mistakes={
        DOWNHILL: _uphill(_adam),
        FORGETFUL: _forgetful(_adam),
        "the correction is missing: both means begin with zero and are too small at first.": (
            _adam_with(step=lambda m, v, one, two, eps: m / (np.sqrt(v) + eps))
        ),
        "only m was corrected. The root of 1 - beta_2 ** t is missing.": (
            _adam_with(step=lambda m, v, one, two, eps: m / one / (np.sqrt(v) + eps))
        ),
        "only v was corrected. The 1 - beta_1 ** t is missing.": (
            _adam_with(step=lambda m, v, one, two, eps: np.sqrt(two) * m / (np.sqrt(v) + eps))
        ),
        "epsilon stands beside the corrected root, as in the paper's Algorithm 1. Keras adds it to "
        "the root of the uncorrected v.": (
            _adam_with(step=lambda m, v, one, two, eps: m / one / (np.sqrt(v / two) + eps))
        ),
        "epsilon stands inside the root. Keras adds it to the root.": (
            _adam_with(step=lambda m, v, one, two, eps: np.sqrt(two) / one * m / np.sqrt(v + eps))
        ),
        "epsilon stands inside the corrected root. Keras adds it to the uncorrected root of v.": (
            _adam_with(step=lambda m, v, one, two, eps: m / one / np.sqrt(v / two + eps))
        ),
        "the root around 1 - beta_2 ** t is missing.": (
            _adam_with(step=lambda m, v, one, two, eps: two / one * m / (np.sqrt(v) + eps))
        ),
        "the root of v is missing.": (
            _adam_with(step=lambda m, v, one, two, eps: np.sqrt(two) / one * m / (v + eps))
        ),
        "the correction is upside down: divide m by 1 - beta_1 ** t.": (
            _adam_with(step=lambda m, v, one, two, eps: one / np.sqrt(two) * m / (np.sqrt(v) + eps))
        ),
        "the betas are swapped: beta_1 belongs to m, beta_2 to v.": _betas_swapped,
        "the steps were not counted: t is 1 always.": _adam_with(count=lambda t: t),
        "t is one too large: the first step has t = 1.": _adam_with(first=2),
        f"{COUNTED_LATE}. Count before you divide.": _adam_with(first=0),
        f"{COUNTED_LATE}: dividing by it is an error. Count before you divide.": _adam_with(
            first=0,
            step=lambda m, v, one, two, eps: math.sqrt(two) / one * m / (np.sqrt(v) + eps),
        ),
        "beta was multiplied by t. It is raised to the power of t.": (
            _adam_with(correct=lambda beta, t: 1 - beta * t)
        ),
        "v is the mean of the squared gradients, not of the squares of m.": (
            _adam_with(square=lambda g, m: m**2)
        ),
        "the gradients were not squared for v.": _adam_with(square=lambda g, m: g),
        "the step divides the gradient by the root of v. Divide m, the running mean.": (
            _without_momentum
        ),
        "`beta_1` and `beta_2` were not used: they are 0.9 and 0.999 always.": (
            _fixed(_fixed(_adam, "beta_1", 0.9), "beta_2", 0.999)
        ),
        "`epsilon` was not used: it is 1e-7 always.": _fixed(_adam, "epsilon", 1e-7),
    },
)


def _pair(function, rates, losses):
    """Observe a function that takes a dictionary and returns a rate, and yes or no."""
    given = {rate: float(loss) for rate, loss in zip(rates, losses, strict=True)}
    answer = function(given)
    if list(given) != list(rates):
        raise Unusable("changed its argument losses: the caller still needs it")
    if answer is None:
        return None
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Unusable(f"returned {shown(answer)}; expected a rate, and True or False")
    rate, inside = answer
    if not isinstance(inside, bool | np.bool_):
        raise Unusable(f"returned {shown(inside)} as the second value; expected True or False")
    return rate, bool(inside)


def _grid(random, best, diverged, order):
    """Draw a loss for each of six rates, and hand them over in some order."""
    exponent = int(random.integers(-5, -2))
    losses = [2.3 + abs(place - best) * float(random.uniform(0.2, 0.3)) for place in range(6)]
    losses[best] = float(random.uniform(1.0, 2.0))
    for place in diverged:
        losses[place] = float("nan")
    return {
        "rates": [10.0 ** (exponent + place) for place in order],
        "losses": np.array([losses[place] for place in order]),
    }


def _tuned(losses, key=lambda loss: loss, inside=lambda best, rates: rates[0] < best < rates[-1]):
    finite = {rate: loss for rate, loss in losses.items() if loss == loss}
    best = sorted(finite, key=lambda rate: key(finite[rate]))[0]
    return best, inside(best, sorted(losses))


def _tuned_with(**changes):
    return lambda losses: _tuned(losses, **changes)


def _as_it_comes(losses, best):
    return best, min(losses) < best < max(losses)


tuned = Check(
    "8.6",
    slides="36",
    right=_tuned,
    cases=lambda random: [
        _grid(random, best=3, diverged=(5,), order=(5, 3, 0, 1, 4, 2)),
        _grid(random, best=0, diverged=(5,), order=(1, 0, 5, 4, 2, 3)),
        _grid(random, best=5, diverged=(), order=(2, 5, 1, 0, 3, 4)),
        _grid(random, best=4, diverged=(5,), order=(0, 1, 2, 3, 4, 5)),
        _grid(random, best=2, diverged=(), order=(3, 4, 1, 5, 0, 2)),
    ],
    observe=_pair,
    mistakes={
        "nan was taken for the lowest loss: comparisons with it are never true. Leave it out.": (
            lambda losses: _as_it_comes(losses, min(losses, key=losses.get))
        ),
        "nan was taken for the lowest loss: np.argmin stops at it. Leave it out.": (
            lambda losses: _as_it_comes(losses, list(losses)[int(np.argmin([*losses.values()]))])
        ),
        "this is the rate with the highest loss.": _tuned_with(key=lambda loss: -loss),
        "this is the loss. Return the rate that has it.": (
            lambda losses: (losses[_tuned(losses)[0]], _tuned(losses)[1])
        ),
        "True and False are swapped. True means that the best rate is inside, False that it is at "
        "an end.": _tuned_with(inside=lambda best, rates: best in (rates[0], rates[-1])),
        "rates that diverged were left out of the grid. They were tried, too.": (
            lambda losses: _tuned({rate: loss for rate, loss in losses.items() if loss == loss})
        ),
        "the first and the last rate were taken for the ends. The rates come in any order: take "
        "the lowest and the highest.": (
            lambda losses: (
                _tuned(losses)[0],
                _tuned(losses)[0] not in (next(iter(losses)), list(losses)[-1]),
            )
        ),
        "only the lower end was looked at. The highest rate is an end, too.": _tuned_with(
            inside=lambda best, rates: rates[0] < best
        ),
        "only the upper end was looked at. The lowest rate is an end, too.": (
            _tuned_with(inside=lambda best, rates: best < rates[-1])
        ),
        "an end counted as inside. There has to be a lower and a higher rate.": (
            _tuned_with(inside=lambda best, rates: rates[0] <= best <= rates[-1])
        ),
    },
)
