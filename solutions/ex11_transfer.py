# %% [markdown]
# # 11 Pretraining, early stopping, dropout; other tasks
# Slides 27 and 47 to 49.
#
# Labelled images are expensive, and a network that has few of them soon knows them by heart. Three
# remedies: begin with what was learned elsewhere, stop in time, and make learning by heart harder.
# What was learned can serve another task, too. After this lesson you can
#
# - put a new head on a pretrained body, freeze the body, and fine-tune it without destroying it,
# - see over-fitting in the curves, keep the best epoch, and say what dropout does,
# - turn a classification network into one that gives each pixel a class, and measure how well.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
import keras
import numpy as np
from keras import layers
from keras.callbacks import EarlyStopping

from keras_course import data, mask_plots
from keras_course.data import masks
from keras_course.lessons.checks import ex11_transfer as checks
from keras_course.lessons.pictures import lines, show, with_margins

DATASET = "shapes"  # or "cifar10", once it is prepared
OLD, NEW = 6, 4  # the first classes have many images; the last ones are the new task
PER_CLASS = 20  # labelled images of a new class
splits = data.load(DATASET)


# %%
def of_classes(split, first, last, most=None):
    """Return images and labels of classes `first` to `last` - 1, at most `most` of each class.

    The labels begin with 0 again.
    """
    chosen = np.concatenate(
        [np.flatnonzero(split.labels == label)[:most] for label in range(first, last)]
    )
    return split.images[chosen], split.labels[chosen] - first


