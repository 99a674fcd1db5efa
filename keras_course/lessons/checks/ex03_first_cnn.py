"""Checks of lesson 3: networks by what they compute, and what is counted and looked at in them."""

import keras
import numpy as np
from keras import layers

from keras_course.lessons import networks
from keras_course.lessons.check import Check, Unusable
from keras_course.lessons.compare import shown
from keras_course.lessons.usual import (
    NO_FLATTEN,
    NOT_SCALED,
    POSITIVE_LOGITS,
    SOFTMAX,
    TEN_ALWAYS,
    numbers_of_classes,
)


def _first_cnn(
    num_classes=10,
    *,
    convolutions=((12, 5), (24, 3)),
    strides=1,
    padding="valid",
    activation="relu",
    pool=layers.MaxPooling2D,
    poolings=2,
    flatten=layers.Flatten,
    units=(120, 60),
    dense="relu",
    last=None,
    scale=True,
):
    x = inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x) if scale else x
    for number, (filters, size) in enumerate(convolutions):
        x = layers.Conv2D(filters, size, strides, padding=padding, activation=activation)(x)
        x = pool(2)(x) if number < poolings else x
    x = flatten()(x)
    for count in units:
        x = layers.Dense(count, activation=dense)(x)
    return keras.Model(inputs, layers.Dense(num_classes, activation=last)(x))


def _cnn(**changes):
    return lambda num_classes: _first_cnn(num_classes, **changes)


first_cnn = Check(
    "3.1",
    slides="13 and 18",
    right=_cnn(),
    cases=lambda random: [
        {"images": random.uniform(0, 255, (2, 32, 32, 3)).astype("float32"), "num_classes": classes}
        for classes in numbers_of_classes(random)
    ],
    observe=networks.network_with_biases,
    mistakes={
        'the padding is "same". In the table the images become smaller, so it has to be "valid".': (
            _cnn(padding="same")
        ),
        "the convolutions have no ReLU: without it, only the poolings are not linear.": (
            _cnn(activation=None)
        ),
        "the dense layers have no ReLU: together they are one linear map.": _cnn(dense=None),
        "there is no ReLU anywhere. It belongs after each convolution, and after each dense layer "
        "except the last.": _cnn(activation=None, dense=None),
        "the mean of each window was taken. The table has max pooling.": (
            _cnn(pool=layers.AveragePooling2D)
        ),
        "the second pooling is missing.": _cnn(poolings=1),
        "nothing was pooled.": _cnn(poolings=0),
        "the kernel sizes are swapped: the first convolution needs 5x5, the second 3x3.": (
            _cnn(convolutions=((12, 3), (24, 5)))
        ),
        "both kernels are 3x3. The first convolution needs 5x5.": (
            _cnn(convolutions=((12, 3), (24, 3)))
        ),
        "both kernels are 5x5. The second convolution needs 3x3.": (
            _cnn(convolutions=((12, 5), (24, 5)))
        ),
        "the numbers of filters are swapped: 12 first, then 24.": (
            _cnn(convolutions=((24, 5), (12, 3)))
        ),
        "number and size of the filters are swapped: Conv2D takes `filters` first.": (
            _cnn(convolutions=((5, 12), (3, 24)))
        ),
        NO_FLATTEN: _cnn(flatten=layers.Identity),
        "the mean of each map was taken. The table keeps all numbers of the maps, in one row.": (
            _cnn(flatten=layers.GlobalAveragePooling2D)
        ),
        "the dense layers have 60 and 120 units. 120 come first.": _cnn(units=(60, 120)),
        "the dense layer of 60 units is missing.": _cnn(units=(120,)),
        SOFTMAX: _cnn(last="softmax"),
        POSITIVE_LOGITS: _cnn(last="relu"),
        TEN_ALWAYS: lambda num_classes: _first_cnn(),
        "the pixels were not scaled: call the first convolution with `x`, not with `inputs`.": (
            _cnn(scale=False)
        ),
    },
)


