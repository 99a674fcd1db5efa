# %% [markdown]
# # 4 AlexNet and VGG
# Slides 20 to 24.
#
# From 2010 to 2017 ImageNet's yearly challenge compared methods on 1.2 million training
# photographs of 1,000 classes, a part of ImageNet's 14 million, by the share of test images whose
# class was not among the first five answers. AlexNet won in 2012, the first deep network that
# did, with 8 layers and large filters. Two years later VGG had small filters only, and up to 19
# layers. Both are chains of the same few layers, so a network is a table, and a few lines of code
# read it. After this lesson you can
#
# - say what a filter costs in weights and multiply-adds, and what replaces a large one,
# - build a network from a table,
# - find out where in a deep network the signal is lost, and keep it there by two different cures.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
import itertools

import keras
import numpy as np
from keras import layers

from keras_course import data
from keras_course.lessons.checks import ex04_alexnet_vgg as checks
from keras_course.lessons.pictures import lines, show

DATASET = "shapes"  # or "cifar10", once it is prepared
IMAGES, BATCH, EPOCHS = 8_960, 64, 1  # whole batches: LossOfSteps counts them as equal
splits = data.load(DATASET)
images, labels = splits.train.images[:IMAGES], splits.train.labels[:IMAGES]


# %% [markdown]
# ## 4.1 What a filter costs
# A table has a row for each layer: `("conv", filters, size, strides)` is a convolution of
# size x size, `("pool", size)` a max pooling, always with strides 2. Both have padding "same",
# which leaves ceil(side / strides) pixels of a side. A convolution has size x size x channels in x
# channels out weights. A multiply-add is one product that is added to a sum: at each place of its
# output, a convolution needs as many as it has weights.
#
# **Predict:** three convolutions of 3x3 after one another, or one of 7x7, with 64 channels in and
# out: which sees more pixels, and which has more weights?
# %%
def cost(table, side, channels):
    """Return the weights and the multiply-adds of all convolutions, for one square image.

    table: rows ("conv", filters, size, strides) and ("pool", size), the first layer first.
    side: height and width of the image in pixels. channels: of the image. Biases do not count.
    """
    # TODO 4.1: go through the rows; each changes the side, a convolution the channels as well
    raise NotImplementedError(
        "TODO 4.1: go through the rows; each changes the side, a convolution the channels as well"
    )


# %%
checks.cost(cost)
# %%
CHAINS = {
    "one 5x5": [("conv", 64, 5, 1)],
    "two 3x3": [("conv", 64, 3, 1)] * 2,
    "one 7x7": [("conv", 64, 7, 1)],
    "three 3x3": [("conv", 64, 3, 1)] * 3,
    "one 11x11": [("conv", 64, 11, 1)],
    "five 3x3": [("conv", 64, 3, 1)] * 5,
}
print("64 channels   sees     weights   multiply-adds of 32x32 pixels")
for name, chain in CHAINS.items():
    sees = 1 + sum(size - 1 for _, _, size, _ in chain)
    weights, multiply_adds = cost(chain, side=32, channels=64)
    print(f"{name:12} {sees:2}x{sees:<2} {weights:11,} {multiply_adds:15,}")
# %% [markdown]
# **Question 4.a** What can three 3x3 convolutions compute that one of 7x7 cannot, and the other way
# round? AlexNet's 11x11 filters are in its first layer, with strides 4. What is different there?
# *Your answer.*
# %% [markdown]
# ## 4.2 Two networks as tables
# AlexNet (Krizhevsky et al. 2012, section 3.5) has five convolutions and three dense layers. Slide
# 23 prints "6 conv, 2 dense"; the paper says otherwise, and the table has the paper's layers. Some
# things are simpler here: the paper divides the network between two GPUs, and in three convolutions
# a filter sees only the channels of its own GPU, which saves weights; it pads less, normalizes the
# responses of neighbouring filters, and has dropout (lesson 11).
# VGG (Simonyan & Zisserman 2014, Table 1) has stages: some 3x3 convolutions of strides 1 with the
# same number of filters, then a pooling of 2x2. Its three dense layers have as many units as
# AlexNet's.
# %%
ALEXNET = [
    ("conv", 96, 11, 4),
    ("pool", 3),
    ("conv", 256, 5, 1),
    ("pool", 3),
    ("conv", 384, 3, 1),
    ("conv", 384, 3, 1),
    ("conv", 256, 3, 1),
    ("pool", 3),
]
VGG_19 = (2, 2, 4, 4, 4)  # convolutions of each stage: with the dense layers 19