def new_body():
    """Return a network without a head: pixels 0 to 255 in, 64 features out."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for number, filters in enumerate((16, 32, 64, 64)):
        if number:
            x = layers.MaxPooling2D(2)(x)
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        x = layers.ReLU(name=f"map{number}")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


def train(model, training, rate, epochs, batch_size=16, validation=None, callbacks=()):
    """Compile and train the model on images and labels, and return its history."""
    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model.fit(
        *training,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=validation,
        callbacks=list(callbacks),
        verbose=0,
    ).history


# %% [markdown]
# ## Pretraining
# The first classes of the data set play the part of ImageNet, on which most networks that others
# start from were trained: there are many images of them. The closer those images are to yours,
# the more of the body can be used.
# %%
old_validation = of_classes(splits.validation, 0, OLD)
new_validation = of_classes(splits.validation, OLD, OLD + NEW)
few = of_classes(splits.train, OLD, OLD + NEW, most=PER_CLASS)
keras.utils.set_random_seed(0)
body = new_body()
old_network = keras.Sequential([body, layers.Dense(OLD)])
train(old_network, of_classes(splits.train, 0, OLD, most=900), 2e-3, 8, batch_size=64)
pretrained = body.get_weights()
print("old classes:", ", ".join(splits.class_names[:OLD]))
print("new classes:", ", ".join(splits.class_names[OLD : OLD + NEW]))
print(f"{old_network.evaluate(*old_validation, verbose=0)[1]:.1%} of the old ones are right")


# %% [markdown]
# ## 11.1 A new head on a frozen body
# The old head knows the old classes only. A new one, a fully connected layer, takes its place. The
# body is frozen: no step changes its weights.
#
# BatchNormalization needs a second look. It also has statistics, which move without any gradient
# (lesson 10). In training mode it would normalize with those of the few new images, and the body
# would compute something else than it has learned. A BatchNormalization *layer* with
# `trainable=False` is in inference mode, always; other layers, like Dropout, do not care. Freezing
# only its weights does not have that effect.
# %%
def with_new_head(body, num_classes):
    """Return a network that gives logits from the features of the frozen body.

    body: a keras.Model from images to features, which keeps using its own weights. The network
    computes the same in training as in inference.
    """
    # TODO 11.1: freeze the body, and put a Dense layer on its features
    ### BEGIN SOLUTION
    body.trainable = False
    inputs = keras.Input(body.input_shape[1:])
    return keras.Model(inputs, layers.Dense(num_classes)(body(inputs)))
    ### END SOLUTION


# %%
checks.with_new_head(with_new_head)
# %% [markdown]
# Now `PER_CLASS` images of each new class, three times: a network from scratch, a head on the
# frozen body, and after that all layers, at a low rate (fine-tuning). The old head still stands on
# the same body, so we can ask for the old classes, too.
#
# Three traps. Keras builds the training step once after `compile`: change `trainable` after that,
# and nothing happens until you compile again, as `train` does. `network.trainable = True` does
# not unfreeze the body: the network's flag is True already, so Keras on TensorFlow does not pass
# it on. And many guides keep BatchNormalization in inference mode by
# `body(inputs, training=False)`, but `fit` overrules that. So `unfreeze` leaves these layers
# frozen.
#
# **Predict:** order the three by their accuracy on validation images of the new classes.
# %%
HEAD_RATE, FINE_RATE = 1e-2, 3e-4


def unfreeze(body):
    """Let the body learn again, all but its BatchNormalization."""
    body.trainable = True
    for layer in body.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)


def accuracy(network, images, labels):
    return np.mean(network.predict(images, verbose=0).argmax(axis=-1) == labels)


def report(name, network):
    """Print accuracies and how much of the network is trained; return that of the new classes."""
    trained = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    new = accuracy(network, *new_validation)
    shared = {id(weight) for weight in body.weights} <= {id(weight) for weight in network.weights}
    old = f"{accuracy(old_network, *old_validation):.1%}" if shared else "-"
    print(f"{name:27} {new:11.1%} {old:>10} {trained:10,} of {network.count_params():,}")
    return new


# %%
accuracies = {}
print("validation accuracy         new classes   old ones   trained weights")
keras.utils.set_random_seed(0)
network = keras.Sequential([new_body(), layers.Dense(NEW)])
train(network, few, 1e-3, 60)
accuracies["from scratch"] = report("from scratch", network)

network = with_new_head(body, NEW)
train(network, few, HEAD_RATE, 40)
accuracies["new head"] = report("new head, frozen body", network)

unfreeze(body)
train(network, few, FINE_RATE, 20)
accuracies["new head, then fine-tuned"] = report("new head, then fine-tuned", network)
# %% [markdown]
# ## A failure to explain
# A colleague finds two trainings tedious. She puts on the new head, unfreezes the body at once, and
# trains everything at the rate that has been good for the head. The bars in the picture say how far
# an accuracy may lie off because there are only so many validation images; lesson 12 explains them.
#
# **Predict:** what does that do to the new classes, and what to the old ones?
# %%
body.set_weights(pretrained)
keras.utils.set_random_seed(0)
network = with_new_head(body, NEW)
unfreeze(body)
train(network, few, HEAD_RATE, 60)
accuracies["all at once, high rate"] = report("all at once, high rate", network)
body.set_weights(pretrained)
margins = {
    name: (share, 2 * np.sqrt(share * (1 - share) / len(new_validation[1])))
    for name, share in accuracies.items()
}
show(
    with_margins(
        margins,
        "validation accuracy, with two standard errors",
        f"{NEW} classes of {DATASET}, {PER_CLASS} training images each",
    ),
    "ex11_transfer",
)


# %% [markdown]
# **Question 11.a** What has happened to the body? Name two things that fine-tuning, as we did it
# before, does differently, and what each is good for.
# ### BEGIN SOLUTION
# It has forgotten what it had learned: see the column of the old classes, whose head is the same.
# Adam moves each weight by about the rate in a step, so a few steps at this rate are as large as
# the weights. Fine-tuning trains the head first. Random weights in the head send gradients into the
# body that mean nothing; once the head is good, what reaches the body is useful. And it has a low
# rate: enough to adapt, too little to leave what was learned.
# ### END SOLUTION
# %% [markdown]
# ## Over-fitting
# A fully connected network, `FEW_PER_CLASS` images of each class, many epochs. Its dropout comes
# later; with a rate of 0 it does nothing.
#
# **Predict:** what do the losses of training and validation do, and where do they part?
# %%
FEW_PER_CLASS, EPOCHS = 50, 40


def mlp(rate):
    """Return a fully connected network that drops this share of its units in training."""
    keras.utils.set_random_seed(0)  # the same first weights at each call
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(512, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(OLD + NEW),
        ]
    )


def fit_mlp(model, callbacks=()):
    return train(model, few_of_all, 5e-4, EPOCHS, 64, splits.validation, callbacks)


# %%
few_of_all = of_classes(splits.train, 0, OLD + NEW, most=FEW_PER_CLASS)
history = fit_mlp(mlp(0.0))
losses = {"training": history["loss"], "validation": history["val_loss"]}
show(lines(losses, "epoch", "loss", f"Over-fitting on {DATASET}"), "ex11_overfitting")


# %% [markdown]
# ## 11.2 When to stop, what to keep
# Early stopping waits: when `patience` epochs in a row have not been below the lowest validation
# loss so far, the last of them is the last epoch. What should be kept is the epoch of that lowest
# loss.
# %%
def best_epoch(losses, patience):
    """Return the epoch to keep, and the last epoch that is trained; the first one is 0.

    losses: the validation loss of each epoch, as if training had never been stopped. If patience
    never runs out, the last epoch is that of the last loss. A loss that equals the lowest so far
    is not below it.
    """
    # TODO 11.2: remember the lowest loss, and count the epochs without a lower one
    ### BEGIN SOLUTION
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best == patience:
            break
    return best, epoch
    ### END SOLUTION


# %%
checks.best_epoch(best_epoch)
# %%
val_loss = history["val_loss"]
for patience in (1, 3, 10, EPOCHS):
    keep, stop = best_epoch(val_loss, patience)
    print(
        f"patience {patience:2}: ends with epoch {stop + 1:2}, loss {val_loss[stop]:.3f}; "
        f"keeps epoch {keep + 1:2}, loss {val_loss[keep]:.3f}"
    )


# %% [markdown]
# ## 11.3 Really keep it
# A callback sees the network, `self.model`, at the end of each epoch. `logs` has the measured
# numbers, like `logs["val_loss"]`. That may be nan, which is not below anything, and nothing is
# below it.
# %%
class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the lowest validation loss; `restore` brings them back.

    While the network is trained, its weights stay as they are.
    """

    def __init__(self):
        super().__init__()
        self.lowest = np.inf
        self.weights = None

    def on_epoch_end(self, epoch, logs=None):
        # TODO 11.3: where the loss is below the lowest so far, keep the loss and the weights
        ### BEGIN SOLUTION
        if logs["val_loss"] < self.lowest:
            self.lowest = logs["val_loss"]
            self.weights = self.model.get_weights()
        ### END SOLUTION

    def restore(self):
        self.model.set_weights(self.weights)


