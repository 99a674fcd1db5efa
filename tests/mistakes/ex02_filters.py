"""Wrong answers that students write; each docstring is part of what they must be told."""

import keras
import numpy as np
from keras import layers

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def chain(*more, scaling=None):
    scaling = scaling or layers.Rescaling(1 / 127.5, offset=-1)
    return keras.Sequential([keras.Input((32, 32, 3)), scaling, *more])


def logistic_regression__softmax(num_classes=10):
    """softmax'ed"""
    return chain(layers.Flatten(), layers.Dense(num_classes), layers.Softmax())


def logistic_regression__sigmoid(num_classes=10):
    """through a sigmoid"""
    return chain(layers.Flatten(), layers.Dense(num_classes, "sigmoid"))


def logistic_regression__relu(num_classes=10):
    """logits went through a ReLU"""
    return chain(layers.Flatten(), layers.Dense(num_classes), layers.ReLU())


def logistic_regression__no_flatten(num_classes=10):
    """on each pixel by itself"""
    return chain(layers.Dense(num_classes))


def logistic_regression__mean_colour(num_classes=10):
    """mean colour of the image"""
    inputs = keras.Input((32, 32, 3))
    x = keras.ops.mean(inputs / 127.5 - 1, axis=(1, 2))
    return keras.Model(inputs, layers.Dense(num_classes)(x))


def logistic_regression__raw_pixels(num_classes=10):
    """not scaled to -1..1"""
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(num_classes)])


def logistic_regression__zero_to_one(num_classes=10):
    """scaled to 0..1"""
    return chain(layers.Flatten(), layers.Dense(num_classes), scaling=layers.Rescaling(1 / 255))


def logistic_regression__zero_to_two(num_classes=10):
    """scaled to 0..2"""
    return chain(layers.Flatten(), layers.Dense(num_classes), scaling=layers.Rescaling(1 / 127.5))


def logistic_regression__ten(num_classes=10):
    """always has 10 units"""
    return chain(layers.Flatten(), layers.Dense(10))


def logistic_regression__no_bias(num_classes=10):
    """has a bias as well"""
    return chain(layers.Flatten(), layers.Dense(num_classes, use_bias=False))


def logistic_regression__hidden_layer(num_classes=10):
    """there is a hidden layer"""
    return chain(layers.Flatten(), layers.Dense(512, "relu"), layers.Dense(num_classes))


def logistic_regression__other_images(num_classes=10):
    """returned a model for images of shape 28x28x1"""
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(num_classes)])


def logistic_regression__a_list_of_layers(num_classes=10):
    """expected a keras.Model"""
    return [keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(num_classes)]


def logistic_regression__a_tensor(num_classes=10):
    """returned the output of a layer"""
    x = keras.Input((32, 32, 3))
    return layers.Dense(num_classes)(layers.Flatten()(x / 127.5 - 1))


def mlp__linear(units, num_classes=10):
    """one linear map"""
    return chain(layers.Flatten(), *map(layers.Dense, units), layers.Dense(num_classes))


def mlp__sigmoid(units, num_classes=10):
    """hidden layers have a sigmoid"""
    hidden = [layers.Dense(n, activation="sigmoid") for n in units]
    return chain(layers.Flatten(), *hidden, layers.Dense(num_classes))


def mlp__softmax(units, num_classes=10):
    """softmax'ed"""
    hidden = [layers.Dense(n, activation="relu") for n in units]
    return chain(layers.Flatten(), *hidden, layers.Dense(num_classes, activation="softmax"))


def mlp__relu_everywhere(units, num_classes=10):
    """logits went through a ReLU"""
    every = [layers.Dense(n, activation="relu") for n in (*units, num_classes)]
    return chain(layers.Flatten(), *every)


def mlp__first_only(units, num_classes=10):
    """only the first of `units`"""
    return chain(layers.Flatten(), layers.Dense(units[0], "relu"), layers.Dense(num_classes))


