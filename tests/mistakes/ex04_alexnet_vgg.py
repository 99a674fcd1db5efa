"""Wrong answers that students write; each docstring is part of what they must be told."""

import math

import keras
import numpy as np
from keras import layers


def cost__channels_of_the_image(table, side, channels):
    """as many as the one before it has filters"""
    w, m = 0, 0
    for row in table:
        if row[0] == "pool":
            side = math.ceil(side / 2)
        else:
            side = math.ceil(side / row[3])
            w += row[2] ** 2 * channels * row[1]
            m += row[2] ** 2 * channels * row[1] * side**2
    return w, m


def walk(table, side, channels, strides=True, pools=True, ceil=math.ceil, pool_strides=lambda s: 2):
    """Give each convolution's size, channels, filters and the side after it."""
    for row in table:
        if row[0] == "pool":
            side = ceil(side / pool_strides(row[1])) if pools else side
            continue
        before = side
        side = ceil(side / row[3]) if strides else side
        yield row[2], channels, row[1], before, side
        channels = row[1]


def cost__strides_ignored(table, side, channels):
    """strides of the convolutions were ignored"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels, strides=False):
        w += k * k * c * f
        m += k * k * c * f * s * s
    return w, m


def cost__poolings_ignored(table, side, channels):
    """poolings were ignored: each"""
    rows = list(walk(table, side, channels, pools=False))
    weights = [k * k * c * f for k, c, f, _, _ in rows]
    return sum(weights), sum(w * row[-1] ** 2 for w, row in zip(weights, rows, strict=True))


def cost__pixels_of_the_image(table, side, channels):
    """every layer has the pixels of the image"""
    weights = 0
    for row in table:
        if row[0] == "conv":
            weights += row[2] * row[2] * channels * row[1]
            channels = row[1]
    return weights, weights * side * side


def cost__places_of_the_input(table, side, channels):
    """places were counted before the strides"""
    w = m = 0
    for k, c, f, before, _ in walk(table, side, channels):
        w += k * k * c * f
        m += k * k * c * f * before**2
    return w, m


def cost__rounded_down(table, side, channels):
    """rounded down"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels, ceil=int):
        w += k * k * c * f
        m += k * k * c * f * s * s
    return w, m


def cost__not_rounded(table, side, channels):
    """not a whole number"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels, ceil=float):
        w += k * k * c * f
        m += k * k * c * f * s * s
    return w, m


def cost__pooling_by_its_size(table, side, channels):
    """size of a pooling was taken for its strides"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels, pool_strides=lambda size: size):
        w += k * k * c * f
        m += k * k * c * f * s * s
    return w, m


def cost__with_biases(table, side, channels):
    """biases were counted"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels):
        w += (k * k * c + 1) * f
        m += k * k * c * f * s * s
    return w, m


def cost__two_operations(table, side, channels):
    """both at once"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels):
        w += k * k * c * f
        m += 2 * k * k * c * f * s * s
    return w, m


def cost__kernel_of_one_row(table, side, channels):
    """size x size pixels, not size"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels):
        w += k * c * f
        m += k * c * f * s * s
    return w, m


def cost__channels_too_early(table, side, channels):
    """overwritten before it was used"""
    weights = multiply_adds = 0
    for kind, *row in table:
        side = math.ceil(side / (2 if kind == "pool" else row[2]))
        if kind == "conv":
            channels, size, _ = row
            weights += size**2 * channels * row[0]
            multiply_adds += size**2 * channels * row[0] * side**2
    return weights, multiply_adds


def cost__one_row_of_places(table, side, channels):
    """side x side places"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels):
        w += k * k * c * f
        m += k * k * c * f * s
    return w, m


def cost__places_at_the_end(table, side, channels):
    """Each convolution has its own places"""
    w = 0
    for kind, *row in table:
        if kind == "conv":
            filters, size, strides = row
            w += size**2 * channels * filters
            channels, side = filters, math.ceil(side / strides)
        else:
            side = math.ceil(side / 2)
    return w, w * side**2


def cost__not_added_up(table, side, channels):
    """only the last convolution"""
    for k, c, f, _, s in walk(table, side, channels):
        w = k * k * c * f
        m = w * s * s
    return w, m