def _compiled(function, images, labels, learning_rate):
    """Compile a small model by the function, and look at how it would be trained."""
    model = keras.Sequential([keras.Input(images.shape[1:]), layers.Dense(5)])
    networks.give_weights(model, seed=1)
    function(model=model, learning_rate=learning_rate)
    if not model.compiled or model.optimizer is None:
        raise Unusable("left the model without an optimizer: call model.compile")
    model.run_eagerly = True  # compiling a graph would take longer than the step
    found = model.test_on_batch(images, labels, return_dict=True)
    return {
        "optimizer": type(model.optimizer).__name__,
        "learning rate": float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)),
        **found,
    }


def _compile(model, learning_rate, *, optimizer=keras.optimizers.Adam, loss=None, metric=None):
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metrics = ["accuracy"] if metric is None else metric
    model.compile(optimizer(learning_rate), loss, metrics=metrics)


def _compiling(**changes):
    return lambda model, learning_rate: _compile(model, learning_rate, **changes)


compile_model = Check(
    "3.2",
    slides="31 and 50",
    right=_compile,
    cases=lambda random: [
        {
            "images": random.normal(size=(60, 6)).astype("float32"),
            "labels": random.integers(0, 5, 60),
            "learning_rate": float(rate),
        }
        for rate in (random.uniform(1e-4, 9e-4), random.uniform(2e-3, 9e-3))
    ],
    observe=_compiled,
    mistakes={
        "the loss takes the logits for probabilities: it needs from_logits=True.": (
            _compiling(loss=keras.losses.SparseCategoricalCrossentropy())
        ),
        "this loss needs one-hot labels. For class numbers, use SparseCategoricalCrossentropy.": (
            _compiling(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
        ),
        "the mean squared error compares logits with class numbers, as if these were quantities.": (
            _compiling(loss="mean_squared_error")
        ),
        "the loss is missing.": lambda model, learning_rate: model.compile(
            keras.optimizers.Adam(learning_rate), metrics=["accuracy"]
        ),
        "`learning_rate` was not used: Adam took its default, 0.001.": (
            _compiling(optimizer=lambda rate: keras.optimizers.Adam())
        ),
        "the optimizer is plain SGD. Adam was asked for.": (
            _compiling(optimizer=keras.optimizers.SGD)
        ),
        "the optimizer is RMSprop, which `compile` chooses if none is given. Adam was asked for.": (
            lambda model, learning_rate: model.compile(
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
            )
        ),
        'this metric has another name in the history. Write "accuracy", and Keras chooses it.': (
            _compiling(metric=["sparse_categorical_accuracy"])
        ),
        'the metric Accuracy compares logits with class numbers. Write "accuracy" instead.': (
            _compiling(metric=[keras.metrics.Accuracy()])
        ),
        "nothing counts the right answers: metrics=[...] is missing.": _compiling(metric=[]),
    },
)


def _pairs(random, classes, empty):
    """Draw labels, and predictions mistaken upwards; the last `empty` classes never occur."""
    labels = random.integers(0, classes - empty, 60)
    step = random.choice([0, 0, 1, 2], 60)
    return {
        "labels": labels,
        "predictions": (labels + step) % (classes - empty),
        "num_classes": classes,
    }


def _confusion(labels, predictions, num_classes):
    rows = np.eye(num_classes, dtype=int)
    return rows[labels].T @ rows[predictions]


def _each_pair_once(labels, predictions, num_classes):
    matrix = np.zeros((num_classes, num_classes), int)
    matrix[labels, predictions] += 1
    return matrix


confusion_matrix = Check(
    "3.3",
    slides="31",
    right=_confusion,
    cases=lambda random: [_pairs(random, 4, 0), _pairs(random, 6, 2)],
    mistakes={
        "rows and columns are swapped: a row is a true class.": (
            lambda labels, predictions, num_classes: _confusion(predictions, labels, num_classes)
        ),
        "every pair is counted at most once. In a loop, `= 1` sets and `+= 1` counts. With arrays "
        "as index, `+= 1` adds only once to each place; np.add.at adds for every pair.": (
            _each_pair_once
        ),
        "the matrix has rows and columns only for the classes that occur. It needs `num_classes` "
        "of each.": (
            lambda labels, predictions, num_classes: _confusion(
                labels, predictions, 1 + int(max(labels.max(), predictions.max()))
            )
        ),
        "these are shares of each row. Count images.": (
            lambda labels, predictions, num_classes: (
                _confusion(labels, predictions, num_classes)
                / np.maximum(1, np.bincount(labels, minlength=num_classes))[:, None]
            )
        ),
        "these are shares of all images. Count images.": (
            lambda labels, predictions, num_classes: (
                _confusion(labels, predictions, num_classes) / len(labels)
            )
        ),
        "only right answers were counted. The mistakes belong off the diagonal.": (
            lambda labels, predictions, num_classes: (
                _confusion(labels, predictions, num_classes) * np.eye(num_classes, dtype=int)
            )
        ),
        "only mistakes were counted. The right answers belong on the diagonal.": (
            lambda labels, predictions, num_classes: (
                _confusion(labels, predictions, num_classes) * (1 - np.eye(num_classes, dtype=int))
            )
        ),
        "the first image was not counted.": (
            lambda labels, predictions, num_classes: _confusion(
                labels[1:], predictions[1:], num_classes
            )
        ),
        "the last image was not counted.": (
            lambda labels, predictions, num_classes: _confusion(
                labels[:-1], predictions[:-1], num_classes
            )
        ),
        "everything is off by one row and one column: the classes begin at 0.": (
            lambda labels, predictions, num_classes: np.roll(
                _confusion(labels, predictions, num_classes), -1, axis=(0, 1)
            )
        ),
        "these are the right answers of each class. Count every pair.": (
            lambda labels, predictions, num_classes: np.diag(
                _confusion(labels, predictions, num_classes)
            )
        ),
    },
)


def _small():
    """Return a small network with names for its layers, and weights that are always the same."""
    x = inputs = keras.Input((12, 10, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = layers.Conv2D(4, 3, activation="relu", name="first")(x)
    x = layers.MaxPooling2D(2, name="pooling")(x)
    x = layers.Conv2D(5, 3, activation="relu", name="second")(x)
    outputs = layers.Dense(6, name="logits")(layers.Flatten()(x))
    model = keras.Model(inputs, outputs)
    networks.give_weights(model, seed=3)
    return model


def _maps(function, name, images):
    found = function(model=_small(), name=name, images=images)
    if isinstance(found, keras.KerasTensor):
        raise Unusable(
            "returned the symbolic output of a layer; expected numbers: make a model that ends "
            "there, and call it"
        )
    if isinstance(found, keras.Model):
        raise Unusable(f"returned {shown(found)}; expected what it makes of the images")
    return keras.ops.convert_to_numpy(found) if keras.ops.is_tensor(found) else found


def _until(model, output, images):
    return keras.ops.convert_to_numpy(keras.Model(model.input, output)(images))


def _feature_maps(model, name, images):
    """Call one layer after the other."""
    x = images
    for layer in model.layers[1:]:
        x = layer(x)
        if layer.name == name:
            return keras.ops.convert_to_numpy(x)
    return None


feature_maps = Check(
    "3.4",
    slides="5 to 9",
    right=_feature_maps,
    cases=lambda random: [
        {"name": name, "images": random.uniform(0, 255, (2, 12, 10, 3)).astype("float32")}
        for name in ("second", "first", "pooling")
    ],
    observe=_maps,
    mistakes={
        "this is the output of the whole model. End at the layer of that name.": (
            lambda model, name, images: model(images)
        ),
        "this is what comes into the layer. Take its `output`.": (
            lambda model, name, images: _until(model, model.get_layer(name).input, images)
        ),
        "this is the output of the first convolution, whatever the name.": (
            lambda model, name, images: _until(model, model.get_layer("first").output, images)
        ),
        "the layer got the images themselves. It works on what the layers before it return: make a "
        "model from the model's inputs.": (
            lambda model, name, images: model.get_layer(name)(images)
        ),
        "the output of the layer is symbolic. Make a model from the inputs to it, and call that.": (
            lambda model, name, images: model.get_layer(name).output
        ),
        "these are the layer's weights. Its output depends on the images.": (
            lambda model, name, images: model.get_layer(name).get_weights()[0]
        ),
        "the model that ends there was returned. Call it with the images.": (
            lambda model, name, images: keras.Model(model.input, model.get_layer(name).output)
        ),
        "only the first image was looked at.": (
            lambda model, name, images: _feature_maps(model, name, images)[0]
        ),
        "only the maps of the first image were kept.": (
            lambda model, name, images: _feature_maps(model, name, images[:1])
        ),
        "only the first map was kept. There is one for each filter.": (
            lambda model, name, images: _feature_maps(model, name, images)[..., 0]
        ),
        "the maps were averaged into one. Each filter has its own.": (
            lambda model, name, images: _feature_maps(model, name, images).mean(axis=-1)
        ),
        "the maps come first. Keep the order (image, row, column, map).": (
            lambda model, name, images: np.moveaxis(_feature_maps(model, name, images), -1, 0)
        ),
        "the images were scaled first. The model does that itself.": (
            lambda model, name, images: _feature_maps(model, name, images / 127.5 - 1)
        ),
        "the images were divided by 255 first. The model takes pixels as they are.": (
            lambda model, name, images: _feature_maps(model, name, images / 255)
        ),
    },
)


def _any_size_cnn(
    num_classes=10,
    *,
    shape=(None, None, 3),
    filters=(12, 24, 48),
    size=3,
    padding="same",
    activation="relu",
    pool=layers.MaxPooling2D,
    poolings=3,
    mean=layers.GlobalAveragePooling2D,
    units=(),
    last=None,
    scale=True,
):
    x = inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(x) if scale else x
    for number, count in enumerate(filters):
        x = layers.Conv2D(count, size, padding=padding, activation=activation)(x)
        x = pool(2)(x) if number < poolings else x
    x = mean()(x)
    for count in units:
        x = layers.Dense(count, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(num_classes, activation=last)(x))


def _any(**changes):
    return lambda num_classes: _any_size_cnn(num_classes, **changes)


def _sized(function, images, **options):
    try:
        return networks.network_with_biases(function, images, **options)
    except ValueError as error:
        if "fully-defined" in str(error):
            raise Unusable("made a dense layer for a row of numbers of unknown length") from None
        raise


any_size_cnn = Check(
    "3.5",
    slides="4 and 9",
    right=_any(),
    cases=lambda random: [
        {"images": random.uniform(0, 255, (2, *side, 3)).astype("float32"), "num_classes": classes}
        for side, classes in zip(((40, 26), (24, 24)), numbers_of_classes(random), strict=True)
    ],
    observe=_sized,
    mistakes={
        "its input is bound to 32x32. Leave height and width open: None.": _any(shape=(32, 32, 3)),
        "Flatten binds the dense layer to one image size. Take the mean of each map.": (
            _any(mean=layers.Flatten)
        ),
        "the largest number of each map was taken. The mean is GlobalAveragePooling2D.": (
            _any(mean=layers.GlobalMaxPooling2D)
        ),
        "the maps themselves went to the dense layer. Take the mean of each map first.": (
            _any(mean=layers.Identity)
        ),
        'the padding is "valid". With "same" a convolution keeps the image size.': (
            _any(padding="valid")
        ),
        "the convolutions have no ReLU.": _any(activation=None),
        "the mean of each window was taken. Each convolution is followed by max pooling.": (
            _any(pool=layers.AveragePooling2D)
        ),
        "the last pooling is missing: each of the three convolutions has one.": _any(poolings=2),
        "nothing was pooled between the convolutions.": _any(poolings=0),
        "the kernels are 5x5. They should be 3x3 here.": _any(size=5),
        "the numbers of filters are in the wrong order: 12 should come first, then 24 and 48.": (
            _any(filters=(48, 24, 12))
        ),
        "these are the two convolutions of 3.1 (12 and 24 filters). There should be three.": (
            _any(filters=(12, 24), poolings=2)
        ),
        "all convolutions have 12 filters. They need 12, 24 and 48.": _any(filters=(12, 12, 12)),
        "the dense layers of 3.1 are still there. The means should go straight to the logits.": (
            _any(units=(120, 60))
        ),
        SOFTMAX: _any(last="softmax"),
        POSITIVE_LOGITS: _any(last="relu"),
        TEN_ALWAYS: lambda num_classes: _any_size_cnn(),
        NOT_SCALED: _any(scale=False),
    },
)