def vgg_table(filters, convolutions):
    """Return the table of a VGG, a list of rows as in 4.1.

    filters, convolutions: two numbers for each stage, in two tuples.
    """
    # TODO 4.2: for each stage its convolutions, a row for each, then its pooling
    raise NotImplementedError(
        "TODO 4.2: for each stage its convolutions, a row for each, then its pooling"
    )


# %%
checks.vgg_table(vgg_table)
# %%
# Units before and after each dense layer; the paper's AlexNet has 6x6 pixels left.
DENSE = {"AlexNet": (6 * 6 * 256, 4096, 4096, 1000), "VGG-19": (7 * 7 * 512, 4096, 4096, 1000)}
tables = {"AlexNet": ALEXNET, "VGG-19": vgg_table((64, 128, 256, 512, 512), VGG_19)}
print("millions, 224x224      convolutions   dense layers")
for name, table in tables.items():
    weights, multiply_adds = cost(table, side=224, channels=3)
    dense = sum(before * after for before, after in itertools.pairwise(DENSE[name]))
    print(f"{name:8} weights {weights / 1e6:16,.1f} {dense / 1e6:14,.1f}")
    print(f"{'':8} multiply-adds {multiply_adds / 1e6:10,.0f} {dense / 1e6:14,.0f}")
# %% [markdown]
# **Question 4.b** Which layers have the weights, and which do the work? VGG's filters are smaller.
# Is it the smaller network?
# *Your answer.*


# %% [markdown]
# ## 4.3 From the table to the network
# One function reads every table. How a convolution is made is another function's business: `conv`
# is called with (x, filters, size, strides) and returns relu(convolution of x). `convolution` makes
# such functions; we will need several. Images of 32x32 need no layers of 4,096 units: the mean over
# all pixels and one dense layer take their place.
# %%
def convolution(start="glorot_uniform", normalize=False):
    """Return a function (x, filters, size, strides) -> relu(convolution of x).

    start: what the kernels are drawn from; "glorot_uniform" is Keras' default.
    """

    def conv(x, filters, size, strides):
        x = layers.Conv2D(filters, size, strides, padding="same", kernel_initializer=start)(x)
        if normalize:
            x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        return layers.ReLU()(x)

    return conv


# %%
def network(table, conv, num_classes=10):
    """Return the uncompiled network of a table: 32x32 pixels 0 to 255 in, logits out.

    conv: a function (x, filters, size, strides) -> x. The rows are those of 4.1.
    """
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    # TODO 4.3: a layer for each row, the mean over all pixels, the logits
    raise NotImplementedError(
        "TODO 4.3: a layer for each row, the mean over all pixels, the logits"
    )


# %%
checks.network(network)
# %% [markdown]
# ## Large filters against small ones
# Three networks for a laptop: AlexNet with an eighth of its filters and a first layer for small
# images; two stages with one 7x7 each; the same stages with three 3x3 each. All see the same images
# in the same order, the last two networks for `SIZE_EPOCHS` epochs; the loss below is the mean of
# the last ten steps. Their kernels start as 4.5 will explain ("he_normal").
#
# **Predict:** which of the last two gets further?
# %%
SMALL_ALEXNET = [
    ("conv", 12, 5, 1),
    ("pool", 3),
    ("conv", 32, 5, 1),
    ("pool", 3),
    ("conv", 48, 3, 1),
    ("conv", 48, 3, 1),
    ("conv", 32, 3, 1),
    ("pool", 3),
]
SIZE_EPOCHS = 3
LARGE = [("conv", 12, 7, 1), ("pool", 2), ("conv", 24, 7, 1), ("pool", 2)]


