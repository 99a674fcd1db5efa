# %% [markdown]
# # 5 ResNet
# Slide 25.
#
# More layers should do better: what a shallow network computes, a deeper one can compute as well,
# with layers that pass on their input. In practice deeper networks ended with a higher *training*
# error, until He et al. (2015, "Deep Residual Learning") let each block learn only what to add to
# its input. After this lesson you can
#
# - write a residual block, and build ResNets of any depth with it,
# - show what depth does to a network with shortcuts and to one without, and where the gradients go,
# - say what the stem of the ImageNet network leaves of images of 32x32 pixels.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
import keras
import numpy as np
from keras import layers

from keras_course import data
from keras_course.lessons.checks import ex05_resnet as checks
from keras_course.lessons.pictures import lines, show

DATASET = "shapes"  # or "cifar10", once it is prepared
FILTERS = (8, 16, 32)  # at 32x32, 16x16 and 8x8; half of the paper's, to save time
STEPS = 50
splits = data.load(DATASET)
images, labels = splits.train.images[: 128 * STEPS], splits.train.labels[: 128 * STEPS]


# %%
def conv_bn(x, filters, strides=1):
    x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


# %% [markdown]
# ## 5.1 The residual block
# A residual block adds its input to what two convolutions make of it:
#
# $$ y = \mathrm{relu}(x + F(x)) $$
#
# The first convolution has the stride. Where the block changes the shape, x has to follow: take
# every other pixel, and fill the new channels with zeros (`shortcut`, given). In `conv_bn`
# BatchNorm brings each channel to mean 0 and standard deviation 1, multiplies it by a learned
# `gamma`, which is 1 at first, and adds a learned `beta`, which is 0 at first.
#
# **Predict:** with all kernels zero, what does the block return for an x that is not negative?
# %%
def shortcut(x, filters, strides):
    if strides > 1:
        x = layers.AveragePooling2D(1, strides)(x)  # the mean of one pixel: every other one
    new = filters - x.shape[-1]
    return keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, new)]) if new else x


def residual_block(x, filters, strides=1):
    """Return relu(x + F(x)), where F is two 3x3 convolutions.

    x: images as a Keras tensor, (height, width, channels). Returns images of shape
    (height / strides, width / strides, filters).
    """
    # TODO 5.1: F(x) by two `conv_bn` with a ReLU between, add the shortcut, then ReLU
    ### BEGIN SOLUTION
    y = layers.ReLU()(conv_bn(x, filters, strides))
    y = conv_bn(y, filters)
    return layers.ReLU()(layers.Add()([shortcut(x, filters, strides), y]))
    ### END SOLUTION


# %%
checks.residual_block(residual_block)
# %%
inputs = keras.Input((8, 8, FILTERS[0]))
block = keras.Model(inputs, residual_block(inputs, FILTERS[0]))
for weight in block.weights:
    if weight.name == "kernel":
        weight.assign(keras.ops.zeros_like(weight))
x = np.random.default_rng(0).uniform(size=(1, *inputs.shape[1:])).astype("float32")
print(f"all kernels zero: largest difference to x {np.abs(np.array(block(x)) - x).max()}")


