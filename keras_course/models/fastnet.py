"""A network for the clock: the most accuracy for the least arithmetic on 32x32 images.

Jordan 2024, "94% on CIFAR-10 in 3.29 seconds", section 3, https://arxiv.org/abs/2404.00498, which
grew out of Page's ResNet-9:

    whitening 2x2, valid                                        31x31x24
    three stages: 3x3 - max pool 2x2 - norm - GELU - 3x3 - norm - GELU    15x15, 7x7, 3x3
    global max pool, a ninth of it, dense num_classes

Wide and shallow: the first convolution has its filters from the images (`layers.Whitening`), the
maps are small after one convolution, and what is left are large matrix products, which processors
like best. The others begin as the identity on their first channels: gradients pass them unhindered.

Where we differ: a ReLU behind the whitening, whose filters come in pairs of opposite sign; the
widths (the paper's are 64, 256, 256); pixels of -1 to 1; normalization has its scale, and the
momentum and epsilon of `layers.BatchNormalization`; all weights and biases have one rate to the end
(in the paper biases learn 64 times as fast, that of the whitening for three epochs). Multiply-adds
for an image:

    fastnet16    16,  64,  64     10 million
    fastnet32    32, 128, 128     33 million
    fastnet64    64, 192, 256     90 million
"""

import keras
import numpy as np
from keras import layers

from keras_course.layers import GELU, Whitening, normalize
from keras_course.models.inputs import require_size


@keras.saving.register_keras_serializable(package="keras_course")
class IdentityFirst(keras.initializers.Initializer):
    """A convolution that passes its channels on, and random filters for the further ones."""

    def __call__(self, shape, dtype=None):
        kernel = keras.initializers.VarianceScaling(1 / 3, distribution="uniform")(shape)
        height, width, channels, filters = shape
        same = np.zeros(shape, "float32")
        count = min(channels, filters)
        same[height // 2, width // 2, range(count), range(count)] = 1
        first = np.arange(filters) < count
        return keras.ops.cast(keras.ops.where(first, same, kernel), dtype or kernel.dtype)


def fastnet(
    *, input_shape=(32, 32, 3), num_classes=10, normalization="batch", widths=(64, 256, 256)
) -> keras.Model:
    """Return the network: raw pixels in, logits out.

    widths: the filters of the three stages. Before training, its whitening layer has to see images:
    `whitening.adapt(model, images)`, which `training.build` calls.
    Errors: UserError for images below 9x9, of which the three poolings leave nothing.
    """
    require_size("fastnet", input_shape, 9)
    inputs = keras.Input(input_shape)
    # In float32: what whitening blows up is the difference of neighbours, less than bfloat16 holds.
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype="float32")(inputs)  # 32x32x3
    filters = Whitening.filters_for(input_shape[-1], 2)
    x = Whitening(filters, 2, dtype="float32")(x)  # 31x31x24
    x = layers.ReLU()(x)
    for filters in widths:
        x = layers.MaxPooling2D()(_conv(x, filters, normalization))  # 15x15, 7x7, 3x3
        x = GELU()(normalize(x, normalization))
        x = GELU()(normalize(_conv(x, filters, normalization), normalization))
    # A ninth, or the first logits are so large that nothing is learned.
    x = layers.GlobalMaxPooling2D()(x) / 9
    outputs = layers.Dense(num_classes, use_bias=False, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="fastnet")


def _conv(x, filters, normalization):
    return layers.Conv2D(
        filters,
        3,
        padding="same",
        use_bias=normalization is None,  # a normalization layer brings its own
        kernel_initializer=IdentityFirst(),
    )(x)
