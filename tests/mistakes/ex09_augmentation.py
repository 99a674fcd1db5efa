"""Wrong answers that students write; each docstring is part of what they must be told."""
# ruff: noqa: N801 - the classes are named after their TODO

import random

import keras
import numpy as np
from keras import ops


def flip__rows(images, flipped):
    """upside down"""
    out = images.copy()
    for n in range(len(images)):
        if flipped[n]:
            out[n] = np.flipud(images[n])
    return out


def flip__whole_batch(images, flipped):
    """all images were mirrored"""
    return np.flip(images, axis=2)


def flip__draw_of_the_first(images, flipped):
    """first draw decided"""
    if flipped[0]:
        return images[:, :, ::-1]
    return images


def flip__turned_around(images, flipped):
    """it is the other way round"""
    return np.where(flipped.reshape(-1, 1, 1, 1), images, np.flip(images, 2))


def flip__axis_of_the_batch(images, flipped):
    """axis 0 counts the images"""
    out = images.copy()
    backwards = images[::-1]
    for n, yes in enumerate(flipped):
        if yes:
            out[n] = backwards[n]
    return out


def flip__only_some_come_back(images, flipped):
    """Those that stay belong to the batch"""
    return np.array([image[:, ::-1] for image, yes in zip(images, flipped, strict=True) if yes])


def flip__channels(images, flipped):
    """red became blue"""
    out = np.array(images)
    out[flipped] = out[flipped][..., ::-1]
    return out


def flip__both_axes(images, flipped):
    """turn by 180 degrees"""
    out = np.array(images)
    out[flipped] = np.flip(out[flipped], axis=(1, 2))
    return out


def flip__into_zeros(images, flipped):
    """became floats"""
    out = np.zeros(images.shape)
    for n, image in enumerate(images):
        out[n] = image[:, ::-1] if flipped[n] else image
    return out


def flip__in_place(images, flipped):
    """changed its argument images"""
    images[flipped] = images[flipped][:, :, ::-1]
    return images


def jitter(images, brightness, contrast, centre=None, clip=(0, 255)):
    out = []
    for image, b, c in zip(images, brightness, contrast, strict=True):
        image = image * b
        mean = image.mean() if centre is None else centre
        image = (image - mean) * c + mean
        out.append(np.clip(image, *clip) if clip else image)
    return np.array(out)


def color_jitter__not_clipped(images, brightness, contrast):
    """nothing was clipped"""
    return jitter(images, brightness, contrast, clip=None)


def color_jitter__clipped_to_one(images, brightness, contrast):
    """clipped to 0 to 1"""
    return jitter(images, brightness, contrast, clip=(0, 1))


def color_jitter__about_grey(images, brightness, contrast):
    """about mid-grey"""
    return jitter(images, brightness, contrast, centre=255 / 2)


def color_jitter__mean_of_the_batch(images, brightness, contrast):
    """that of the whole batch"""
    images = images * brightness[:, np.newaxis, np.newaxis, np.newaxis]
    mean = np.mean(images)
    return np.clip((images - mean) * contrast.reshape(-1, 1, 1, 1) + mean, 0, 255)


def color_jitter__mean_of_each_channel(images, brightness, contrast):
    """each channel has a mean of its own"""
    images = images * brightness[:, None, None, None]
    mean = np.mean(images, axis=(1, 2), keepdims=True)
    return np.clip((images - mean) * contrast[:, None, None, None] + mean, 0, 255)


def color_jitter__mean_before(images, brightness, contrast):
    """mean of the image as it was"""
    means = images.mean(axis=(1, 2, 3)).reshape(-1, 1, 1, 1)
    images = images * brightness[:, None, None, None]
    return np.clip((images - means) * contrast[:, None, None, None] + means, 0, 255)


def color_jitter__brightness_added(images, brightness, contrast):
    """the brightness was added. It is a factor."""
    images = images.astype("float32") + brightness[:, None, None, None]
    return jitter(images, np.ones(len(images)), contrast)


def color_jitter__contrast_as_a_factor(images, brightness, contrast):
    """contrast multiplied the pixels"""
    return np.clip(images * (brightness * contrast)[:, None, None, None], 0, 255)


def color_jitter__mean_not_added(images, brightness, contrast):
    """images have become dark"""
    images = images * brightness[:, None, None, None]
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return np.clip((images - mean) * contrast[:, None, None, None], 0, 255)


def color_jitter__goes_round(images, brightness, contrast):
    """uint8 wraps around"""
    with np.errstate(invalid="ignore"):
        return jitter(images, brightness, contrast, clip=None).astype(np.uint8)


def color_jitter__whole_numbers(images, brightness, contrast):
    """cut to whole numbers"""
    return jitter(images, brightness, contrast).astype(np.uint8)


