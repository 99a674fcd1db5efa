"""Right answers in other styles than the solution's."""
# ruff: noqa: N801 - the classes are named after their TODO

import keras
import numpy as np
from keras import ops


def flip__on_a_copy(images, flipped):
    out = images.copy()
    out[flipped] = out[flipped][:, :, ::-1]
    return out


def flip__by_loops(images, flipped):
    out = []
    for n in range(len(images)):
        out.append(np.fliplr(images[n]) if flipped[n] else images[n])
    return np.array(out)


def flip__as_a_tensor(images, flipped):
    return ops.where(ops.reshape(flipped, (-1, 1, 1, 1)), ops.flip(images, axis=2), images)


def color_jitter__by_loops(images, brightness, contrast):
    out = np.empty(images.shape, dtype="float32")
    for n, image in enumerate(images):
        bright = image.astype("float32") * brightness[n]
        mean = bright.sum() / bright.size
        out[n] = np.minimum(np.maximum(mean + contrast[n] * (bright - mean), 0), 255)
    return out


def color_jitter__contrast_first(images, brightness, contrast):
    b, c = np.expand_dims(brightness, (1, 2, 3)), np.expand_dims(contrast, (1, 2, 3))
    mean = np.einsum("nhwc->n", images.astype("int64"))[:, None, None, None] / images[0].size
    return (b * (c * images + (1 - c) * mean)).clip(0, 255)


def color_jitter__as_a_tensor(images, brightness, contrast):
    b, c = (ops.reshape(ops.cast(x, "float32"), (-1, 1, 1, 1)) for x in (brightness, contrast))
    bright = ops.cast(images, "float32") * b
    mean = ops.mean(bright, axis=(1, 2, 3), keepdims=True)
    return ops.clip(c * bright + (1 - c) * mean, 0, 255)


def rotate90__by_number(images, turns):
    out = images.copy()
    for turn in range(1, 4):
        out[turns == turn] = np.rot90(images[turns == turn], turn, axes=(1, 2))
    return out


def rotate90__by_pixels(images, turns):
    out = np.empty_like(images)
    last = images.shape[1] - 1
    for n, turn in enumerate(turns):
        for i in range(last + 1):
            for j in range(last + 1):
                row, column = i, j
                for _ in range(turn):
                    row, column = column, last - row
                out[n, i, j] = images[n, row, column]
    return out


class RandomShift__by_cutting_out(keras.layers.Layer):
    """Draws where to cut each image out of a larger one."""

    def __init__(self, pixels=4):
        super().__init__()
        self.pixels = pixels
        self.generator = keras.random.SeedGenerator(1)

    def call(self, images, training=False):
        if training:
            count, size = ops.shape(images)[0], 2 * self.pixels + 1
            start = keras.random.randint((count, 2), 0, size, seed=self.generator)
            height, width = images.shape[1:3]
            images = ops.pad(images, [(0, 0), *[(self.pixels, self.pixels)] * 2, (0, 0)])
            rows = start[:, :1] + ops.arange(height)
            columns = start[:, 1:] + ops.arange(width)
            images = ops.take_along_axis(images, rows[:, :, None, None], axis=1)
            images = ops.take_along_axis(images, columns[:, None, :, None], axis=2)
        return images


class RandomShift__by_products(keras.layers.Layer):
    """Multiplies with matrices that hold a one where a pixel comes from."""

    def __init__(self, pixels=4, **kwargs):
        super().__init__(**kwargs)
        self.pixels, self.generator = pixels, keras.random.SeedGenerator()

    def moves(self, count, side):
        drawn = keras.random.uniform((count, 1), -self.pixels, self.pixels + 1, seed=self.generator)
        source = ops.arange(side) - ops.cast(ops.floor(drawn), "int32")
        return ops.one_hot(ops.clip(source, 0, side - 1), side)

    def call(self, images, training=None):
        if not training:
            return images
        count, height, width, _ = ops.shape(images)
        down, right = self.moves(count, height), self.moves(count, width)
        return ops.einsum("nih,njw,nhwc->nijc", down, right, images)


def turns_after_flip__by_a_table(turns, flipped):
    return np.array([[0, 1, 2, 3], [0, 3, 2, 1]])[flipped.astype(int), turns]


def turns_after_flip__by_loops(turns, flipped):
    out = []
    for turn, yes in zip(turns, flipped, strict=True):
        if yes and turn in (1, 3):
            turn = 4 - turn
        out.append(turn)
    return np.array(out)