# %% [markdown]
# ## 5.2 The network
# For images of 32x32 pixels the paper has a rule (section 4.2). A first convolution of `FILTERS[0]`
# filters with normalization and ReLU, then three stages of n residual blocks each, with `FILTERS`
# filters. Each stage but the first halves the image in its first block. Then the mean over
# all pixels and a fully connected layer. That makes 6n + 2 layers: n = 3 is ResNet-20. For
# ImageNet the paper continues up to ResNet-152, with blocks of three convolutions: 1x1 to a
# quarter of the channels, 3x3, and 1x1 back, a *bottleneck*. With 256 channels it has 70 thousand
# weights; two 3x3 would have 1.2 million.
# %%
def resnet(depth, block=residual_block, num_classes=10):
    """Return the uncompiled ResNet of 6n + 2 layers: pixels 0 to 255 in, logits out.

    block: a function (x, filters, strides) -> x like `residual_block`.
    """
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    # TODO 5.2: the first convolution, three stages of n blocks, the mean, the logits
    ### BEGIN SOLUTION
    x = layers.ReLU()(conv_bn(x, FILTERS[0]))
    for stage, filters in enumerate(FILTERS):
        for number in range((depth - 2) // 6):
            x = block(x, filters, strides=2 if stage and not number else 1)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(num_classes)(x)
    return keras.Model(inputs, outputs)
    ### END SOLUTION


# %%
checks.resnet(resnet)


# %% [markdown]
# ## Deeper, with and without shortcuts
# A plain network is the same without shortcuts: relu(F(x)). All networks see the same images in the
# same order, once.
#
# **Predict:** order these four by their training loss: ResNet-20, ResNet-56, plain-20, plain-56.
# %%
def plain_block(x, filters, strides=1):
    x = layers.ReLU()(conv_bn(x, filters, strides))
    return layers.ReLU()(conv_bn(x, filters))


class LossOfSteps(keras.callbacks.Callback):
    """Keeps the loss of each step; Keras gives the mean since the epoch began."""

    def on_train_begin(self, logs=None):
        self.losses, self.sum = [], 0.0

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)
        self.losses.append(total - self.sum)
        self.sum = total


def train(model):
    """Train for STEPS steps and return the loss of each."""
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    losses = LossOfSteps()
    model.fit(images, labels, batch_size=128, shuffle=False, callbacks=[losses], verbose=0)
    return losses.losses


curves = {}
for name, depth, block in (
    ("ResNet-20", 20, residual_block),
    ("ResNet-56", 56, residual_block),
    ("plain-20", 20, plain_block),
    ("plain-56", 56, plain_block),
):
    keras.utils.set_random_seed(0)
    curves[name] = train(resnet(depth, block))
    print(f"{name:10} mean loss of the last ten steps {np.mean(curves[name][-10:]):.2f}")
