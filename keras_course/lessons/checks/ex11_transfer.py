"""Checks of lesson 11, against Keras' own callbacks and by what networks and layers do."""

import math
from types import SimpleNamespace

import keras
import numpy as np
from keras import layers

from keras_course.lessons import networks
from keras_course.lessons.check import Check, Unusable
from keras_course.lessons.compare import shown
from keras_course.lessons.usual import SOFTMAX

WIDTH = 16  # of the lesson's segmenter


def _shares(model, other):
    """Return whether all weights of a network are weights of another one, not copies of them."""
    return {id(weight) for weight in other.weights} <= {id(weight) for weight in model.weights}


def _on_a_body(function, images, num_classes):
    """Observe `with_new_head` on a small body with a normalization."""
    inputs = keras.Input(images.shape[1:])
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.BatchNormalization()(layers.Conv2D(6, 3, use_bias=False)(x))
    body = keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.ReLU()(x)))
    networks.give_weights(body, seed=0)
    before = body.get_weights()
    model = networks.a_model(function(body, num_classes))
    model(images)  # a subclass has no weights before that
    unchanged = all(map(np.array_equal, before, body.get_weights()))
    trained = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    found = networks.facts(model, images)
    in_training = keras.ops.convert_to_numpy(model(images, training=True))
    return {
        "uses the body's own weights": _shares(model, body),
        "leaves the weights as they are": unchanged,
        "how many numbers are trained": trained,
        "shape of an output": found["shape of an output"],
        "output": found["output"],
        "the same in training as in inference": np.allclose(
            in_training, found["output"], rtol=1e-3, atol=1e-3
        ),
    }


def _freeze(body):
    body.trainable = False


def _with_new_head(
    body,
    num_classes,
    *,
    freeze=_freeze,
    use=lambda body: body,
    before=lambda x: x,
    head=lambda x, num_classes: layers.Dense(num_classes)(x),
    after=lambda model: None,
):
    freeze(body)
    inputs = keras.Input(body.input_shape[1:])
    model = keras.Model(inputs, head(use(body)(before(inputs)), num_classes))
    after(model)
    return model


def _head(**changes):
    return lambda body, num_classes: _with_new_head(body, num_classes, **changes)


def _freeze_only(kind):
    def freeze(body):
        for layer in body.layers:
            layer.trainable = not isinstance(layer, kind)

    return freeze


def _freeze_weights(body):
    """As one freezes a network of PyTorch."""
    for weight in body.trainable_weights:
        weight.trainable = False


def _freeze_all(model):
    model.trainable = False


with_new_head = Check(
    "11.1",
    slides="47",
    right=_with_new_head,
    cases=lambda random: [
        {"images": random.uniform(0, 255, (4, *shape, 3)).astype("float32"), "num_classes": classes}
        for shape, classes in (
            ((6, 6), int(random.integers(3, 6))),
            ((5, 7), int(random.integers(6, 9))),
        )
    ],
    observe=_on_a_body,
    mistakes={
        "the body is not frozen: set its `trainable` to False.": _head(freeze=lambda body: None),
        "the weights are frozen, but not the layers. BatchNormalization still normalizes with the "
        "few new images, and its statistics still move. Set `trainable` of the body itself.": (
            _head(freeze=_freeze_weights)
        ),
        "the head is frozen, too, and nothing is left to learn. Freeze only the body.": (
            _head(after=_freeze_all)
        ),
        "only the convolutions are frozen. BatchNormalization still learns, and still normalizes "
        "with the few new images.": _head(freeze=_freeze_only(layers.Conv2D)),
        "only BatchNormalization is frozen: the convolutions are still trained.": (
            _head(freeze=_freeze_only(layers.BatchNormalization))
        ),
        "this is a copy of the body with random weights: `clone_model` does not take over what was "
        "learned. Use the body itself.": _head(use=keras.models.clone_model),
        SOFTMAX: (_head(head=lambda x, classes: layers.Dense(classes, activation="softmax")(x))),
        "there is a ReLU after the head. Logits may be negative.": (
            _head(head=lambda x, classes: layers.Dense(classes, activation="relu")(x))
        ),
        "`num_classes` was not used: the head has 10 units always.": (
            _head(head=lambda x, classes: layers.Dense(10)(x))
        ),
        "`num_classes` was not used: the head has 4 units always.": (
            _head(head=lambda x, classes: layers.Dense(4)(x))
        ),
        "the head is missing: these are the features of the body.": _head(
            head=lambda x, classes: x
        ),
        "the pixels were scaled. The body does that itself.": (
            _head(before=layers.Rescaling(1 / 127.5, offset=-1))
        ),
        "the pixels were divided by 255. The body scales them itself.": (
            _head(before=layers.Rescaling(1 / 255))
        ),
    },
)


