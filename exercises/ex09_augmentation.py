# %% [markdown]
# # 9 Augmentation
# Slides 42 to 45.
#
# Labelled images are expensive. A transformation that keeps the label turns each image that you
# have into new ones, different but valid. After this lesson you can
#
# - write the lecture's transformations, and a Keras layer of your own that draws for each image,
# - say what augmentation is worth with few images, and read it from the curves,
# - find out whether a transformation keeps the label, and what happens where it does not.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
import keras
import numpy as np
from keras import layers, ops

from keras_course import data, plots
from keras_course.lessons.checks import ex09_augmentation as checks
from keras_course.lessons.pictures import lines, show

DATASET = "shapes"  # or "cifar10", once it is prepared
PER_CLASS = 50  # training images of each class: few
EPOCHS = 60
keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
splits = data.load(DATASET)


# %% [markdown]
# ## 9.1 Flip
# Every image of a batch has its own draw: `flipped` says for each whether it is mirrored, left for
# right.
# %%
def flip(images, flipped):
    """Return the images, some of them mirrored: left becomes right.

    images: (n, height, width, channels), uint8. flipped: (n,), bool. Returns the same shape, uint8.
    """
    # TODO 9.1: mirror the images whose draw is True, and leave the others as they are
    raise NotImplementedError(
        "TODO 9.1: mirror the images whose draw is True, and leave the others as they are"
    )


# %%
checks.flip(flip)


# %% [markdown]
# ## 9.2 Color jitter
# The lighting says nothing about the class. Each image has a factor b for its brightness, and one
# for its contrast, c. With m the mean of the brightened image over all its pixels and channels:
#
# $$ x' = b \, x \qquad y = m + c \, (x' - m) $$
#
# Values below 0 or above 255 are set to the limit, once, at the end.
# %%
def color_jitter(images, brightness, contrast):
    """Return the images with other brightness and contrast.

    images: (n, height, width, channels), uint8. brightness, contrast: (n,), factors near 1. Returns
    the same shape, as floats from 0 to 255.
    """
    # TODO 9.2: multiply by brightness, scale the distance to the image's mean by contrast, clip
    raise NotImplementedError(
        "TODO 9.2: multiply by brightness, scale the distance to the image's mean by contrast, clip"
    )


# %%
checks.color_jitter(color_jitter)


# %% [markdown]
# ## 9.3 Quarter turns
# A turn by 90 degrees changes the places of the pixels, and nothing else. Any other angle has to
# interpolate, and to invent the corners.
# %%
def rotate90(images, turns):
    """Return each image turned counterclockwise by its own number of quarter turns.

    images: (n, side, side, channels). turns: (n,), whole numbers from 0 to 3. Returns the same
    shape and type.
    """
    # TODO 9.3: turn each image by its own number; np.rot90 turns all it is given by the same
    raise NotImplementedError(
        "TODO 9.3: turn each image by its own number; np.rot90 turns all it is given by the same"
    )


# %%
checks.rotate90(rotate90)
# %%
chosen = splits.train.images[:8]
rows = {
    "original": chosen,
    "flip": flip(chosen, random.random(8) < 0.5),
    "jitter": color_jitter(chosen, random.uniform(0.6, 1.4, 8), random.uniform(0.6, 1.4, 8)),
    "turn": rotate90(chosen, random.integers(0, 4, 8)),
}
show(
    plots.grid(
        [image for row in rows.values() for image in row],
        f"Images of {DATASET}, with a draw of its own for each",
        row_names=list(rows),
        columns=8,
    ),
    "ex09_transformations",
)


# %% [markdown]
# ## 9.4 A layer of your own
# Keras has layers for this: `RandomFlip`, `RandomBrightness`, `RandomContrast`. They come before
# the network, draw again in every step, and do nothing in inference. (`RandomBrightness` adds a
# number where 9.2 multiplies, `RandomContrast` uses one mean per channel.) To shift, Keras has
# `RandomTranslation`, by fractions of a pixel, which blurs. Yours shifts each image by a whole
# number of pixels, down and to the right.
#
# While `fit` compiles the training step, TensorFlow does not know yet how many images a batch has:
# `images.shape[0]` is None. `ops.shape(images)[0]` is the number when it is known.
# `keras.random.randint` draws below `maxval`, and never that number itself.
# %%
def shifted(images, down, right):
    """Shift each image by its own numbers of pixels, (n,) each; the pixels at the edge repeat."""
    _, height, width, _ = images.shape
    rows = ops.clip(ops.subtract(ops.arange(height), down[:, None]), 0, height - 1)
    columns = ops.clip(ops.subtract(ops.arange(width), right[:, None]), 0, width - 1)
    images = ops.take_along_axis(images, rows[:, :, None, None], axis=1)
    return ops.take_along_axis(images, columns[:, None, :, None], axis=2)