print(f"{'':10} the loss of ten equal probabilities is {np.log(10):.2f}")
show(lines(curves, "step", "training loss", f"Shortcuts and depth on {DATASET}"), "ex05_depth")
# %% [markdown]
# So few steps show how a training begins, not where it ends. With more of them, and images enough,
# the deeper ResNet wins: after some 164 epochs on CIFAR-10 the authors' ResNet-20 was right on
# 91.25 % of the test images, and their ResNet-56 on 93.03 % (Table 6).
#
# **Question 5.a** Plain-56 contains plain-20: its other layers only need to pass on their input.
# Why does it not find that? What would a block of ResNet-56 have to learn to pass on its input?
# ### BEGIN SOLUTION
# Two 3x3 convolutions with a ReLU between that pass on every channel are a very particular set of
# weights, and a random network is far from them. A residual block passes on x by itself: only F has
# to become zero, and for that the factors `gamma` of its last BatchNorm are enough. They start at
# 1, so that F is not zero at first, but x is there beside it from the first step on.
# ### END SOLUTION
# %% [markdown]
# ## 5.3 Where the gradient goes
# The slide says that shortcuts prevent the gradient from vanishing. Look: how large is the gradient
# at each kernel, from the first convolution to the dense layer?
# %%
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def gradients(model, images, labels):
    """Return the gradient of the loss for each of the trainable weights, as NumPy arrays."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = LOSS(labels, model(images, training=True))
    return [np.array(each) for each in tape.gradient(loss, model.trainable_weights)]


def gradient_norms(kernels, gradients):
    """Return for each kernel the length of its gradient, divided by the length of the kernel.

    kernels, gradients: two lists of arrays of the same shapes. Returns a list of numbers.
    """
    # TODO 5.3: the length of a gradient is the root of the sum of its squares
    ### BEGIN SOLUTION
    return [
        np.linalg.norm(gradient) / np.linalg.norm(kernel)
        for kernel, gradient in zip(kernels, gradients, strict=True)
    ]
    ### END SOLUTION


# %%
checks.gradient_norms(gradient_norms)
# %%
norms = {}
for name, block in (("ResNet-56", residual_block), ("plain-56", plain_block)):
    keras.utils.set_random_seed(0)
    model = resnet(56, block)
    kernels, of_kernels = [], []
    for weight, gradient in zip(
        model.trainable_weights, gradients(model, images[:128], labels[:128]), strict=True
    ):
        if weight.name == "kernel":
            kernels.append(keras.ops.convert_to_numpy(weight))
            of_kernels.append(gradient)
    norms[name] = gradient_norms(kernels, of_kernels)
    print(f"{name}: first convolution {norms[name][0]:.3f}, last {norms[name][-2]:.3f}")
show(
    lines(norms, "layer", "gradient / weights", f"Gradients before training, {DATASET}", log=True),
    "ex05_gradients",
)


# %% [markdown]
# **Question 5.b** Do the gradients of the plain network vanish? Compare with what the slide says,
# and with what the authors wrote in section 4.1 of their paper: vanishing gradients are unlikely to
# be the reason; with BatchNorm, their gradients had "healthy norms".
# ### BEGIN SOLUTION
# They do not vanish: towards the first layers of the plain network they grow, far more than with
# shortcuts. So the slide's reason does not hold here; but before the first step, at this depth,
# the plain network's gradients are not healthy either: they explode. BatchNorm keeps the size of
# the signal on its way forward; on the way back each layer makes the gradient a little larger
# (Yang et al. 2019, "A Mean Field Theory of Batch Normalization"). If the gradient is so large, the
# loss changes with the slightest change of the weights, and a step against the gradient is soon too
# far. Shortcuts keep its size nearly even.
# ### END SOLUTION
# %% [markdown]
# ## 5.4 A failure to explain
# This is the stem of the ImageNet network, for images of 224x224: a convolution of 7x7 with
# stride 2, then a max pooling of 3x3 with stride 2. Here it comes in front of the same stages.
#
# **Predict:** what happens to images of 32x32?
# %%
def imagenet_resnet(depth):
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(FILTERS[0], 7, 2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for stage, filters in enumerate(FILTERS):
        for number in range((depth - 2) // 6):
            x = residual_block(x, filters, strides=2 if stage and not number else 1)
    last_images = x
    outputs = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs), last_images.shape[1:3]


# %%
def pixels_left(size, strides):
    """Return the height of square images after layers with these strides.

    size: the height before. strides: of all layers, one after the other; a layer with padding
    "same" gives ceil(height / stride) pixels.
    """
    # TODO 5.4: divide by each stride, and round up
    ### BEGIN SOLUTION
    for stride in strides:
        size = -(-size // stride)
    return size
    ### END SOLUTION


# %%
checks.pixels_left(pixels_left)
# %%
keras.utils.set_random_seed(0)
model, left = imagenet_resnet(20)
curves["ResNet-20, ImageNet stem"] = train(model)
print(f"last images: {left[0]}x{left[1]}; by 5.4: {pixels_left(32, [2, 2, 2, 2])}")
for name in ("ResNet-20", "ResNet-20, ImageNet stem"):
    print(f"{name:26} mean loss of the last ten steps {np.mean(curves[name][-10:]):.2f}")
chosen = {name: curves[name] for name in ("ResNet-20", "ResNet-20, ImageNet stem")}
show(lines(chosen, "step", "training loss", f"Two stems on {DATASET}"), "ex05_stem")
# %% [markdown]
# **Question 5.c** What has the ImageNet stem done to the images before the first block sees them?
# What would be left of an image of 224x224 at the same place, and at the end?
# ### BEGIN SOLUTION
# It has made 8x8 pixels of 32x32, a quarter of each side; the last stage works on 2x2. Each block
# has a sixteenth of the places to look at, and fine details are lost before it. It still learns;
# compare how far. Of 224x224 pixels, 56x56 are left after the stem and 14x14 at the end: enough,
# even for the fourth stage that the paper's ImageNet networks have, which leaves 7x7.
# ### END SOLUTION
# %% [markdown]
# ## Try next
# - Move the ReLU in front of the addition, or leave it out (He et al. 2016). Which of them trains?
# - Initialize the last `gamma` of each block with zeros. What does the block compute at first?
# - Train the paper's ResNet-20, with `FILTERS = (16, 32, 64)` after the check of 5.2, which needs
#   half of them, to the accuracy that the README's table of `shapes` has. What does it take
#   besides more steps?
# - Set `DATASET = "cifar10"` and `STEPS = 300`.
