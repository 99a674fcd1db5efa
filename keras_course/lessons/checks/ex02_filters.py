"""Checks of lesson 2: models and filters by what they compute, freezing by what `fit` would do."""

import math

import keras
import numpy as np
from keras import layers

from keras_course.lessons import networks
from keras_course.lessons.check import Check
from keras_course.lessons.usual import (
    NO_FLATTEN,
    NOT_SCALED,
    POSITIVE_LOGITS,
    SOFTMAX,
    TEN_ALWAYS,
    numbers_of_classes,
)

POOL = 4
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _mlp(
    units=(),
    num_classes=10,
    *,
    activation="relu",
    last=None,
    scale=1 / 127.5,
    offset=-1.0,
    flatten=layers.Flatten,
    use_bias=True,
):
    x = inputs = keras.Input((32, 32, 3))
    x = flatten()(layers.Rescaling(scale, offset)(x))
    for count in units:
        x = layers.Dense(count, activation=activation)(x)
    return keras.Model(inputs, layers.Dense(num_classes, activation=last, use_bias=use_bias)(x))


def _logistic(**changes):
    return lambda num_classes: _mlp((), num_classes, **changes)


MEAN_COLOUR = "only the mean colour of the image is left. Flatten keeps every pixel."
SCALED_TO_ONE = "the pixels are scaled to 0..1. For -1..1, divide by 127.5 and subtract 1."
SIGMOID_OUT = "the logits went through a sigmoid. The loss takes them as they are."

logistic_regression = Check(
    "2.1",
    slides="52",
    right=_logistic(),
    cases=lambda random: [
        {"images": random.uniform(0, 255, (2, 32, 32, 3)).astype("float32"), "num_classes": classes}
        for classes in numbers_of_classes(random)
    ],
    observe=networks.network_with_biases,
    mistakes={
        SOFTMAX: _logistic(last="softmax"),
        SIGMOID_OUT: _logistic(last="sigmoid"),
        POSITIVE_LOGITS: _logistic(last="relu"),
        NO_FLATTEN: _logistic(flatten=layers.Identity),
        MEAN_COLOUR: _logistic(flatten=layers.GlobalAveragePooling2D),
        NOT_SCALED: _logistic(scale=1.0, offset=0.0),
        SCALED_TO_ONE: _logistic(scale=1 / 255, offset=0.0),
        "the pixels are scaled to 0..2: subtract 1 (offset=-1).": _logistic(offset=0.0),
        TEN_ALWAYS: lambda num_classes: _mlp(),
        "each class has a bias as well: leave out `use_bias=False`.": _logistic(use_bias=False),
        "there is a hidden layer. Logistic regression goes from the pixels to the logits.": (
            lambda num_classes: _mlp((512,), num_classes)
        ),
    },
)


def _hidden(change=lambda units: units, **changes):
    return lambda units, num_classes: _mlp(change(units), num_classes, **changes)


mlp = Check(
    "2.2",
    slides="32 and 52",
    right=_hidden(),
    cases=lambda random: [
        {
            "images": random.uniform(0, 255, (2, 32, 32, 3)).astype("float32"),
            "units": tuple(int(count) for count in random.permutation([7, 9, 12, 15])[:hidden]),
            "num_classes": classes,
        }
        for hidden, classes in zip((2, 3), numbers_of_classes(random), strict=True)
    ],
    observe=networks.network_with_biases,
    mistakes={
        "the hidden layers have no ReLU: together they are one linear map, as in 2.1.": (
            _hidden(activation=None)
        ),
        "the hidden layers have a sigmoid. The lecture's networks have a ReLU.": (
            _hidden(activation="sigmoid")
        ),
        "the hidden layers have a softmax. They need a ReLU.": (_hidden(activation="softmax")),
        SOFTMAX: _hidden(last="softmax"),
        POSITIVE_LOGITS: _hidden(last="relu"),
        "`units` was not used: this is logistic regression.": _hidden(lambda units: ()),
        "only the first of `units` became a layer.": _hidden(lambda units: units[:1]),
        "only the last of `units` is left: call each layer with the output of the one before.": (
            _hidden(lambda units: units[-1:])
        ),
        "the last of `units` is missing: the logits come after all of them.": (
            _hidden(lambda units: units[:-1])
        ),
        "the hidden layers are in the reverse order.": _hidden(lambda units: units[::-1]),
        "the first of `units` was used for every hidden layer.": (
            _hidden(lambda units: units[:1] * len(units))
        ),
        NO_FLATTEN: _hidden(flatten=layers.Identity),
        MEAN_COLOUR: _hidden(flatten=layers.GlobalAveragePooling2D),
        NOT_SCALED: _hidden(scale=1.0, offset=0.0),
        SCALED_TO_ONE: _hidden(scale=1 / 255, offset=0.0),
        TEN_ALWAYS: lambda units, num_classes: _mlp(units),
    },
)


