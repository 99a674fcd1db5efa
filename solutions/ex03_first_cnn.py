# %% [markdown]
# # 3 A first CNN
# Slides 13 and 18.
#
# Convolutions, ReLUs and poolings are transforms of images. Chained, they make a network, and all
# their filters are learned at once. After this lesson you can
#
# - build a network with Keras' functional API, compile it and train it,
# - say which classes it mistakes for which, and look at what its filters respond to,
# - make a network for images of any size, and say what it does not recognize all the same.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
import keras
import numpy as np
from keras import layers

from keras_course import data, plots
from keras_course.lessons.checks import ex03_first_cnn as checks
from keras_course.lessons.pictures import lines, show

DATASET = "shapes"  # or "cifar10", once it is prepared
IMAGES = 9_000
EPOCHS = 10
splits = data.load(DATASET)
images, labels = splits.train.images[:IMAGES], splits.train.labels[:IMAGES]
validation = splits.validation
print(f"{DATASET}: {len(images)} images to train with, {len(validation.labels)} for validation")


# %% [markdown]
# ## 3.1 Chain the transforms
# In the functional API a layer is called with the output of the layer before it. A `keras.Model`
# is everything between its inputs and its outputs. This is the network:
#
# | layer | output |
# |---|---|
# | pixels, scaled to -1..1 (given) | 32x32x3 |
# | 12 filters of 5x5, ReLU | 28x28x12 |
# | max pooling 2x2 | 14x14x12 |
# | 24 filters of 3x3, ReLU | 12x12x24 |
# | max pooling 2x2 | 6x6x24 |
# | all of it in one row | 864 |
# | dense, ReLU | 120 |
# | dense, ReLU | 60 |
# | dense: the logits | num_classes |
#
# **Predict:** which layer has the most weights?
# %%
def first_cnn(num_classes=10):
    """Return the uncompiled network of the table: pixels 0 to 255 in, logits out."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    # TODO 3.1: call one layer after the other; the last output becomes that of the model
    ### BEGIN SOLUTION
    for filters, size in ((12, 5), (24, 3)):
        x = layers.Conv2D(filters, size, activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for units in (120, 60):
        x = layers.Dense(units, activation="relu")(x)
    outputs = layers.Dense(num_classes)(x)
    return keras.Model(inputs, outputs)
    ### END SOLUTION


# %%
checks.first_cnn(first_cnn)
# %%
keras.utils.set_random_seed(0)
model = first_cnn()
model.summary(print_fn=print)


# %% [markdown]
# **Question 3.a** Where are most of the weights, and why there? Which rows of the summary would
# change for images of 64x64?
# ### BEGIN SOLUTION
# In the first dense layer: each of its 120 units has a weight for each of the 864 numbers that
# the poolings have left. The convolutions have weights only for the pixels and channels of their
# kernels. For images of 64x64, all outputs up to the row of numbers grow, but only the first
# dense layer gets more weights.
# ### END SOLUTION
# %% [markdown]
# ## 3.2 Compile and fit
# `compile` says how to train: by which optimizer, to make which loss small, and what else to
# count. The labels are numbers of classes (*sparse*), and the network returns logits. The
# cross-entropy turns them into probabilities by a softmax; an image's loss is -log p, p the
# probability of its class.
#
# **Predict:** what is the loss of a network that has learned nothing about ten classes?
# %%
def compile_model(model, learning_rate):
    """Compile the model: Adam, cross-entropy of logits and class numbers, metric "accuracy"."""
    # TODO 3.2: model.compile with an optimizer, a loss and a list of metrics
    ### BEGIN SOLUTION
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    ### END SOLUTION


# %%
checks.compile_model(compile_model)
# %%
compile_model(model, 2e-3)
loss, accuracy = model.evaluate(validation.images, validation.labels, verbose=0)
print(f"before training: loss {loss:.2f}, accuracy {accuracy:.1%}; log(10) = {np.log(10):.2f}")


# %%
def fit(model, epochs=EPOCHS):
    """Train, and return loss and accuracy of each epoch, on training and validation images."""
    return model.fit(
        images,
        labels,
        batch_size=64,
        epochs=epochs,
        validation_data=(validation.images, validation.labels),
        verbose=0,
    ).history


history = fit(model)
rows = [
    {"epoch": number, **{name: values[number - 1] for name, values in history.items()}}
    for number in range(1, EPOCHS + 1)
]
for row in rows:
    print(
        f"epoch {row['epoch']:2}: loss {row['loss']:.2f}, accuracy {row['accuracy']:.1%}, "
        f"on validation images {row['val_loss']:.2f}, {row['val_accuracy']:.1%}"
    )
show(
    plots.curves(rows, f"The first CNN on {DATASET}", panels=("loss", "accuracy")),
    "ex03_training",
)
# %% [markdown]
# Look at both panels: where do the two curves part, and does the validation loss still fall at the
# end? A network that continues to improve only on the training images *overfits*; lesson 9 helps.
#
# ## A failure to explain
# The same network, compiled as is often done: the loss is a word. Keras does not complain.
#
# **Predict:** how does it train?
# %%
keras.utils.set_random_seed(0)
by_a_word = first_cnn()
by_a_word.compile(
    keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
accuracies = {
    "from_logits=True": history["accuracy"],
    '"sparse_categorical_crossentropy"': fit(by_a_word, epochs=4)["accuracy"],
}
for name, values in accuracies.items():
    print(f"{name:34} training accuracy after 4 epochs {values[3]:.1%}")
show(
    lines(accuracies, "epoch", "training accuracy", f"One network and two losses on {DATASET}"),
    "ex03_losses",
)


# %% [markdown]
# **Question 3.b** The word stands for the loss with `from_logits=False`: it takes what the network
# returns for probabilities. What can it do with numbers below 0 and above 1, and what is the
# gradient there? Name two ways to fix it.
# ### BEGIN SOLUTION
# On TensorFlow it clips them to the range of a probability. A clipped number stays the same when
# the logit changes a little, so its gradient is zero: if the logit of the right class lies below 0,
# nothing pushes it up. Either tell the loss, by `from_logits=True`, or end the network with a
# softmax, so that it returns probabilities.
# ### END SOLUTION
# %% [markdown]
# ## 3.3 Which class for which
# The accuracy is one number. A confusion matrix has a row for each true class and a column for each
# predicted one, and counts images.
# %%
def confusion_matrix(labels, predictions, num_classes):
    """Return how many images of each class (rows) were taken for which class (columns).

    labels, predictions: class numbers from 0 to num_classes - 1, both (n,). Returns an array
    (num_classes, num_classes).
    """
    # TODO 3.3: count each pair of a label and a prediction
    ### BEGIN SOLUTION
    matrix = np.zeros((num_classes, num_classes), int)
    for label, prediction in zip(labels, predictions, strict=True):
        matrix[label, prediction] += 1
    return matrix
    ### END SOLUTION


# %%
checks.confusion_matrix(confusion_matrix)
# %%
predictions = model.predict(validation.images, verbose=0).argmax(axis=-1)
matrix = confusion_matrix(validation.labels, predictions, 10)
print(f"accuracy, from the diagonal: {np.trace(matrix) / matrix.sum():.1%}")
mistakes = matrix - np.diag(np.diag(matrix))
for place in np.argsort(-mistakes, axis=None)[:5]:
    true, taken = divmod(int(place), 10)
    print(
        f"{splits.class_names[true]:12} taken for {splits.class_names[taken]:12} "
        f"{mistakes[true, taken]:3} times, the other way {mistakes[taken, true]:3} times"
    )
show(
    plots.confusion(matrix, splits.class_names, f"The first CNN on {DATASET}, validation images"),
    "ex03_confusion",
)


# %% [markdown]
# **Question 3.c** Some pairs of classes are confused in both directions, others mostly in one. What
# does each of these cases tell you about the network? Which sums of the matrix do you compare to
# see whether it prefers a class?
# ### BEGIN SOLUTION
# In both directions: the network has nothing that tells the two apart. In one direction: it
# prefers one answer to the other. A row's sum is the number of images of the class, a column's sum
# how often the network gave that answer; a class whose column is larger than its row is preferred.
# ### END SOLUTION
# %% [markdown]
# ## 3.4 What the filters see
# The output of a convolution is a stack of images, one for each filter: bright where the filter
# responds. These are its *feature maps*. In the functional API a second model can end at any layer
# of the first; both share their weights. `model.get_layer(name)` finds a layer by its name.
# %%
def feature_maps(model, name, images):
    """Return the output of the layer of this name for the images, as numbers.

    images: pixels, as the model takes them. Returns (n, ...), the shape of that layer's output.
    """
    # TODO 3.4: a model from the same input to that layer's output, called with the images
    ### BEGIN SOLUTION
    until = keras.Model(model.input, model.get_layer(name).output)
    return keras.ops.convert_to_numpy(until(images))
    ### END SOLUTION


# %%
checks.feature_maps(feature_maps)
# %%
SHOWN = 6  # filters, and their maps
first = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
maps = feature_maps(model, first.name, validation.images[:3])
brightest = maps.max(axis=(0, 1, 2)) + 1e-6  # of each filter; some may respond to nothing
white = np.full((32, 32, 3), 255)
pictures = [white, *plots.filter_images(first.get_weights()[0])[:SHOWN]]
captions = ["", *(f"filter {number}" for number in range(1, SHOWN + 1))]
for image, label, of_image in zip(validation.images, validation.labels, maps, strict=False):
    pictures += [image, *np.moveaxis(255 * of_image / brightest, -1, 0)[:SHOWN, ..., None]]
    captions += [splits.class_names[label], *(f"map {number}" for number in range(1, SHOWN + 1))]
show(
    plots.grid(
        pictures,
        f"Filters of the first layer and their maps, {DATASET}",
        labels=captions,
        columns=SHOWN + 1,
    ),
    "ex03_maps",
)


# %% [markdown]
# ## 3.5 Images of any size
# The first dense layer binds the network to 32x32 pixels. This one takes images of any size: three
# times a convolution with 3x3 kernels, padding "same" and a ReLU, followed by max pooling 2x2, with
# 12, 24 and 48 filters. Of each map that is left only its mean goes to the logits.
#
# **Predict:** how many weights does it have, compared with the first network?
# %%
def any_size_cnn(num_classes=10):
    """Return the uncompiled network: pixels 0 to 255, scaled to -1..1 inside; logits out.

    Its input has the shape (None, None, 3): height and width are left open.
    """
    # TODO 3.5: three convolutions with their poolings, the mean of each map, the logits
    ### BEGIN SOLUTION
    inputs = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for filters in (12, 24, 48):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(num_classes)(x)
    return keras.Model(inputs, outputs)
    ### END SOLUTION


# %%
checks.any_size_cnn(any_size_cnn)
# %%
keras.utils.set_random_seed(0)
any_size = any_size_cnn()
compile_model(any_size, 4e-3)
models = {"first_cnn": model, "any_size_cnn": any_size}
reached = {
    "first_cnn": history["val_accuracy"][-1],
    "any_size_cnn": fit(any_size)["val_accuracy"][-1],
}
for name, accuracy in reached.items():
    print(f"{name:14} {models[name].count_params():8,} weights, validation accuracy {accuracy:.1%}")
# %% [markdown]
# The same validation images, with every pixel doubled or only every other pixel kept.
#
# **Predict:** at which sizes does each network recognize them?
# %%
large = validation.images.repeat(2, axis=1).repeat(2, axis=2)
sizes = {16: validation.images[:, ::2, ::2], 32: validation.images, 64: large}
for side in (16, 64):
    try:
        model(sizes[side][:1])
    except ValueError as error:
        print(f"first_cnn at {side}x{side}: {str(error).splitlines()[0]}")
at_size = []
for side, resized in sizes.items():
    at_size.append(any_size.evaluate(resized, validation.labels, verbose=0)[1])
    print(f"any_size_cnn at {side}x{side}: validation accuracy {at_size[-1]:.1%}")
show(
    lines(
        {"any_size_cnn, trained at 32x32": at_size},
        "height and width of the images (pixels)",
        "validation accuracy",
        f"One network for any size, on {DATASET}",
        at=list(sizes),
    ),
    "ex03_sizes",
)
# %% [markdown]
# **Question 3.d** The network computes an answer at every size, and is best at the one that it was
# trained with. Why does a convolution not help here, as it does when an image is shifted?
# ### BEGIN SOLUTION
# A kernel is moved over the image, so that a pattern is found wherever it is. It is not enlarged:
# of a shape twice as high and wide, a 3x3 kernel sees a quarter as much, and a pattern that the
# deeper layers know is spread over more places than they look at. Equivariance to shifts is built
# in, equivariance to scale has to be learned, from images of several sizes.
# ### END SOLUTION
# %% [markdown]
# ## The test set, once
# The validation images have chosen the better network. What is left is its one number on the test
# images, which have chosen nothing.
# %%
chosen = max(reached, key=reached.get)
_, accuracy = models[chosen].evaluate(splits.test.images, splits.test.labels, verbose=0)
print(f"{chosen}: accuracy on {len(splits.test.labels):,} test images {accuracy:.1%}")
# %% [markdown]
# ## Try next
# - Draw the maps of the second convolution. Can you still tell what is on the image?
# - Train `any_size_cnn` with half of the images doubled in size, one size in each batch.
# - Compare `first_cnn` with `simple_cnn` in `keras_course/models/simple_cnn.py`: what is added
#   there, and what does `kernel_initializer` change?
# - The README's table of `shapes` has a small CNN that was trained longer, on augmented images. How
#   many points lie between it and yours?
# - Set `DATASET = "cifar10"`. Which classes are mistaken for each other now?
