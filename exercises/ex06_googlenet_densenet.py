# %% [markdown]
# # 6 GoogLeNet and DenseNet
# Slide 26.
#
# Two answers to the question of how layers should be connected. GoogLeNet puts filters of different
# size side by side, and the next layer chooses. DenseNet gives every layer the output of all layers
# before it. The slide ends with "ResNet is a good default"; this lesson puts it to the test. After
# it you can
#
# - write an inception block and a dense block, and say what either of them saves,
# - count the multiply-adds of such networks,
# - compare networks by what their accuracy costs, and say what such a comparison does not show.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
import math
import time

import keras
from keras import layers

from keras_course import data
from keras_course.lessons.checks import ex06_googlenet_densenet as checks
from keras_course.lessons.pictures import accuracy_and_cost, lines, show

DATASET = "shapes"  # or "cifar10", once it is prepared
IMAGES, BATCH, EPOCHS = 6_400, 64, 2
splits = data.load(DATASET)
images, labels = splits.train.images[:IMAGES], splits.train.labels[:IMAGES]


# %%
def conv(x, filters, size):
    return layers.Conv2D(filters, size, padding="same", use_bias=False)(x)


def bn_relu(x):
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))


# %% [markdown]
# ## 6.1 The inception block
# How large should a filter be? GoogLeNet (Szegedy et al. 2014, Figure 2b) uses several sizes. Four
# branches start from the same input, and their channels are put side by side, in this order:
#
# 1. a 1x1 convolution,
# 2. a 1x1 convolution, then a 3x3,
# 3. a 1x1 convolution, then a 5x5,
# 4. a max pooling of 3x3 with strides 1, then a 1x1 convolution.
#
# After every convolution come BatchNorm and ReLU, as in the network's later form. All branches keep
# height and width.
#
# **Predict:** 192 channels come in. How many weights do 32 filters of 5x5 have, and how many if 16
# of 1x1 come first?
# %%
def inception_block(x, filters):
    """Return the four branches side by side: images with as many channels as all have together.

    x: images as a Keras tensor. filters: six numbers, as in Table 1 of the paper: of the 1x1; of
    the 1x1 before the 3x3, and of the 3x3; of the 1x1 before the 5x5, and of the 5x5; of the 1x1
    after the pooling.
    """
    # TODO 6.1: four branches by `conv` and `bn_relu`, all on x; then layers.Concatenate
    raise NotImplementedError(
        "TODO 6.1: four branches by `conv` and `bn_relu`, all on x; then layers.Concatenate"
    )


# %%
checks.inception_block(inception_block)
# %%
print(f"5x5 alone: {25 * 192 * 32:,} weights; with 1x1 in front: {192 * 16 + 25 * 16 * 32:,}")


# %% [markdown]
# ## 6.2 Counting multiply-adds
# A multiply-add is one product that is added to a sum. A convolution uses each weight of its kernel
# once at every place of its output, a dense layer each of its weights once. These two make up
# almost all of a network's work; biases, BatchNorm, ReLU and pooling are not counted.
# %%
def multiply_adds(model):
    """Return the multiply-adds of all Conv2D and Dense layers of a model, for one image."""
    # TODO 6.2: go through model.layers; look at layer.kernel.shape and layer.output.shape
    raise NotImplementedError(
        "TODO 6.2: go through model.layers; look at layer.kernel.shape and layer.output.shape"
    )


# %%
checks.multiply_adds(multiply_adds)


# %% [markdown]
# ## A failure to explain
# The authors first had another block in mind (Figure 2a): without the 1x1 convolutions before the
# larger filters and after the pooling. Here six blocks of each kind follow one another, all with
# the same numbers of filters, and 16 channels go into the first.
#
# **Predict:** how many channels come out of the sixth block, of the naive kind and of yours?
# %%
def naive_block(x, filters):
    f1, _, f3, _, f5, _ = filters
    pool = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    branches = [bn_relu(conv(x, f, size)) for f, size in ((f1, 1), (f3, 3), (f5, 5))]
    return layers.Concatenate()([*branches, pool])