def _filtered(images, kernels, padding="valid"):
    filtered = keras.ops.conv(
        images.astype("float32"),
        kernels.astype("float32"),
        padding=padding,
        data_format="channels_last",
    )
    return keras.ops.convert_to_numpy(filtered)


def _pooled(maps, size=POOL, strides=POOL, pool=keras.ops.average_pool):
    pooled = pool(maps, size, strides, padding="valid", data_format="channels_last")
    return keras.ops.convert_to_numpy(pooled)


def _positive(maps):
    return np.maximum(maps, 0)


def _rows(maps):
    return maps.reshape(len(maps), -1)


def _filter_features(images, kernels):
    return _rows(_pooled(_positive(_filtered(images, kernels))))


filter_features = Check(
    "2.3",
    slides="53",
    right=_filter_features,
    cases=lambda random: [
        {
            "images": random.normal(size=(count, height, width, 3)),
            "kernels": random.normal(size=(size, size, 3, filters)),
        }
        for count, height, width, size, filters in ((2, 12, 8, 5, 2), (3, 10, 14, 3, 5))
    ],
    mistakes={
        "the ReLU is missing: in the mean, what is below zero cancels what is above.": (
            lambda images, kernels: _rows(_pooled(_filtered(images, kernels)))
        ),
        "the absolute value was taken. A ReLU turns what is below zero into zero.": (
            lambda images, kernels: _rows(_pooled(np.abs(_filtered(images, kernels))))
        ),
        "the ReLU comes after the mean. It belongs before: pixel by pixel.": (
            lambda images, kernels: _rows(_positive(_pooled(_filtered(images, kernels))))
        ),
        "the largest number of each window was taken. Take the mean.": (
            lambda images, kernels: _rows(
                _pooled(_positive(_filtered(images, kernels)), pool=keras.ops.max_pool)
            )
        ),
        "each window was added up. Take its mean.": (
            lambda images, kernels: _filter_features(images, kernels) * POOL**2
        ),
        "one pixel of each window was kept. Take the mean of all of them.": (
            lambda images, kernels: _rows(_positive(_filtered(images, kernels))[:, ::POOL, ::POOL])
        ),
        "the windows overlap: each should begin where the one before ended.": (
            lambda images, kernels: _rows(_pooled(_positive(_filtered(images, kernels)), strides=1))
        ),
        "this is one mean for the whole image, and does not tell where something was found.": (
            lambda images, kernels: _positive(_filtered(images, kernels)).mean(axis=(1, 2))
        ),
        "nothing was pooled: take the mean of each window of POOL x POOL.": (
            lambda images, kernels: _rows(_positive(_filtered(images, kernels)))
        ),
        'the images were padded. "valid" has only places where the whole kernel fits.': (
            lambda images, kernels: _rows(_pooled(_positive(_filtered(images, kernels, "same"))))
        ),
        "the kernels were turned by 180 degrees. Slide them as they are.": (
            lambda images, kernels: _filter_features(images, kernels[::-1, ::-1])
        ),
        "rows and columns of the kernels are swapped.": (
            lambda images, kernels: _filter_features(images, kernels.swapaxes(0, 1))
        ),
        "only the first channel was filtered. Add up over all of them.": (
            lambda images, kernels: _filter_features(images[..., :1], kernels[:, :, :1])
        ),
        "the numbers are in the wrong order. All filters of the first window should come first.": (
            lambda images, kernels: _rows(
                np.moveaxis(_pooled(_positive(_filtered(images, kernels))), -1, 1)
            )
        ),
        "the result still has rows, columns and filters. Make one row of numbers for each image.": (
            lambda images, kernels: _pooled(_positive(_filtered(images, kernels)))
        ),
    },
)