# %%
class RandomShift(layers.Layer):
    """Shifts each image by -pixels to pixels, down and to the right, only in training."""

    def __init__(self, pixels=4, **options):
        super().__init__(**options)
        self.pixels = pixels
        self.generator = keras.random.SeedGenerator()  # counts on: other numbers at every call

    def call(self, images, training=None):
        # TODO 9.4: in training draw `down` and `right` for each image; return it `shifted`
        raise NotImplementedError(
            "TODO 9.4: in training draw `down` and `right` for each image; return it `shifted`"
        )


# %%
checks.RandomShift(RandomShift)
# %% [markdown]
# **Predict:** a batch holds the same image 64 times. How many different images come out of your
# layer, and how many out of Keras' `RandomCrop`?
# %%
equal = np.repeat(splits.train.images[:1], 64, axis=0).astype("float32")
for layer in (RandomShift(4), layers.RandomCrop(28, 28)):
    results = np.array(layer(equal, training=True)).reshape(64, -1)
    print(f"{type(layer).__name__:12} {len(np.unique(results, axis=0))} different images")


# %% [markdown]
# Of 64 draws among 81 shifts some are equal.
#
# **Question 9.a** A layer that draws once for a whole batch gives one image here. What is lost, if
# the next batch gets another draw? And what would be left of the augmentation if every epoch
# repeated the draws of the first?
# *Your answer.*
# %% [markdown]
# ## Few images
# The same small network learns from `PER_CLASS` images of each class, three times: as they are,
# with flip, shift and jitter, and with all that and half of the images upside down. The layers
# come before the network; `network` itself, which you would continue to use, has none of them.
#
# **Predict:** which of the three has the highest accuracy on its training images, and which on the
# validation images?
# %%
def network(outputs):
    """Return a convolutional network: pixels 0 to 255 in, logits out."""
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, offset=-1)])
    for filters in (16, 32, 64, 64):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9, epsilon=1e-5))
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(outputs))
    return model


def train(model, images, labels, validation, epochs, validation_freq=1):
    """Train the model and return its history."""
    model.compile(
        keras.optimizers.Adam(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model.fit(
        images,
        labels,
        batch_size=50,
        epochs=epochs,
        validation_data=validation,
        validation_freq=validation_freq,
        verbose=0,
    ).history


# %%
few = np.concatenate(
    [
        np.flatnonzero(splits.train.labels == label)[:PER_CLASS]
        for label in range(len(splits.class_names))
    ]
)
jitter = [layers.RandomBrightness(0.2), layers.RandomContrast(0.2)]
augmentations = {
    "none": [],
    "flip, shift, jitter": [layers.RandomFlip("horizontal"), RandomShift(4), *jitter],
    "and upside down": [
        layers.RandomFlip("horizontal"),
        layers.RandomFlip("vertical"),  # "horizontal_and_vertical" draws once for both
        RandomShift(4),
        *jitter,
    ],
}
curves = {}
print("                      accuracy in training, the last five epochs   in validation, the last")
for name, augmentation in augmentations.items():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), *augmentation, network(len(splits.class_names))]
    )
    history = train(
        model, splits.train.images[few], splits.train.labels[few], splits.validation, EPOCHS, 5
    )
    curves[f"{name}: training"] = history["accuracy"][4::5]
    curves[f"{name}: validation"] = history["val_accuracy"]
    in_training = np.mean(history["accuracy"][-5:])
    print(f"{name:20} {in_training:16.1%} {history['val_accuracy'][-1]:18.1%}")
figure = lines(
    curves,
    "epoch",
    "accuracy",
    f"{DATASET}, {PER_CLASS} training images of each class",
    at=range(5, EPOCHS + 1, 5),
)
show(figure, "ex09_few_images")
# %% [markdown]
# **Question 9.b** With augmentation the training accuracy is lower. Is that a fault? How can you
# see from the curves whether more epochs would help?
# *Your answer.*
# %% [markdown]
# **Question 9.c** An image upside down keeps its label. Then why may it be of no use for these
# images? Name images for which it is a good augmentation.
# *Your answer.*
# %% [markdown]
# ## A failure to explain
# Another task with the same images: by how many quarter turns has an image been turned? Every
# image comes in all four. Of `shapes`, only arrow and drop take part. After some turns, the
# others look the same (up to their small random tilt) or like another image: a heart upside down
# like a drop, a moon like its mirror image. A flip has been good so far, so a flipped copy of
# each image joins the training.
#
# **Predict:** what will the network confuse?
# %%
WITHOUT_DIRECTION = ("circle", "ring", "moon", "heart", "square", "triangle", "star", "cross")


