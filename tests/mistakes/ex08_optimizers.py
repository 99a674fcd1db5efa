"""Wrong answers that students write; each docstring is part of what they must be told."""

import math

import numpy as np


def momentum__uphill(weights, gradient, state, learning_rate, gamma=0.9):
    """uphill"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    return weights + v, {"v": v}


def momentum__uphill_by_the_velocity(weights, gradient, state, learning_rate, gamma=0.9):
    """uphill"""
    v = gamma * state.get("v", 0) - learning_rate * gradient
    return weights - v, {"v": v}


def momentum__sign_of_gamma(weights, gradient, state, learning_rate, gamma=0.9):
    """old velocity was subtracted"""
    v = learning_rate * gradient - gamma * state.get("v", np.zeros_like(weights))
    return weights - v, {"v": v}


def momentum__state_as_it_came(weights, gradient, state, learning_rate, gamma=0.9):
    """nothing is remembered"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    return weights - v, state


def momentum__rate_outside(weights, gradient, state, learning_rate, gamma=0.9):
    """learning rate is outside the velocity"""
    buffer = gamma * state.get("buffer", 0) + gradient
    return weights - learning_rate * buffer, {"buffer": buffer}


def momentum__running_mean(weights, gradient, state, learning_rate, gamma=0.9):
    """factor 1 - gamma"""
    mean = gamma * state.get("mean", 0) + (1 - gamma) * gradient * learning_rate
    return weights - mean, {"mean": mean}


def momentum__gamma_at_the_gradient(weights, gradient, state, learning_rate, gamma=0.9):
    """gamma belongs to the old velocity"""
    v = state.get("v", 0) + gamma * learning_rate * gradient
    return weights - v, {"v": v}


def momentum__old_velocity(weights, gradient, state, learning_rate, gamma=0.9):
    """by the old velocity"""
    new = weights - state.get("v", 0)
    return new, {"v": gamma * state.get("v", 0) + learning_rate * gradient}


def momentum__gradient_twice(weights, gradient, state, learning_rate, gamma=0.9):
    """counted twice"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    weights = weights - learning_rate * gradient
    return weights - v, {"v": v}


def momentum__looks_ahead(weights, gradient, state, learning_rate, gamma=0.9):
    """Nesterov's step"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    return weights - gamma * v - learning_rate * gradient, {"v": v}


def momentum__always_the_same_gamma(weights, gradient, state, learning_rate, gamma=0.9):
    """`gamma` was not used"""
    v = 0.9 * state.get("v", 0) + learning_rate * gradient
    return weights - v, dict(v=v)


def momentum__weights_overwritten(weights, gradient, state, learning_rate, gamma=0.9):
    """changed its argument weights"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    weights -= v
    return weights, {"v": v}


def momentum__weights_alone(weights, gradient, state, learning_rate, gamma=0.9):
    """expected the new weights and the new state"""
    state["v"] = gamma * state.get("v", 0) + learning_rate * gradient
    return weights - state["v"]


def nesterov__momentum(weights, gradient, state, learning_rate, gamma=0.9):
    """plain momentum"""
    v = learning_rate * gradient + gamma * state.get("v", 0)
    return weights - v, {"v": v}


def nesterov__old_velocity(weights, gradient, state, learning_rate, gamma=0.9):
    """plain momentum"""
    old = state.get("v", 0)
    v = gamma * old + learning_rate * gradient
    return weights - (gamma * old + learning_rate * gradient), {"v": v}


def nesterov__without_gradient(weights, gradient, state, learning_rate, gamma=0.9):
    """the step lacks the gradient"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    return weights - gamma * v, {"v": v}


def nesterov__without_gamma(weights, gradient, state, learning_rate, gamma=0.9):
    """gamma is missing in the step"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    return weights - (v + learning_rate * gradient), {"v": v}


def nesterov__both(weights, gradient, state, learning_rate, gamma=0.9):
    """the step is v + gamma v"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    ahead = weights - v
    return ahead - gamma * v, {"v": v}


def nesterov__rate_outside(weights, gradient, state, learning_rate, gamma=0.9):
    """learning rate is outside"""
    v = gamma * state.get("v", 0) + gradient
    return weights - learning_rate * (gradient + gamma * v), {"v": v}


