"""Right answers in other styles than the solution's."""

from collections import Counter

import keras
import numpy as np
from keras import layers


def first_cnn__sequential(num_classes=10):
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(scale=2 / 255, offset=-1.0),
            layers.Conv2D(12, (5, 5)),
            layers.MaxPooling2D(),
            layers.Activation("relu"),  # ReLU and max pooling may change places
            layers.Conv2D(24, (3, 3)),
            layers.MaxPooling2D(),
            layers.Activation("relu"),
            layers.Flatten(),
            layers.Dense(120, "relu"),
            layers.Dense(60, "relu"),
            layers.Dense(num_classes, name="logits"),
        ]
    )


def first_cnn__with_operations(num_classes=10):
    pixels = keras.Input(shape=(32, 32, 3))
    x = (pixels - 127.5) / 127.5
    x = keras.ops.relu(layers.Conv2D(12, 5, kernel_initializer="he_normal")(x))
    x = keras.ops.max_pool(x, 2, 2)
    x = keras.ops.relu(layers.Conv2D(24, 3)(x))
    x = keras.ops.max_pool(x, 2, 2)
    x = layers.Reshape((-1,))(x)
    x = layers.ReLU()(layers.Dense(120)(x))
    x = layers.ReLU()(layers.Dense(60)(x))
    return keras.Model(inputs=pixels, outputs=layers.Dense(num_classes)(x))


def compile_model__by_position(model, learning_rate):
    loss = keras.losses.SparseCategoricalCrossentropy(True)
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["acc", "accuracy"])
    return model


def compile_model__by_names(model, learning_rate):
    adam = keras.optimizers.get("adam")
    adam.learning_rate = learning_rate

    def loss(labels, logits):
        return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)

    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(optimizer=adam, loss=loss, metrics=[accuracy])


def confusion_matrix__add_at(labels, predictions, num_classes):
    matrix = np.zeros((num_classes, num_classes))
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


def confusion_matrix__bincount(labels, predictions, num_classes):
    pairs = num_classes * labels + predictions
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def confusion_matrix__counter(labels, predictions, num_classes):
    counts = Counter(zip(labels.tolist(), predictions.tolist(), strict=True))
    classes = range(num_classes)
    return np.array([[counts[true, taken] for taken in classes] for true in classes])


def confusion_matrix__one_hot(labels, predictions, num_classes):
    of = keras.ops.one_hot(labels, num_classes)
    return keras.ops.transpose(of) @ keras.ops.one_hot(predictions, num_classes)


def feature_maps__predict(model, name, images):
    layer = next(layer for layer in model.layers if layer.name == name)
    return keras.Model(inputs=model.input, outputs=layer.output).predict_on_batch(images)


def feature_maps__layer_by_layer(model, name, images):
    x = keras.ops.convert_to_tensor(images)
    for layer in model.layers[1:]:
        x = layer(x)
        if layer.name == name:
            break
    return x


def any_size_cnn__with_operations(num_classes=10):
    inputs = keras.Input(shape=(None, None, 3), name="pixels")
    x = inputs / 127.5 - 1.0
    for filters in [12, 24, 48]:
        x = layers.Conv2D(filters, (3, 3), padding="same")(x)
        x = keras.ops.relu(x)
        x = layers.MaxPool2D(pool_size=(2, 2))(x)
    x = keras.ops.mean(x, axis=(1, 2))
    return keras.Model(inputs, layers.Dense(num_classes)(x))


def any_size_cnn__sequential(num_classes=10):
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Rescaling(1 / 127.5, -1)])
    for stage in range(3):
        model.add(layers.Conv2D(12 * 2**stage, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.GlobalAveragePooling2D(keepdims=False))
    model.add(layers.Dense(num_classes))
    return model
