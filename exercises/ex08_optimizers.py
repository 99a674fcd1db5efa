# %% [markdown]
# # 8 Optimizers
# Slides 35 to 41.
#
# All optimizers of the lecture get the same thing, the gradient, and differ in what they make of it
# and of the gradients before. After this lesson you can
#
# - write momentum and its successors by hand, and show that Keras computes the same,
# - say what each does in a ravine, and why,
# - compare optimizers fairly, and see what is wrong with a comparison that is not.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
from functools import partial

import keras
import numpy as np
from keras import layers

from keras_course import data
from keras_course.lessons.checks import ex08_optimizers as checks
from keras_course.lessons.pictures import lines, paths, show

DATASET = "shapes"  # or "cifar10", once it is prepared
STEPS = 60  # of each training
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


# %% [markdown]
# ## One step
# Here an optimizer is a function for one step. It gets weights, gradient and learning rate, and a
# state: what it remembers from the steps before. That is a dictionary, empty before the first step.
# It returns the new weights and the new state, and leaves weights and gradient as they were. This
# is the gradient descent of slide 35, which remembers nothing.
#
# In a training the gradient is the mean over some images, a *mini-batch*, and not over all. The
# next mini-batch gives another one: it points downhill on average, and its noise is what many
# optimizers average away. The slide fears suboptimal local minima; in networks of many weights,
# saddle points (Dauphin et al. 2014), flat places and ravines are the more common trouble.
# %%
def sgd(weights, gradient, state, learning_rate):
    return weights - learning_rate * gradient, state


# %% [markdown]
# ## 8.1 Momentum
# A ball that rolls keeps its velocity. With $g$ the gradient and $\eta$ the learning rate (slide
# 37):
#
# $$ v \leftarrow \gamma v + \eta g \qquad w \leftarrow w - v $$
#
# Before the first step $v$ is zero: `state.get("v", 0)`.
#
# **Predict:** with $\gamma$ = 0.9 and the same gradient in every step, how fast does it get?
# %%
def momentum(weights, gradient, state, learning_rate, gamma=0.9):
    """Return weights and state after a step with momentum.

    weights, gradient: arrays of one shape. state: what this function returned in the step before.
    """
    # TODO 8.1: the new velocity, and the step by it; keep the velocity in the new state
    raise NotImplementedError(
        "TODO 8.1: the new velocity, and the step by it; keep the velocity in the new state"
    )


# %%
checks.momentum(momentum)
# %%
w, state = np.zeros(1), {}
for step in range(1, 101):
    before, (w, state) = w, momentum(w, np.ones(1), state, 0.01)
    if step in (1, 10, 100):
        print(f"step {step:3} moves by {(before - w)[0]:.3f}, at a learning rate of 0.01")


# %% [markdown]
# ## 8.2 Nesterov momentum
# The slide: "compute gradient at next parameter position". That is still one gradient for a step.
# Keras keeps the weights ahead, where the velocity is about to take them, so that the gradient it
# is given is already the one over there:
#
# $$ v \leftarrow \gamma v + \eta g \qquad w \leftarrow w - (\gamma v + \eta g) $$
#
# The $v$ on the right is the new one.
# %%
def nesterov(weights, gradient, state, learning_rate, gamma=0.9):
    """Return weights and state after a step with Nesterov momentum."""
    # TODO 8.2: the new velocity as before, and a step that looks ahead
    raise NotImplementedError("TODO 8.2: the new velocity as before, and a step that looks ahead")


# %%
checks.nesterov(nesterov)


# %% [markdown]
# **Question 8.a** In Nesterov's own form the weights $u$ are not ahead: the gradient is taken at
# $u - \gamma v$, then $v' = \gamma v + \eta g$ and $u' = u - v'$. Show that $w = u - \gamma v$
# follows the rule above.
# *Your answer.*
# %% [markdown]
# ## 8.3 Adagrad
# Every weight gets a rate of its own, the lower the larger its gradients have been (slide 39). $G$
# is the sum of all squared gradients, for each weight, this step's included:
#
# $$ G \leftarrow G + g^2 \qquad w \leftarrow w - \frac{\eta}{\sqrt{G + \varepsilon}} \; g $$
#
# The slide begins with $G = 0$. Keras begins with 0.1, so that the first steps are not too bold.
# %%
def adagrad(weights, gradient, state, learning_rate, epsilon=1e-7):
    """Return weights and state after a step of Keras' Adagrad."""
    # TODO 8.3: add the squared gradient to the sum, then divide by its root
    raise NotImplementedError(
        "TODO 8.3: add the squared gradient to the sum, then divide by its root"
    )


# %%
checks.adagrad(adagrad)