def nesterov__keeps_the_step(weights, gradient, state, learning_rate, gamma=0.9):
    """whole step was kept"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    v = gamma * v + learning_rate * gradient
    return weights - v, {"v": v}


def nesterov__uphill(weights, gradient, state, learning_rate, gamma=0.9):
    """uphill"""
    v = gamma * state.get("v", 0) - learning_rate * gradient
    return weights - (gamma * v - learning_rate * gradient), {"v": v}


def nesterov__forgets(weights, gradient, state, learning_rate, gamma=0.9):
    """nothing is remembered"""
    v = gamma * state.get("v", 0) + learning_rate * gradient
    return weights - (gamma * v + learning_rate * gradient), {}


def adagrad__from_zero(weights, gradient, state, learning_rate, epsilon=1e-7):
    """G begins with zero"""
    total = state.get("G", 0) + gradient**2
    return weights - learning_rate * gradient / np.sqrt(total + epsilon), {"G": total}


def adagrad__this_step_alone(weights, gradient, state, learning_rate, epsilon=1e-7):
    """only this step's gradient"""
    total = 0.1 + gradient**2
    return weights - learning_rate * gradient / np.sqrt(total + epsilon), {"G": total}


def adagrad__no_root(weights, gradient, state, learning_rate, epsilon=1e-7):
    """root is missing"""
    total = state.get("G", 0.1) + gradient**2
    return weights - learning_rate * gradient / (total + epsilon), {"G": total}


def adagrad__epsilon_outside(weights, gradient, state, learning_rate, epsilon=1e-7):
    """outside of the root"""
    total = state.get("G", 0.1) + gradient**2
    return weights - learning_rate * gradient / (np.sqrt(total) + epsilon), {"G": total}


def adagrad__without_it(weights, gradient, state, learning_rate, epsilon=1e-7):
    """`epsilon` was not used"""
    total = state.get("G", 0.1) + gradient**2
    return weights - learning_rate * gradient / np.sqrt(total), {"G": total}


def adagrad__not_squared(weights, gradient, state, learning_rate, epsilon=1e-7):
    """not squared"""
    total = state.get("G", 0.1) + gradient
    with np.errstate(invalid="ignore"):
        return weights - learning_rate * gradient / np.sqrt(total + epsilon), {"G": total}


def adagrad__absolute(weights, gradient, state, learning_rate, epsilon=1e-7):
    """absolute gradients"""
    total = state.get("G", 0.1) + abs(gradient)
    return weights - learning_rate * gradient / np.sqrt(total + epsilon), {"G": total}


def adagrad__old_sum(weights, gradient, state, learning_rate, epsilon=1e-7):
    """the old G was used"""
    total = state.get("G", np.full_like(weights, 0.1))
    new = weights - learning_rate * gradient / np.sqrt(total + epsilon)
    return new, {"G": total + gradient**2}


def adagrad__one_sum(weights, gradient, state, learning_rate, epsilon=1e-7):
    """one number for all weights"""
    total = state.get("G", 0.1) + np.dot(gradient, gradient)
    return weights - learning_rate * gradient / np.sqrt(total + epsilon), {"G": total}


def adagrad__forgets(weights, gradient, state, learning_rate, epsilon=1e-7):
    """Adadelta forgets"""
    total = 0.9 * state.get("G", 0.1) + 0.1 * gradient**2
    return weights - learning_rate * gradient / np.sqrt(total + epsilon), {"G": total}


def adagrad__multiplied(weights, gradient, state, learning_rate, epsilon=1e-7):
    """multiplied by the root"""
    total = state.get("G", 0.1) + gradient**2
    return weights - learning_rate * np.sqrt(total + epsilon) * gradient, {"G": total}


def means(gradient, state, rho, start=0.0):
    return rho * state.get("G", start) + (1 - rho) * gradient**2, state.get("D", start)


