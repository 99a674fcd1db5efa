# %% [markdown]
# # 10 Normalization
# Slide 46.
#
# With a good start (lesson 4) each layer hands on numbers of a size that the next one can work
# with. Updates change that, which the authors of BatchNorm called *internal covariate shift*; how
# much of its success that explains is disputed (Santurkar et al. 2018). A normalization layer
# restores the size in every step. After this lesson you can
#
# - write batch, instance and group normalization, and show that Keras computes the same,
# - say what BatchNormalization does in training, what in inference, and how the two drift apart,
# - choose a normalization for the batch size that fits your memory.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
from functools import partial

import keras
import numpy as np
from keras import layers

from keras_course import data
from keras_course.lessons.checks import ex10_normalization as checks
from keras_course.lessons.pictures import lines, show

DATASET = "shapes"  # or "cifar10", once it is prepared
EPSILON = 1e-5
keras.utils.set_random_seed(0)
splits = data.load(DATASET)
images, labels = splits.train.images, splits.train.labels
convolution = layers.Conv2D(8, 3, padding="same", use_bias=False)
x = np.array(convolution(images[:16] / 127.5 - 1))
print(f"after a convolution: mean {x.mean():.3f}, standard deviation {x.std():.3f}")


# %% [markdown]
# ## 10.1 Batch normalization
# Each channel gets the mean 0 and the variance 1, then a scale gamma and an offset beta that are
# learned:
#
# $$ y = \gamma \; \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta $$
#
# Mean and variance of a channel are taken over all images of the batch and all their pixels
# (Ioffe & Szegedy 2015). The variance is the mean of the squared distances.
# %%
def batch_norm(x, gamma, beta, epsilon):
    """Return what `keras.layers.BatchNormalization` computes in training.

    x: (n, height, width, channels). gamma, beta: (channels,). Returns the shape of x.
    """
    # TODO 10.1: mean and variance of each channel over the batch, then the formula
    raise NotImplementedError(
        "TODO 10.1: mean and variance of each channel over the batch, then the formula"
    )


# %%
checks.batch_norm(batch_norm)
# %%
ONE, ZERO = np.ones(8), np.zeros(8)  # what gamma and beta begin with
layer = layers.BatchNormalization(epsilon=EPSILON)
by_keras = np.array(layer(x, training=True))
difference = np.abs(batch_norm(x, ONE, ZERO, EPSILON) - by_keras).max()
print(f"largest difference to Keras: {difference:.1e}")
# %% [markdown]
# **Predict:** all weights of the convolution become ten times as large. What changes after the
# convolution, and what after the normalization?
# %%
convolution.set_weights([10 * convolution.get_weights()[0]])
larger = np.array(convolution(images[:16] / 127.5 - 1))
change = np.abs(batch_norm(larger, ONE, ZERO, EPSILON) - by_keras).max()
print(f"convolution: standard deviation {x.std():.3f}, now {larger.std():.3f}")
print(f"normalized: largest change {change:.1e}")
# %% [markdown]
# **Question 10.a** The slide says that *parameters* are kept normalized. What does the layer
# normalize, and what has that to do with the parameters?
# *Your answer.*


# %% [markdown]
# ## 10.2 Instance normalization
# The same formula, with a mean and a variance for each channel of each image (Ulyanov et al. 2016).
# %%
def instance_norm(x, gamma, beta, epsilon):
    """Return what `keras.layers.GroupNormalization(groups=-1)` computes.

    x: (n, height, width, channels). gamma, beta: (channels,). Returns the shape of x.
    """
    # TODO 10.2: mean and variance over the pixels of one image and channel, then the formula
    raise NotImplementedError(
        "TODO 10.2: mean and variance over the pixels of one image and channel, then the formula"
    )


# %%
checks.instance_norm(instance_norm)


# %% [markdown]
# ## 10.3 Group normalization
# As instance normalization, but the channels of an image are cut into groups of neighbours, and a
# group shares its mean and variance (Wu & He 2018). Of 8 channels in 2 groups, the first 4 are a
# group.
# %%
def group_norm(x, gamma, beta, groups, epsilon):
    """Return what `keras.layers.GroupNormalization(groups)` computes.

    x: (n, height, width, channels), channels a multiple of groups. gamma, beta: (channels,).
    Returns the shape of x.
    """
    # TODO 10.3: mean and variance over the pixels and channels of one group of one image
    raise NotImplementedError(
        "TODO 10.3: mean and variance over the pixels and channels of one group of one image"
    )