FILTERS = (12, 16, 20, 3, 6, 6)  # about the proportions of the first block in the paper
outputs = {}
for block in (naive_block, inception_block):
    x = keras.Input((16, 16, 16))
    inputs, outputs[block] = x, []
    for _ in range(6):
        x = block(x, FILTERS)
        outputs[block].append((x.shape[-1], multiply_adds(keras.Model(inputs, x))))
print("          naive                            with 1x1")
print("blocks    channels   multiply-adds         channels   multiply-adds")
for number, (naive, reduced) in enumerate(zip(*outputs.values(), strict=True), start=1):
    print(f"{number:6} {naive[0]:11} {naive[1]:15,} {reduced[0]:16} {reduced[1]:15,}")
growth = {
    name: [count / 1e6 for _, count in outputs[block]]
    for name, block in (("naive", naive_block), ("with 1x1", inception_block))
}
show(lines(growth, "blocks", "million multiply-adds", "What blocks in a row cost"), "ex06_blocks")


# %% [markdown]
# **Question 6.a** Every block has the same numbers of filters. Which branch makes the naive network
# grow nevertheless, and how do its multiply-adds grow with the number of blocks? What do the 1x1
# convolutions in front of the larger filters save besides?
# *Your answer.*
# %% [markdown]
# ## 6.3 The dense block
# In DenseNet (Huang et al. 2016) a layer takes all channels that there are, and adds `growth` new
# ones to them:
#
# $$ x_{i + 1} = [x_i, H_i(x_i)] $$
#
# The brackets put channels side by side. Each H is BatchNorm, ReLU and a 3x3 convolution, in this
# order.
#
# **Predict:** 16 channels go into a block of four convolutions with a growth of 12. How many come
# out?
# %%
def dense_block(x, convolutions, growth):
    """Return the input's channels, followed by `growth` new ones of each convolution.

    x: images as a Keras tensor. The last convolution has neither BatchNorm nor ReLU after it.
    """
    # TODO 6.3: `convolutions` times BatchNorm, ReLU and convolution; put its output beside x
    raise NotImplementedError(
        "TODO 6.3: `convolutions` times BatchNorm, ReLU and convolution; put its output beside x"
    )


# %%
checks.dense_block(dense_block)
# %%
sixteen = keras.Input((8, 8, 16))
print(f"{dense_block(sixteen, convolutions=4, growth=12).shape[-1]} channels come out")
# %% [markdown]
# **Question 6.b** The ResNet below has 16 to 64 filters in its layers, the DenseNet twelve in each.
# Why can a layer of DenseNet do with so few? What has to be kept in memory for that, and how does
# it differ from a shortcut that *adds*?
# *Your answer.*


# %% [markdown]
# ## Four networks that do about the same work
# All four begin with a 3x3 convolution of 16 filters and a pooling, have three stages with 16x16,
# 8x8 and 4x4 pixels, and end with the mean over all pixels. A stage is one of
#
# - plain: four 3x3 convolutions, as in VGG,
# - ResNet: the same in two residual blocks,
# - GoogLeNet: two inception blocks,
# - DenseNet: a dense block of four convolutions, and after it a 1x1 convolution that halves the
#   channels, as the paper's DenseNet-BC has it between two blocks.
#
# **Predict:** which one has the fewest parameters, which one needs the most time for a step?
# %%
def plain(x, stage):
    for _ in range(4):
        x = bn_relu(conv(x, 16 * 2**stage, 3))
    return x


def residual(x, stage):
    filters = 16 * 2**stage
    for _ in range(2):
        y = bn_relu(conv(x, filters, 3))
        y = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(conv(y, filters, 3))
        if filters > x.shape[-1]:  # new channels are zero
            x = keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])])
        x = layers.ReLU()(layers.Add()([x, y]))
    return x


def inception(x, stage):
    for _ in range(2):
        x = inception_block(x, [each * 2**stage for each in FILTERS])
    return x


