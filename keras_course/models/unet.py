"""Segmentation: a class for each pixel (slide 27).

`unet`: Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597, section 2 and Figure 1. Down five
levels of two 3x3 convolutions with ReLU, 64 to 1024 channels, 2x2 max pooling between; up again by
2x2 up-convolutions that halve the channels, each joined with the map of its level on the way down;
a 1x1 convolution at the end. 23 convolutions, 31,030,658 parameters (1 channel in, 2 classes). The
paper's convolutions have no padding and make 388x388 pixels of 572x572, which is kept here for its
numbers; ours pad, pool odd sizes up, and give a logit for every pixel. The dropout that the authors
name at the end of the way down is left out.

`segmenter`: any classification network as the way down, so that it may have been trained before,
and a way up after Lin et al. 2016, Figure 3, https://arxiv.org/abs/1612.03144. It differs from
U-Net in that the way down is not a mirror image of the way up, and that the way up is light: the
same few channels at every level, maps projected by a 1x1 convolution and added, not concatenated,
and one 3x3 convolution. Lin et al. have neither normalization nor ReLU there, enlarge by copying
pixels, and put the 3x3 convolution beside the way up, on each level's output; we have both, enlarge
bilinearly, and put it into the way up.
"""

import math

import keras
from keras import layers

from keras_course.errors import UserError
from keras_course.layers import normalize
from keras_course.models.backbone import crop, encode, pad
from keras_course.models.blocks import conv_norm
from keras_course.models.inputs import require_size

LEVELS = 5


def two_convolutions(x, filters, padding, normalization):
    for _ in range(2):
        x = layers.Conv2D(
            filters,
            kernel_size=3,
            padding=padding,
            use_bias=normalization is None,
            kernel_initializer="he_normal",
        )(x)
        x = layers.ReLU()(normalize(x, normalization))
    return x


def up(x, skip, filters, padding):
    """Up-convolve and join with the map of the way down: its middle, or as much of ours."""
    x = layers.Conv2DTranspose(filters, 2, strides=2, kernel_initializer="he_normal")(x)
    if padding == "valid":
        border = (skip.shape[1] - x.shape[1]) // 2, (skip.shape[2] - x.shape[2]) // 2
        skip = layers.Cropping2D(border)(skip)
    return layers.Concatenate()([skip, crop(x, skip.shape[1:3])])


def unet(
    *, input_shape=(32, 32, 3), num_classes=10, width=64, padding="same", normalization=None
) -> keras.Model:
    """Return the U-Net: raw pixels in, logits (batch, height, width, num_classes) out.

    width: channels of the first level; each level below has twice as many. padding: "same", or
    "valid" as in the paper, for images of 188, 204, 220 ... pixels, whose logits lack 92 pixels
    on every side.
    """
    check_size(input_shape, padding)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    skips = []
    for level in range(LEVELS - 1):
        x = two_convolutions(x, width * 2**level, padding, normalization)
        skips.append(x)
        x = layers.MaxPooling2D(2, padding=padding)(x)
    x = two_convolutions(x, width * 2 ** (LEVELS - 1), padding, normalization)
    for level, skip in reversed(list(enumerate(skips))):
        x = up(x, skip, width * 2**level, padding)
        x = two_convolutions(x, width * 2**level, padding, normalization)
    outputs = layers.Conv2D(num_classes, 1, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="unet")


def check_size(input_shape, padding):
    if padding not in ("same", "valid"):
        raise UserError(f"padding must be 'same' or 'valid'. Received: {padding!r}.")
    require_size("unet", input_shape, 2 ** (LEVELS - 1) if padding == "same" else 188)
    for size in input_shape[:2]:
        if padding == "valid" and (size - 188) % 16:
            nearest = 188 + 16 * round((size - 188) / 16)
            raise UserError(
                "Without padding, U-Net takes images of 188, 204, 220 ... pixels: of other sizes "
                f"its pooling would lose a row. Received: {size}; the nearest is {nearest}."
            )


def segmenter(
    *,
    backbone: str | keras.Model = "resnet20",
    input_shape=(32, 32, 3),
    num_classes=10,
    width=32,
    normalization="paper",
) -> keras.Model:
    """Return a classification network with a way up: raw pixels in, logits for each pixel out.

    backbone: the name of a classifier with convolutions, or one that is built or trained, for
    images of `input_shape`; see `backbone.encode`. width: channels of each level of the way up.
    normalization: "paper" is the backbone's own, and "batch" on the way up.
    """
    inputs = keras.Input(input_shape)
    maps = encode(inputs, backbone, normalization)
    if normalization == "paper":
        normalization = "batch"
    x, x_stride = None, None
    for stride, skip in reversed(maps.items()):
        size = [math.ceil(pixels / stride) for pixels in input_shape[:2]]
        level = conv_norm(pad(skip, size), width, 1, normalization)
        if x is not None:
            larger = layers.UpSampling2D(x_stride // stride, interpolation="bilinear")(x)
            level = layers.Add()([level, crop(larger, size)])
        x = layers.ReLU()(conv_norm(layers.ReLU()(level), width, 3, normalization))
        x_stride = stride
    x = layers.Conv2D(num_classes, 1, dtype="float32")(x)
    if x_stride > 1:  # a stem that began with strides: the logits are enlarged
        larger = layers.UpSampling2D(x_stride, interpolation="bilinear", dtype="float32")
        x = crop(larger(x), input_shape[:2])
    outputs = layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="segmenter")
