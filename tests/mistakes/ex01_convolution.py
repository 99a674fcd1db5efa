"""Wrong answers that students write; each docstring is part of what they must be told."""

import numpy as np


def convolve__turned_like_a_mathematician(image, kernel):
    """turned by 180 degrees"""
    h, w = kernel.shape
    out = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))
    for i, j in np.ndindex(out.shape):
        for a, b in np.ndindex(h, w):
            out[i, j] += image[i + a, j + b] * kernel[h - 1 - a, w - 1 - b]
    return out


def convolve__rows_for_columns(image, kernel):
    """transposed"""
    rows, columns = kernel.shape[1], kernel.shape[0]
    out = np.zeros((image.shape[0] - rows + 1, image.shape[1] - columns + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for a in range(rows):
                for b in range(columns):
                    out[i, j] += image[i + a, j + b] * kernel[b, a]
    return out


def convolve__same(image, kernel):
    """padded"""
    h, w = kernel.shape
    image = np.pad(image, [((h - 1) // 2, h // 2), ((w - 1) // 2, w // 2)])
    out = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (image[i : i + h, j : j + w] * kernel).sum()
    return out


def convolve__one_place_short(image, kernel):
    """height - rows + 1 places"""
    h, w = kernel.shape
    return np.array(
        [
            [(image[i : i + h, j : j + w] * kernel).sum() for j in range(image.shape[1] - w)]
            for i in range(image.shape[0] - h)
        ]
    )


def convolve__last_row_empty(image, kernel):
    """last row and column stay empty"""
    h, w = kernel.shape
    out = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))
    for i in range(image.shape[0] - h):
        for j in range(image.shape[1] - w):
            out[i, j] = (image[i : i + h, j : j + w] * kernel).sum()
    return out


def convolve__mean(image, kernel):
    """averaged"""
    h, w = kernel.shape
    out = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))
    for i, j in np.ndindex(out.shape):
        out[i, j] = np.mean(image[i : i + h, j : j + w] * kernel)
    return out


def convolve__largest_product(image, kernel):
    """largest product"""
    h, w = kernel.shape
    out = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))
    for i, j in np.ndindex(out.shape):
        out[i, j] = np.max(image[i : i + h, j : j + w] * kernel)
    return out


def convolve__square_kernels_only(image, kernel):
    """was used for its columns, too"""
    k = kernel.shape[0]
    out = np.zeros((image.shape[0] - k + 1, image.shape[1] - k + 1))
    for i, j in np.ndindex(out.shape):
        out[i, j] = np.sum(image[i : i + k, j : j + k] * kernel[:, :k])
    return out


def convolve__nothing_returned(image, kernel):
    """Is the `return` missing?"""
    np.zeros(image.shape)


def convolve__kernel_normalized_in_place(image, kernel):
    """changed its argument kernel"""
    h, w = kernel.shape
    out = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))
    for i, j in np.ndindex(out.shape):
        out[i, j] = np.sum(image[i : i + h, j : j + w] * kernel)
    kernel /= kernel.sum()
    return out


def convolve__as_large_as_the_image(image, kernel):
    """as large as the image"""
    h, w = kernel.shape
    out = np.zeros(image.shape)
    for i in range(image.shape[0] - h + 1):
        for j in range(image.shape[1] - w + 1):
            out[i, j] = (image[i : i + h, j : j + w] * kernel).sum()
    return out


def loops(images, kernel, bias, frame, mode="constant"):
    padded = np.pad(images, [(0, 0), frame, frame, (0, 0)], mode=mode)
    k = kernel.shape[0]
    n, height, width, _ = padded.shape
    out = np.zeros((n, height - k + 1, width - k + 1, kernel.shape[3]))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            for f in range(out.shape[3]):
                products = padded[:, i : i + k, j : j + k, :] * kernel[..., f]
                out[:, i, j, f] = products.sum(axis=(1, 2, 3)) + bias[f]
    return out


def conv2d__valid(images, kernel, bias):
    """nothing was padded"""
    return loops(images, kernel, bias, (0, 0))