def cost__returns_in_the_loop(table, side, channels):
    """inside the loop"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels):
        w += k * k * c * f
        m += k * k * c * f * s * s
        return w, m


def cost__turned_around(table, side, channels):
    """the wrong way round"""
    w = m = 0
    for k, c, f, _, s in walk(table, side, channels):
        w += k * k * c * f
        m += k * k * c * f * s * s
    return m, w


def cost__of_the_example(table, side, channels):
    """whatever it is given"""
    return 36864, 37748736


def cost__one_number(table, side, channels):
    """several values are expected"""
    return 0


def vgg_table__pooling_after_each(filters, convolutions):
    """follows every convolution"""
    rows = []
    for i in range(len(filters)):
        for _ in range(convolutions[i]):
            rows.append(("conv", filters[i], 3, 1))
            rows.append(("pool", 2))
    return rows


def vgg_table__pooling_first(filters, convolutions):
    """pooling comes first"""
    rows = []
    for f, n in zip(filters, convolutions, strict=True):
        rows.append(("pool", 2))
        for _ in range(n):
            rows.append(("conv", f, 3, 1))
    return rows


def vgg_table__pooling_between(filters, convolutions):
    """last stage has no pooling"""
    rows = []
    for i, (f, n) in enumerate(zip(filters, convolutions, strict=True)):
        if i > 0:
            rows.append(("pool", 2))
        rows += n * [("conv", f, 3, 1)]
    return rows


def vgg_table__one_pooling(filters, convolutions):
    """Every stage should end with one"""
    rows = []
    for f, n in zip(filters, convolutions, strict=True):
        for _ in range(n):
            rows.append(("conv", f, 3, 1))
    rows.append(("pool", 2))
    return rows


def vgg_table__one_convolution(filters, convolutions):
    """one convolution. `convolutions` says"""
    rows = []
    for f in filters:
        rows += [("conv", f, 3, 1), ("pool", 2)]
    return rows


def vgg_table__size_first(filters, convolutions):
    """filters and size are the wrong way round"""
    rows = []
    for f, n in zip(filters, convolutions, strict=True):
        rows += [("conv", 3, f, 1) for _ in range(n)]
        rows.append(("pool", 2))
    return rows


def vgg_table__lists_of_stages(filters, convolutions):
    """Join them into one list"""
    rows = []
    for f, n in zip(filters, convolutions, strict=True):
        rows.append([("conv", f, 3, 1)] * n + [("pool", 2)])
    return rows


def vgg_table__one_less(filters, convolutions):
    """one convolution too few"""
    rows = []
    for f, n in zip(filters, convolutions, strict=True):
        for _ in range(1, n):
            rows.append(("conv", f, 3, 1))
        rows.append(("pool", 2))
    return rows


def vgg_table__made_anew(filters, convolutions):
    """only the last stage is left"""
    for f, n in zip(filters, convolutions, strict=True):
        rows = [("conv", f, 3, 1)] * n
        rows.append(("pool", 2))
    return rows


def vgg_table__strides(filters, convolutions):
    """only the poolings halve the images"""
    rows = []
    for f, n in zip(filters, convolutions, strict=True):
        rows += [("conv", f, 3, 2)] * n + [("pool", 2)]
    return rows


def vgg_table__pooling_of_alexnet(filters, convolutions):
    """VGG's are 2x2"""
    rows = []
    for f, n in zip(filters, convolutions, strict=True):
        rows += [("conv", f, 3, 1)] * n + [("pool", 3)]
    return rows


def vgg_table__a_generator(filters, convolutions):
    """`yield` makes a generator"""
    for f, n in zip(filters, convolutions, strict=True):
        yield from [("conv", f, 3, 1)] * n
        yield ("pool", 2)