# %%
checks.BestWeights(BestWeights)
# %% [markdown]
# Keras has `EarlyStopping`. Four trainings of the same network differ in how they end. The
# interruption stands for Ctrl-C, a full disk, or a cluster whose time is up.
#
# **Predict:** which of them leave a network with the lowest validation loss?
# %%
PATIENCE = 5


def interrupt(last):
    """Return a callback that ends the training as Ctrl-C does, after this epoch."""

    def on_epoch_end(epoch, logs):
        if epoch == last:
            raise KeyboardInterrupt

    return keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)


# %%
keep, stop = best_epoch(val_loss, PATIENCE)
best_weights = BestWeights()
endings = {
    "EarlyStopping": [EarlyStopping(patience=PATIENCE)],
    "restore_best_weights": [EarlyStopping(patience=PATIENCE, restore_best_weights=True)],
    "the same, interrupted": [
        EarlyStopping(patience=PATIENCE, restore_best_weights=True),
        interrupt(stop - 1),
    ],
    "BestWeights, interrupted": [best_weights, interrupt(stop - 1)],
}
print(f"lowest validation loss of an epoch {val_loss[keep]:.3f}")
for name, callbacks in endings.items():
    model = mlp(0.0)
    try:
        fit_mlp(model, callbacks)
    except KeyboardInterrupt:
        pass
    finally:  # whatever has ended it
        if best_weights in callbacks:
            best_weights.restore()
    loss, _ = model.evaluate(*splits.validation, verbose=0)
    print(f"{name:28} the network has {loss:.3f}")


# %% [markdown]
# **Question 11.b** All these trainings passed the epoch of the lowest loss. Which networks do not
# have it, and why? What would a long training on a cluster need besides?
# ### BEGIN SOLUTION
# The first: `restore_best_weights` is False unless you set it, and the weights are those of the
# last epoch, `patience` epochs too late. And the interrupted one: Keras puts the weights back in
# `on_train_end`, and an exception goes past it. `finally` is reached after any exception. A power
# cut, or a cluster that ends the process, goes past that too: a long training needs the weights in
# a file.
# ### END SOLUTION
# %% [markdown]
# ## 11.4 Dropout
# In each training step a random subset of the units is silent: each number is zero with the
# probability `rate`, whatever happens to the others. The sums of the next layer would become
# smaller, so what is left is divided by 1 - rate ("inverted dropout"). In inference nothing
# happens.
# %%
def dropout(x, rate, training, random):
    """Return what `keras.layers.Dropout(rate)` makes of x.

    x: an array of any shape. rate: 0 or more and below 1. training: a bool. random: a NumPy
    generator; random.random(shape) gives numbers from 0 to 1, each as probable as the others.
    """
    # TODO 11.4: in training draw for each number whether it stays, and scale what is left
    ### BEGIN SOLUTION
    if not training:
        return x
    kept = random.random(x.shape) >= rate
    return x * kept / (1 - rate)
    ### END SOLUTION