def adadelta__rmsprop(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """RMSprop"""
    mean, _ = means(gradient, state, rho)
    return weights - learning_rate * gradient / np.sqrt(mean + epsilon), {"G": mean}


def adadelta__rate_in_the_change(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """learning rate is in D"""
    g, d = means(gradient, state, rho)
    change = learning_rate * np.sqrt(d + epsilon) / np.sqrt(g + epsilon) * gradient
    return weights - change, {"G": g, "D": rho * d + (1 - rho) * change**2}


def adadelta__epsilon_outside(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """epsilon stands outside"""
    g, d = means(gradient, state, rho)
    change = (np.sqrt(d) + epsilon) / (np.sqrt(g) + epsilon) * gradient
    return weights - learning_rate * change, {"G": g, "D": rho * d + (1 - rho) * change**2}


def adadelta__rho_swapped(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """rho and 1 - rho are swapped"""
    g = (1 - rho) * state.get("G", 0) + rho * gradient**2
    d = state.get("D", 0)
    change = np.sqrt(d + epsilon) / np.sqrt(g + epsilon) * gradient
    return weights - learning_rate * change, {"G": g, "D": (1 - rho) * d + rho * change**2}


def adadelta__sums(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """added up for ever"""
    g = state.get("G", 0) + gradient**2
    d = state.get("D", 0)
    change = np.sqrt((d + epsilon) / (g + epsilon)) * gradient
    return weights - learning_rate * change, {"G": g, "D": d + change**2}


def adadelta__old_mean(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """the old G was used"""
    g, d = state.get("G", 0), state.get("D", 0)
    change = np.sqrt(d + epsilon) / np.sqrt(g + epsilon) * gradient
    g = rho * g + (1 - rho) * gradient**2
    return weights - learning_rate * change, {"G": g, "D": rho * d + (1 - rho) * change**2}


def adadelta__upside_down(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """upside down"""
    g, d = means(gradient, state, rho)
    change = np.sqrt(g + epsilon) / np.sqrt(d + epsilon) * gradient
    return weights - learning_rate * change, {"G": g, "D": rho * d + (1 - rho) * change**2}


def adadelta__no_rate(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """learning rate was not used"""
    g, d = means(gradient, state, rho)
    change = np.sqrt((d + epsilon) / (g + epsilon)) * gradient
    return weights - change, {"G": g, "D": rho * d + (1 - rho) * change**2}


def adadelta__as_adagrad_begins(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """Here they begin with zero"""
    g, d = means(gradient, state, rho, start=0.1)
    change = np.sqrt((d + epsilon) / (g + epsilon)) * gradient
    return weights - learning_rate * change, {"G": g, "D": rho * d + (1 - rho) * change**2}


def adadelta__its_own_epsilon(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """`epsilon` was not used"""
    g, d = means(gradient, state, rho)
    change = np.sqrt((d + 1e-7) / (g + 1e-7)) * gradient
    return weights - learning_rate * change, {"G": g, "D": rho * d + (1 - rho) * change**2}


def moments(gradient, state, beta_1, beta_2):
    m = beta_1 * state.get("m", 0) + (1 - beta_1) * gradient
    return m, beta_2 * state.get("v", 0) + (1 - beta_2) * gradient**2


def adam__not_corrected(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """correction is missing"""
    m, v = moments(gradient, state, beta_1, beta_2)
    return weights - learning_rate * m / (np.sqrt(v) + epsilon), {"m": m, "v": v}


def adam__only_m_corrected(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """only m was corrected"""
    t = state.get("t", 0) + 1
    m, v = moments(gradient, state, beta_1, beta_2)
    step = m / (1 - beta_1**t) / (np.sqrt(v) + epsilon)
    return weights - learning_rate * step, {"t": t, "m": m, "v": v}


def adam__algorithm_1(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """Algorithm 1"""
    t = state.get("t", 0) + 1
    m, v = moments(gradient, state, beta_1, beta_2)
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    return weights - learning_rate * m_hat / (v_hat**0.5 + epsilon), {"t": t, "m": m, "v": v}


def adam__epsilon_inside(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """inside the root"""
    t = state.get("t", 0) + 1
    m, v = moments(gradient, state, beta_1, beta_2)
    alpha = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return weights - alpha * m / np.sqrt(v + epsilon), {"t": t, "m": m, "v": v}


def adam__betas_swapped(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """betas are swapped"""
    t = state.get("t", 0) + 1
    m, v = moments(gradient, state, beta_2, beta_1)
    alpha = learning_rate * np.sqrt(1 - beta_1**t) / (1 - beta_2**t)
    return weights - alpha * m / (np.sqrt(v) + epsilon), {"t": t, "m": m, "v": v}


def adam__does_not_count(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """t is 1 always"""
    t = state.get("t", 1)
    m, v = moments(gradient, state, beta_1, beta_2)
    alpha = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return weights - alpha * m / (np.sqrt(v) + epsilon), {"t": t, "m": m, "v": v}


def adam__counts_late(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """Count before you divide"""
    t = state.get("t", 0)
    m, v = moments(gradient, state, beta_1, beta_2)
    alpha = learning_rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return weights - alpha * m / (np.sqrt(v) + epsilon), {"t": t + 1, "m": m, "v": v}


def adam__counts_late_in_numpy(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """Count before you divide"""
    t = state.get("t", 0)
    m, v = moments(gradient, state, beta_1, beta_2)
    with np.errstate(all="ignore"):
        alpha = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return weights - alpha * m / (np.sqrt(v) + epsilon), {"t": t + 1, "m": m, "v": v}


def adam__counts_twice(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """one too large"""
    t = state.get("t", 1)
    m, v = moments(gradient, state, beta_1, beta_2)
    alpha = learning_rate * np.sqrt(1 - beta_2 ** (t + 1)) / (1 - beta_1 ** (t + 1))
    return weights - alpha * m / (np.sqrt(v) + epsilon), {"t": t + 1, "m": m, "v": v}


def adam__square_of_the_mean(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """not of the squares of m"""
    t = state.get("t", 0) + 1
    m = beta_1 * state.get("m", 0) + (1 - beta_1) * gradient
    v = beta_2 * state.get("v", 0) + (1 - beta_2) * m**2
    alpha = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return weights - alpha * m / (np.sqrt(v) + epsilon), {"t": t, "m": m, "v": v}


def adam__gradient_above_the_line(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """Divide m, the running mean"""
    t = state.get("t", 0) + 1
    m, v = moments(gradient, state, beta_1, beta_2)
    alpha = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return weights - alpha * gradient / (np.sqrt(v) + epsilon), {"t": t, "m": m, "v": v}


def adam__uphill(weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """uphill"""
    t = state.get("t", 0) + 1
    m, v = moments(gradient, state, beta_1, beta_2)
    alpha = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return weights + alpha * m / (np.sqrt(v) + epsilon), {"t": t, "m": m, "v": v}


def adam__its_own_epsilon(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """`epsilon` was not used"""
    t = state.get("t", 0) + 1
    m, v = moments(gradient, state, beta_1, beta_2)
    alpha = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return weights - alpha * m / (np.sqrt(v) + 1e-7), {"t": t, "m": m, "v": v}


def tuned__min_of_nan(losses):
    """nan was taken"""
    best = min(losses, key=lambda rate: losses[rate])
    return best, best not in (min(losses), max(losses))


def tuned__argmin_of_nan(losses):
    """nan was taken"""
    rates = sorted(losses)
    place = int(np.argmin([losses[rate] for rate in rates]))
    return rates[place], 0 < place < len(rates) - 1


def tuned__highest(losses):
    """highest loss"""
    rates = list(losses)
    best = rates[int(np.nanargmax(list(losses.values())))]
    return best, min(rates) < best < max(rates)


def tuned__loss(losses):
    """this is the loss"""
    lowest = np.nanmin(list(losses.values()))
    best = next(rate for rate in losses if losses[rate] == lowest)
    return lowest, min(losses) < best < max(losses)


def tuned__at_the_end(losses):
    """True and False are swapped"""
    best = min((loss, rate) for rate, loss in losses.items() if not np.isnan(loss))[1]
    return best, best == min(losses) or best == max(losses)


def tuned__without_the_diverged(losses):
    """were left out of the grid"""
    finite = {rate: loss for rate, loss in losses.items() if np.isfinite(loss)}
    best = min(finite, key=finite.get)
    return best, min(finite) < best < max(finite)


def tuned__in_the_order_given(losses):
    """in any order"""
    rates = list(losses)
    place = int(np.nanargmin(list(losses.values())))
    return rates[place], 0 < place < len(rates) - 1


def tuned__lower_end_only(losses):
    """only the lower end"""
    best = min((loss, rate) for rate, loss in losses.items() if not np.isnan(loss))[1]
    return best, best > min(losses)


def tuned__rate_only(losses):
    """expected a rate, and True or False"""
    return min((loss, rate) for rate, loss in losses.items() if not np.isnan(loss))[1]