def conv2d__no_bias(images, kernel, bias):
    """bias is missing"""
    return loops(images, kernel, 0 * bias, (kernel.shape[0] // 2,) * 2)


def conv2d__edges_repeated(images, kernel, bias):
    """repeats the pixels at the edge"""
    return loops(images, kernel, bias, (kernel.shape[0] // 2,) * 2, mode="edge")


def conv2d__padded_below(images, kernel, bias):
    """one side only"""
    return loops(images, kernel, bias, (0, kernel.shape[0] - 1))


def conv2d__frame_of_one(images, kernel, bias):
    """one pixel wide whatever"""
    return loops(images, kernel, bias, (1, 1))


def conv2d__grey(images, kernel, bias):
    """first channel"""
    return loops(images[..., :1], kernel[:, :, :1], bias, (kernel.shape[0] // 2,) * 2)


def conv2d__bias_for_each_weight(images, kernel, bias):
    """once for each pixel of the kernel"""
    k = kernel.shape[0]
    padded = np.pad(images, [(0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)])
    out = np.zeros((*images.shape[:3], kernel.shape[3]))
    for a in range(k):
        for b in range(k):
            part = padded[:, a : a + images.shape[1], b : b + images.shape[2]]
            for c in range(images.shape[3]):
                out += part[..., c : c + 1] * kernel[a, b, c] + bias
    return out


def conv2d__bias_for_each_channel(images, kernel, bias):
    """once for each input channel"""
    frame = (kernel.shape[0] // 2,) * 2
    return sum(
        loops(images[..., c : c + 1], kernel[:, :, c : c + 1], bias, frame)
        for c in range(images.shape[-1])
    )


def conv2d__sum_without_axis(images, kernel, bias):
    """images were added together"""
    k = kernel.shape[0]
    padded = np.pad(images, [(0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)])
    out = np.zeros((*images.shape[:3], kernel.shape[3]))
    for i, j, f in np.ndindex(out.shape[1:]):
        out[:, i, j, f] = np.sum(padded[:, i : i + k, j : j + k] * kernel[..., f]) + bias[f]
    return out


def conv2d__asks_for_a_list(images, kernel, bias):
    """a list is not an array"""
    return loops(images, kernel, bias, (kernel.shape[0] // 2,) * 2).tolist()


def pool__overlapping(images, size, reduce):
    """windows overlap"""
    n, h, w, c = images.shape
    out = np.zeros((n, h - size + 1, w - size + 1, c))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            out[:, i, j] = reduce(images[:, i : i + size, j : j + size], axis=(1, 2))
    return out


def pool__always_max(images, size, reduce):
    """largest number was taken"""
    n, h, w, c = images.shape
    return images.reshape(n, h // size, size, w // size, size, c).max(axis=4).max(axis=2)


def pool__always_mean(images, size, reduce):
    """mean was taken"""
    n, h, w, c = images.shape
    return images.reshape(n, h // size, size, w // size, size, c).mean(axis=(2, 4))


def pool__subsampled(images, size, reduce):
    """one pixel of each window"""
    return images[:, ::size, ::size, :]


def pool__channels_too(images, size, reduce):
    """channels were reduced"""
    n, h, w, _ = images.shape
    out = np.zeros((n, h // size, w // size))
    for i in range(h // size):
        for j in range(w // size):
            window = images[:, i * size : (i + 1) * size, j * size : (j + 1) * size]
            out[:, i, j] = reduce(window, axis=(1, 2, 3))
    return out


def pool__reshaped_the_other_way(images, size, reduce):
    """the reshape needs (height // size, size)"""
    n, h, w, c = images.shape
    return reduce(images.reshape(n, size, h // size, size, w // size, c), axis=(1, 3))


def pool__neighbouring_axes(images, size, reduce):
    """along axes 2 and 4"""
    n, h, w, c = images.shape
    return reduce(images.reshape(n, h // size, size, w // size, size, c), axis=(2, 3))


def pool__without_axis(images, size, reduce):
    """one number for all images and channels"""
    n, h, w, c = images.shape
    out = np.zeros((n, h // size, w // size, c))
    for i in range(h // size):
        for j in range(w // size):
            out[:, i, j] = reduce(images[:, i * size : i * size + size, j * size : j * size + size])
    return out


def pool__always_two(images, size, reduce):
    """windows are 2x2"""
    n, h, w, c = images.shape
    out = np.zeros((n, h // 2, w // 2, c))
    for i in range(h // 2):
        for j in range(w // 2):
            out[:, i, j] = reduce(images[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(1, 2))
    return out


def conv_weights__no_bias(size, channels, filters):
    """biases are missing"""
    return size * size * channels * filters


def conv_weights__size_once(size, channels, filters):
    """size x size pixels"""
    return filters * (size * channels + 1)


def conv_weights__one_channel(size, channels, filters):
    """input's channels are missing"""
    return filters * (size * size + 1)


def conv_weights__one_bias(size, channels, filters):
    """not one in total"""
    return size * size * channels * filters + 1


def conv_weights__bias_for_each_channel(size, channels, filters):
    """not for each input channel"""
    return size * size * channels * filters + channels


def conv_weights__bias_for_each_kernel(size, channels, filters):
    """not one for each pair"""
    return (size * size + 1) * channels * filters


def conv_weights__of_the_example(size, channels, filters):
    """whatever it is given"""
    return 1792


def receptive_field__no_strides(layers):
    """strides were ignored"""
    return 1 + sum(size - 1 for size, _ in layers)


def receptive_field__size_for_size_minus_one(layers):
    """by k - 1 steps, not by k"""
    field, step = 1, 1
    for size, stride in layers:
        field += size * step
        step *= stride
    return field


def receptive_field__own_stride(layers):
    """not yet for itself"""
    field, step = 1, 1
    for size, stride in layers:
        step *= stride
        field += (size - 1) * step
    return field


def receptive_field__from_zero(layers):
    """not at zero"""
    field, step = 0, 1
    for size, stride in layers:
        field += (size - 1) * step
        step *= stride
    return field


def receptive_field__strides_added(layers):
    """strides were added"""
    field, step = 1, 1
    for size, stride in layers:
        field += (size - 1) * step
        step += stride
    return field


def receptive_field__last_stride_only(layers):
    """layer just before was used"""
    field, before = 1, 1
    for size, stride in layers:
        field += (size - 1) * before
        before = stride
    return field


def receptive_field__backwards(layers):
    """from last to first"""
    field, step = 1, 1
    for size, stride in reversed(layers):
        field += (size - 1) * step
        step *= stride
    return field
