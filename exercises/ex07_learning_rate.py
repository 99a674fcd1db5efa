# %% [markdown]
# # 7 The learning rate
# Slides 29 to 34.
#
# The learning rate says how far a step goes against the gradient: with the rate $\eta$ and the
# gradient $g$, the weights $w$ become $w - \eta g$. With too small a rate the weights hardly move,
# with too large a one they are thrown out of the valley; if you have time to tune one setting only,
# tune this one. After this lesson you can
#
# - read from the curves whether a rate is too low, right or too high,
# - lower the rate during training, by a rule or by what the validation loss does,
# - find a rate by a range test or by a search, and say what each of them costs.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
import warnings

import keras
import keras_tuner as kt
import numpy as np
from keras import layers

from keras_course import data
from keras_course.lessons.checks import ex07_learning_rate as checks
from keras_course.lessons.pictures import lines, loss_and_rate, show

DATASET = "shapes"  # or "cifar10", once it is prepared
EPOCHS = 12
BATCH = 128
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
splits = data.load(DATASET)
images, labels = splits.train.images[:6400], splits.train.labels[:6400]
validation = splits.validation.images[:1000], splits.validation.labels[:1000]


# %%
def mlp():
    """Return an MLP that is not yet compiled, with the same weights at each call."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(256, activation="relu"),
            layers.Dense(10),
        ]
    )


def train(rate, callback):
    """Train an MLP from the same weights by gradient descent; `model.history` has its epochs."""
    model = mlp()
    model.compile(keras.optimizers.SGD(rate), LOSS, metrics=["accuracy"])
    model.fit(
        images,
        labels,
        batch_size=BATCH,
        epochs=EPOCHS,
        validation_data=validation,
        callbacks=[callback],
        verbose=0,
    )
    return model


def scheduled(schedule, rate, decay=0.0):
    """Return Keras' callback that sets the rate of each epoch by schedule(rate, decay, epoch)."""
    return keras.callbacks.LearningRateScheduler(lambda epoch: schedule(rate, decay, epoch))


def constant(rate, decay, epoch):
    return rate


def curve(model):
    """Return the validation loss and the learning rate of each epoch."""
    return model.history.history["val_loss"], model.history.history["learning_rate"]


# %% [markdown]
# ## A sweep
# The MLP of slide 32, from the same weights, with five rates. The validation images decide (slide
# 31): the picture shows their loss, and in the end the accuracy chooses.
#
# **Predict:** what will the curves of the smallest and of the largest rate look like?
# %%
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
sweep = {}
for rate in RATES:
    sweep[rate] = train(rate, scheduled(constant, rate))
    loss, accuracy = (sweep[rate].history.history[key][-1] for key in ("val_loss", "val_accuracy"))
    print(f"rate {rate:6}: validation loss {loss:8.3g}, accuracy {accuracy:.1%}")
show(
    loss_and_rate(
        {f"{rate:g}": curve(model) for rate, model in sweep.items()},
        f"An MLP on {DATASET} with five learning rates",
    ),
    "ex07_sweep",
)


# %% [markdown]
# A line that leaves the picture at the top has *diverged*: its steps are too large, and the loss
# grows. Where the loss is no longer a number (nan) there is no line, maybe from the first epoch on.
# A line that stays near ln 10 = 2.3 has learned nothing: its network guesses.
#
# **Question 7.a** Near a minimum a loss looks like $L(w) = \frac{a}{2} w^2$. What does one step of
# rate $\eta$ do to $w$? For which rates does it come closer, which rate is best, and when does
# it diverge?
# *Your answer.*
# %% [markdown]
# ## 7.1 The decay on the slide
# A large rate is fast at first, a small one is exact at the end. Slide 34 lowers the rate by
# `lr = lr * 1. / (1. + decay)`. Applied at the end of each epoch, what is the rate of epoch t?
# Epochs count from 0, and epoch 0 has the first rate.
# %%
def decayed(rate, decay, epoch):
    """Return the rate of an epoch if the rule of slide 34 is applied after each epoch."""
    # TODO 7.1: the rule has been applied `epoch` times
    raise NotImplementedError("TODO 7.1: the rule has been applied `epoch` times")


# %%
checks.decayed(decayed)


# %% [markdown]
# ## 7.2 The decay in Keras
# What Keras calls inverse-time decay looks almost the same, and is not:
#
# $$ \eta_t = \frac{\eta_0}{1 + \mathrm{decay} \cdot t} $$
#
# Here the rate of an epoch comes from the first rate, not from that of the epoch before.
#
# **Predict:** with `decay` 1, what is left of the rate after 11 epochs by either rule?
# %%
def inverse_time(rate, decay, epoch):
    """Return the rate of an epoch by inverse-time decay, with the epoch as the time."""
    # TODO 7.2: the formula above
    raise NotImplementedError("TODO 7.2: the formula above")