def dense(x, stage):
    x = dense_block(x, convolutions=4, growth=12)
    return conv(bn_relu(x), x.shape[-1] // 2, 1) if stage < 2 else bn_relu(x)


def network(stages, num_classes=10):
    """Return the uncompiled network: pixels 0 to 255 in, logits out."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = bn_relu(conv(x, 16, 3))
    for stage in range(3):
        x = layers.MaxPooling2D()(x)
        x = stages(x, stage)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x))


def train(model):
    """Return accuracy on the validation images, and the seconds of the last epoch."""
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    for _ in range(EPOCHS):  # the first epoch also builds the graph of a step
        began = time.perf_counter()
        model.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0)
        seconds = time.perf_counter() - began
    _, accuracy = model.evaluate(splits.validation.images, splits.validation.labels, verbose=0)
    return accuracy, seconds


networks = {"plain": plain, "ResNet": residual, "GoogLeNet": inception, "DenseNet": dense}
results = {}
print("            parameters   multiply-adds   seconds an epoch   validation accuracy")
for name, stages in networks.items():
    keras.utils.set_random_seed(0)
    model = network(stages)
    accuracy, seconds = train(model)
    results[name] = (model.count_params(), multiply_adds(model), seconds, accuracy)
    parameters, count, *_ = results[name]
    print(f"{name:10} {parameters:11,} {count:15,} {seconds:18.1f} {accuracy:21.1%}")
tested = len(splits.validation.labels)
margin = 1.96 * max(math.sqrt(each[-1] * (1 - each[-1]) / tested) for each in results.values())
print(f"{tested} images leave a margin of up to {margin:.1%} to both sides")


# %% [markdown]
# An accuracy is measured on some images, and others would give another. In 95 of 100 cases the true
# one lies within that margin of the measured one (12.3 has the formula).
#
# ## 6.4 What is not beaten
# Between a cheap network and a better one there is a choice. A network is *beaten* if another one
# costs no more and is no less accurate, and is better in at least one of the two. Those that are
# not beaten are called the Pareto front; the picture has them filled, and joined by a line.
# %%
def not_beaten(points):
    """Return the names of the points that no other point beats, in the order of `points`.

    points: for each name a pair (cost, accuracy). Two points that are equal do not beat each other.
    """
    # TODO 6.4: keep the names for which no point costs no more, is no worse, and differs
    raise NotImplementedError(
        "TODO 6.4: keep the names for which no point costs no more, is no worse, and differs"
    )


# %%
checks.not_beaten(not_beaten)
# %%
costs = ("parameters", "multiply-adds for an image", "seconds an epoch")
panels = {
    cost: {name: (row[place], row[-1]) for name, row in results.items()}
    for place, cost in enumerate(costs)
}
fronts = {cost: not_beaten(points) for cost, points in panels.items()}
for cost, names in fronts.items():
    print(f"not beaten by {cost}: {', '.join(names)}")
show(
    accuracy_and_cost(panels, fronts, f"What accuracy costs on {DATASET}, {EPOCHS} epochs"),
    "ex06_costs",
)
# %%
print("points of accuracy above chance for")
print("            100,000 parameters   million multiply-adds   second of an epoch")
for name, (parameters, count, seconds, accuracy) in results.items():
    points = 100 * (accuracy - 1 / len(splits.class_names))
    print(
        f"{name:10} {points / parameters * 1e5:19.1f} {points / count * 1e6:23.1f} "
        f"{points / seconds:20.1f}"
    )
# %% [markdown]
# **Question 6.c** Compare the columns of multiply-adds and of seconds. Which network takes the most
# time for a multiply-add, and which the least? What else takes time?
# *Your answer.*
# %% [markdown]
# **Question 6.d** Is ResNet a good default? Say what your table supports, and what it does not.
# Look at the margin, and at what was the same for all networks here.
# *Your answer.*
# %% [markdown]
# ## Try next
# - Train each network with three seeds, `keras.utils.set_random_seed(1)` and so on. Do they change
#   places?
# - Give ResNet half of its filters. Where does it stand in the picture?
# - Leave out the 1x1 convolution after each dense block. How many channels has the last stage?
# - Set `DATASET = "cifar10"` and `IMAGES = 20_000`. `keras-course compare` compares networks with
#   more layers and filters in equal minutes and over several seeds.