# %%
checks.group_norm(group_norm)
# %% [markdown]
# **Predict:** one image is normalized alone, and within a batch. For which of the three does it
# make a difference?
# %%
NORMALIZATIONS = {
    "batch": lambda x: batch_norm(x, ONE, ZERO, EPSILON),
    "instance": lambda x: instance_norm(x, ONE, ZERO, EPSILON),
    "group": lambda x: group_norm(x, ONE, ZERO, 2, EPSILON),
}
in_keras = {
    "batch": layers.BatchNormalization(epsilon=EPSILON),
    "instance": layers.GroupNormalization(-1, epsilon=EPSILON),
    "group": layers.GroupNormalization(2, epsilon=EPSILON),
}
print("          difference to Keras   alone or in a batch")
for name, normalize in NORMALIZATIONS.items():
    to_keras = np.abs(normalize(x) - np.array(in_keras[name](x, training=True))).max()
    alone = np.abs(normalize(x[:1]) - normalize(x)[:1]).max()
    print(f"{name:8} {to_keras:20.1e} {alone:21.1e}")
# %% [markdown]
# **Question 10.b** What would it mean for a prediction if batch normalization used the batch in
# inference, too?
# *Your answer.*


# %% [markdown]
# ## 10.4 Moving statistics
# While it trains, BatchNormalization remembers what the batches were like. It begins with mean 0
# and variance 1, and with each batch moves a little:
#
# $$ \mu \leftarrow m \, \mu + (1 - m) \, \mu_\mathrm{batch} \qquad
#    \sigma^2 \leftarrow m \, \sigma^2 + (1 - m) \, \sigma^2_\mathrm{batch} $$
#
# m is called `momentum`, which has nothing to do with that of SGD.
# %%
def moving_statistics(batches, momentum):
    """Return the moving mean and the moving variance after these batches, (channels,) each.

    batches: arrays (n, height, width, channels), the first one first.
    """
    # TODO 10.4: begin with 0 and 1, and move with each batch
    raise NotImplementedError("TODO 10.4: begin with 0 and 1, and move with each batch")


# %%
checks.moving_statistics(moving_statistics)


# %% [markdown]
# ## 10.5 Inference
# In inference the moving statistics take the place of the batch's own.
# %%
def batch_norm_inference(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """Return what `keras.layers.BatchNormalization` computes in inference.

    x: (n, height, width, channels); all others but epsilon: (channels,). Returns the shape of x.
    """
    # TODO 10.5: the formula of 10.1 with the moving statistics
    raise NotImplementedError("TODO 10.5: the formula of 10.1 with the moving statistics")


# %%
checks.batch_norm_inference(batch_norm_inference)
# %%
layer = layers.BatchNormalization(momentum=0.9, epsilon=EPSILON)
batches = [x[start : start + 4] for start in range(0, 16, 4)]
for batch in batches:
    layer(batch, training=True)
by_hand = batch_norm_inference(x, ONE, ZERO, *moving_statistics(batches, 0.9), EPSILON)
difference = np.abs(by_hand - np.array(layer(x, training=False))).max()
print(f"after four batches, in inference: largest difference to Keras {difference:.1e}")

# %% [markdown]
# ## A failure to explain
# A network trains for `STEPS` steps, with the `momentum` that is Keras' default, and with a smaller
# one. Then it classifies images *that it was trained with*, once in inference mode, as usual, and
# once in training mode. The weights are the same both times.
#
# **Predict:** by how much may the two accuracies differ?
# %%
STEPS = 60
RATE = 3e-3  # of Adam, for batches of 32 images


def network(normalization):
    """Return a small network: pixels 0 to 255 in, logits out.

    normalization: a function that makes a layer.
    """
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, offset=-1)])
    for filters in (16, 32, 32, 64):
        if filters > 16:
            model.add(layers.MaxPooling2D(2))
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        model.add(normalization())
        model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(len(splits.class_names)))
    return model