# %%
checks.dropout(dropout)
# %% [markdown]
# **Predict:** one row of numbers goes through dropout 10,000 times. What is the mean of the
# results, and what would it be without the division?
# %%
random = np.random.default_rng(0)
row = np.array([1.0, -2.0, 0.5, 3.0])
many = np.tile(row, (10_000, 1))
print("the row          ", row)
mean = dropout(many, 0.4, True, random).mean(axis=0)
print("mean of yours    ", mean.round(2))
print("without dividing ", (mean * (1 - 0.4)).round(2))
by_keras = np.array(layers.Dropout(0.4)(many, training=True))
print("mean of Keras'   ", by_keras.mean(axis=0).round(2))
print("one draw of yours", dropout(row, 0.4, True, random).round(2))
# %% [markdown]
# The same network and the same images as before, with half of the units dropped.
#
# **Predict:** where will its two curves lie, compared with those without dropout?
# %%
with_dropout = fit_mlp(mlp(0.5))
curves = {
    "training": history["loss"],
    "validation": val_loss,
    "training, dropout": with_dropout["loss"],
    "validation, dropout": with_dropout["val_loss"],
}
show(lines(curves, "epoch", "loss", f"With and without dropout on {DATASET}"), "ex11_dropout")
print("validation loss     lowest   of the last epoch")
for name in ("validation", "validation, dropout"):
    print(f"{name:20} {min(curves[name]):5.2f} {curves[name][-1]:19.2f}")
# %% [markdown]
# **Question 11.c** With dropout the training loss is higher, and where training begins it may even
# lie above the validation loss. Does the network then know less about its training images than
# about others?
# ### BEGIN SOLUTION
# No. The training loss is measured with units dropped, the validation loss with all of them: two
# different networks. It is also a mean over the epoch, while the network still learned; validation
# comes after it. To compare the two, ask for the training images with `evaluate`, too.
# ### END SOLUTION


# %% [markdown]
# ## 11.5 The backbone of another task
# For segmentation each pixel gets a class. The body has found what is in an image; on the way its
# maps became smaller. The backbone is the body with its four maps as outputs, 32x32 to 4x4 pixels.
# The way up (after Lin et al. 2016) begins with the smallest, which says most about *what*, and
# adds the larger ones, which know *where*:
#
# 1. A 1x1 convolution of its own, without a ReLU, brings each map to `WIDTH` channels.
# 2. Enlarge the smallest twofold, each pixel repeated (`layers.UpSampling2D`), and add the next
#    larger map.
# 3. A 3x3 convolution with ReLU, `WIDTH` filters. Repeat from 2 until the largest map is added.
# 4. A 1x1 convolution gives the logits of each pixel.
#
# U-Net (Ronneberger et al. 2015) joins the maps side by side where this one adds them, and its way
# up is as wide as its way down; `keras-course segment --model unet` trains one.
#
# **Predict:** which shapes does an image of 32x32 pixels take on this way up?
# %%
WIDTH = 16


def segmenter(backbone, num_classes):
    """Return the network from images to logits, (n, height, width, num_classes).

    backbone: a keras.Model from images to a list of maps. The first is as large as the image, each
    other one is half as large as the one before.
    """
    # TODO 11.5: from the smallest map up: enlarge, add the next, 3x3; then the logits
    ### BEGIN SOLUTION
    inputs = keras.Input(backbone.input_shape[1:])
    *larger, smallest = backbone(inputs)
    x = layers.Conv2D(WIDTH, 1)(smallest)
    for each in reversed(larger):
        x = layers.Add()([layers.UpSampling2D(2)(x), layers.Conv2D(WIDTH, 1)(each)])
        x = layers.Conv2D(WIDTH, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(num_classes, 1)(x))
    ### END SOLUTION


# %%
checks.segmenter(segmenter)
# %%
way_down = new_body()
maps = [way_down.get_layer(f"map{number}").output for number in range(4)]
way_up = segmenter(keras.Model(way_down.input, maps), len(masks.CLASS_NAMES))
each_layer = ("x".join(map(str, layer.output.shape[1:])) for layer in way_up.layers[2:])
print("up:", *dict.fromkeys(each_layer))  # each shape once


# %% [markdown]
# ## 11.6 Intersection over union
# How well does a predicted mask cover the true one? Count the pixels that are in both, and divide
# by those that are in at least one: 1 is perfect, 0 means that they do not overlap.
# %%
def iou(predicted, truth):
    """Return the intersection over union of two masks, a number from 0 to 1.

    predicted, truth: bool, (n, height, width): which pixels belong to the class. All images are
    counted together; at least one pixel is in a mask.
    """
    # TODO 11.6: pixels in both masks, divided by pixels in at least one
    ### BEGIN SOLUTION
    return np.sum(predicted & truth) / np.sum(predicted | truth)
    ### END SOLUTION