def turned_images(split, most=1800):
    """Return images in all four directions, and by how many quarter turns they are turned."""
    directed = np.array([name not in WITHOUT_DIRECTION for name in splits.class_names])
    images = split.images[directed[split.labels]][:most]
    turns = np.repeat(np.arange(4), len(images))
    return rotate90(np.tile(images, (4, 1, 1, 1)), turns), turns


def confused(model, validation):
    """Return how many images with each number of turns were taken for which number."""
    images, turns = validation
    matrix = np.zeros((4, 4), int)
    np.add.at(matrix, (turns, model.predict(images, verbose=0).argmax(axis=-1)), 1)
    return matrix


# %%
images, turns = turned_images(splits.train)
validation = turned_images(splits.validation)
mirrored = flip(images, np.full(len(images), True))
tasks = {
    "no flips": (images, turns, 4),
    "flips, same label": (np.concatenate([images, mirrored]), np.concatenate([turns, turns]), 2),
}
matrices = {}
for name, (of_task, labels, epochs) in tasks.items():
    keras.utils.set_random_seed(0)
    model = network(4)
    train(model, of_task, labels, validation, epochs)
    matrices[name] = confused(model, validation)
    print(f"{name:20} validation accuracy {np.trace(matrices[name]) / matrices[name].sum():.1%}")
DEGREES = [f"{90 * turns} degrees" for turns in range(4)]
show(
    plots.confusion(
        matrices["flips, same label"], DEGREES, f"Turned images of {DATASET}, trained with flips"
    ),
    "ex09_broken_label",
)
# %% [markdown]
# **Question 9.d** Which classes does the network confuse, and which not? Why did the same flip do
# no harm to the names of the shapes?
# *Your answer.*


# %% [markdown]
# ## 9.5 The label that belongs to it
# The flip need not be given up. It changes the label in a way that is known, so change the label
# with it.
# %%
def turns_after_flip(turns, flipped):
    """Return by how many quarter turns images count as turned after `flip(images, flipped)`.

    turns: (n,), whole numbers from 0 to 3, counterclockwise. flipped: (n,), bool. A mirrored image
    that was not turned counts as not turned. Returns (n,), whole numbers from 0 to 3.
    """
    # TODO 9.5: find out what a flip does to each of the four, and do it where `flipped` is True
    raise NotImplementedError(
        "TODO 9.5: find out what a flip does to each of the four, and do it where `flipped` is True"
    )


# %%
checks.turns_after_flip(turns_after_flip)
# %%
name = "flips, label changed"
keras.utils.set_random_seed(0)
model = network(4)
of_mirrored = turns_after_flip(turns, np.full(len(turns), True))
labels = np.concatenate([turns, of_mirrored])
train(model, np.concatenate([images, mirrored]), labels, validation, 2)
matrices[name] = confused(model, validation)
print("validation accuracy        all   turned by 0 or 180   by 90 or 270")
for name, matrix in matrices.items():
    right, of_class = matrix.diagonal(), matrix.sum(axis=1)
    upright, lying = (right[part].sum() / of_class[part].sum() for part in ([0, 2], [1, 3]))
    print(f"{name:22} {right.sum() / matrix.sum():7.1%} {upright:20.1%} {lying:14.1%}")
show(
    plots.confusion(matrix, DEGREES, f"Turned images of {DATASET}, flips with their labels"),
    "ex09_right_label",
)
# %% [markdown]
# ## Try next
# - Set `PER_CLASS = 400`, and `EPOCHS = 10`. What is augmentation worth now?
# - Leave out shift, flip or jitter, one at a time. Which of them does most?
# - Draw the labels of `shapes` at random for a tenth of the images. Does augmentation help against
#   that?
# - The README's table of `shapes` has a small CNN with 1,000 images, augmented and not. Is the gain
#   as large as yours?
# - Set `DATASET = "cifar10"`. What do images upside down do to the accuracy there?