class LossOfSteps(keras.callbacks.Callback):
    """Keeps the loss of each step; Keras gives the mean since the epoch began."""

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_epoch_begin(self, epoch, logs=None):
        self.sum = 0.0

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)
        self.losses.append(total - self.sum)
        self.sum = total


def train(name, table, conv, epochs=EPOCHS):
    """Train the network of a table, print how it ends, and return the loss of each step."""
    keras.utils.set_random_seed(0)
    model = network(table, conv)
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    steps = LossOfSteps()
    fitted = {"batch_size": BATCH, "epochs": epochs, "shuffle": False, "verbose": 0}
    model.fit(images, labels, callbacks=[steps], **fitted)
    _, accuracy = model.evaluate(splits.validation.images, splits.validation.labels, verbose=0)
    weights, multiply_adds = cost(table, side=32, channels=3)
    print(
        f"{name:34} {weights:7,} weights, {multiply_adds / 1e6:4.1f} million multiply-adds, "
        f"loss {np.mean(steps.losses[-10:]):.2f}, validation accuracy {accuracy:.1%}"
    )
    return steps.losses


train("AlexNet, an eighth", SMALL_ALEXNET, convolution("he_normal"))
sizes = {"one 7x7 a stage": LARGE, "three 3x3 a stage": vgg_table((12, 24), (3, 3))}
of_sizes = {
    name: train(name, table, convolution("he_normal"), SIZE_EPOCHS) for name, table in sizes.items()
}
show(
    lines(of_sizes, "step", "training loss", f"Large filters and small ones, {DATASET}"),
    "ex04_filters",
)
print(f"the loss of ten equal probabilities is {np.log(10):.2f}")


# %% [markdown]
# Both learned little in their first epoch: compare its losses with that last number. They have the
# same number of weights, biases aside, and see the same 7x7 pixels in each stage; but three 3x3
# have two more ReLUs there.
#
# ## A failure to explain
# VGG-19 with an eighth of the filters. Its kernels are drawn as AlexNet's were (section 5 of that
# paper): from a normal distribution of mean 0 and standard deviation 0.01.
#
# **Predict:** it has more than twice the layers of the networks above. What will its loss be?
# %%
def small_start(shape, dtype=None):
    return keras.random.normal(shape, stddev=0.01, dtype=dtype)


deep = vgg_table((8, 16, 32, 64, 64), VGG_19)
curves = {"stddev 0.01": train("VGG-19, stddev 0.01", deep, convolution(small_start))}
print(f"the loss of ten equal probabilities is log(10) = {np.log(10):.2f}")


# %% [markdown]
# ## 4.4 Where the signal is lost
# A layer tells images apart if its numbers differ from image to image. Measure that: take the
# standard deviation of each output number over the images, then the mean of all these.
# %%
def spread(activations):
    """Return the standard deviation over the images, its mean over all other axes: one number.

    activations: (images, height, width, channels) or (images, units). The standard deviation is
    the root of the mean squared distance from the mean.
    """
    # TODO 4.4: along which axis do the images lie?
    raise NotImplementedError("TODO 4.4: along which axis do the images lie?")


# %%
checks.spread(spread)


# %%
def outputs(model, images):
    """Return what comes out after each ReLU, and the logits, as a list of arrays."""
    chosen = [each for each in model.layers if isinstance(each, layers.ReLU | layers.Dense)]
    found = keras.Model(model.input, [layer.output for layer in chosen])(images, training=True)
    return [np.array(each, "float64") for each in found]


keras.utils.set_random_seed(0)
untrained = network(deep, convolution(small_start))
by_layer = [spread(each) for each in outputs(untrained, images[:64])]
for place in (0, 1, 3, 7, 11, 15):
    print(f"spread after convolution {place + 1:2}: {by_layer[place]:.1e}")
print(f"spread of the logits:          {by_layer[-1]:.1e}")