def _observed(function, images, kernels):
    """What the network makes of images, what in it is trained, and whether it holds the kernels."""
    size, _, _, filters = kernels.shape
    classifier = keras.Sequential(
        [keras.Input((((33 - size) // POOL) ** 2 * filters,)), layers.Dense(4)]
    )
    networks.give_weights(classifier, seed=filters)
    model = networks.a_model(function(kernels=kernels, classifier=classifier))
    output = keras.ops.convert_to_numpy(model(images, training=False))
    held = "others"
    for weight in model.get_weights():
        if weight.shape == kernels.shape:
            same = np.allclose(weight, kernels, atol=1e-6)
            turned = np.allclose(weight, kernels[::-1, ::-1], atol=1e-6)
            held = "those given" if same else "those given, turned" if turned else held
    known = held != "others" and output.shape[1:] == classifier.output_shape[1:]
    return {
        "shape of an output": output.shape[1:],
        "kernels of its convolution": held,
        "weights that training changes": sum(
            math.prod(weight.shape) for weight in model.trainable_weights
        ),
        "output": output if known else None,
    }


def _as_convolution(
    kernels,
    classifier,
    *,
    activation="relu",
    padding="valid",
    trainable=False,
    scale=True,
    holds=lambda kernels: kernels,
    pool=layers.AveragePooling2D,
    after=lambda x: x,
    flatten=layers.Flatten,
    options=None,
):
    x = inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x) if scale else x
    convolution = layers.Conv2D(
        kernels.shape[-1],
        len(kernels),
        padding=padding,
        activation=activation,
        trainable=trainable,
        **{"use_bias": False, **(options(kernels) if options else {})},
    )
    x = flatten()(after(pool(POOL)(convolution(x))))
    if (held := holds(kernels)) is not None:
        convolution.set_weights([held])
    return keras.Model(inputs, classifier(x))


def _convolution(**changes):
    return lambda kernels, classifier: _as_convolution(kernels, classifier, **changes)


def _too_early(kernels, classifier):
    layers.Conv2D(kernels.shape[-1], len(kernels), use_bias=False).set_weights([kernels])


def _all_frozen(kernels, classifier):
    model = _as_convolution(kernels, classifier)
    model.trainable = False
    return model


def _classifier_frozen(kernels, classifier):
    classifier.trainable = False
    return _as_convolution(kernels, classifier, trainable=True)


as_convolution = Check(
    "2.4",
    slides="53",
    right=_convolution(),
    cases=lambda random: [
        {
            "images": random.uniform(0, 255, (2, 32, 32, 3)).astype("float32"),
            "kernels": random.normal(size=(size, size, 3, filters)).astype("float32"),
        }
        for size, filters in ((5, 3), (9, 2))
    ],
    observe=_observed,
    mistakes={
        "the layer has random kernels. Give it those in `kernels` (set_weights).": (
            _convolution(holds=lambda kernels: None)
        ),
        "the kernels were turned by 180 degrees. Conv2D slides them as they are, like 2.3.": (
            _convolution(holds=lambda kernels: kernels[::-1, ::-1])
        ),
        "set_weights came too early: a layer has no weights before it is part of the network.": (
            _too_early
        ),
        "Keras 3 has no argument `weights`. Use set_weights once the network is built.": (
            _convolution(options=lambda kernels: {"weights": [kernels]})
        ),
        "the layer has biases, for which there are no values: use_bias=False.": (
            _convolution(options=lambda kernels: {"use_bias": True})
        ),
        "nothing is frozen: the layer with the kernels needs trainable=False.": (
            _convolution(trainable=True)
        ),
        "everything is frozen. Freeze only the convolution: the classifier is to be trained.": (
            _all_frozen
        ),
        "the classifier is frozen, and the convolution is not: it should be the other way round.": (
            _classifier_frozen
        ),
        "the ReLU after the filters is missing.": _convolution(activation=None),
        "the ReLU comes after the pooling. It belongs before: pixel by pixel.": (
            _convolution(activation=None, after=lambda x: layers.ReLU()(x))
        ),
        'the padding is "same", but 2.3 takes only places where the whole kernel fits ("valid").': (
            _convolution(padding="same")
        ),
        "the largest number of each window was taken. 2.3 takes the mean.": (
            _convolution(pool=layers.MaxPooling2D)
        ),
        NOT_SCALED: _convolution(scale=False),
        "the mean over the whole image was taken, but the classifier needs the means of all "
        "windows, in one row of numbers: AveragePooling2D, then Flatten.": (
            _convolution(flatten=layers.GlobalAveragePooling2D)
        ),
        "the images were not flattened before the classifier.": (
            _convolution(flatten=layers.Identity)
        ),
        "the classifier's output was softmax'ed. Leave it as it is: logits.": (
            lambda kernels, classifier: _as_convolution(
                kernels, keras.Sequential([classifier, layers.Softmax()])
            )
        ),
        "there is a new dense layer where the given classifier belongs.": (
            lambda kernels, classifier: _as_convolution(kernels, layers.Dense(10))
        ),
    },
)


def _freed(function, images, labels, learning_rate):
    """Let a small network free that has been trained, and look at what another `fit` would do."""
    model = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(2, 3, activation="relu", use_bias=False, trainable=False),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )
    networks.give_weights(model, seed=2)
    _compile(model, 0.02)
    model.make_train_function()  # as `fit` does; it is kept until the model is compiled again
    step, optimizer, weights = model.train_function, model.optimizer, model.get_weights()
    function(model=model, learning_rate=learning_rate)
    kept = all(map(np.array_equal, weights, model.get_weights()))
    again = model.train_function is not step
    found = {
        "the weights are those from before": kept,
        "the layers are set to be trained": all(each.trainable for each in model.layers),
        "the model was compiled again": again,
        "with a new optimizer": model.optimizer is not optimizer,
        "which is": type(model.optimizer).__name__,
        "its learning rate": float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)),
        "weights that training changes": sum(
            math.prod(weight.shape) for weight in model.trainable_weights
        ),
    }
    if not (kept and again):
        return {**found, "loss": None, "accuracy": None}
    model.run_eagerly = True  # compiling a graph would take longer than the step
    return {**found, **model.test_on_batch(images, labels, return_dict=True)}