def network_of(
    table,
    conv,
    num_classes,
    *,
    pool=lambda size: layers.MaxPooling2D(size, 2, "same"),
    mean=True,
    end=None,
    scaled=True,
    head=layers.GlobalAveragePooling2D,
):
    inputs = keras.Input(shape=(32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = x if scaled else inputs
    for row in table:
        if row[0] == "conv":
            x = conv(x, row[1], row[2], row[3])
        elif pool:
            x = pool(row[1])(x)
    if mean:
        x = head()(x)
    x = layers.Dense(num_classes)(x)
    return keras.Model(inputs, end(x) if end else x)


def network__softmax(table, conv, num_classes=10):
    """softmax'ed"""
    return network_of(table, conv, num_classes, end=layers.Softmax())


def network__relu_at_the_end(table, conv, num_classes=10):
    """logits went through a ReLU"""
    return network_of(table, conv, num_classes, end=layers.ReLU())


def network__mean_pooling(table, conv, num_classes=10):
    """poolings take the mean"""
    return network_of(
        table, conv, num_classes, pool=lambda size: layers.AveragePooling2D(size, 2, "same")
    )


def network__strides_of_the_size(table, conv, num_classes=10):
    """moves by three pixels"""
    return network_of(
        table, conv, num_classes, pool=lambda size: layers.MaxPooling2D(size, padding="same")
    )


def network__valid_poolings(table, conv, num_classes=10):
    """pixels that are left over"""
    return network_of(table, conv, num_classes, pool=lambda size: layers.MaxPooling2D(size, 2))


def network__default_poolings(table, conv, num_classes=10):
    """neither strides 2 nor"""
    return network_of(table, conv, num_classes, pool=layers.MaxPooling2D)


def network__two_by_two(table, conv, num_classes=10):
    """every pooling is 2x2"""
    return network_of(
        table, conv, num_classes, pool=lambda size: layers.MaxPooling2D(padding="same")
    )


def network__no_poolings(table, conv, num_classes=10):
    """poolings were left out"""
    return network_of(table, conv, num_classes, pool=None)


def network__own_convolution(table, conv, num_classes=10):
    """`conv` was not used"""

    def mine(x, filters, size, strides):
        return layers.Conv2D(filters, size, strides, padding="same", activation="relu")(x)

    return network_of(table, mine, num_classes)


def network__no_strides(table, conv, num_classes=10):
    """strides of the convolutions were not used"""
    table = [(*row[:3], 1) if row[0] == "conv" else row for row in table]
    return network_of(table, conv, num_classes)


def network__size_for_filters(table, conv, num_classes=10):
    """`conv` takes (x, filters, size, strides)"""

    def swapped(x, filters, size, strides):
        return conv(x, size, filters, strides)

    return network_of(table, swapped, num_classes)


def network__flattened(table, conv, num_classes=10):
    """images were flattened"""
    return network_of(table, conv, num_classes, head=layers.Flatten)


def network__dense_on_pixels(table, conv, num_classes=10):
    """dense layer works on each pixel"""
    return network_of(table, conv, num_classes, mean=False)


def network__raw_pixels(table, conv, num_classes=10):
    """not scaled"""
    return network_of(table, conv, num_classes, scaled=False)


def network__ten(table, conv, num_classes=10):
    """always has 10 units"""
    return network_of(table, conv, 10)


def network__last_row_missing(table, conv, num_classes=10):
    """last row of the table"""
    return network_of([table[i] for i in range(len(table) - 1)], conv, num_classes)


def network__always_from_the_image(table, conv, num_classes=10):
    """every layer takes the image"""
    inputs = keras.Input(shape=(32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for kind, *row in table:
        y = conv(x, *row) if kind == "conv" else layers.MaxPooling2D(row[0], 2, "same")(x)
    y = layers.GlobalAveragePooling2D()(y)
    return keras.Model(inputs, layers.Dense(num_classes)(y))


def network__no_model(table, conv, num_classes=10):
    """expected a keras.Model"""
    return network_of(table, conv, num_classes).output


def spread__of_all(activations):
    """take it only over the images"""
    return activations.std()


def spread__of_channels(activations):
    """over the channels"""
    return np.mean(np.std(activations, axis=-1))


def spread__within_images(activations):
    """within each image"""
    return np.mean([image.std() for image in activations])


def spread__variance(activations):
    """its root"""
    return np.mean((activations - activations.mean(axis=0)) ** 2)


def spread__root_last(activations):
    """First the root, then the mean"""
    return np.sqrt(np.mean((activations - activations.mean(axis=0)) ** 2))


def spread__unbiased(activations):
    """divided by n - 1"""
    n = len(activations)
    squares = np.sum((activations - activations.mean(axis=0)) ** 2, axis=0)
    return np.sqrt(squares / (n - 1)).mean()


def spread__an_array(activations):
    """a number for each place and channel"""
    return activations.std(axis=0)


def spread__of_means(activations):
    """each image was averaged first"""
    return np.std([image.mean() for image in activations])


def spread__mean_image(activations):
    """mean and standard deviation are swapped"""
    return activations.mean(axis=0).std()


def spread__absolute(activations):
    """squares them"""
    return np.mean(np.abs(activations - np.mean(activations, axis=0)))


def spread__largest(activations):
    """largest standard deviation"""
    return activations.std(axis=0).max()


def spread__not_centred(activations):
    """mean image was not subtracted"""
    return np.mean(np.sqrt((activations**2).mean(axis=0)))


def spread__centred_in_place(activations):
    """changed its argument activations"""
    activations -= activations.mean(axis=0)
    return np.sqrt((activations**2).mean(axis=0)).mean()


def he_stddev__with_filters(shape):
    """number of filters was counted, too"""
    return math.sqrt(2 / math.prod(shape))


def he_stddev__of_the_filters(shape):
    """filters were taken for channels"""
    return math.sqrt(2 / (shape[0] * shape[1] * shape[-1]))


def he_stddev__variance(shape):
    """root is missing"""
    return 2 / math.prod(shape[:3])


def he_stddev__no_relu(shape):
    """the 2 is missing"""
    return 1 / math.sqrt(math.prod(shape[:-1]))


def he_stddev__glorot(shape):
    """Glorot's start"""
    height, width, channels, filters = shape
    return np.sqrt(2 / (height * width * channels + height * width * filters))


def he_stddev__channels_only(shape):
    """only the channels"""
    return np.sqrt(2 / shape[2])


def he_stddev__pixels_only(shape):
    """only the pixels of the kernel"""
    return np.sqrt(2 / (shape[0] * shape[1]))


def he_stddev__square(shape):
    """taken for its width"""
    size, _, channels, _ = shape
    return np.sqrt(2 / (size**2 * channels))


def he_stddev__upside_down(shape):
    """upside down"""
    return np.sqrt(np.prod(shape[:3]) / 2)


def he_stddev__two_below(shape):
    """in the denominator"""
    return np.sqrt(1 / (2 * np.prod(shape[:3])))


def he_stddev__constant(shape):
    """0.01 for every shape"""
    return 0.01