# %% [markdown]
# ## 8.4 Adadelta
# The sum of Adagrad only grows, so its steps only shrink. Adadelta (Zeiler 2012) forgets: $G$
# becomes a running mean. A second running mean, $D$, is that of the squared changes $\Delta$, and
# gives the step the unit of the weights:
#
# $$ G \leftarrow \rho G + (1 - \rho) g^2 \qquad
# \Delta = \frac{\sqrt{D + \varepsilon}}{\sqrt{G + \varepsilon}} \; g $$
#
# $$ D \leftarrow \rho D + (1 - \rho) \Delta^2 \qquad w \leftarrow w - \eta \Delta $$
#
# Both means begin with zero. The paper has no $\eta$: for Keras that is a rate of 1.
#
# **Predict:** $D$ is zero at first. How large is the first $\Delta$ for a gradient of 1?
# %%
def adadelta(weights, gradient, state, learning_rate, rho=0.95, epsilon=1e-7):
    """Return weights and state after a step of Adadelta."""
    # TODO 8.4: the mean of squared gradients, then the change, then the mean of its squares
    raise NotImplementedError(
        "TODO 8.4: the mean of squared gradients, then the change, then the mean of its squares"
    )


# %%
checks.adadelta(adadelta)
# %%
weights, _ = adadelta(np.zeros(1), np.ones(1), {}, 1.0)
print(f"gradient 1, first change {-weights[0]:.2g}")


# %% [markdown]
# ## 8.5 Adam
# Adam (Kingma & Ba 2014) has a running mean $m$ of the gradients, its momentum, and one $v$ of
# their squares. Both begin with zero, and are too small at first; the factor $\alpha$ makes up for
# it. In step $t$, the first being 1:
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 $$
#
# $$ \alpha = \eta \, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \qquad
# w \leftarrow w - \alpha \frac{m}{\sqrt{v} + \varepsilon} $$
#
# This is the form at the end of section 2 of the paper, with $\varepsilon$ beside the root of the
# uncorrected $v$, as in Keras. The paper's Algorithm 1 puts it beside the root of the corrected
# one.
# %%
def adam(weights, gradient, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Return weights and state after a step of Keras' Adam."""
    # TODO 8.5: count the step, update both means, and divide the one by the root of the other
    raise NotImplementedError(
        "TODO 8.5: count the step, update both means, and divide the one by the root of the other"
    )


# %%
checks.adam(adam)


# %% [markdown]
# ## The ravine
# The picture of slide 37: a valley that is curved a hundred times more across than along. Each
# optimizer walks down it twice, by your function and by Keras, at the rate that suits it best here:
# of 61 rates, the same for all, the one whose path is lowest on average.
#
# **Predict:** draw the path of plain gradient descent, and that of Adagrad.
# %%
CURVATURE = np.array([0.1, 10.0])
BEGIN = np.array([-9.0, 0.9])
OURS = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "adam": adam,
}
KERAS = {
    "sgd": keras.optimizers.SGD,
    "momentum": partial(keras.optimizers.SGD, momentum=0.9),
    "nesterov": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True),
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adam": keras.optimizers.Adam,
}


def height(points):
    return (CURVATURE * points**2 / 2).sum(axis=-1)


def walk(optimizer, rate, steps=50):
    """Return the points of a walk down the ravine, (steps + 1, 2)."""
    points, state = [BEGIN], {}
    for _ in range(steps):
        point, state = optimizer(points[-1], CURVATURE * points[-1], state, rate)
        points.append(point)
    return np.array(points)


def walk_by_keras(optimizer, steps=50):
    points, weights = [BEGIN], keras.Variable(BEGIN, dtype="float32")
    for _ in range(steps):
        gradient = keras.ops.convert_to_tensor(CURVATURE * points[-1], "float32")
        optimizer.apply([gradient], [weights])
        points.append(keras.ops.convert_to_numpy(weights))
    return np.array(points)


walks = {}
for name, optimizer in OURS.items():
    with np.errstate(over="ignore"):  # most of the rates are far too high for some of the six
        heights = {
            rate: height(walk(optimizer, rate)).mean() for rate in np.geomspace(1e-3, 1e3, 61)
        }
    best = min(heights, key=heights.get)
    path = walk(optimizer, best)
    difference = np.abs(path - walk_by_keras(KERAS[name](best))).max()
    print(f"{name:9} rate {best:6.3g}, mean height {heights[best]:.2f}, to Keras {difference:.0e}")
    walks[f"{name}, rate {best:.3g}"] = path
show(
    paths(height, walks, ("weight 1", "weight 2"), "Fifty steps in a ravine, from the square"),
    "ex08_ravine",
)


# %% [markdown]
# **Question 8.b** Why can plain gradient descent not take a higher rate here, and how do momentum
# and Adagrad, each in its way, get around that?
# *Your answer.*
# %% [markdown]
# ## A comparison to explain
# Now a small CNN. Each training starts from the same weights and sees the same images in the same
# order, once. Somebody compares the six with the rates that Keras gives them if none is named.
#
# **Predict:** which two will be last?
# %%
splits = data.load(DATASET)
images, labels = splits.train.images[: 128 * STEPS], splits.train.labels[: 128 * STEPS]
validation = splits.validation.images[:1000], splits.validation.labels[:1000]