def train(normalization, images, labels, batch_size):
    """Return the network after one epoch, and how many updates that were."""
    keras.utils.set_random_seed(0)
    model = network(normalization)
    model.compile(
        keras.optimizers.Adam(RATE * (batch_size / 32) ** 0.5),  # surer steps may be longer
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=max(1, 64 // batch_size),  # less Python between tiny steps
    )
    model.fit(images, labels, batch_size=batch_size, verbose=0)
    return model, len(images) // batch_size


def accuracy(model, images, labels, training):
    logits = np.array(model(images, training=training))
    return np.mean(logits.argmax(axis=-1) == labels)


# %%
part = slice(0, 128 * STEPS)
print("accuracy on 500 training images    in inference   as in training")
for momentum in (0.99, 0.9):
    model, updates = train(
        partial(layers.BatchNormalization, momentum=momentum, epsilon=EPSILON),
        images[part],
        labels[part],
        batch_size=128,
    )
    # Inference first: a call with training=True moves the moving statistics.
    inference, training = (
        accuracy(model, images[:500], labels[:500], training) for training in (False, True)
    )
    print(f"momentum {momentum}: {inference:32.1%} {training:16.1%}")
    print(f"    of what the moving statistics began with, {momentum**updates:.1%} is left")
# %% [markdown]
# **Question 10.c** The network has learned. Why does it not show in inference? A colleague takes it
# for over-fitting: what speaks against that? Name two ways out.
# *Your answer.*
# %% [markdown]
# ## The size of the batch
# Each of the three normalizations is trained with each of `BATCH_SIZES`, once on `IMAGES` images.
# Small batches make more updates of the same images, so compare within a row of the table: there
# only the normalization differs. The moving statistics look back over about 512 images at every
# batch size.
#
# **Predict:** which of the three suffers where a batch has only two images, and why not the others?
# %%
IMAGES = 8192
BATCH_SIZES = (2, 8, 16, 64)


def make(name, batch_size):
    """Return a function that makes a normalization layer."""
    if name == "batch":
        momentum = 1 - batch_size / 512
        return partial(layers.BatchNormalization, momentum=momentum, epsilon=EPSILON)
    groups = {"instance": -1, "group": 8}[name]
    return partial(layers.GroupNormalization, groups, epsilon=EPSILON)


# %%
part = slice(0, IMAGES)
accuracies = {name: [] for name in NORMALIZATIONS}
for batch_size in BATCH_SIZES:
    for name in NORMALIZATIONS:
        model, updates = train(make(name, batch_size), images[part], labels[part], batch_size)
        _, share = model.evaluate(*splits.validation, batch_size=250, verbose=0)
        accuracies[name].append(share)
    said = ", ".join(f"{name} {shares[-1]:.1%}" for name, shares in accuracies.items())
    print(f"batches of {batch_size:3}, {updates:4} updates: {said}")
figure = lines(
    accuracies,
    "images in a batch",
    "validation accuracy",
    f"Normalizations on {DATASET}, {IMAGES} training images each",
    at=BATCH_SIZES,
)
figure.axes[0].set_xscale("log", base=2)
figure.axes[0].set_xticks(BATCH_SIZES, list(map(str, BATCH_SIZES)))
show(figure, "ex10_batch_size")
# %% [markdown]
# The smallest case: two rows of five numbers, as a fully connected layer gives them for two images.
#
# **Predict:** what does BatchNormalization make of two numbers?
# %%
pair = np.random.default_rng(0).normal(0, 100, (2, 5))
print(pair.round(1))
print(np.array(layers.BatchNormalization(epsilon=EPSILON)(pair, training=True)).round(3))
# %% [markdown]
# **Question 10.d** Where do these numbers come from? What is left of the two images? Why is it less
# bad after a convolution, and what stays bad there? Only two images fit into your memory: which
# normalization do you take?
# *Your answer.*
# %% [markdown]
# ## Try next
# - Replace the normalization by `layers.Identity`. With which rates does the network still train?
# - Set `groups` to 1, which is layer normalization, and to 16. Which layer then has instance
#   normalization?
# - Let the first network of the failure catch up: call `model(images[:500], training=True)` 200
#   times, then ask for its accuracy in inference.
# - Set `DATASET = "cifar10"` and `IMAGES = 16384`.