# %%
checks.inverse_time(inverse_time)
# %% [markdown]
# ## A failure to explain
# Somebody has read that a decay of 1 works well, and uses it with both rules.
#
# **Predict:** which of the three runs ends with the lowest loss, and which stops moving?
# %%
RATE, DECAY = 0.1, 1.0
runs = {"constant": sweep[RATE]}
for name, rule in (("slide 34", decayed), ("inverse time", inverse_time)):
    runs[name] = train(RATE, scheduled(rule, RATE, DECAY))
for name, model in runs.items():
    losses, rates = curve(model)
    print(
        f"{name:12} last rate {rates[-1]:.2g}, validation loss {losses[-2]:.3f}, {losses[-1]:.3f}"
    )
show(
    loss_and_rate(
        {name: curve(model) for name, model in runs.items()},
        f"Two decays with decay = {DECAY:g}, MLP on {DATASET}",
    ),
    "ex07_decay",
)


# %% [markdown]
# **Question 7.b** The loss of one run hardly changes in the last epochs. Has it found a minimum?
# How can you tell? Add up the rates of all epochs for either rule, as if training never ended.
# *Your answer.*
# %% [markdown]
# ## 7.3 Lower it when the loss stops improving
# `ReduceLROnPlateau` needs no plan: it watches the validation loss. An epoch counts as an
# improvement if its loss is below the best one so far (for Keras by over 0.0001, unless you set
# `min_delta=0`, as we do). After `patience` epochs in a row without improvement, the rate is
# multiplied by `factor` for the epochs that follow, and the count restarts; the best loss is
# kept.
# %%
def reduce_on_plateau(losses, rate, factor, patience):
    """Return the learning rate of each epoch, the first one being `rate`.

    losses: the validation loss at the end of each epoch. Returns a list of as many rates: an
    epoch's own loss can only change the rates after it.
    """
    # TODO 7.3: go through the losses; keep the best, and count epochs without improvement
    raise NotImplementedError(
        "TODO 7.3: go through the losses; keep the best, and count epochs without improvement"
    )


# %%
checks.reduce_on_plateau(reduce_on_plateau)
# %%
plateau = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.2, patience=1, min_delta=0)
runs["on a plateau"] = train(RATE, plateau)
losses, rates = curve(runs["on a plateau"])
by_hand = reduce_on_plateau(losses, RATE, factor=0.2, patience=1)
print(f"largest difference to Keras' rates: {np.abs(np.subtract(by_hand, rates)).max():.1e}")
show(
    loss_and_rate(
        {name: curve(model) for name, model in runs.items() if name != "slide 34"},
        f"Three schedules, MLP on {DATASET}",
    ),
    "ex07_plateau",
)


# %% [markdown]
# **Question 7.c** Here the patience is one epoch. If the loss goes up and down by chance from epoch
# to epoch, what goes wrong with so little patience, and what with very much?
# *Your answer.*
# %% [markdown]
# ## 7.4 A range test: the rates
# Smith (2015, section 3.3) trains once while the rate grows, and looks at the accuracy against the
# rate. Here it is the loss, about a hundred steps are enough, and each rate is the one before times
# the same factor, so that every decade gets equally many steps.
# %%
def range_test_rates(low, high, steps):
    """Return the rates of that many steps: the first is `low`, the last `high`.

    Each is the one before times the same factor.
    """
    # TODO 7.4: which factor leads from `low` to `high` in `steps` - 1 steps?
    raise NotImplementedError(
        "TODO 7.4: which factor leads from `low` to `high` in `steps` - 1 steps?"
    )


# %%
checks.range_test_rates(range_test_rates)


# %%
class RangeTest(keras.callbacks.Callback):
    """Sets the rate of each step, and keeps its loss; stops when that explodes."""

    def __init__(self, rates):
        super().__init__()
        self.rates, self.losses = rates, []

    def on_epoch_begin(self, epoch, logs=None):
        self.sum = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = float(self.rates[len(self.losses)])

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)  # Keras gives the mean since the epoch began
        self.losses.append(total - self.sum)
        self.sum = total
        exploded = not self.losses[-1] < 4 * self.losses[0]  # also true for nan
        self.model.stop_training = exploded or len(self.losses) == len(self.rates)


def smooth(losses, neighbours=4):
    """Return the mean of each step's loss and those of its neighbours on either side."""
    near = (losses[max(0, i - neighbours) : i + neighbours + 1] for i in range(len(losses)))
    return np.array([np.mean(each) for each in near])


found = RangeTest(range_test_rates(1e-5, 10.0, 120))
model = mlp()
model.compile(keras.optimizers.SGD(), LOSS)
model.fit(images, labels, batch_size=BATCH, epochs=100, callbacks=[found], verbose=0)
rates, losses = found.rates[: len(found.losses)], smooth(found.losses)
print(f"{len(losses)} steps; the loss was lowest at a rate of {rates[np.nanargmin(losses)]:.2g}")


