"""VGG: nothing but 3x3 convolutions, up to 19 layers deep.

Simonyan & Zisserman 2014, Table 1, https://arxiv.org/abs/1409.1556

Five stages of 3x3 convolutions, each ended by a pooling that halves height and width, then dense
4096, 4096, num_classes. Two 3x3 filters see 5x5 pixels, three see 7x7, with fewer parameters than
one large filter and a ReLU between them.

    VGG-11 132,863,336   -13 133,047,848   -16 138,357,544   -19 143,667,240

At 224x224 pixels nine tenths of them belong to the dense layers. For small images, of which the
convolutions leave 1x1x512, one dense layer suffices: VGG-16 14,719,818.

Why it would sit at one in num_classes: with kernels of standard deviation 0.01, those of AlexNet
(section 3.1 prints a variance of 0.01), each layer shrinks its input, and before any training the
logits of two images differ by a billionth (VGG-16); so small are the gradients on their way back.
The authors started the deep networks from a trained VGG-11. He-normal kernels keep the size of the
signal: the logits differ by a tenth. Without normalization start Adam at 1e-4: at its usual 1e-3
the first steps are too large, and it learns later.
"""

import keras
from keras import layers

from keras_course.layers import normalize
from keras_course.models.inputs import choose_stem, require_depth, require_size

# Table 1: how many convolutions before each pooling. Column C (1x1 convolutions among those of D)
# and A-LRN, which the paper found no better than A, are left out.
FILTERS = (64, 128, 256, 512, 512)
STAGES = {
    11: (1, 1, 2, 2, 2),  # A
    13: (2, 2, 2, 2, 2),  # B
    16: (2, 2, 3, 3, 3),  # D
    19: (2, 2, 4, 4, 4),  # E
}


def vgg(
    depth=16,
    *,
    input_shape=(32, 32, 3),
    num_classes=10,
    stem=None,
    normalization=None,
    dropout=0.5,
) -> keras.Model:
    """Return the uncompiled VGG-11, -13, -16 or -19: raw pixels in, logits out.

    stem: the convolutions are the same, the dense layers are not: "imagenet" has the paper's three,
    "cifar" one after global average pooling; left out, images of 64 pixels or fewer get "cifar".
    normalization: "batch", "instance", "group" or None, between convolution and ReLU. The
    convolutions keep their bias with it, as in every published VGG.
    dropout: the share of units left out before each dense layer but the paper's first, 0 <= dropout
    < 1.
    Errors: UserError for images below 32x32, and for a depth that Table 1 does not have.
    """
    require_depth(depth, STAGES)
    stem = choose_stem(stem, input_shape)
    require_size(f"vgg{depth}", input_shape, 32)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for filters, convolutions in zip(FILTERS, STAGES[depth], strict=True):
        for _ in range(convolutions):
            x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
            x = layers.ReLU()(normalize(x, normalization))
        x = layers.MaxPooling2D()(x)  # 112x112x64, 56x56x128, 28x28x256, 14x14x512, 7x7x512
    if stem == "cifar":
        x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    else:
        x = layers.Flatten()(x)
        for _ in range(2):
            x = layers.Dense(4096, activation="relu", kernel_initializer="he_normal")(x)
            x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=f"vgg{depth}")
