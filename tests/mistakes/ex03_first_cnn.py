"""Wrong answers that students write; each docstring is part of what they must be told."""

import keras
import numpy as np
from keras import layers


def chain(*more, size=32):
    start = [keras.Input((size, size, 3)), layers.Rescaling(1 / 127.5, offset=-1)]
    return keras.Sequential([*start, *more])


def conv(filters, size, activation="relu", **options):
    return layers.Conv2D(filters, size, activation=activation, **options)


def dense(num_classes, activation="relu"):
    return [
        layers.Dense(120, activation=activation),
        layers.Dense(60, activation=activation),
        layers.Dense(num_classes),
    ]


def pool():
    return layers.MaxPooling2D(2)


def first_cnn__same(num_classes=10):
    """the padding is "same\""""
    first, second = conv(12, 5, padding="same"), conv(24, 3, padding="same")
    return chain(first, pool(), second, pool(), layers.Flatten(), *dense(num_classes))


def first_cnn__linear_convolutions(num_classes=10):
    """convolutions have no ReLU"""
    first, second = conv(12, 5, None), conv(24, 3, None)
    return chain(first, pool(), second, pool(), layers.Flatten(), *dense(num_classes))


def first_cnn__linear_dense(num_classes=10):
    """dense layers have no ReLU"""
    last = dense(num_classes, None)
    return chain(conv(12, 5), pool(), conv(24, 3), pool(), layers.Flatten(), *last)


def first_cnn__no_relu(num_classes=10):
    """no ReLU anywhere"""
    x = inputs = keras.Input((32, 32, 3))
    x = x / 127.5 - 1
    x = layers.MaxPooling2D()(layers.Conv2D(12, 5)(x))
    x = layers.MaxPooling2D()(layers.Conv2D(24, 3)(x))
    x = layers.Dense(60)(layers.Dense(120)(layers.Flatten()(x)))
    return keras.Model(inputs, layers.Dense(num_classes)(x))


def first_cnn__average_pooling(num_classes=10):
    """The table has max pooling"""
    mean = layers.AveragePooling2D
    convolutions = [conv(12, 5), mean(2), conv(24, 3), mean(2)]
    return chain(*convolutions, layers.Flatten(), *dense(num_classes))


def first_cnn__pooled_once(num_classes=10):
    """second pooling is missing"""
    return chain(conv(12, 5), pool(), conv(24, 3), layers.Flatten(), *dense(num_classes))


def first_cnn__sizes_swapped(num_classes=10):
    """kernel sizes are swapped"""
    convolutions = [conv(12, 3), pool(), conv(24, 5), pool()]
    return chain(*convolutions, layers.Flatten(), *dense(num_classes))


def first_cnn__filters_for_size(num_classes=10):
    """Conv2D takes `filters` first"""
    convolutions = [conv(5, 12), pool(), conv(3, 24), pool()]
    return chain(*convolutions, layers.Flatten(), *dense(num_classes))


def first_cnn__threes(num_classes=10):
    """both kernels are 3x3"""
    convolutions = [conv(12, (3, 3)), pool(), conv(24, (3, 3)), pool()]
    return chain(*convolutions, layers.Flatten(), *dense(num_classes))


def first_cnn__filters_swapped(num_classes=10):
    """numbers of filters are swapped"""
    convolutions = [conv(24, 5), pool(), conv(12, 3), pool()]
    return chain(*convolutions, layers.Flatten(), *dense(num_classes))


def first_cnn__no_flatten(num_classes=10):
    """works on the last axis"""
    return chain(conv(12, 5), pool(), conv(24, 3), pool(), *dense(num_classes))


def first_cnn__means(num_classes=10):
    """mean of each map was taken"""
    convolutions = [conv(12, 5), pool(), conv(24, 3), pool()]
    return chain(*convolutions, layers.GlobalAveragePooling2D(), *dense(num_classes))


def first_cnn__one_dense_layer_less(num_classes=10):
    """60 units is missing"""
    last = [layers.Dense(120, activation="relu"), layers.Dense(num_classes)]
    return chain(conv(12, 5), pool(), conv(24, 3), pool(), layers.Flatten(), *last)


def first_cnn__softmax(num_classes=10):
    """softmax'ed"""
    last = [*dense(num_classes), layers.Softmax()]
    return chain(conv(12, 5), pool(), conv(24, 3), pool(), layers.Flatten(), *last)


def first_cnn__ten(num_classes=10):
    """always has 10 units"""
    return chain(conv(12, 5), pool(), conv(24, 3), pool(), layers.Flatten(), *dense(10))


