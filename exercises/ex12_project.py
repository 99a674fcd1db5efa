# %% [markdown]
# # 12 DL architectures on CIFAR
# Slides 50 and 54.
#
# The whole way, once: choose an architecture, search its learning rate, train it, test it, export
# it, hand it in; on the drawn images of `shapes`, or on CIFAR-10 with `DATASET = "cifar10"`. What
# counts is that the number at the end can be believed. After this lesson you can
#
# - say what each part of the best practice is worth here, and why that is not the last word,
# - choose on validation images, and say why the test set is opened once,
# - say how sure an accuracy is, and whether two of them differ,
# - use a trained network where Keras is not installed, and hand it in.
#
# Here the package does what the earlier lessons did by hand. Each line has its command, too:
# `keras-course train`, `tune`, `test`, `export`, `report`.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_course import data, training
from keras_course.export import export
from keras_course.lessons.checks import ex12_project as checks
from keras_course.lessons.pictures import show, with_margins
from keras_course.recipes import RECIPES
from keras_course.report import report
from keras_course.search.tune import tune

DATASET = "shapes"  # or "cifar10", once it is prepared
IMAGES, EPOCHS = 4_500, 2  # for each candidate; the one that is chosen gets all images
CANDIDATES = ("simple_cnn", "fastnet16", "resnet20")
RUNS = Path("runs", f"{DATASET}-{IMAGES}x{EPOCHS}")  # other settings, other folders
splits = data.load(DATASET)
few = splits._replace(train=type(splits.train)(*(part[:IMAGES] for part in splits.train)))
# %% [markdown]
# ## 12.1 Choose
# Every candidate sees the same images equally often, few times, at the same learning rate. Some
# would want more time, or another rate (lesson 8): in the time that a class has, this choice is a
# quick one, not a fair one. `fastnet16` is made for so little time: few wide convolutions on small
# maps, and before them one whose filters are computed from the images, not trained
# (`models/fastnet.py`).
#
# **Predict:** which of the three will be ahead?
# %%
results = {}
for name in CANDIDATES:
    recipe = replace(
        RECIPES["timed"], dataset=DATASET, model=name, learning_rate=3e-3, epochs=EPOCHS
    )
    run = training.fit(recipe, RUNS / f"candidate-{name}", splits=few)
    results[name] = {
        "training": run.history[-1]["accuracy"],
        "validation": [row["val_accuracy"] for row in run.history],
        "parameters": run.metrics["parameters"],
    }
    epochs = ", ".join(f"{share:.1%}" for share in results[name]["validation"])
    print(f"{name:12} validation accuracy of the epochs {epochs}")


# %%
def choose(results):
    """Return the name of the candidate to continue with.

    results: for each name a dictionary with "training", the last accuracy on the training images,
    "validation", a list with the validation accuracy of each epoch, and "parameters". A run keeps
    the weights of its best epoch. Of candidates that are equally good, take the smallest.
    """
    # TODO 12.1: the highest validation accuracy that a candidate has reached in any epoch
    raise NotImplementedError(
        "TODO 12.1: the highest validation accuracy that a candidate has reached in any epoch"
    )


# %%
checks.choose(choose)
# %%
chosen = choose(results)
print(f"chosen: {chosen}")
# %% [markdown]
# ## The recipe, taken apart
# Slide 50 sums the course up: Adam, normalization, good augmentation, a validation metric to
# watch, an end in time. `RECIPES["timed"]` has all of that except the early end. Its rate falls
# to zero along a cosine, as so few epochs are too short for a plateau to be noticed, and the last
# epochs, at the lowest rates, are worth most. (The slide adds that a schedule can help but is not
# necessary, and that the batch size decides on the normalization, as in lesson 10. Two epochs can
# test neither that nor an early end.) What is each part worth? Take out one at a time; the first
# row is the candidate of 12.1. SGD gets a rate of its own (lesson 8).
#
# **Predict:** which part is missed most after so few epochs?
# %%
whole = replace(
    RECIPES["timed"], dataset=DATASET, model="fastnet16", learning_rate=3e-3, epochs=EPOCHS
)
for part in ("optimizer", "schedule", "normalization", "augmentation", "monitor", "patience"):
    print(f"{part:14} {getattr(whole, part)}")
changed = {
    "SGD in place of Adam": replace(whole, optimizer="sgd", learning_rate=0.1),
    "no normalization": replace(whole, normalization="none"),
    "no augmentation": replace(whole, augmentation="none"),
}
print(f"{'all of it':20} validation accuracy {max(results['fastnet16']['validation']):.1%}")
for number, (name, recipe) in enumerate(changed.items()):
    run = training.fit(recipe, RUNS / f"changed-{number}", splits=few)
    print(f"{name:20} validation accuracy {run.metrics['validation']['accuracy']:.1%}")
# %% [markdown]
# **Question 12.a** Which of these differences do you believe? What would have to change before the
# table says what each part is worth in a training of fifty epochs?
# *Your answer.*
# %% [markdown]
# ## The learning rate
# A short search, uphill from the middle of the band that a range test finds (lesson 7). Its
# trials differ only in the rate. Each is so short that only large differences between them count;
# and if the best rate is the lowest or the highest that was tried, the search was too short to
# find the best one (lesson 8).
# %%
recipe = replace(RECIPES["timed"], dataset=DATASET, model=chosen, epochs=EPOCHS)
found = tune(
    recipe, RUNS / f"search-{chosen}", trials=3, steps=100, range_test_steps=80, splits=splits
)
print(found.text())
# %%
recipe = replace(recipe, learning_rate=found.best_learning_rate)
run = training.fit(recipe, RUNS / f"project-{chosen}", splits=splits)
print(f"validation accuracy {run.metrics['validation']['accuracy']:.1%}")