def _by_early_stopping(losses, patience):
    """Feed Keras' callback with the losses."""
    callback = keras.callbacks.EarlyStopping("val_loss", mode="min", patience=patience)
    model = SimpleNamespace(stop_training=False)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    return callback.best_epoch, epoch


def _losses(random, waits, tail=()):
    """Draw losses: new lowest ones, and after each so many epochs that are not below it.

    The first of those equals the lowest, the others begin far above and come down. tail: shares of
    the lowest, for losses that nobody sees any more.
    """
    best, losses = float(random.uniform(1.8, 2.2)), []
    for wait in waits:
        best *= float(random.uniform(0.8, 0.9))
        above = best * np.sort(random.uniform(1.1, 1.6, max(0, wait - 1)))[::-1]
        losses += [best, *([best] if wait else []), *above]
    return [round(float(loss), 3) for loss in [*losses, *(best * share for share in tail)]]


def _stop(
    losses,
    patience,
    *,
    better=lambda loss, best, before: loss < best,
    reset=True,
    keep=lambda best, stop, losses: best,
    end=lambda stop: stop,
    join=lambda keep, stop: (keep, stop),
    known=False,
):
    best, waited = 0, 0
    for epoch, loss in enumerate(losses):
        if epoch or known:
            if better(loss, losses[best], losses[epoch - 1]):
                best, waited = epoch, 0 if reset else waited
            else:
                waited += 1
        if waited >= patience:
            break
    return join(keep(best, epoch, losses), end(epoch))


def _stop_with(**changes):
    return lambda losses, patience: _stop(losses, patience, **changes)


best_epoch = Check(
    "11.2",
    slides="48",
    right=_by_early_stopping,
    cases=lambda random: [
        {"losses": _losses(random, (0, 2, 1, 3), (0.9, 0.7, 1.2, 1.1, 1.3, 1, 0.5)), "patience": 3},
        {"losses": _losses(random, (1, 0, 1, 2), (0.6, 0.8, 0.9)), "patience": 2},
        {"losses": _losses(random, (0, 3, 0, 2)), "patience": 4},
    ],
    mistakes={
        "each loss was compared with the one before. Compare it with the lowest so far.": (
            _stop_with(better=lambda loss, best, before: loss < before)
        ),
        "a loss that equals the lowest counted as an improvement. It has to be below.": (
            _stop_with(better=lambda loss, best, before: loss <= best)
        ),
        "the count of epochs continues after an improvement. Set the count to 0 there.": (
            _stop_with(reset=False)
        ),
        "the first epoch was compared with itself, and counted as one without improvement.": (
            _stop_with(known=True)
        ),
        "it waited one epoch too many: `patience` epochs without improvement are enough.": (
            lambda losses, patience: _stop(losses, patience + 1)
        ),
        "it waited one epoch too few: `patience` epochs have to pass without improvement.": (
            lambda losses, patience: _stop(losses, patience - 1)
        ),
        "the lowest of all losses was kept, even if it comes after the end of training.": (
            _stop_with(keep=lambda best, stop, losses: int(np.argmin(losses)))
        ),
        "the last epoch was kept. Keep the one with the lowest loss.": (
            _stop_with(keep=lambda best, stop, losses: stop)
        ),
        "what is kept lies `patience` epochs before the end, even if patience never ran out.": (
            lambda losses, patience: _stop(
                losses, patience, keep=lambda best, stop, losses: stop - patience
            )
        ),
        "the loss came back. Return the epoch that has it.": (
            _stop_with(keep=lambda best, stop, losses: losses[best])
        ),
        "the losses came back. Return the two epochs.": (
            lambda losses, patience: tuple(losses[epoch] for epoch in _stop(losses, patience))
        ),
        "the epochs were counted from 1. The first one is 0.": (
            _stop_with(join=lambda keep, stop: (keep + 1, stop + 1))
        ),
        "the second number is one too large. Return the last epoch that is trained.": (
            _stop_with(end=lambda stop: stop + 1)
        ),
        "the two epochs came back in the wrong order.": (
            _stop_with(join=lambda keep, stop: (stop, keep))
        ),
        "training never stops: look at `patience` in each epoch.": (
            lambda losses, patience: _stop(losses, math.inf)
        ),
        "the highest loss was taken for the best. A loss should fall.": (
            _stop_with(better=lambda loss, best, before: loss > best)
        ),
        "it ends with the first epoch: the `return` is inside the loop.": (
            lambda losses, patience: _stop(losses, 0)
        ),
    },
)