def color_jitter__factors_of_the_first(images, brightness, contrast):
    """first image's factors"""
    b, c = brightness[0], contrast[0]
    images = images * b
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return ((images - mean) * c + mean).clip(0, 255)


def color_jitter__not_broadcast(images, brightness, contrast):
    """matched with the last axis, the channels"""
    images = images.astype("float32") * brightness
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return np.clip((images - mean) * contrast + mean, 0, 255)


def rotate90__clockwise(images, turns):
    """turned clockwise"""
    return np.array([np.rot90(images[n], turns[n], axes=(1, 0)) for n in range(len(images))])


def rotate90__turns_of_the_first(images, turns):
    """first number of turns"""
    return np.array([np.rot90(image, turns[0]) for image in images])


def rotate90__all_at_once(images, turns):
    """one image at a time"""
    return np.rot90(images, turns, (1, 2))


def rotate90__once_or_not(images, turns):
    """Two turns are 180"""
    return np.array([np.rot90(i) if t else i for i, t in zip(images, turns, strict=True)])


def rotate90__transposed(images, turns):
    """mirrors the image at its diagonal"""
    out = images.copy()
    for n in range(len(images)):
        if turns[n] in (1, 3):
            out[n] = images[n].transpose(1, 0, 2)
    return out


def rotate90__transposed_once(images, turns):
    """once for any number of turns"""
    return np.array([i.transpose(1, 0, 2) if t else i for i, t in zip(images, turns, strict=True)])


def rotate90__upside_down_for_two(images, turns):
    """flip upside down"""
    out = images.copy()
    out[turns == 1] = np.rot90(images[turns == 1], axes=(1, 2))
    out[turns == 2] = images[turns == 2][:, ::-1]
    out[turns == 3] = np.rot90(images[turns == 3], 3, axes=(1, 2))
    return out


def rotate90__into_zeros(images, turns):
    """became floats"""
    out = np.zeros_like(images, dtype=float)
    for n in range(len(images)):
        out[n] = np.rot90(images[n], turns[n])
    return out


def rotate90__wrong_axes(images, turns):
    """first two axes"""
    return np.stack([np.rot90(i, t, axes=(1, 2)) for i, t in zip(images, turns, strict=True)])


def rotate90__whole_batch(images, turns):
    """every image was turned once"""
    return np.rot90(images, k=1, axes=(1, 2))


def shifted(images, down, right):
    _, height, width, _ = images.shape
    rows = ops.clip(ops.subtract(ops.arange(height), down[:, None]), 0, height - 1)
    columns = ops.clip(ops.subtract(ops.arange(width), right[:, None]), 0, width - 1)
    images = ops.take_along_axis(images, rows[:, :, None, None], axis=1)
    return ops.take_along_axis(images, columns[:, None, :, None], axis=2)


class Given(keras.layers.Layer):
    def __init__(self, pixels=4, **options):
        super().__init__(**options)
        self.pixels = pixels
        self.generator = keras.random.SeedGenerator()

    def integers(self, n, low, high):
        return keras.random.randint((n,), low, high, seed=self.generator)


class RandomShift__in_inference_too(Given):
    """it shifts in inference, too"""

    def call(self, images, training=None):
        n, p = ops.shape(images)[0], self.pixels
        return shifted(images, self.integers(n, -p, p + 1), self.integers(n, -p, p + 1))


class RandomShift__by_default(Given):
    """that means inference"""

    def call(self, images, training=True):
        if not training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        return shifted(images, self.integers(n, -p, p + 1), self.integers(n, -p, p + 1))


class RandomShift__turned_around(Given):
    """does nothing in training"""

    def call(self, images, training=None):
        if training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        return shifted(images, self.integers(n, -p, p + 1), self.integers(n, -p, p + 1))


class RandomShift__one_draw(Given):
    """one draw for the whole batch"""

    def call(self, images, training=None):
        if not training:
            return images
        down = self.integers(1, -self.pixels, self.pixels + 1)
        right = self.integers(1, -self.pixels, self.pixels + 1)
        return shifted(images, down, right)


class RandomShift__one_draw_of_numpy(Given):
    """one draw for the whole batch"""

    def call(self, images, training=None):
        if not training:
            return images
        down, right = np.random.randint(-self.pixels, self.pixels + 1, (2, 1))
        return shifted(images, down, right)


class RandomShift__on_the_diagonal(Given):
    """down and right are the same number. Draw twice."""

    def call(self, images, training=None):
        if not training:
            return images
        shift = self.integers(ops.shape(images)[0], -self.pixels, self.pixels + 1)
        return shifted(images, shift, shift)


class RandomShift__down_alone(Given):
    """only down and up"""

    def call(self, images, training=None):
        if not training:
            return images
        down = self.integers(ops.shape(images)[0], -self.pixels, self.pixels + 1)
        return shifted(images, down, 0 * down)