# %% [markdown]
# ## 12.2 The test set, once
# The network answers in batches, and the last batch is smaller than the others.
# %%
def accuracy(batches):
    """Return the share of all images whose class is right.

    batches: pairs (labels, probabilities), of shapes (n,) and (n, classes). n differs.
    """
    # TODO 12.2: the class with the highest probability is the answer; count over all batches
    raise NotImplementedError(
        "TODO 12.2: the class with the highest probability is the answer; count over all batches"
    )


# %%
checks.accuracy(accuracy)
# %%
run = training.test(run, splits=splits)
tested = np.load(run.folder / "test_predictions.npz")
starts = range(0, len(tested["labels"]), 300)
batches = [
    (tested["labels"][start : start + 300], tested["probabilities"][start : start + 300])
    for start in starts
]
print(f"{accuracy(batches):.2%}; the run says {run.metrics['test']['accuracy']:.2%}")


# %% [markdown]
# **Question 12.b** Call `training.test` again. What does it do, and why does it not simply test
# again?
# *Your answer.*
# %% [markdown]
# ## 12.3 How sure is that number?
# With other test images it would have been another number. If each of n images is right with
# probability p, the share of right ones varies by the standard deviation
#
# $$ \sqrt{p \, (1 - p) / n} $$
#
# and lies within 1.96 standard deviations of p in 95 of 100 cases. p is not known: put the measured
# accuracy in its place.
# %%
def margin(accuracy, images):
    """Return half the width of the 95 % interval around an accuracy (0 to 1) of so many images."""
    # TODO 12.3: 1.96 standard deviations
    raise NotImplementedError("TODO 12.3: 1.96 standard deviations")


# %%
checks.margin(margin)
# %% [markdown]
# ## A failure to explain
# Five hundred networks that have learned nothing at all guess the class of the same 200 images. The
# best of them is chosen by those images, and then looked at with 200 others.
#
# **Predict:** which accuracy does the best of them reach on the first images?
# %%
random = np.random.default_rng(0)
guesses = random.integers(0, 10, (500, 400)) == random.integers(0, 10, 400)
best = guesses[:, :200].mean(axis=1).argmax()
first, second = guesses[best, :200].mean(), guesses[best, 200:].mean()
print(f"the best of 500: {first:.1%} of the images that chose it, {second:.1%} of the others")
print(f"margin for one network and 200 images: {margin(0.1, 200):.1%}")
# %% [markdown]
# **Question 12.c** The first number lies outside of 10 % and its margin. What is wrong, the margin
# or the number? Which of your own numbers in this lesson has the same fault?
# *Your answer.*
# %% [markdown]
# ## 12.4 Where Keras is not installed
# The export is a SavedModel: it needs only TensorFlow, also in C++ or Java. Once it is loaded,
# `model.serve` takes a batch of images, pixels of 0 to 255, and returns class probabilities;
# `model.class_names()` returns the names of the classes, as bytes. Both results are TensorFlow
# tensors: `.numpy()` turns them into arrays.
# %%
exported = export(run, splits=splits)
print(exported)


# %%
def classify(folder, image):
    """Return the name of an image's class, as a str, and its probability.

    folder: of a SavedModel. image: (height, width, channels), uint8.
    """
    import tensorflow as tf

    # TODO 12.4: load the model with tf.saved_model.load, and call `serve` with a batch of one
    raise NotImplementedError(
        "TODO 12.4: load the model with tf.saved_model.load, and call `serve` with a batch of one"
    )


# %%
checks.classify(classify)
# %%
for image, label in zip(splits.test.images[:5], splits.test.labels[:5], strict=True):
    name, probability = classify(run.folder / "saved_model", image)
    print(f"{splits.class_names[label]:12} taken for {name:12} {probability:.0%}")
# %% [markdown]
# ## Hand in
# The report is one page with all of it. The command that is printed makes the zip, in the folder
# in which this lesson ran; it needs the name of your notebook or script.
# %%
print(report(run, splits=splits))
mine = globals().get("__file__", "ex12_project.ipynb")
print(f'keras-course handin {run.folder} "{mine}" --output my-name.zip')
shares = {
    **{name: (max(results[name]["validation"]), len(splits.validation.labels)) for name in results},
    f"{chosen}, rate tuned: test": (run.metrics["test"]["accuracy"], len(splits.test.labels)),
}
show(
    with_margins(
        {name: (share, margin(share, images)) for name, (share, images) in shares.items()},
        "accuracy, with its 95 % interval",
        f"Validation of the candidates, and the test, on {DATASET}",
    ),
    "ex12_accuracies",
)
# %% [markdown]
# **Question 12.d** Which of the bars in the picture differ by more than chance? What would it take
# to tell the others apart?
# *Your answer.*
# %% [markdown]
# ## Try next
# - Find the place of your test accuracy in the README's table of `shapes`. What have its neighbours
#   had more?
# - Set `DATASET = "cifar10"`, all images and ten epochs. Has the order of the candidates changed?
# - Add an architecture of your own to `models.CLASSIFIERS`, and prove it with
#   `keras_course.testing.check_builder`.
# - Train the chosen network with three seeds. Is the margin of 12.3 larger or smaller than their
#   spread?
