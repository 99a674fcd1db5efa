"""Right answers in other styles than the solution's."""

import keras
import numpy as np
from keras import layers


def logistic_regression__functional(num_classes=10):
    inputs = keras.Input(shape=(32, 32, 3), name="pixels")
    x = layers.Reshape((3072,))(inputs / 127.5 - 1)
    return keras.Model(inputs, layers.Dense(num_classes, name="logits")(x))


def logistic_regression__by_operations(num_classes=10):
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(2 / 255, -1.0)(inputs)
    x = layers.Dense(num_classes, activation="linear")(keras.ops.reshape(x, (-1, 32 * 32 * 3)))
    return keras.Model(inputs=inputs, outputs=x)


def logistic_regression__as_a_class(num_classes=10):
    class Logistic(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale = layers.Rescaling(1 / 127.5, offset=-1)
            self.flatten = layers.Flatten()
            self.classify = layers.Dense(num_classes)

        def call(self, images):
            return self.classify(self.flatten(self.scale(images)))

    return Logistic()


def mlp__without_an_input(units, num_classes=10):
    scale, flatten = layers.Rescaling(1 / 127.5, offset=-1), layers.Flatten()
    hidden = [layers.Dense(n, activation="relu") for n in units]
    return keras.Sequential([scale, flatten, *hidden, layers.Dense(num_classes)])


def mlp__functional(units, num_classes=10):
    inputs = keras.Input((32, 32, 3))
    x = layers.Flatten()((inputs - 127.5) / 127.5)
    for n in units:
        x = keras.ops.relu(layers.Dense(n, kernel_initializer="he_normal")(x))
    return keras.Model(inputs, layers.Dense(num_classes)(x))


def mlp__added_one_by_one(units, num_classes=10):
    model = keras.Sequential([keras.Input((32, 32, 3))])
    model.add(layers.Flatten())
    model.add(layers.Rescaling(1 / 127.5, offset=-1))
    for n in units:
        model.add(layers.Dense(n))
        model.add(layers.Activation("relu"))
    model.add(layers.Dense(num_classes))
    return model


def filter_features__by_einsum(images, kernels):
    k = len(kernels)
    windows = np.lib.stride_tricks.sliding_window_view(images, (k, k), axis=(1, 2))
    x = np.einsum("nijcab,abcf->nijf", windows, kernels)
    x = np.where(x > 0, x, 0)
    n, h, w, f = x.shape
    x = x.reshape(n, h // 4, 4, w, f).mean(axis=2)
    x = x.reshape(n, h // 4, w // 4, 4, f).mean(axis=3)
    return x.reshape(n, h // 4 * (w // 4) * f)


def filter_features__by_loops(images, kernels):
    size, filters = kernels.shape[0], kernels.shape[3]
    rows = (images.shape[1] - size + 1) // 4
    columns = (images.shape[2] - size + 1) // 4
    features = []
    for image in images:
        row = np.zeros((rows, columns, filters))
        for i in range(4 * rows):
            for j in range(4 * columns):
                found = np.tensordot(image[i : i + size, j : j + size], kernels, axes=3)
                row[i // 4, j // 4] += np.maximum(found, 0) / 16
        features.append(row.ravel())
    return np.array(features)


def filter_features__by_keras(images, kernels):
    x = keras.ops.relu(keras.ops.conv(images, kernels))
    return layers.Flatten()(layers.AveragePooling2D(4)(x))


def as_convolution__by_an_initializer(kernels, classifier):
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    filters = layers.Conv2D(
        filters=kernels.shape[-1],
        kernel_size=kernels.shape[:2],
        kernel_initializer=lambda shape, dtype=None: kernels,
    )
    filters.trainable = False
    x = layers.ReLU()(filters(x))
    x = layers.AveragePooling2D(4, strides=4)(x)
    return keras.Model(inputs, classifier(layers.Flatten()(x)))


def as_convolution__with_a_bias_of_zero(kernels, classifier):
    convolution = layers.Conv2D(kernels.shape[-1], len(kernels), activation="relu")
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            convolution,
            layers.AveragePooling2D(4),
            layers.Flatten(),
            *classifier.layers,
        ]
    )
    convolution.set_weights([kernels, np.zeros(kernels.shape[-1])])
    convolution.trainable = False
    return model


def as_convolution__layer_by_layer(kernels, classifier):
    model = keras.Sequential([keras.Input((32, 32, 3))])
    model.add(layers.Rescaling(1 / 127.5, -1))
    model.add(layers.Conv2D(kernels.shape[-1], kernels.shape[0], use_bias=False))
    model.layers[-1].kernel.assign(kernels)
    model.layers[-1].trainable = False
    model.add(layers.Activation("relu"))
    model.add(layers.AveragePooling2D(pool_size=4))
    model.add(layers.Flatten())
    model.add(classifier)
    return model


def unfreeze__layer_by_layer(model, learning_rate):
    for layer in model.layers:
        layer.trainable = True
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def unfreeze__only_what_was_frozen(model, learning_rate):
    frozen = [layer for layer in model.layers if layer.weights and not layer.trainable_weights]
    for layer in frozen:
        layer.trainable = True
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metric = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=[metric])
    return model