# %%
checks.iou(iou)
# %% [markdown]
# The masks belong to the drawn images of `shapes`: background, or one of ten shapes. Two equal
# networks learn from `MASKS` of them. One begins with the pretrained body, one from scratch. Both
# train all their weights at the same rate, so they differ only in their first weights; the
# careful way of 11.1 is left for you to try.
#
# **Predict:** how many pixels does a network get right that answers "background" everywhere?
# %%
MASKS, SEGMENTER_EPOCHS = 2_000, 10
train_masks, (images, truth) = masks.load()
few_masks = train_masks.images[:MASKS], train_masks.masks[:MASKS]
predicted = {"background everywhere": np.zeros_like(truth)}
for name, weights in (("from scratch", None), ("pretrained body", pretrained)):
    keras.utils.set_random_seed(0)
    way_down = new_body()
    if weights:
        way_down.set_weights(weights)
    maps = [way_down.get_layer(f"map{number}").output for number in range(4)]
    backbone = keras.Model(way_down.input, maps)
    network = segmenter(backbone, len(masks.CLASS_NAMES))
    train(network, few_masks, 3e-3, SEGMENTER_EPOCHS, batch_size=32)
    predicted[name] = network.predict(images, verbose=0).argmax(axis=-1)
print("validation images        right pixels   IoU of shape   mean IoU of classes")
for name, classes in predicted.items():
    of_shape = iou(classes > 0, truth > 0)
    of_each = [iou(classes == number, truth == number) for number in range(len(masks.CLASS_NAMES))]
    print(f"{name:24} {np.mean(classes == truth):12.1%} {of_shape:14.2f} {np.mean(of_each):21.2f}")
show(
    mask_plots.masks(
        images[:8],
        truth[:8],
        predicted["pretrained body"][:8],
        masks.CLASS_NAMES,
        f"Validation images of shapes, their masks, and what {MASKS} masks have taught",
    ),
    "ex11_masks",
)


# %% [markdown]
# **Question 11.d** Compare the first row with the others. Why is the share of right pixels a bad
# measure here? Which number gives the fault away, and what does it leave out that the share counts?
# ### BEGIN SOLUTION
# Most pixels are background, and whoever says so everywhere is right there. All that the task is
# about is in the others. In the intersection over union of the shape the background that both agree
# on is not counted at all, neither above nor below the line; a missed pixel and one too many both
# make it smaller. The mean over the classes lets a class of few pixels count as much as the
# background.
# ### END SOLUTION
# %% [markdown]
# ## Boxes
# Detection, the other task of slide 27, asks for a box around each object and for its class. A head
# on the same kind of backbone answers at every place of a map: does an object have its centre here,
# of which class is it, and how far away are the four sides of its box? `keras-course detect` trains
# one on scenes of several shapes and draws what it finds; `models/detector.py` is the network.
#
# The masks above give boxes without a detector: the smallest around all that is not background.
# The intersection over union of two boxes is that of the filled boxes; if it is at least 0.5, a
# box counts as found. One stray pixel is enough to make a box large.
# %%
def boxed(classes):
    """Return the masks of the filled boxes around the shapes of images, (n, height, width)."""

    def between(hit):  # the first and the last one
        return np.maximum.accumulate(hit, axis=1) & np.flip(
            np.maximum.accumulate(np.flip(hit, axis=1), axis=1), axis=1
        )

    shape = classes > 0
    rows, columns = between(shape.any(axis=2)), between(shape.any(axis=1))
    return rows[:, :, None] & columns[:, None, :]


for name, classes in predicted.items():
    pairs = zip(boxed(classes), boxed(truth), strict=True)
    of_boxes = np.array([iou(one[None], other[None]) for one, other in pairs])
    print(f"{name:24} IoU of boxes {of_boxes.mean():.2f}, found {np.mean(of_boxes >= 0.5):.1%}")
# %% [markdown]
# ## Try next
# - Set `PER_CLASS` to 5 and to 200. From how many images on is pretraining of no use?
# - Let `unfreeze` free BatchNormalization, too. What does fine-tuning do to the old classes now?
# - Leave the larger maps out of the segmenter. What happens to the edges of the masks?
# - `EarlyStopping(start_from_epoch=EPOCHS, restore_best_weights=True)`: which weights remain?
# - `keras-course transfer imagenet --model resnet50 --dataset folder:PATH` begins with ImageNet's
#   weights. How many of your own images does it take?
# - Set `DATASET = "cifar10"`. Do features of photographs serve the masks of `shapes`?