def _compile(model, learning_rate, loss=LOSS, optimizer=keras.optimizers.Adam):
    model.compile(optimizer(learning_rate), loss, metrics=["accuracy"])


def _set(model, learning_rate=None):
    for layer in model.layers:
        layer.trainable = True


def _unfreeze(model, learning_rate, **changes):
    _set(model)
    _compile(model, learning_rate, **changes)


def _only_the_convolution(model, learning_rate):
    for layer in model.layers:
        layer.trainable = isinstance(layer, layers.Conv2D)
    _compile(model, learning_rate)


def _frozen(model, learning_rate):
    model.trainable = False
    _compile(model, learning_rate)


def _old_optimizer(model, learning_rate):
    _set(model)
    model.compile(model.optimizer, LOSS, metrics=["accuracy"])


def _old_optimizer_new_rate(model, learning_rate):
    model.optimizer.learning_rate = learning_rate
    _old_optimizer(model, learning_rate)


def _rate_alone(model, learning_rate):
    _set(model)
    model.optimizer.learning_rate = learning_rate


def _drawn_anew(model, learning_rate):
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            layer.set_weights([np.zeros_like(each) for each in layer.get_weights()])
    _unfreeze(model, learning_rate)


ONE_OPTIMIZER = (
    "the old optimizer was kept. It knows only the weights trained so far: make a new one."
)
FROZEN = (
    "the convolution stays frozen. Set `trainable` for the layer with the kernels, or for every "
    "layer: setting model.trainable to True, which it is already, changes nothing."
)
NOT_COMPILED = (
    "the model was not compiled again: `fit` continues with the training step that it made before, "
    "in which the kernels are frozen."
)

unfreeze = Check(
    "2.5",
    slides="53",
    right=_unfreeze,
    cases=lambda random: [
        {
            "images": random.uniform(0, 255, (6, 8, 8, 3)).astype("float32"),
            "labels": random.integers(0, 4, 6),
            "learning_rate": float(rate),
        }
        for rate in (random.uniform(1e-4, 9e-4), random.uniform(2e-3, 9e-3))
    ],
    observe=_freed,
    mistakes={
        NOT_COMPILED: _set,
        NOT_COMPILED + " Giving the optimizer a new rate does not change that.": _rate_alone,
        FROZEN: lambda model, learning_rate: _compile(model, learning_rate),
        FROZEN + " And compile again.": lambda model, learning_rate: None,
        "now everything is frozen: `trainable` has to be True.": _frozen,
        "only the convolution is trained now. The layers after it should be trained, too.": (
            _only_the_convolution
        ),
        ONE_OPTIMIZER: _old_optimizer,
        ONE_OPTIMIZER + " Its new rate does not change that.": _old_optimizer_new_rate,
        "the optimizer is plain SGD. Continue with Adam, as in `compile_with`.": (
            lambda model, learning_rate: _unfreeze(
                model, learning_rate, optimizer=keras.optimizers.SGD
            )
        ),
        "`learning_rate` was not used: Adam took its default, 0.001.": (
            lambda model, learning_rate: _unfreeze(model, 0.001)
        ),
        "the kernels were replaced. They should start from the values that they have.": _drawn_anew,
        "the loss is the wrong one: this network returns logits (from_logits=True).": (
            lambda model, learning_rate: _unfreeze(
                model, learning_rate, loss="sparse_categorical_crossentropy"
            )
        ),
    },
)