def _through_epochs(callback_class, val_losses):
    """Observe a callback: a network has other weights in each epoch; which of them come back?"""
    callback = callback_class()
    if not isinstance(callback, keras.callbacks.Callback):
        raise Unusable(f"returned {shown(callback)}; expected a keras.callbacks.Callback")
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1), layers.BatchNormalization()])
    names = {}

    def learn(name):
        """Change all weights, the moving statistics among them."""
        number = len(names)
        names[number] = name
        model.set_weights([np.full(weight.shape, number) for weight in model.get_weights()])

    def now():
        held = {float(number) for weight in model.get_weights() for number in np.ravel(weight)}
        if len(held) > 1:
            return "those of several epochs"
        return names.get(held.pop(), "others")

    callback.set_model(model)
    learn("those from before the first epoch")
    callback.on_train_begin()
    untouched = True
    for epoch, val_loss in enumerate(val_losses):
        learn(f"those of epoch {epoch}")
        elsewhere = abs(epoch - 3) / 10  # lowest in another epoch than the validation loss
        logs = {"loss": 0.2 + elsewhere, "accuracy": 0.9 - elsewhere}
        callback.on_epoch_end(epoch, {**logs, "val_loss": val_loss, "val_accuracy": 0.5})
        untouched = untouched and now() == f"those of epoch {epoch}"
    learn("those of the moment when training was interrupted")
    callback.restore()
    return {
        "leaves the weights as they are while the network is trained": untouched,
        "the weights after `restore`": now(),
    }


class _BestWeights(keras.callbacks.Callback):
    """The callback with all that mistakes change as methods."""

    def __init__(self):
        super().__init__()
        self.lowest, self.before, self.weights = np.inf, np.inf, None

    def measured(self, logs):
        return logs["val_loss"]

    def improved(self, loss, epoch):
        return loss < self.lowest

    def copied(self):
        return self.model.get_weights()

    def otherwise(self):
        """Keep what is there."""

    def on_epoch_end(self, epoch, logs=None):
        loss = self.measured(logs)
        if self.improved(loss, epoch):
            self.lowest = loss
            self.weights = self.copied()
        else:
            self.otherwise()
        self.before = loss

    def restore(self):
        self.model.set_weights(self.weights)


def _callback(**methods):
    return type("BestWeights", (_BestWeights,), methods)


def _or_not(compare):
    return lambda self, loss, epoch: not compare(loss, self.lowest)


