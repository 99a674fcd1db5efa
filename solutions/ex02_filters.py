# %% [markdown]
# # 2 From fixed filters to learned ones
# Slides 52 to 53.
#
# The classical way to recognize an image: filters that somebody has thought of, and after them a
# classifier that learns. A convolutional network learns the filters as well. This lesson walks from
# the one to the other, on the same images. After this lesson you can
#
# - build a logistic regression and an MLP, and tell when a learning rate is too high,
# - write fixed filters as a convolutional layer, and show that both compute the same,
# - freeze layers and unfreeze them, and say why the model has to be compiled again.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
import keras
import numpy as np
from keras import layers

from keras_course import data, plots
from keras_course.lessons.checks import ex02_filters as checks
from keras_course.lessons.pictures import lines, show

DATASET = "shapes"  # or "cifar10", once it is prepared
IMAGES = 9_000
EPOCHS = 8
RATE = 2e-3  # of everything that has filters
splits = data.load(DATASET)
images, labels = splits.train.images[:IMAGES], splits.train.labels[:IMAGES]
held_out = splits.validation.images
print(f"{DATASET}: {len(images)} images to train with, {len(held_out)} for validation")


# %% [markdown]
# ## 2.1 Logistic regression
# Each class has a weight for every pixel and colour, and one more, the bias. Each pixel is
# multiplied by its weight; the products and the bias are added up. The sum is the *logit* of the
# class; the class with the largest is the answer. A chain of layers is a `keras.Sequential`. The
# pixels are scaled from 0..255 to -1..1 first: `layers.Rescaling(scale, offset)` turns x into
# scale * x + offset.
#
# Training goes in steps. Each takes a *batch* of images and moves the weights a little to lower
# the *loss*, which says how wrong the answers are (3.2). An *epoch* is one pass through all
# images. How far a step goes is up to the learning rate (lesson 7) and the optimizer, here Adam
# (lesson 8).
#
# **Predict:** how many weights is that for images of 32x32x3 and ten classes?
# %%
def logistic_regression(num_classes=10):
    """Return the uncompiled model: pixels 0 to 255 of 32x32x3 in, logits out."""
    # TODO 2.1: the input, the scaling to -1..1, and one dense layer on all pixels
    ### BEGIN SOLUTION
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Flatten(),
            layers.Dense(num_classes),
        ]
    )
    ### END SOLUTION


# %%
checks.logistic_regression(logistic_regression)
# %%
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def compile_with(model, learning_rate):
    model.compile(keras.optimizers.Adam(learning_rate), LOSS, metrics=["accuracy"])


def train(name, model, inputs, inputs_held_out, epochs=EPOCHS):
    """Train a compiled model, print how it ends, and return its numbers for each epoch."""
    validation = (inputs_held_out, splits.validation.labels)
    history = model.fit(
        inputs, labels, batch_size=128, epochs=epochs, validation_data=validation, verbose=0
    ).history
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    print(
        f"{name:35} {trained:9,} weights trained, training loss {history['loss'][-1]:6.2f}, "
        f"validation accuracy {history['val_accuracy'][-1]:.1%}"
    )
    return history


histories = {}
keras.utils.set_random_seed(0)
model = logistic_regression()
compile_with(model, 3e-4)
histories["logistic regression"] = train("logistic regression", model, images, held_out)


# %% [markdown]
# ## 2.2 A multi-layer perceptron
# Between the pixels and the logits come *hidden* layers: dense ones, each with a ReLU, max(x, 0).
# Slide 52: "MLP works quite a bit better but with lower learning rate". Three rates show which of
# them it can bear; the logistic regression had 0.0003.
#
# **Predict:** which of 0.03, 0.003 and 0.0003 beat the logistic regression?
# %%
def mlp(units, num_classes=10):
    """Return the uncompiled model: pixels 0 to 255 of 32x32x3 in, logits out.

    units: of the hidden layers, the first one first.
    """
    # TODO 2.2: as in 2.1, with a dense layer and its ReLU for each of `units` before the logits
    ### BEGIN SOLUTION
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Flatten(),
            *(layers.Dense(count, activation="relu") for count in units),
            layers.Dense(num_classes),
        ]
    )
    ### END SOLUTION