class RandomShift__right_alone(Given):
    """only right and left"""

    def call(self, images, training=None):
        if not training:
            return images
        right = self.integers(ops.shape(images)[0], -self.pixels, self.pixels + 1)
        return shifted(images, 0 * right, right)


class RandomShift__never(Given):
    """it never shifts"""

    def call(self, images, training=None):
        return images


class RandomShift__cut_off(Given):
    """neither up nor down"""

    def call(self, images, training=None):
        if not training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        down, right = (keras.random.uniform((n,), -p, p, seed=self.generator) for _ in range(2))
        return shifted(images, ops.cast(down, int), ops.cast(right, int))


class RandomShift__one_way_without_the_largest(Given):
    """and the largest shift never comes"""

    def call(self, images, training=None):
        if not training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        return shifted(images, self.integers(n, 0, p), self.integers(n, 0, p))


class RandomShift__one_seed(Given):
    """and the same in every batch"""

    def call(self, images, training=None):
        if not training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        down, right = (keras.random.randint((n,), -p, p + 1, seed=7) for _ in range(2))
        return shifted(images, down, right)


class RandomShift__maxval(Given):
    """`maxval` is excluded"""

    def call(self, images, training=None):
        if not training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        return shifted(images, self.integers(n, -p, p), self.integers(n, -p, p))


class RandomShift__one_way(Given):
    """in one direction only"""

    def call(self, images, training=None):
        if not training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        return shifted(images, self.integers(n, 0, p + 1), self.integers(n, 0, p + 1))


class RandomShift__decimals(Given):
    """the smallest number never comes"""

    def call(self, images, training=None):
        if not training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        down = keras.random.uniform((n,), -p, p + 1, seed=self.generator)
        right = keras.random.uniform((n,), -p, p + 1, seed=self.generator)
        return shifted(images, ops.cast(down, int), ops.cast(right, int))


class RandomShift__not_whole(Given):
    """the smallest number never comes"""

    def call(self, images, training=None):
        if not training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        down, right = (keras.random.uniform((n,), -p, p, seed=self.generator) for _ in range(2))
        return shifted(images, down, right)


class RandomShift__seeds_that_are_numbers(Given):
    """every batch gets the same shifts"""

    def call(self, images, training=None):
        if not training:
            return images
        n, p = ops.shape(images)[0], self.pixels
        down = keras.random.randint((n,), -p, p + 1, seed=0)
        right = keras.random.randint((n,), -p, p + 1, seed=1)
        return shifted(images, down, right)


class RandomShift__static_shape(Given):
    """`images.shape[0]` is None"""

    def call(self, images, training=None):
        if training:
            n, p = images.shape[0], self.pixels
            images = shifted(images, self.integers(n, -p, p + 1), self.integers(n, -p, p + 1))
        return images


class RandomShift__counted_by_len(Given):
    """`len` cannot count the images"""

    def call(self, images, training=None):
        if not training:
            return images
        numbers = range(len(images))
        down = np.array([random.randint(-self.pixels, self.pixels) for _ in numbers])
        right = np.array([random.randint(-self.pixels, self.pixels) for _ in numbers])
        return shifted(images, down, right)


def turns_after_flip__unchanged(turns, flipped):
    """labels stayed as they were"""
    return turns.copy()


def turns_after_flip__up_for_down(turns, flipped):
    """flip of up and down"""
    swap = {0: 2, 1: 1, 2: 0, 3: 3}
    return np.array([swap[t] if f else t for t, f in zip(turns, flipped, strict=True)])


def turns_after_flip__half_a_turn(turns, flipped):
    """turned by 180 degrees more"""
    return (turns + 2 * flipped) % 4


def turns_after_flip__four(turns, flipped):
    """there is no such class"""
    return np.array([4 - t if f else t for t, f in zip(turns, flipped, strict=True)])


def turns_after_flip__three(turns, flipped):
    """not turned, from 0 to 3"""
    out = turns.copy()
    out[flipped] = 3 - out[flipped]
    return out


def turns_after_flip__all_of_them(turns, flipped):
    """that were not flipped changed, too"""
    return np.array([0, 3, 2, 1])[turns]


def turns_after_flip__assigned_twice(turns, flipped):
    """undoes the first"""
    out = turns.copy()
    out[flipped & (out == 1)] = 3
    out[flipped & (out == 3)] = 1
    return out


def turns_after_flip__negative(turns, flipped):
    """-turns is negative"""
    return turns * np.where(flipped, -1, 1)


def turns_after_flip__in_place(turns, flipped):
    """changed its argument turns"""
    turns[flipped] = -turns[flipped] % 4
    return turns