class LossOfSteps(keras.callbacks.Callback):
    """Keeps the loss of each step; Keras gives the mean since the epoch began."""

    def on_train_begin(self, logs=None):
        self.losses, self.sum = [], 0.0

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)
        self.losses.append(total - self.sum)
        self.sum = total


def train(optimizer):
    """Return the training loss of each step, and the validation loss at the end."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(12, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(24, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    model.compile(optimizer, LOSS)
    steps = LossOfSteps()
    model.fit(images, labels, batch_size=128, shuffle=False, callbacks=[steps], verbose=0)
    return steps.losses, float(LOSS(validation[1], model(validation[0])))


results = {}  # for each optimizer and rate the two results of `train`
defaults = {name: float(optimizer().learning_rate) for name, optimizer in KERAS.items()}
for name, rate in defaults.items():
    rate = float(f"{rate:.1g}")  # of float32
    defaults[name] = rate
    results[name, rate] = train(KERAS[name](rate))
    print(f"{name:9} rate {rate:5}: validation loss {results[name, rate][1]:.3f}")
show(
    lines(
        {f"{name}, {rate:g}": results[name, rate][0] for name, rate in defaults.items()},
        "step",
        "training loss",
        f"Six optimizers at Keras' default rates, small CNN on {DATASET}",
    ),
    "ex08_defaults",
)
# %% [markdown]
# "Adagrad and Adadelta do not work" is what this comparison seems to say. How far do the six move a
# weight in their first step at these rates? Ask the functions that you wrote.
# %%
print("first step for a gradient of    1.0      0.01")
for name, optimizer in OURS.items():
    moved = [-optimizer(np.zeros(1), np.array([g]), {}, defaults[name])[0][0] for g in (1.0, 0.01)]
    print(f"{name:20} {moved[0]:16.1e} {moved[1]:9.1e}")


# %% [markdown]
# **Question 8.c** What has the comparison compared? Which optimizers care how large the gradient
# is, and what would happen to each of the six if the loss were multiplied by 100?
# *Your answer.*
# %% [markdown]
# ## 8.6 A fair comparison
# Each of the six gets the same budget: the same seven rates, a decade apart, and equally many
# steps with each. The validation loss chooses. If the best rate is the first or last of the grid,
# a better one may lie outside, and the comparison is not yet fair.
# %%
def tuned(losses):
    """Return the rate with the lowest loss, and whether it lies inside the grid.

    losses: from the rates that were tried, in any order, to the validation loss; nan where training
    diverged. Inside: a lower and a higher rate were tried, too, whatever became of them.
    """
    # TODO 8.6: find the best rate, and compare it with the lowest and the highest tried
    raise NotImplementedError(
        "TODO 8.6: find the best rate, and compare it with the lowest and the highest tried"
    )


# %%
checks.tuned(tuned)
# %%
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
choices = {}
print("           at the default   tuned          rate")
for name in KERAS:
    for rate in RATES:
        if (name, rate) not in results:
            results[name, rate] = train(KERAS[name](rate))
    choices[name], inside = tuned({rate: results[name, rate][1] for rate in RATES})
    at_default, lowest = (results[name, rate][1] for rate in (defaults[name], choices[name]))
    where = "" if inside else "at the end of the grid"
    print(f"{name:9} {at_default:15.3f} {lowest:8.3f} {choices[name]:12g} {where}")
# %%
figure = lines(
    {name: [results[name, rate][1] for rate in RATES] for name in KERAS},
    "learning rate",
    "validation loss",
    f"Six optimizers, seven rates, small CNN on {DATASET}",
    at=RATES,
)
lowest = min(results[choice][1] for choice in choices.items())
figure.axes[0].set(xscale="log", ylim=(0.9 * lowest, 3))
show(figure, "ex08_rates")
show(
    lines(
        {f"{name}, {rate:g}": results[name, rate][0] for name, rate in choices.items()},
        "step",
        "training loss",
        f"Six optimizers at their own rates, small CNN on {DATASET}",
    ),
    "ex08_tuned",
)
# %% [markdown]
# **Question 8.d** In the picture over the rates, what differs most between the optimizers: how low
# they come, or where? Somebody wants to call the first of the table the best one. What would you
# want to see before?
# *Your answer.*
# %% [markdown]
# ## Try next
# - Turn the ravine by 45 degrees. Adagrad and Adam have one rate for each weight: what is left of
#   their advantage?
# - Run the tuned six with other seeds in `set_random_seed`. Which differences stay?
# - Leave out the correction in `adam`. What do its first steps look like?
# - Set `DATASET = "cifar10"`. Do the best rates move?