def first_cnn__from_the_inputs(num_classes=10):
    """with `x`, not with `inputs`"""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(12, 5, activation="relu")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(24, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for layer in dense(num_classes):
        x = layer(x)
    return keras.Model(inputs, x)


def first_cnn__a_tensor(num_classes=10):
    """expected a keras.Model"""
    x = keras.Input((32, 32, 3))
    x = layers.Flatten()(layers.Conv2D(12, 5, activation="relu")(x))
    return layers.Dense(num_classes)(x)


def compile_model__probabilities(model, learning_rate):
    """needs from_logits=True"""
    model.compile(
        keras.optimizers.Adam(learning_rate=learning_rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def compile_model__one_hot(model, learning_rate):
    """needs one-hot labels"""
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    adam = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer=adam, loss=loss, metrics=["accuracy"])


def compile_model__squared_error(model, learning_rate):
    """mean squared error"""
    adam = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer=adam, loss=keras.losses.MeanSquaredError(), metrics=["accuracy"])


def compile_model__default_rate(model, learning_rate):
    """`learning_rate` was not used"""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])


def compile_model__sgd(model, learning_rate):
    """plain SGD"""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    sgd = keras.optimizers.SGD(learning_rate)
    model.compile(optimizer=sgd, loss=loss, metrics=["accuracy"])


def compile_model__no_optimizer(model, learning_rate):
    """RMSprop, which `compile` chooses"""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    keras.optimizers.Adam(learning_rate)
    model.compile(loss=loss, metrics=["accuracy"])


def compile_model__no_metrics(model, learning_rate):
    """nothing counts the right answers"""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss)


def compile_model__long_name(model, learning_rate):
    """another name in the history"""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metric = keras.metrics.SparseCategoricalAccuracy()
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=[metric])


def compile_model__equal_numbers(model, learning_rate):
    """compares logits with class numbers"""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    adam = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer=adam, loss=loss, metrics=[keras.metrics.Accuracy()])


def compile_model__not_compiled(model, learning_rate):
    """call model.compile"""
    model.optimizer = keras.optimizers.Adam(learning_rate)


def confusion_matrix__transposed(labels, predictions, num_classes):
    """rows and columns are swapped"""
    matrix = np.zeros((num_classes, num_classes), dtype=int)
    for label, prediction in zip(labels, predictions, strict=True):
        matrix[prediction, label] += 1
    return matrix


def confusion_matrix__fancy_index(labels, predictions, num_classes):
    """adds only once to each place"""
    matrix = np.zeros([num_classes] * 2)
    matrix[labels, predictions] = matrix[labels, predictions] + 1
    return matrix


def confusion_matrix__set_to_one(labels, predictions, num_classes):
    """`= 1` sets"""
    matrix = np.zeros((num_classes, num_classes), int)
    for label, prediction in zip(labels, predictions, strict=True):
        matrix[label, prediction] = 1
    return matrix


def confusion_matrix__classes_that_occur(labels, predictions, num_classes):
    """only for the classes that occur"""
    classes = np.unique(np.concatenate([labels, predictions]))
    return np.array([[sum((labels == t) & (predictions == p)) for p in classes] for t in classes])


def confusion_matrix__shares_of_rows(labels, predictions, num_classes):
    """shares of each row"""
    matrix = np.zeros((num_classes, num_classes))
    np.add.at(matrix, (labels, predictions), 1)
    for row in matrix:
        if row.sum():
            row /= row.sum()
    return matrix


def confusion_matrix__shares(labels, predictions, num_classes):
    """shares of all images"""
    matrix = np.zeros((num_classes, num_classes))
    np.add.at(matrix, (labels, predictions), 1)
    return matrix / matrix.sum()


def confusion_matrix__right_only(labels, predictions, num_classes):
    """only right answers"""
    matrix = np.zeros((num_classes, num_classes), dtype=int)
    for label, prediction in zip(labels, predictions, strict=True):
        if label == prediction:
            matrix[label, label] += 1
    return matrix


def confusion_matrix__wrong_only(labels, predictions, num_classes):
    """only mistakes were counted"""
    matrix = np.zeros((num_classes, num_classes), dtype=int)
    for label, prediction in zip(labels, predictions, strict=True):
        if label != prediction:
            matrix[label, prediction] += 1
    return matrix


def confusion_matrix__from_one(labels, predictions, num_classes):
    """first image was not counted"""
    matrix = np.zeros((num_classes, num_classes), dtype=int)
    for i in range(1, len(labels)):
        matrix[labels[i], predictions[i]] += 1
    return matrix


def confusion_matrix__classes_from_one(labels, predictions, num_classes):
    """begin at 0"""
    matrix = np.zeros((num_classes, num_classes), dtype=int)
    for label, prediction in zip(labels, predictions, strict=True):
        matrix[label - 1, prediction - 1] += 1
    return matrix


def confusion_matrix__diagonal(labels, predictions, num_classes):
    """right answers of each class"""
    return np.array([np.sum((labels == c) & (predictions == c)) for c in range(num_classes)])


def confusion_matrix__lists(labels, predictions, num_classes):
    """a list is not an array"""
    matrix = [[0] * num_classes for _ in range(num_classes)]
    for label, prediction in zip(labels, predictions, strict=True):
        matrix[label][prediction] += 1
    return matrix


def feature_maps__of_the_end(model, name, images):
    """output of the whole model"""
    model.get_layer(name)
    return model.predict_on_batch(images)