# %%
checks.mlp(mlp)


# %%
def silent_units(model, images):
    """Return for each hidden layer the share of units that are zero for all of the images."""
    dense = [layer.output for layer in model.layers if isinstance(layer, layers.Dense)]
    hidden = keras.Model(model.inputs[0], dense[:-1]).predict(images, verbose=0)
    return [np.mean(units.max(axis=0) <= 0) for units in hidden]


for rate in (3e-2, 3e-3, 3e-4):
    keras.utils.set_random_seed(0)
    model = mlp((512, 256))
    compile_with(model, rate)
    name = f"MLP, rate {rate:g}"
    histories[name] = train(name, model, images, held_out)
    shares = ", ".join(f"{share:.0%}" for share in silent_units(model, held_out))
    print(f"    units that are zero for every image, hidden layer by hidden layer: {shares}")
print(f"the loss of ten equal probabilities is log(10) = {np.log(10):.2f}")
rates = {name: numbers["loss"] for name, numbers in histories.items() if "rate" in name}
show(lines(rates, "epoch", "training loss", f"An MLP on {DATASET}", log=True), "ex02_rates")
# %% [markdown]
# **Question 2.a** Look at the highest rate: its loss, next to that of ten equal probabilities, and
# its silent units. How did they become silent, and why do more epochs not bring them back?
# ### BEGIN SOLUTION
# The first steps of Adam move each weight by about the learning rate, whatever the gradient's size.
# A unit of the first layer adds up 3,072 inputs, so that a step of 0.03 moves its sum by many times
# its usual size, and for many units below zero for every image. There the ReLU is flat: the
# gradient of the unit's weights is zero, and nothing moves them again. The more units of a layer
# are silent, the less the layers after it can tell images apart. Where almost all are, nearly
# every image gets the same answer, and the best that is left is about the loss of ten equal
# probabilities.
# ### END SOLUTION
# %% [markdown]
# ## 2.3 Fixed filters
# Somebody thought: shapes are made of edges. These eight filters respond to edges in eight
# directions. Red, green and blue count alike.
# %%
POOL = 4  # pixels


def edge_filters(size, directions):
    """Return a kernel (size, size, 3, directions), each filter of length 1."""
    across = np.arange(size) - size // 2
    angles = 2 * np.pi * np.arange(directions) / directions
    slope = across[:, None, None] * np.sin(angles) + across[:, None] * np.cos(angles)
    near = np.exp(-(across[:, None] ** 2 + across**2) / size)
    kernel = np.repeat((slope * near[..., None])[:, :, None], 3, axis=2)
    return (kernel / np.sqrt(np.sum(kernel**2, axis=(0, 1, 2)))).astype("float32")


KERNELS = edge_filters(5, 8)
# %% [markdown]
# A feature says how much of such an edge there is in one part of the image: the image is filtered
# as in lesson 1 ("valid"), what is below zero becomes zero, and each window of `POOL` x `POOL`
# pixels is replaced by its mean. There are thousands of images, so do not loop over them: loop over
# the pixels of the kernel, and filter all images at once.
#
# **Predict:** how many features has an image of 32x32, with kernels of 5x5 and eight filters?


# %%
def filter_features(images, kernels):
    """Return for each image how much of each filter is found where, as one row of numbers.

    images: (n, height, width, channels). kernels: (size, size, channels, filters). height - size +
    1 and width - size + 1 are multiples of POOL. Returns (n, features): window after window, row by
    row, and for each window all filters.
    """
    # TODO 2.3: filter, ReLU, the mean of each window, and one row for each image
    ### BEGIN SOLUTION
    size, _, _, filters = kernels.shape
    count, height, width = images.shape[0], images.shape[1] - size + 1, images.shape[2] - size + 1
    filtered = np.zeros((count, height, width, filters), images.dtype)
    for i in range(size):
        for j in range(size):
            filtered += images[:, i : i + height, j : j + width] @ kernels[i, j]
    windows = np.maximum(filtered, 0).reshape(
        count, height // POOL, POOL, width // POOL, POOL, filters
    )
    return windows.mean(axis=(2, 4)).reshape(count, -1)
    ### END SOLUTION