BestWeights = Check(
    "11.3",
    slides="48",
    right=_BestWeights,
    cases=lambda random: [
        {"val_losses": [round(loss + random.uniform(0, 0.05), 3) for loss in losses]}
        for losses in (
            # The best is neither the first nor the last, nor the last that is below its neighbour.
            (1.8, 1.2, 0.9, 1.9, 1.6, 1.7),
            (math.nan, 1.8, 1.1, math.nan, 1.3, 1.5),
        )
    ],
    observe=_through_epochs,
    mistakes={
        "`self.model.weights` are the variables themselves, which change with each step. "
        "`get_weights` copies their values.": _callback(copied=lambda self: self.model.weights),
        "each epoch counts as the best. Compare `val_loss` with `self.lowest`, and store the new "
        "lowest loss there.": _callback(improved=lambda self, loss, epoch: True),
        "the training loss was compared. In over-fitting it still falls; look at `val_loss`.": (
            _callback(measured=lambda self, logs: logs["loss"])
        ),
        "each epoch was compared with the one before. Compare it with the lowest so far.": (
            _callback(improved=lambda self, loss, epoch: loss < self.before)
        ),
        "the highest loss was taken for the best.": (
            _callback(
                improved=lambda self, loss, epoch: not self.lowest < math.inf or loss > self.lowest
            )
        ),
        "the first epoch was kept, and never replaced by a better one.": (
            _callback(improved=lambda self, loss, epoch: self.weights is None)
        ),
        "the nan of the first epoch was kept as the lowest, and nothing is below nan. Begin with "
        "the infinity of `__init__`.": (
            _callback(improved=lambda self, loss, epoch: epoch == 0 or loss < self.lowest)
        ),
        "nan was taken for an improvement: nan >= lowest is False. Ask for loss < lowest.": (
            _callback(improved=_or_not(lambda loss, lowest: loss >= lowest))
        ),
        "only the trained weights were kept. The statistics of BatchNormalization belong to the "
        "network, too: `get_weights` has all.": (
            _callback(
                copied=lambda self: [
                    keras.ops.convert_to_numpy(weight) for weight in self.model.trainable_weights
                ]
            )
        ),
        "nothing was kept: `self.weights` is still None. A name without `self.` is gone when the "
        "method ends.": _callback(copied=lambda self: None),
        "the best weights were put back in each epoch that was no better, and training starts from "
        "there again and again. Put them back only at the end, by `restore`.": (
            _callback(otherwise=lambda self: self.weights and self.restore())
        ),
        "weights were put back in each epoch that was no better, even if there are none yet. Put "
        "them back only at the end, by `restore`.": _callback(
            otherwise=lambda self: self.restore()
        ),
    },
)


def _what_it_drops(function, x, rate):
    """Observe `dropout` by facts that are true of any draw."""
    original = x.copy()

    def drop(seed, x=None, training=True):
        result = function(
            original.copy() if x is None else x, rate, training, np.random.default_rng(seed)
        )
        if result is None or not hasattr(result, "__array__") or np.shape(result) != x_shape:
            raise Unusable(f"returned {shown(result)}; expected {shown(original)}")
        return np.asarray(result, "float64")

    x_shape = original.shape
    first = drop(1, x)
    kept = first != 0
    factors = np.unique((first[kept] / original[kept]).round(4))
    rows = {
        "every number has its own draw, along the first axis": not _all_alike(kept, 0),
        "every number has its own draw, along the last axis": not _all_alike(kept, -1),
    }
    return {
        "inference": _in_words(drop(1, training=False), original),
        "drops numbers in training": not kept.all(),
        **rows,
        # With fewer draws than numbers the share is not the same from one time to the next.
        "the share of the numbers that are dropped, in tenths": round(10 * float(np.mean(~kept)))
        if all(rows.values())
        else None,
        "the factor of what is left": float(factors[0]) if len(factors) == 1 else "none",
        "drops others at the next call": not np.array_equal(kept, drop(2) != 0),
        "how many are dropped varies": len({np.count_nonzero(drop(n)) for n in range(1, 6)}) > 1
        if all(rows.values())
        else None,
        "draws with the generator that was given": np.array_equal(first, drop(1)),
    }


def _in_words(result, x):
    if not result.all():
        return "drops numbers"
    factors = np.unique((result / x).round(4))
    if len(factors) > 1:
        return "changes the numbers"
    return "changes nothing" if factors[0] == 1 else f"multiplies by {factors[0]:.4g}"