# %% [markdown]
# ## 7.5 A range test: the choice
# The loss falls from the rates with which the network learns noticeably to the one with which it is
# about to explode. A rate for a long training lies between: take the middle of the two, on the
# logarithmic axis.
#
# **Predict:** what is the middle of 0.001 and 0.1 on a logarithmic axis?
# %%
def choose_rate(rates, losses):
    """Return the middle, on a logarithmic axis, of two rates of a range test.

    rates, losses: arrays, one number a step. The upper rate is that of the lowest loss. The lower
    one is that of the first step whose loss is no higher than halfway between the first loss and
    the lowest. Losses that are not finite do not count.
    """
    # TODO 7.5: find the two steps, and the middle of their rates
    raise NotImplementedError("TODO 7.5: find the two steps, and the middle of their rates")


# %%
checks.choose_rate(choose_rate)
# %%
print(f"the middle of 0.001 and 0.1: {np.sqrt(0.001 * 0.1):g}")
chosen = float(choose_rate(rates, losses))
figure = lines(
    {"each step": found.losses, "smoothed": losses},
    "learning rate",
    "training loss",
    f"Range test of the MLP on {DATASET}, chosen {chosen:.2g}",
    at=list(rates),
)
axes = figure.axes[0]
axes.axvline(chosen, color="black", linewidth=1)
axes.set(xscale="log", ylim=(0.8 * np.nanmin(losses), 1.3 * losses[0]))
show(figure, "ex07_range_test")


# %% [markdown]
# ## 7.6 A search
# KerasTuner calls `build(hp)` for each trial. `hp.Float` draws a number from a range and gives it a
# name; its `sampling` says which intervals are equally probable: those whose ends have the same
# difference, or those whose ends have the same ratio. `build` returns a compiled model.
# %%
LOW = 1e-4
HIGH = 1.0


def build(hp):
    """Return the MLP compiled for plain SGD at a rate that `hp` draws.

    The hyperparameter is called "learning_rate" and lies between LOW and HIGH, every decade as
    probable as another. The loss is that of `train`; the metric is named "accuracy".
    """
    # TODO 7.6: draw the rate by `hp.Float`, and compile `mlp()` with it
    raise NotImplementedError("TODO 7.6: draw the rate by `hp.Float`, and compile `mlp()` with it")


# %%
checks.build(build)
# %%
warnings.filterwarnings("ignore", "All-NaN")  # KerasTuner's, where no loss of a trial is a number
tuner = kt.RandomSearch(
    build,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=7,
    seed=1,
    directory="runs",
    project_name="ex07_search",
    overwrite=True,
)
tuner.search(images, labels, batch_size=BATCH, epochs=3, validation_data=validation, verbose=0)
trials = sorted(
    (trial.hyperparameters.get("learning_rate"), trial.score)
    for trial in tuner.oracle.trials.values()
)
for rate, accuracy in trials:
    print(f"rate {rate:8.2g}: validation accuracy {accuracy:.1%}, the best of three epochs")
figure = lines(
    {"best of three epochs": [accuracy for _, accuracy in trials]},
    "learning rate",
    "validation accuracy",
    f"Seven trials of a random search, MLP on {DATASET}",
    at=[rate for rate, _ in trials],
)
figure.axes[0].set_xscale("log")
show(figure, "ex07_search")
searched = tuner.get_best_hyperparameters()[0].get("learning_rate")


# %% [markdown]
# **Question 7.d** What would the trials have looked like with `sampling="linear"`? How many of a
# hundred would have had a rate below 0.01?
# *Your answer.*
# %% [markdown]
# ## Three ways to a rate
# Each of the three rates trains for the same number of epochs, and the validation images choose
# among them. Then the test set, once.
#
# **Predict:** do the three agree on the decade? Which of them took the fewest steps?
# %%
swept = max(RATES, key=lambda rate: sweep[rate].history.history["val_accuracy"][-1])
ways = {
    "sweep": (swept, len(RATES) * EPOCHS * len(images) // BATCH),
    "range test": (chosen, len(found.losses)),
    "search": (searched, len(trials) * 3 * len(images) // BATCH),
}
final = {}
print("             rate     steps   validation accuracy")
for name, (rate, steps) in ways.items():
    final[name] = sweep[rate] if name == "sweep" else train(rate, scheduled(constant, rate))
    accuracy = final[name].history.history["val_accuracy"][-1]
    print(f"{name:10} {rate:8.2g} {steps:8,}   {accuracy:.1%}")
show(
    loss_and_rate(
        {f"{name}, {ways[name][0]:.2g}": curve(model) for name, model in final.items()},
        f"Three ways to a learning rate, MLP on {DATASET}",
    ),
    "ex07_three_ways",
)
best = max(final, key=lambda name: final[name].history.history["val_accuracy"][-1])
_, accuracy = final[best].evaluate(splits.test.images, splits.test.labels, verbose=0)
print(f"{best}: test accuracy {accuracy:.1%} on {DATASET}")
# %% [markdown]
# ## Try next
# - Apply the rule of slide 34 with a decay of 0.1. How do its rates differ from inverse time's now?
# - Make the range test with Adam. Where does the loss begin to fall?
# - `keras-course tune` searches within the band that its own range test finds, and continues
#   where a lost session ended. Compare its table with yours.
# - The README's table of `shapes` has an MLP as well. What did it get besides a rate that was
#   searched for?
# - Set `DATASET = "cifar10"`. Does the best rate change?