# %%
checks.filter_features(filter_features)


# %% [markdown]
# After the features comes a classifier that is trained: a logistic regression, then an MLP.
# %%
def features_of(images):
    parts = np.array_split(images, 20)  # not all at once in memory
    scaled = (part / np.float32(127.5) - 1 for part in parts)
    return np.concatenate([filter_features(part, KERNELS) for part in scaled])


features, features_held_out = features_of(images), features_of(held_out)
count = features.shape[1]
print(f"{count} features of an image")
keras.utils.set_random_seed(0)
linear = keras.Sequential([keras.Input((count,)), layers.Dense(10)])
classifier = keras.Sequential(
    [keras.Input((count,)), layers.Dense(128, activation="relu"), layers.Dense(10)]
)
for name, model in (
    ("fixed filters, logistic regression", linear),
    ("fixed filters, MLP", classifier),
):
    compile_with(model, RATE)
    histories[name] = train(name, model, features, features_held_out)


# %% [markdown]
# **Question 2.b** Slide 52 says that logistic regression is not expressive enough, also with
# filters. Compare the rows. What can the MLP do with the features that the logistic regression
# cannot?
# ### BEGIN SOLUTION
# Logistic regression adds up evidence: a vertical edge here counts for a class by the same amount
# whatever is found elsewhere. A hidden unit can respond to a combination, like two edges that meet,
# and to one *or* the other. A shape is a combination of edges, and it may be anywhere.
# ### END SOLUTION
# %% [markdown]
# ## 2.4 The filters as a convolutional layer
# Slide 53: convolutional filters can be expressed as convolutional layers. The network below
# takes pixels, does the same as 2.3 with a `Conv2D` (the given kernels, a ReLU, no biases) and an
# `AveragePooling2D`, and ends with the classifier. The convolution is *frozen*: made with
# `trainable=False`, it is not changed by training. Only once it is part of the network does it
# have weights; then `set_weights` takes a list of arrays.
# %%
def as_convolution(kernels, classifier):
    """Return the uncompiled model: pixels 0 to 255 of 32x32x3 in, logits out.

    kernels: (size, size, 3, filters). classifier: a Keras model from features to logits.
    """
    # TODO 2.4: scaling, a frozen Conv2D with kernels and ReLU, pooling, flatten, the classifier
    ### BEGIN SOLUTION
    size, _, _, filters = kernels.shape
    convolution = layers.Conv2D(filters, size, activation="relu", use_bias=False, trainable=False)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            convolution,
            layers.AveragePooling2D(POOL),
            layers.Flatten(),
            classifier,
        ]
    )
    convolution.set_weights([kernels])
    return model
    ### END SOLUTION


# %%
checks.as_convolution(as_convolution)
# %% [markdown]
# The classifier is the one that was trained with the features of 2.3. Nothing has to be trained
# again: the answers are the same.
# %%
network = as_convolution(KERNELS, classifier)
by_network = network.predict(held_out, verbose=0)
by_features = classifier.predict(features_held_out, verbose=0)
print(f"logits up to {np.abs(by_features).max():.1f}")
print(f"largest difference between both: {np.abs(by_network - by_features).max():.1e}")
start = network.get_weights()
# %%
compile_with(network, RATE)
histories["frozen"] = train("the same, more epochs, frozen", network, images, held_out)


# %% [markdown]
# ## A failure to explain
# Now all layers are unfrozen, and training continues.
#
# **Predict:** how far does an epoch move the kernels?
# %%
def moved(network):
    """Return the largest change of a number in the kernels."""
    kernels = next(each for each in network.get_weights() if each.ndim == 4)
    return np.abs(kernels - KERNELS).max()


for layer in network.layers:
    layer.trainable = True