def feature_maps__input(model, name, images):
    """what comes into the layer"""
    i = [layer.name for layer in model.layers].index(name)
    return keras.Model(model.input, model.layers[i - 1].output)(images)


def feature_maps__always_the_first(model, name, images):
    """whatever the name"""
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    return keras.Model(model.input, convolutions[0].output)(images)


def feature_maps__layer_alone(model, name, images):
    """layer got the images themselves"""
    layer = model.get_layer(name)
    return layer(keras.ops.convert_to_tensor(images))


def feature_maps__symbolic(model, name, images):
    """output of the layer is symbolic"""
    for layer in model.layers:
        if layer.name == name:
            return layer.output


def feature_maps__the_model(model, name, images):
    """Call it with the images"""
    return keras.Model(inputs=model.input, outputs=model.get_layer(name).output)


def feature_maps__one_map(model, name, images):
    """only the first map"""
    maps = keras.Model(model.input, model.get_layer(name).output)(images)
    return maps[:, :, :, 0]


def feature_maps__averaged(model, name, images):
    """averaged into one"""
    maps = keras.Model(model.input, model.get_layer(name).output)(images)
    return keras.ops.mean(maps, axis=3)


def feature_maps__one_image(model, name, images):
    """only the first image was looked at"""
    return keras.Model(model.input, model.get_layer(name).output)(images)[0]


def feature_maps__maps_first(model, name, images):
    """the maps come first"""
    maps = keras.Model(model.input, model.get_layer(name).output)(images)
    return np.transpose(maps, (3, 0, 1, 2))


def feature_maps__scaled_twice(model, name, images):
    """divided by 255"""
    return keras.Model(model.input, model.get_layer(name).output)(images / 255.0)


def feature_maps__shifted_in_place(model, name, images):
    """changed its argument images"""
    maps = np.array(keras.Model(model.input, model.get_layer(name).output)(images))
    images /= 255
    return maps


def open_chain(*more):
    return keras.Sequential([keras.Input((None, None, 3)), layers.Rescaling(2 / 255, -1.0), *more])


def three(filters=(12, 24, 48), size=3, pool=layers.MaxPool2D, **options):
    options = {"padding": "same", "activation": "relu"} | options
    return [each for n in filters for each in (layers.Conv2D(n, size, **options), pool(2))]


def any_size_cnn__bound(num_classes=10):
    """bound to 32x32"""
    mean = layers.GlobalAveragePooling2D()
    return chain(*three(), mean, layers.Dense(num_classes))


def any_size_cnn__flatten(num_classes=10):
    """binds the dense layer to one image size"""
    return open_chain(*three(), layers.Flatten(), layers.Dense(num_classes))


def any_size_cnn__largest(num_classes=10):
    """largest number of each map"""
    return open_chain(*three(), layers.GlobalMaxPooling2D(), layers.Dense(num_classes))


def any_size_cnn__maps(num_classes=10):
    """maps themselves went to the dense layer"""
    return open_chain(*three(), layers.Dense(num_classes))


def any_size_cnn__valid(num_classes=10):
    """the padding is "valid\""""
    mean = layers.GlobalAveragePooling2D()
    return open_chain(*three(padding="valid"), mean, layers.Dense(num_classes))


def any_size_cnn__linear(num_classes=10):
    """convolutions have no ReLU"""
    mean = layers.GlobalAveragePooling2D()
    return open_chain(*three(activation=None), mean, layers.Dense(num_classes))


def any_size_cnn__average_pooling(num_classes=10):
    """mean of each window"""
    mean = layers.GlobalAvgPool2D()
    return open_chain(*three(pool=layers.AvgPool2D), mean, layers.Dense(num_classes))


def any_size_cnn__two_poolings(num_classes=10):
    """last pooling is missing"""
    mean = layers.GlobalAveragePooling2D()
    return open_chain(*three()[:-1], mean, layers.Dense(num_classes))


def any_size_cnn__two_convolutions(num_classes=10):
    """the two convolutions of 3.1"""
    mean = layers.GlobalAveragePooling2D()
    return open_chain(*three((12, 24)), mean, layers.Dense(num_classes))


def any_size_cnn__dense_layers(num_classes=10):
    """straight to the logits"""
    return open_chain(*three(), layers.GlobalAveragePooling2D(), *dense(num_classes))


def any_size_cnn__softmax(num_classes=10):
    """softmax'ed"""
    last = layers.Dense(num_classes, activation="softmax")
    return open_chain(*three(), layers.GlobalAveragePooling2D(), last)


def any_size_cnn__raw_pixels(num_classes=10):
    """not scaled"""
    every = [*three(), layers.GlobalAveragePooling2D(), layers.Dense(num_classes)]
    return keras.Sequential([keras.Input((None, None, 3)), *every])


def any_size_cnn__ten(num_classes=10):
    """always has 10 units"""
    return open_chain(*three(), layers.GlobalAveragePooling2D(), layers.Dense(10))