# %% [markdown]
# **Question 4.c** Explain the validation accuracy of 10 %. What does the network answer to
# different images, and which of its weights can it still learn? Adam divides each gradient by its
# usual size. Why does that not help here (look up Adam's `epsilon`)?
# *Your answer.*
# %% [markdown]
# ## 4.5 A start that keeps the signal
# A filter adds up n products of inputs and weights. If the weights are independent, with mean 0 and
# standard deviation s, the sum has the variance $n s^2 E[x^2]$. A ReLU removes one half of it:
# after it, $E[x^2]$ is half of that variance. The size stays the same from layer to layer if
#
# $$ \frac{n s^2}{2} = 1 $$
#
# That is the start of He et al. (2015, "Delving Deep into Rectifiers"), in Keras `he_normal`.
# %%
def he_stddev(shape):
    """Return the standard deviation with which a kernel keeps the size of the signal.

    shape: of the kernel, (height, width, channels, filters).
    """
    # TODO 4.5: solve the equation for s; n is the number of inputs of one filter
    raise NotImplementedError(
        "TODO 4.5: solve the equation for s; n is the number of inputs of one filter"
    )


# %%
checks.he_stddev(he_stddev)
# %%
for channels in (8, 64, 512):
    right = he_stddev((3, 3, channels, channels))
    print(
        f"{channels:3} channels: stddev {right:.3f}; with 0.01, a layer leaves {0.01 / right:.2f} "
        f"of the signal, sixteen layers {(0.01 / right) ** 16:.0e}"
    )


# %% [markdown]
# The other cure is BatchNorm (lesson 10), a layer that brings every channel of a batch to mean 0
# and standard deviation 1, whatever the kernels are. Here its network starts from Keras' default
# kernels.
#
# **Predict:** draw the spread over the layers for the four starts.
# %%
def he_start(shape, dtype=None):
    return keras.random.normal(shape, stddev=float(he_stddev(shape)), dtype=dtype)


ways = {
    "stddev 0.01": convolution(small_start),
    "Keras' default": convolution(),
    "He": convolution(he_start),
    "Keras' default, BatchNorm": convolution(normalize=True),
}
spreads = {}
for name, conv in ways.items():
    keras.utils.set_random_seed(0)
    spreads[name] = [spread(each) for each in outputs(network(deep, conv), images[:64])]
    print(f"{name:25} spread of the logits {spreads[name][-1]:.1e}")
show(
    lines(
        spreads,
        "layer",
        "spread over the images",
        f"VGG-19 before training, {DATASET}",
        log=True,
    ),
    "ex04_spread",
)
# %% [markdown]
# **Predict:** which of them learn, and in which order?
# %%
for name in list(ways)[1:]:
    curves[name] = train(f"VGG-19, {name}", deep, ways[name])
show(lines(curves, "step", "training loss", f"Four starts of VGG-19 on {DATASET}"), "ex04_starts")
# %% [markdown]
# **Question 4.d** He's start and BatchNorm both give the logits a spread. What does BatchNorm do
# that no start can? Slide 46 has the reason. What would you try first with a deep network that sits
# at 10 %?
# *Your answer.*
# %% [markdown]
# ## Try next
# - AlexNet made the ReLU usual ("introduced", says slide 23; Nair & Hinton had it in 2010). Put
#   `layers.Activation("sigmoid")` in its place, and let `outputs` look after `layers.Activation`:
#   how much spread is left after sixteen convolutions?
# - The authors trained VGG-11, (1, 1, 2, 2, 2), and started the deeper networks from its weights.
#   How large is its spread with the kernels of 0.01?
# - VGG's paper prints a *variance* of 0.01 (section 3.1), a standard deviation of 0.1. What spread
#   does that give here, and what would it give with 512 channels?
# - Train the networks of 7x7 and of 3x3 for ten epochs. Which one is ahead now?
# - Train VGG-19 with He's start for more epochs, with rates of 3e-4 and 1e-4.
# - Give the table of `ALEXNET` to `network`, with its strides of 4. How many pixels are left?
# - Set `DATASET = "cifar10"` and `EPOCHS = 3`.