def _all_alike(kept, axis):
    """Return whether some rows, columns ... are dropped as a whole, or kept as a whole."""
    return bool(np.any(kept.all(axis=axis) | ~kept.any(axis=axis)))


def _dropout(
    x,
    rate,
    training,
    random,
    *,
    active=lambda training: training,
    draw=lambda random, shape: random.random(shape),
    keep=lambda drawn, rate: drawn >= rate,
    scale=lambda kept, rate: kept / (1 - rate),
    inference=lambda x, rate: x,
):
    if not active(training):
        return inference(x, rate)
    return x * scale(keep(draw(random, x.shape), rate), rate)


def _dropout_with(**changes):
    return lambda x, rate, training, random: _dropout(x, rate, training, random, **changes)


def _by_keras(x, rate, training, random):
    """Keras' own layer, with a seed from the generator."""
    layer = layers.Dropout(rate, seed=int(random.integers(2**31 - 1)), dtype="float64")
    return keras.ops.convert_to_numpy(layer(x, training=training))


def _numbers(random, shape):
    """Draw numbers far from zero, so that a zero was dropped."""
    return random.uniform(0.5, 2, shape) * random.choice([-1, 1], shape)


def _ranks(random, shape):
    """Give each number another place, as a share of all."""
    size = np.prod(shape)
    return random.permutation(size).reshape(shape) / size


def _swapped(drawn, rate):
    return drawn < rate


dropout = Check(
    "11.4",
    slides="49",
    right=_by_keras,
    cases=lambda random: [
        {"x": _numbers(random, (200, 100)), "rate": float(random.choice([0.2, 0.7, 0.8]))},
        {"x": _numbers(random, (60, 4, 80)), "rate": float(random.choice([0.3, 0.6]))},
    ],
    observe=_what_it_drops,
    mistakes={
        "what is left was not scaled: divide it by 1 - rate.": (
            _dropout_with(scale=lambda kept, rate: kept)
        ),
        "this is dropout in its first form, which scales in inference. Inverted dropout scales in "
        "training and does nothing in inference.": _dropout_with(
            scale=lambda kept, rate: kept, inference=lambda x, rate: x * (1 - rate)
        ),
        "it was scaled in training and in inference. Inference should change nothing.": (
            _dropout_with(inference=lambda x, rate: x * (1 - rate))
        ),
        "it drops in inference, too. Look at `training`.": (
            _dropout_with(active=lambda training: True)
        ),
        "it drops in inference, too, and what is left was not scaled.": (
            _dropout_with(active=lambda training: True, scale=lambda kept, rate: kept)
        ),
        "it drops in inference and not in training.": (
            _dropout_with(active=lambda training: not training)
        ),
        "`rate` was taken for the share that stays. It is the share that is dropped.": (
            _dropout_with(keep=_swapped, scale=lambda kept, rate: kept / rate)
        ),
        "the comparison is the wrong way round: a share of `rate` stays, the rest is dropped.": (
            _dropout_with(keep=_swapped)
        ),
        "a share of `rate` stays, the rest is dropped, and nothing was scaled.": (
            _dropout_with(keep=_swapped, scale=lambda kept, rate: kept)
        ),
        "what is left was divided by `rate`. Divide by 1 - rate, the share that stays.": (
            _dropout_with(scale=lambda kept, rate: kept / rate)
        ),
        "what is left was multiplied by 1 - rate. Divide.": (
            _dropout_with(scale=lambda kept, rate: kept * (1 - rate))
        ),
        "what is left was multiplied by 1 + rate. Divide by 1 - rate.": (
            _dropout_with(scale=lambda kept, rate: kept * (1 + rate))
        ),
        "a whole row is dropped or kept. Each number has its own draw: give `random` the shape "
        "of x.": _dropout_with(
            draw=lambda random, shape: random.random((shape[0], *(1 for _ in shape[1:])))
        ),
        "each row drops the same units. Each number has its own draw: give `random` the shape of "
        "x.": _dropout_with(draw=lambda random, shape: random.random(shape[-1])),
        "there is one draw for all numbers. Each has its own: give `random` the shape of x.": (
            _dropout_with(draw=lambda random, shape: random.random())
        ),
        "every call drops the same numbers: the seed is fixed. Draw with the `random` that was "
        "given.": _dropout_with(draw=lambda random, shape: np.random.default_rng(0).random(shape)),
        "the numbers do not come from the `random` that was given, so that a run cannot be "
        "repeated.": _dropout_with(draw=lambda random, shape: np.random.random(shape)),
        "the draws are normally distributed. `random.random` gives numbers from 0 to 1, each as "
        "probable as the others.": _dropout_with(
            draw=lambda random, shape: random.normal(size=shape)
        ),
        "this is what stays, as ones and zeros. Multiply x by it.": (
            lambda x, rate, training, random: (
                (random.random(x.shape) >= rate) / (1 - rate) if training else x
            )
        ),
        "nothing is dropped.": lambda x, rate, training, random: x,
        "always the same number of units is dropped. Each is dropped or kept by a draw of its own, "
        "whatever happens to the others.": _dropout_with(draw=_ranks),
    },
)


