"""Checks of lesson 1, against Keras' own convolution and pooling."""

import keras
import numpy as np

from keras_course.lessons.check import Check


def _correlate(image, kernel):
    """Let Keras slide one kernel over one image."""
    filtered = keras.ops.conv(
        image[None, :, :, None].astype("float32"),
        kernel[:, :, None, None].astype("float32"),
        padding="valid",
        data_format="channels_last",
    )
    return keras.ops.convert_to_numpy(filtered)[0, :, :, 0]


def _framed(image, kernel):
    before = [(size - 1) // 2 for size in kernel.shape]
    after = [size // 2 for size in kernel.shape]
    return _correlate(np.pad(image, list(zip(before, after, strict=True))), kernel)


def _short_by_one(image, kernel):
    full = _correlate(image, kernel).copy()
    return full[:-1, :-1]


def _last_place_missed(image, kernel):
    full = _correlate(image, kernel).copy()
    full[-1], full[:, -1] = 0, 0
    return full


def _rest_empty(image, kernel):
    result = np.zeros(image.shape)
    filtered = _correlate(image, kernel)
    result[: len(filtered), : len(filtered[0])] = filtered
    return result


convolve = Check(
    "1.1",
    slides="5 to 9",
    right=_correlate,
    cases=lambda random: [
        {"image": random.normal(size=(5, 7)), "kernel": random.normal(size=(3, 3))},
        {"image": random.normal(size=(8, 6)), "kernel": random.normal(size=(2, 3))},
    ],
    mistakes={
        "the kernel was turned by 180 degrees. Slide it as it is: w[a, b] meets x[i + a, j + b].": (
            lambda image, kernel: _correlate(image, kernel[::-1, ::-1])
        ),
        "the kernel was transposed: w[a, b] belongs to x[i + a, j + b], not w[b, a].": (
            lambda image, kernel: _correlate(image, kernel.T)
        ),
        "the image was padded. Only places where the whole kernel fits count.": _framed,
        "the loops end one place early: there are height - rows + 1 places, not height - rows.": (
            _short_by_one
        ),
        "the last row and column stay empty: range(height - rows) ends one place early.": (
            _last_place_missed
        ),
        "the result is as large as the image, and its last rows and columns are empty. There are "
        "height - rows + 1 places.": _rest_empty,
        "the products were averaged. Add them up.": (
            lambda image, kernel: _correlate(image, kernel) / kernel.size
        ),
        "the kernel's number of rows was used for its columns, too. The two may differ.": (
            lambda image, kernel: _correlate(image, kernel[:, : len(kernel)])
        ),
        "each place holds only its largest product. Add all of them up.": (
            lambda image, kernel: _windows(image, kernel).max(axis=(2, 3))
        ),
        "the kernel was added to the pixels, not multiplied with them.": (
            lambda image, kernel: (
                np.lib.stride_tricks.sliding_window_view(image, kernel.shape) + kernel
            ).sum(axis=(2, 3))
        ),
    },
)


def _windows(image, kernel):
    return np.lib.stride_tricks.sliding_window_view(image, kernel.shape) * kernel


def _conv2d(images, kernel, bias, padding="same"):
    filtered = keras.ops.conv(
        images.astype("float32"),
        kernel.astype("float32"),
        padding=padding,
        data_format="channels_last",
    )
    return keras.ops.convert_to_numpy(filtered) + bias


def _edges_repeated(images, kernel, bias):
    frame = kernel.shape[0] // 2
    padded = np.pad(images, [(0, 0), (frame, frame), (frame, frame), (0, 0)], mode="edge")
    return _conv2d(padded, kernel, bias, "valid")


def _all_images_added(images, kernel, bias):
    added = _conv2d(images.sum(axis=0, keepdims=True), kernel, bias)
    return np.repeat(added, len(images), axis=0)


def _padded_below_only(images, kernel, bias):
    frame = kernel.shape[0] - 1
    padded = np.pad(images, [(0, 0), (0, frame), (0, frame), (0, 0)])
    return _conv2d(padded, kernel, bias, "valid")


conv2d = Check(
    "1.2",
    slides="9",
    right=_conv2d,
    cases=lambda random: [
        {
            "images": random.normal(size=(2, 6, 5, 3)),
            "kernel": random.normal(size=(size, size, 3, 4)),
            "bias": random.normal(size=4),
        }
        for size in (3, 5)
    ],
    mistakes={
        'nothing was padded ("valid"). With "same" a frame of zeros comes first.': (
            lambda images, kernel, bias: _conv2d(images, kernel, bias, "valid")
        ),
        "the bias is missing. Each filter adds its own.": (
            lambda images, kernel, bias: _conv2d(images, kernel, 0)
        ),
        "the frame repeats the pixels at the edge. Keras pads with zeros.": _edges_repeated,
        "the frame is on one side only. Half of size - 1 belongs on each side.": _padded_below_only,
        "the kernel was turned by 180 degrees. Slide it as it is.": (
            lambda images, kernel, bias: _conv2d(images, kernel[::-1, ::-1], bias)
        ),
        "only the first channel was looked at. Add up over all channels.": (
            lambda images, kernel, bias: _conv2d(images[..., :1], kernel[:, :, :1], bias)
        ),
        "the bias was added once for each pixel of the kernel. Add it once, after the sum.": (
            lambda images, kernel, bias: _conv2d(images, kernel, bias * kernel[..., 0].size)
        ),
        "the bias was added once for each input channel. Add it once, after the sum.": (
            lambda images, kernel, bias: _conv2d(images, kernel, bias * images.shape[-1])
        ),
        "the images were added together. Sum only over rows, columns and channels.": (
            _all_images_added
        ),
        "the frame is one pixel wide whatever the kernel's size. It is size // 2 wide.": (
            lambda images, kernel, bias: _conv2d(
                np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)]), kernel, bias, "valid"
            )
        ),
    },
)


