"""Right answers in other styles than the solution's."""

import keras
import numpy as np
from keras import ops


def momentum__downhill_velocity(weights, gradient, state, learning_rate, gamma=0.9):
    if "velocity" not in state:
        state["velocity"] = np.zeros_like(weights)
    state["velocity"] = gamma * state["velocity"] - learning_rate * gradient
    return weights + state["velocity"], state


def momentum__all_steps_before(weights, gradient, state, learning_rate, gamma=0.9):
    steps = [*(state or []), learning_rate * gradient]
    v = sum(step * gamma**age for age, step in enumerate(reversed(steps)))
    return weights - v, steps


def momentum__as_tensors(weights, gradient, state, learning_rate, gamma=0.9):
    v = ops.multiply(gamma, state["v"]) if state else ops.zeros_like(weights)
    v = v + learning_rate * ops.convert_to_tensor(gradient)
    return ops.subtract(weights, v), {"v": v}


def nesterov__keeps_both(weights, gradient, state, learning_rate, gamma=0.9):
    behind, v = state.get("behind", weights), state.get("v", 0)  # Nesterov's own weights
    v = gamma * v + learning_rate * gradient
    behind = behind - v
    return behind - gamma * v, {"behind": behind, "v": v}


def nesterov__written_out(weights, gradient, state, learning_rate, gamma=0.9):
    old = state.get("v", 0)
    new = weights - gamma**2 * old - (1 + gamma) * learning_rate * gradient
    return new, {"v": gamma * old + learning_rate * gradient}


def adagrad__of_all_gradients(weights, gradient, state, learning_rate, epsilon=1e-7):
    gradients = [*state.get("all", []), gradient]
    total = 0.1 + np.sum(np.square(gradients), axis=0)
    return weights - learning_rate * gradient * (total + epsilon) ** -0.5, {"all": gradients}


def adagrad__by_loops(weights, gradient, state, learning_rate, epsilon=1e-7):
    total = list(state.get("G", [0.1] * len(weights)))
    new = list(weights)
    for i, g in enumerate(gradient):
        total[i] += g * g
        new[i] -= learning_rate * g / (total[i] + epsilon) ** 0.5
    return np.array(new), {"G": total}


def adadelta__one_root(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    g, d = state or (0 * weights, 0 * weights)
    g = g + (1 - rho) * (gradient**2 - g)
    delta = -gradient * ((d + epsilon) / (g + epsilon)) ** 0.5
    return weights + learning_rate * delta, (g, d + (1 - rho) * (delta**2 - d))


def adadelta__as_tensors(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    def rms(x):
        return ops.sqrt(x + epsilon)

    zeros = ops.zeros_like(ops.convert_to_tensor(weights))
    g = rho * state.get("g", zeros) + (1 - rho) * ops.square(gradient)
    d = state.get("d", zeros)
    change = rms(d) / rms(g) * gradient
    d = rho * d + (1 - rho) * ops.square(change)
    return weights - learning_rate * change, {"g": g, "d": d}


def adam__keras_order(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    state = state or {"m": np.zeros_like(weights), "v": np.zeros_like(weights), "step": 0}
    local_step = state["step"] + 1
    m = state["m"] + (gradient - state["m"]) * (1 - beta_1)
    v = state["v"] + (gradient**2 - state["v"]) * (1 - beta_2)
    scale = (1 - beta_2**local_step) ** 0.5 / (1 - beta_1**local_step)
    new = weights - learning_rate * scale * m / (v**0.5 + epsilon)
    return new, {"m": m, "v": v, "step": local_step}


class Adam:
    def __init__(self, beta_1, beta_2, epsilon):
        self.betas, self.powers, self.means = (beta_1, beta_2), [1.0, 1.0], [0.0, 0.0]
        self.epsilon = epsilon

    def step(self, weights, gradient, learning_rate):
        for i, new in enumerate((gradient, gradient**2)):
            self.means[i] = self.betas[i] * self.means[i] + (1 - self.betas[i]) * new
            self.powers[i] *= self.betas[i]
        m, root = self.means[0] / (1 - self.powers[0]), np.sqrt(self.means[1])
        return weights - learning_rate * m / ((root + self.epsilon) / np.sqrt(1 - self.powers[1]))


def adam__as_a_class(
    weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    optimizer = state.get("adam") or Adam(beta_1, beta_2, epsilon)
    return optimizer.step(weights, gradient, learning_rate), {"adam": optimizer}


def adam__by_keras(weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    if not state:
        state = {
            "optimizer": keras.optimizers.Adam(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon),
            "weights": keras.Variable(weights),
        }
    state["optimizer"].learning_rate = learning_rate
    state["optimizer"].apply([ops.convert_to_tensor(gradient, "float32")], [state["weights"]])
    return ops.convert_to_numpy(state["weights"]), state


def tuned__by_numpy(losses):
    rates = np.array(sorted(losses))
    place = np.nanargmin([losses[rate] for rate in rates])
    return rates[place], np.logical_and(place > 0, place < len(rates) - 1)


def tuned__by_loop(losses):
    best = None
    for rate, loss in losses.items():
        if np.isfinite(loss) and (best is None or loss < losses[best]):
            best = rate
    lower = [rate for rate in losses if rate < best]
    higher = [rate for rate in losses if rate > best]
    return [best, bool(lower and higher)]