def _on_a_backbone(function, images, channels, num_classes):
    """Observe `segmenter` on a backbone whose maps have these channels, the largest map first."""
    inputs = keras.Input(images.shape[1:])
    x, maps = inputs, []
    for number, filters in enumerate(channels):
        x = layers.MaxPooling2D(2)(x) if number else x
        x = layers.ReLU()(layers.Conv2D(filters, 3, padding="same")(x))
        maps.append(x)
    backbone = keras.Model(inputs, maps)
    model = networks.a_model(function(backbone, num_classes))
    found = networks.facts(model, images)
    return {"uses the backbone's own weights": _shares(model, backbone), **found}


def _project(x):
    return layers.Conv2D(WIDTH, 1)(x)


def _three(x):
    return layers.Conv2D(WIDTH, 3, padding="same", activation="relu")(x)


def _segmenter(
    backbone,
    num_classes,
    *,
    use=lambda backbone: backbone,
    project=_project,
    larger_maps=reversed,
    enlarge=lambda x: layers.UpSampling2D(2)(x),
    join=lambda x, each: layers.Add()([x, each]),
    three=_three,
    before=lambda x: x,
    logits=lambda x, num_classes: layers.Conv2D(num_classes, 1)(x),
):
    inputs = keras.Input(backbone.input_shape[1:])
    *larger, smallest = use(backbone)(inputs)
    x = project(smallest)
    for each in larger_maps(larger):
        x = three(join(enlarge(before(x)), project(each)))
    return keras.Model(inputs, logits(x, num_classes))


def _way_up(**changes):
    return lambda backbone, num_classes: _segmenter(backbone, num_classes, **changes)


def _one_layer_for_all(backbone, num_classes):
    three = layers.Conv2D(WIDTH, 3, padding="same", activation="relu")
    return _segmenter(backbone, num_classes, three=three)


def _frozen(backbone):
    backbone.trainable = False
    return backbone


def _interpolated(x):
    return layers.UpSampling2D(2, interpolation="bilinear")(x)