def _overlapping(images, size, reduce):
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    return reduce(windows, axis=(-2, -1))


def _flat(images, size, reduce, axes):
    count, height, width, channels = images.shape
    shape = (count, height // size, size, width // size, size, channels)
    return reduce(images.reshape(shape), axis=axes)


def _one_number(images, size, reduce):
    count, height, width, channels = images.shape
    result = np.zeros((count, height // size, width // size, channels))
    for i, j in np.ndindex(result.shape[1:3]):
        rows, columns = slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size)
        result[:, i, j] = reduce(images[:, rows, columns])
    return result


def _pool(images, size, reduce):
    layer = keras.layers.MaxPooling2D if reduce is np.max else keras.layers.AveragePooling2D
    return keras.ops.convert_to_numpy(layer(size)(images.astype("float32")))


pool = Check(
    "1.3",
    slides="14 to 17",
    right=_pool,
    cases=lambda random: [
        {"images": random.normal(size=(2, 6, 4, 3)), "size": 2, "reduce": np.max},
        {"images": random.normal(size=(2, 6, 9, 3)), "size": 3, "reduce": np.mean},
    ],
    mistakes={
        "the windows overlap: each should begin where the one before ended.": _overlapping,
        "the largest number was taken, whatever `reduce` is. Call `reduce`.": (
            lambda images, size, reduce: _pool(images, size, np.max)
        ),
        "the mean was taken, whatever `reduce` is. Call `reduce`.": (
            lambda images, size, reduce: _pool(images, size, np.mean)
        ),
        "one pixel of each window was kept, and the others were not looked at.": (
            lambda images, size, reduce: images[:, ::size, ::size]
        ),
        "the channels were reduced, too. Each keeps its own number.": (
            lambda images, size, reduce: _flat(images, size, reduce, (2, 4, 5))
        ),
        "each window became one number for all images and channels. Reduce only its rows and "
        "columns.": _one_number,
        "axes 2 and 3 were reduced. After the reshape, the pixels of a window lie along axes 2 "
        "and 4.": lambda images, size, reduce: _flat(images, size, reduce, (2, 3)),
        "the windows are 2x2 whatever `size` says.": (
            lambda images, size, reduce: _pool(images, 2, reduce)
        ),
        "the images were cut into `size` pieces, instead of pieces of `size` pixels: the reshape "
        "needs (height // size, size), in this order.": (
            lambda images, size, reduce: reduce(
                images.reshape(
                    images.shape[0],
                    size,
                    images.shape[1] // size,
                    size,
                    images.shape[2] // size,
                    images.shape[3],
                ),
                axis=(1, 3),
            )
        ),
        "the windows were reduced in one direction only. Reduce rows and columns.": (
            lambda images, size, reduce: _flat(images, size, reduce, 2)
        ),
    },
)


def _conv_weights(size, channels, filters):
    layer = keras.layers.Conv2D(filters, size)
    layer.build((None, None, None, channels))
    return layer.count_params()


conv_weights = Check(
    "1.4",
    slides="9",
    right=_conv_weights,
    cases=lambda random: [
        dict(zip(("size", "channels", "filters"), map(int, drawn), strict=True))
        for drawn in random.integers([5, 2, 8], [8, 5, 30], (3, 3))  # never equal
    ],
    mistakes={
        "the biases are missing: one for each filter.": (
            lambda size, channels, filters: size**2 * channels * filters
        ),
        "the kernel has size x size pixels, not size.": (
            lambda size, channels, filters: size * channels * filters + filters
        ),
        "the input's channels are missing: each filter has weights for all of them.": (
            lambda size, channels, filters: size**2 * filters + filters
        ),
        "there is one bias for each filter, not one in total.": (
            lambda size, channels, filters: size**2 * channels * filters + 1
        ),
        "there is one bias for each filter, not for each input channel.": (
            lambda size, channels, filters: size**2 * channels * filters + channels
        ),
        "there is one bias for each filter, not one for each pair of filter and input channel.": (
            lambda size, channels, filters: (size**2 + 1) * channels * filters
        ),
        "the weights of only one filter were counted. Each has its own.": (
            lambda size, channels, filters: size**2 * channels + filters
        ),
    },
)


def _field(
    layers, widen=lambda size, step: (size - 1) * step, grow=lambda step, stride: step * stride
):
    field, step = 1, 1
    for size, stride in layers:
        field += widen(size, step)
        step = grow(step, stride)
    return field


def _stride_first(layers):
    field, step = 1, 1
    for size, stride in layers:
        step *= stride
        field += (size - 1) * step
    return field


def _field_by_pixels(layers):
    """Follow one output back to the pixels that it depends on."""
    first, last = 0, 0
    for size, stride in reversed(layers):
        first, last = first * stride, last * stride + size - 1
    return last - first + 1


receptive_field = Check(
    "1.5",
    slides="14 to 18",
    right=_field_by_pixels,
    cases=lambda random: [
        {"layers": [(int(size), int(stride)) for size, stride in drawn]}
        for drawn in random.integers([2, 1], [6, 4], (4, 5, 2))
    ],
    mistakes={
        "strides were ignored: after a stride of 2, a step is two pixels wide.": (
            lambda layers: _field(layers, widen=lambda size, step: size - 1)
        ),
        "a kernel of size k widens the field by k - 1 steps, not by k.": (
            lambda layers: _field(layers, widen=lambda size, step: size * step)
        ),
        "a layer's own stride counts for the layers after it, not yet for itself.": _stride_first,
        "the field begins at one pixel, not at zero.": lambda layers: _field(layers) - 1,
        "strides were added. Multiply them: two strides of 2 make steps of four pixels.": (
            lambda layers: _field(layers, grow=lambda step, stride: step + stride)
        ),
        "only the stride of the layer just before was used. Multiply those of all layers before.": (
            lambda layers: _field(layers, grow=lambda step, stride: stride)
        ),
        "a kernel of size k widens the field by k - 1 steps; 2 * (k // 2) is wrong for even k.": (
            lambda layers: _field(layers, widen=lambda size, step: size // 2 * 2 * step)
        ),
        "the layers were taken from last to first.": lambda layers: _field(layers[::-1]),
        "the kernels' sizes were multiplied. Each adds to the field.": (
            lambda layers: int(np.prod([size for size, _ in layers]))
        ),
    },
)