def mlp__always_from_the_pixels(units, num_classes=10):
    """only the last of `units` is left"""
    inputs = keras.Input((32, 32, 3))
    x = layers.Flatten()(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    for n in units:
        y = layers.Dense(n, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(num_classes)(y))


def mlp__one_layer_less(units, num_classes=10):
    """last of `units` is missing"""
    hidden = [layers.Dense(units[i], activation="relu") for i in range(len(units) - 1)]
    return chain(layers.Flatten(), *hidden, layers.Dense(num_classes))


def mlp__same_width(units, num_classes=10):
    """first of `units` was used for every"""
    hidden = [layers.Dense(units[0], activation="relu") for _ in units]
    return chain(layers.Flatten(), *hidden, layers.Dense(num_classes))


def mlp__reversed(units, num_classes=10):
    """reverse order"""
    hidden = [layers.Dense(n, activation="relu") for n in reversed(units)]
    return chain(layers.Flatten(), *hidden, layers.Dense(num_classes))


def mlp__no_flatten(units, num_classes=10):
    """on each pixel by itself"""
    hidden = [layers.Dense(n, activation="relu") for n in units]
    return chain(*hidden, layers.Dense(num_classes))


def mlp__raw_pixels(units, num_classes=10):
    """not scaled"""
    hidden = [layers.Dense(n, activation="relu") for n in units]
    return keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Flatten(), *hidden, layers.Dense(num_classes)]
    )


def mlp__ten(units, num_classes=10):
    """always has 10 units"""
    hidden = [layers.Dense(n, activation="relu") for n in units]
    return chain(layers.Flatten(), *hidden, layers.Dense(10))


def maps(images, kernels):
    k = kernels.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(images, (k, k), axis=(1, 2))
    return np.einsum("nijcab,abcf->nijf", windows, kernels)