segmenter = Check(
    "11.5",
    slides="27",
    right=_segmenter,
    cases=lambda random: [
        {
            "images": random.normal(size=(2, *size, 3)).astype("float32"),
            "channels": tuple(map(int, random.permutation([3, 5, 7, 8])[:maps])),
            "num_classes": int(random.integers(3, 8)),
        }
        for size, maps in (((8, 12), 3), ((4, 6), 2))
    ],
    observe=_on_a_backbone,
    mistakes={
        SOFTMAX: (
            _way_up(logits=lambda x, classes: layers.Conv2D(classes, 1, activation="softmax")(x))
        ),
        "there is a ReLU after the last convolution. Logits may be negative.": (
            _way_up(logits=lambda x, classes: layers.Conv2D(classes, 1, activation="relu")(x))
        ),
        "`num_classes` was not used: each pixel has 11 logits always.": (
            _way_up(logits=lambda x, classes: layers.Conv2D(11, 1)(x))
        ),
        "the last convolution should be 1x1: each pixel is judged only by its own channels.": (
            _way_up(logits=lambda x, classes: layers.Conv2D(classes, 3, padding="same")(x))
        ),
        "the last convolution is missing: these are features, not logits of classes.": (
            _way_up(logits=lambda x, classes: x)
        ),
        "the image has one class. Each pixel should have its own: no pooling, no Dense layer.": (
            _way_up(
                logits=lambda x, classes: layers.Dense(classes)(layers.GlobalAveragePooling2D()(x))
            )
        ),
        "the larger maps were not added. They know where the edges are.": (
            _way_up(join=lambda x, each: x)
        ),
        "the maps were concatenated, the enlarged one first. Add them, which needs no more "
        "weights.": _way_up(join=lambda x, each: layers.Concatenate()([x, each])),
        "the maps were concatenated, the larger one first. Add them, which needs no more "
        "weights.": _way_up(join=lambda x, each: layers.Concatenate()([each, x])),
        "the way up stops one map early: the largest one has to be added, too.": (
            _way_up(larger_maps=lambda maps: list(reversed(maps))[:-1])
        ),
        "the largest map was added first. Begin with the smallest of the others: `reversed`.": (
            _way_up(larger_maps=lambda maps: maps)
        ),
        "the 3x3 convolutions have no ReLU.": (
            _way_up(three=lambda x: layers.Conv2D(WIDTH, 3, padding="same")(x))
        ),
        "the 3x3 convolution after the addition is missing.": _way_up(three=lambda x: x),
        "there is only one 3x3 convolution, at the end. Put one after each addition.": (
            _way_up(
                three=lambda x: x,
                logits=lambda x, classes: layers.Conv2D(classes, 1)(_three(x)),
            )
        ),
        "one 3x3 convolution serves all levels. Make a new layer at each.": _one_layer_for_all,
        "the 3x3 convolution comes before the addition. It should see both maps.": (
            _way_up(three=lambda x: x, before=_three)
        ),
        'the 3x3 convolutions have no padding, so that maps lose their edges. Use "same".': (
            _way_up(three=lambda x: layers.Conv2D(WIDTH, 3, activation="relu")(x))
        ),
        "the 1x1 convolutions of the maps have a ReLU. Only the 3x3 ones should have one.": (
            _way_up(project=lambda x: layers.Conv2D(WIDTH, 1, activation="relu")(x))
        ),
        "the maps are brought to `WIDTH` channels by 3x3 convolutions. 1x1 is enough for that.": (
            _way_up(project=lambda x: layers.Conv2D(WIDTH, 3, padding="same")(x))
        ),
        "the maps have different numbers of channels and cannot be added. A 1x1 convolution "
        "brings each to `WIDTH`.": _way_up(project=lambda x: x),
        "a map was added before it was enlarged. First `UpSampling2D(2)`, then the addition.": (
            _way_up(enlarge=lambda x: x)
        ),
        "the pixels were interpolated when a map was enlarged. Here each is repeated, which is "
        "what `UpSampling2D(2)` does.": _way_up(enlarge=_interpolated),
        "the maps were enlarged by a convolution with weights of its own. `UpSampling2D(2)` has "
        "none.": _way_up(
            enlarge=lambda x: layers.Conv2DTranspose(WIDTH, 2, strides=2, padding="same")(x)
        ),
        "the backbone is frozen. Here all of the network is trained.": _way_up(use=_frozen),
        "this is a copy of the backbone with random weights. Use the backbone itself.": (
            _way_up(use=keras.models.clone_model)
        ),
    },
)


def _by_counting(predicted, truth):
    """Count pixel by pixel, with sets of places."""
    one, other = ({tuple(place) for place in np.argwhere(mask)} for mask in (predicted, truth))
    return len(one & other) / len(one | other)