train("set free", network, images, held_out, epochs=1)
print(f"the kernels have moved by at most {moved(network):.4f}")
# %% [markdown]
# **Question 2.c** The line "set free" counts the kernels among the trained weights, but they have
# not moved. Which weights did `fit` train, and when was that decided?
# ### BEGIN SOLUTION
# Those of the classifier. The first `fit` after `compile` made a graph of the training step, with
# the weights that were trainable then, and the optimizer keeps its averages only for those. Later
# calls of `fit` use the same graph. `trainable` is looked at again only after the model has been
# compiled again.
# ### END SOLUTION


# %% [markdown]
# ## 2.5 Unfrozen
# The kernels start from the fixed filters, as the network of 2.4 did, and are trained with
# everything else.
# %%
def unfreeze(model, learning_rate):
    """Make a compiled model train all its weights, from the values that they have.

    Changes the model itself. Afterwards it is compiled with the loss and the metrics of
    `compile_with`, and with this learning rate.
    """
    # TODO 2.5: every layer becomes trainable, and `fit` has to know of it
    ### BEGIN SOLUTION
    for layer in model.layers:
        layer.trainable = True
    compile_with(model, learning_rate)
    ### END SOLUTION


# %%
checks.unfreeze(unfreeze)
# %% [markdown]
# **Predict:** what will the edge filters look like once the network has trained them?
# %%
network.set_weights(start)
unfreeze(network, RATE)
histories["unfrozen"] = train("the same, more epochs, unfrozen", network, images, held_out)
print(f"the kernels have moved by at most {moved(network):.4f}")
# %%
learned = next(each for each in network.get_weights() if each.ndim == 4)
show(
    plots.grid(
        [*plots.filter_images(KERNELS), *plots.filter_images(learned)],
        f"Filters before and after training on {DATASET}",
        row_names=("fixed", "learned"),
        columns=KERNELS.shape[-1],
    ),
    "ex02_filters",
)
before = histories["fixed filters, MLP"]["val_accuracy"]
best_rate = max(rates, key=lambda name: histories[name]["val_accuracy"][-1])
curves = {
    "logistic regression": histories["logistic regression"]["val_accuracy"],
    best_rate: histories[best_rate]["val_accuracy"],
    "fixed filters, MLP": before + histories["frozen"]["val_accuracy"],
    f"filters unfrozen after epoch {EPOCHS}": before + histories["unfrozen"]["val_accuracy"],
}
show(
    lines(curves, "epoch", "validation accuracy", f"From pixels to learned filters on {DATASET}"),
    "ex02_accuracy",
)
# %%
print(f"{'':36} training loss   validation accuracy")
for name, numbers in histories.items():
    print(f"{name:36} {numbers['loss'][-1]:13.2f} {numbers['val_accuracy'][-1]:21.1%}")
# %% [markdown]
# **Question 2.d** What do the learned filters have that the fixed ones do not? Who decided on it,
# and what does slide 53 mean by "end to end"?
# ### BEGIN SOLUTION
# The fixed filters weigh red, green and blue alike; the learned ones do not, so that they also
# respond to an edge between two colours of the same brightness. Nobody asked for that: the gradient
# of the loss, at the far end of the network, went back through the classifier to the kernels. From
# the pixels to the loss everything is fitted to the one task. Compare the last two rows: a lower
# training loss does not have to mean a higher validation accuracy, and a point or two between them
# may be chance. Eight filters are few; lesson 3 learns more, in several layers.
# ### END SOLUTION
# %% [markdown]
# ## Try next
# - Train the logistic regression with the three rates of the MLP, too. Does the MLP need a lower
#   one, as slide 52 says?
# - Let the kernels start from random numbers of the same size. Is the start from edges worth
#   anything, after one epoch and after twenty?
# - Use 16 or 32 filters, fixed and then unfrozen. Where does it help more?
# - The README's table of `shapes` has logistic regression and an MLP that were trained longer, with
#   augmented images, and judged by the test images. Which of yours is close to them, and which is
#   not?
# - Set `DATASET = "cifar10"`. Is the order of the rows the same for photographs?