def means(x, size=4):
    n, h, w, f = x.shape
    out = np.zeros((n, h // size, w // size, f))
    for i in range(h // size):
        for j in range(w // size):
            window = x[:, i * size : i * size + size, j * size : j * size + size]
            out[:, i, j] = window.mean(axis=(1, 2))
    return out


def filter_features__no_relu(images, kernels):
    """ReLU is missing"""
    return means(maps(images, kernels)).reshape(len(images), -1)


def filter_features__absolute(images, kernels):
    """absolute value was taken"""
    return means(abs(maps(images, kernels))).reshape(len(images), -1)


def filter_features__relu_last(images, kernels):
    """ReLU comes after the mean"""
    return np.clip(means(maps(images, kernels)), 0, None).reshape(len(images), -1)


def filter_features__largest(images, kernels):
    """largest number of each window"""
    x = np.maximum(0, maps(images, kernels))
    n, h, w, f = x.shape
    return x.reshape(n, h // 4, 4, w // 4, 4, f).max(axis=(2, 4)).reshape(n, -1)


def filter_features__sums(images, kernels):
    """window was added up"""
    x = np.maximum(0, maps(images, kernels))
    n, h, w, f = x.shape
    return x.reshape(n, h // 4, 4, w // 4, 4, f).sum(axis=(2, 4)).reshape(n, -1)


def filter_features__every_fourth(images, kernels):
    """one pixel of each window was kept"""
    return np.maximum(0, maps(images, kernels)[:, ::4, ::4]).reshape(len(images), -1)


def filter_features__whole_image(images, kernels):
    """one mean for the whole image"""
    return np.maximum(0, maps(images, kernels)).mean(axis=1).mean(axis=1)


def filter_features__not_pooled(images, kernels):
    """nothing was pooled"""
    return np.maximum(0, maps(images, kernels)).reshape(len(images), -1)


def filter_features__padded(images, kernels):
    """images were padded"""
    k = kernels.shape[0] // 2
    padded = np.pad(images, ((0, 0), (k, k), (k, k), (0, 0)))
    x = np.maximum(0, maps(padded, kernels))
    x = x[:, : x.shape[1] // 4 * 4, : x.shape[2] // 4 * 4]
    return means(x).reshape(len(images), -1)


def filter_features__turned(images, kernels):
    """turned by 180 degrees"""
    x = np.maximum(0, maps(images, np.flip(kernels, axis=(0, 1))))
    return means(x).reshape(len(images), -1)


def filter_features__rows_for_columns(images, kernels):
    """rows and columns of the kernels"""
    x = np.maximum(0, maps(images, np.transpose(kernels, (1, 0, 2, 3))))
    return means(x).reshape(len(images), -1)


def filter_features__grey(images, kernels):
    """only the first channel"""
    k = kernels.shape[0]
    h, w = images.shape[1] - k + 1, images.shape[2] - k + 1
    x = np.zeros((len(images), h, w, kernels.shape[3]))
    for a in range(k):
        for b in range(k):
            x += images[:, a : a + h, b : b + w, :1] * kernels[a, b, 0]
    return means(np.maximum(0, x)).reshape(len(images), -1)


def filter_features__filter_by_filter(images, kernels):
    """numbers are in the wrong order"""
    features = [
        means(np.maximum(0, maps(images, kernels[..., f : f + 1]))).reshape(len(images), -1)
        for f in range(kernels.shape[-1])
    ]
    return np.concatenate(features, axis=1)


def filter_features__not_flat(images, kernels):
    """still has rows, columns and filters"""
    return means(np.maximum(0, maps(images, kernels)))


def filter_features__centred_in_place(images, kernels):
    """changed its argument images"""
    features = means(np.maximum(0, maps(images, kernels))).reshape(len(images), -1)
    images -= images.mean()
    return features


def frozen_first(
    kernels, classifier, *, activation="relu", padding="valid", frozen=True, filled=True
):
    layer = layers.Conv2D(
        kernels.shape[3], kernels.shape[:2], padding=padding, activation=activation, use_bias=False
    )
    layer.trainable = not frozen
    network = chain(layer, layers.AveragePooling2D((4, 4)), layers.Flatten(), classifier)
    if filled:
        layer.kernel.assign(kernels)
    return network


def as_convolution__random(kernels, classifier):
    """random kernels"""
    return frozen_first(kernels, classifier, filled=False)


def as_convolution__turned(kernels, classifier):
    """turned by 180 degrees"""
    return frozen_first(np.rot90(kernels, 2), classifier)


def as_convolution__too_early(kernels, classifier):
    """set_weights came too early"""
    conv = layers.Conv2D(kernels.shape[-1], 5, use_bias=False, activation="relu")
    conv.set_weights([kernels])
    return chain(conv, layers.AveragePooling2D(4), layers.Flatten(), classifier)


def as_convolution__as_in_keras_2(kernels, classifier):
    """no argument `weights`"""
    conv = layers.Conv2D(
        kernels.shape[-1], kernels.shape[0], use_bias=False, weights=[kernels], trainable=False
    )
    return chain(conv, layers.AveragePooling2D(4), layers.Flatten(), classifier)


def as_convolution__with_biases(kernels, classifier):
    """use_bias=False"""
    conv = layers.Conv2D(kernels.shape[-1], len(kernels), activation="relu", trainable=False)
    network = chain(conv, layers.AveragePooling2D(4), layers.Flatten(), classifier)
    conv.set_weights([kernels])
    return network


def as_convolution__not_frozen(kernels, classifier):
    """nothing is frozen"""
    return frozen_first(kernels, classifier, frozen=False)


def as_convolution__all_frozen(kernels, classifier):
    """everything is frozen"""
    network = frozen_first(kernels, classifier)
    for layer in network.layers:
        layer.trainable = False
    return network


def as_convolution__wrong_one_frozen(kernels, classifier):
    """other way round"""
    network = frozen_first(kernels, classifier, frozen=False)
    network.layers[-1].trainable = False
    return network


def as_convolution__no_relu(kernels, classifier):
    """ReLU after the filters is missing"""
    return frozen_first(kernels, classifier, activation=None)


def as_convolution__relu_last(kernels, classifier):
    """after the pooling"""
    conv = layers.Conv2D(kernels.shape[-1], kernels.shape[0], use_bias=False, trainable=False)
    pool = layers.AveragePooling2D(4)
    network = chain(conv, pool, layers.ReLU(), layers.Flatten(), classifier)
    conv.set_weights([kernels])
    return network


def as_convolution__same(kernels, classifier):
    """the padding is "same\""""
    return frozen_first(kernels, classifier, padding="same")


def as_convolution__largest(kernels, classifier):
    """largest number of each window"""
    conv = layers.Conv2D(
        kernels.shape[-1], kernels.shape[0], use_bias=False, trainable=False, activation="relu"
    )
    network = chain(conv, layers.MaxPool2D(4), layers.Flatten(), classifier)
    conv.set_weights([kernels])
    return network


def as_convolution__raw_pixels(kernels, classifier):
    """not scaled"""
    conv = layers.Conv2D(
        kernels.shape[-1], kernels.shape[0], use_bias=False, trainable=False, activation="relu"
    )
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            conv,
            layers.AveragePooling2D(4),
            layers.Flatten(),
            classifier,
        ]
    )
    conv.set_weights([kernels])
    return network


def as_convolution__classifier_of_its_own(kernels, classifier):
    """where the given classifier belongs"""
    return frozen_first(kernels, layers.Dense(10))


def as_convolution__probabilities(kernels, classifier):
    """classifier's output was softmax'ed"""
    network = frozen_first(kernels, classifier)
    return keras.Model(network.inputs[0], keras.activations.softmax(network.outputs[0]))


def compiled(model, rate, **options):
    settings = {"optimizer": keras.optimizers.Adam(rate), "loss": LOSS, "metrics": ["accuracy"]}
    model.compile(**(settings | options))


def free(model):
    for layer in model.layers:
        layer.trainable = True


def unfreeze__not_compiled(model, learning_rate):
    """not compiled again"""
    free(model)


def unfreeze__sgd(model, learning_rate):
    """optimizer is plain SGD"""
    free(model)
    compiled(model, learning_rate, optimizer=keras.optimizers.SGD(learning_rate))


def unfreeze__rate_alone(model, learning_rate):
    """a new rate does not change that"""
    free(model)
    model.optimizer.learning_rate.assign(learning_rate)


def unfreeze__first_layer(model, learning_rate):
    """stays frozen"""
    model.layers[0].trainable = True
    compiled(model, learning_rate)


def unfreeze__variables(model, learning_rate):
    """for the layer with the kernels"""
    for weight in model.trainable_weights:
        weight.trainable = True
    compiled(model, learning_rate)


def unfreeze__the_model(model, learning_rate):
    """model.trainable to True, which it is already"""
    model.trainable = True
    compiled(model, learning_rate)


def unfreeze__the_model_alone(model, learning_rate):
    """And compile again."""
    model.trainable = True


def unfreeze__frozen(model, learning_rate):
    """now everything is frozen"""
    for layer in model.layers:
        layer.trainable = False
    compiled(model, learning_rate)


def unfreeze__convolution_only(model, learning_rate):
    """only the convolution is trained"""
    for layer in model.layers:
        layer.trainable = layer.name.startswith("conv")
    compiled(model, learning_rate)


def unfreeze__old_optimizer(model, learning_rate):
    """make a new one"""
    free(model)
    compiled(model, learning_rate, optimizer=model.optimizer)


def unfreeze__default_rate(model, learning_rate):
    """`learning_rate` was not used"""
    free(model)
    model.compile(optimizer="adam", loss=LOSS, metrics=["accuracy"])


def unfreeze__drawn_anew(model, learning_rate):
    """kernels were replaced"""
    free(model)
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.assign(keras.random.normal(layer.kernel.shape))
    compiled(model, learning_rate)


def unfreeze__loss_of_probabilities(model, learning_rate):
    """loss is the wrong one"""
    free(model)
    compiled(model, learning_rate, loss=keras.losses.SparseCategoricalCrossentropy())