def _masks(random, shape, larger):
    """Draw masks that agree more or less, in other shares in each image, both never empty.

    larger: the name of the one with more pixels. Their union is odd, so that IoU is never 1/2.
    """
    while True:
        share = np.reshape(random.permutation(np.linspace(0.25, 0.85, shape[0])), (-1, 1, 1))
        truth = random.random(shape) < share
        predicted = np.where(random.random(shape) < 0.6, truth, random.random(shape) < 0.4)
        sizes = {"truth": truth.sum(), "predicted": predicted.sum()}
        other = "truth" if larger == "predicted" else "predicted"
        full = (predicted & truth).any(axis=(1, 2)).all()
        if full and sizes[larger] > sizes[other] and (predicted | truth).sum() % 2:
            return {"predicted": predicted, "truth": truth}


def _counts(predicted, truth):
    """Return the true, the predicted, those in both, those in one, and all pixels."""
    return {
        "truth": truth.sum(),
        "predicted": predicted.sum(),
        "both": (predicted & truth).sum(),
        "either": (predicted | truth).sum(),
        "all": truth.size,
    }


def _ratio(of):
    return lambda predicted, truth: float(of(SimpleNamespace(**_counts(predicted, truth))))


def _mean_of_images(predicted, truth):
    return float(np.mean([_by_counting(*pair) for pair in zip(predicted, truth, strict=True)]))


iou = Check(
    "11.6",
    slides="27",
    right=_by_counting,
    cases=lambda random: [
        _masks(random, (4, 5, 7), larger="predicted"),
        _masks(random, (3, 6, 4), larger="truth"),
    ],
    mistakes={
        "this is the Dice coefficient. In IoU the pixels in both masks count once, not twice.": (
            _ratio(lambda n: 2 * n.both / (n.truth + n.predicted))
        ),
        "the pixels in both masks were counted twice in the denominator. The union has each pixel "
        "once.": _ratio(lambda n: n.both / (n.truth + n.predicted)),
        "this is the share of the true pixels that were found. Wrongly predicted pixels have to "
        "count, too: divide by the union.": _ratio(lambda n: n.both / n.truth),
        "this is the share of the predicted pixels that are right. Pixels that were missed have to "
        "count, too: divide by the union.": _ratio(lambda n: n.both / n.predicted),
        "this is the share of equal pixels. The background that both agree on does not count.": (
            _ratio(lambda n: (n.all - n.either + n.both) / n.all)
        ),
        "this is a share of all pixels. Divide by those in at least one mask.": (
            _ratio(lambda n: n.both / n.all)
        ),
        "this is a mean over the images. All pixels of all images are counted together.": (
            _mean_of_images
        ),
        "the denominator has the pixels in exactly one mask. The union has those in both, too.": (
            _ratio(lambda n: n.both / (n.either - n.both))
        ),
        "it is upside down: divide the intersection by the union.": (
            _ratio(lambda n: n.either / n.both)
        ),
        "this is the number of pixels in both masks. Divide it by that of the union.": (
            _ratio(lambda n: n.both)
        ),
        "this is the IoU of the background: the masks were inverted.": (
            lambda predicted, truth: _by_counting(~predicted, ~truth)
        ),
        "this is the mean of the IoU of mask and background. Only that of the mask is asked for.": (
            lambda predicted, truth: (
                (_by_counting(predicted, truth) + _by_counting(~predicted, ~truth)) / 2
            )
        ),
        "this is the share that does not agree. Subtract it from 1.": (
            _ratio(lambda n: 1 - n.both / n.either)
        ),
        "the sizes of the masks were divided. That leaves out where the masks lie.": (
            _ratio(lambda n: n.predicted / n.truth)
        ),
        "the larger mask was taken for the union. Pixels of the other may lie outside of it.": (
            _ratio(lambda n: n.both / max(n.truth, n.predicted))
        ),
        "`and` and `or` work on whole arrays. Use & and | for the pixels of two masks.": (
            lambda predicted, truth: np.sum(predicted and truth) / np.sum(predicted or truth)
        ),
        "the masks were summed image by image, which gives one number per image. Count all images "
        "together.": lambda predicted, truth: (
            np.sum(predicted & truth, axis=(1, 2)) / np.sum(predicted | truth, axis=(1, 2))
        ),
    },
)
