"""GoogLeNet: filters of different size side by side.

Szegedy et al. 2014, Table 1, https://arxiv.org/abs/1409.4842

Nine inception modules, 22 layers, 7.0M parameters where AlexNet has 61M. For images of 64 pixels or
fewer one 3x3 convolution with 192 filters replaces the stem, its poolings included (the CIFAR
stem).

Where we differ: instead of the two Local Response Normalizations there is Batch Normalization
behind every convolution, as in the network's later form (Ioffe & Szegedy 2015,
https://arxiv.org/abs/1502.03167). With `normalization=None` there is neither.
"""

import keras
from keras import layers

from keras_course.models.blocks import conv_norm
from keras_course.models.inputs import choose_stem, require_size

# Table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
STAGES = {
    3: {
        "3a": (64, 96, 128, 16, 32, 32),
        "3b": (128, 128, 192, 32, 96, 64),
    },
    4: {
        "4a": (192, 96, 208, 16, 48, 64),
        "4b": (160, 112, 224, 24, 64, 64),
        "4c": (128, 128, 256, 24, 64, 64),
        "4d": (112, 144, 288, 32, 64, 64),
        "4e": (256, 160, 320, 32, 128, 128),
    },
    5: {
        "5a": (256, 160, 320, 32, 128, 128),
        "5b": (384, 192, 384, 48, 128, 128),
    },
}
AUXILIARY = ("4a", "4d")  # section 5: the modules with an auxiliary classifier on their output


def conv_relu(x, filters, kernel_size, normalization, strides=1):
    return layers.ReLU()(conv_norm(x, filters, kernel_size, normalization, strides))


def pool(x):
    """Max pooling 3x3, stride 2; "same" rounds the size up, as the paper's sizes do."""
    return layers.MaxPooling2D(3, strides=2, padding="same")(x)


def inception(x, filters, normalization):
    """Figure 2b: four branches on the same input, their channels side by side."""
    f1, r3, f3, r5, f5, fp = filters
    branches = [
        conv_relu(x, f1, 1, normalization),
        conv_relu(conv_relu(x, r3, 1, normalization), f3, 3, normalization),
        conv_relu(conv_relu(x, r5, 1, normalization), f5, 5, normalization),
        conv_relu(layers.MaxPooling2D(3, 1, padding="same")(x), fp, 1, normalization),
    ]
    return layers.Concatenate()(branches)


def auxiliary_head(x, num_classes, normalization, name):
    """Section 5: a small classifier on a middle layer, so that the lower ones get a gradient."""
    x = layers.AveragePooling2D(5, strides=3)(x)  # 4x4
    x = conv_relu(x, 128, 1, normalization)
    x = layers.Flatten()(x)
    x = layers.Dense(1024, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.Dropout(0.7)(x)
    return layers.Dense(num_classes, dtype="float32", name=name)(x)


def googlenet(
    *,
    input_shape=(32, 32, 3),
    num_classes=10,
    stem=None,
    normalization="batch",
    dropout=0.4,
    auxiliary_heads=False,
) -> keras.Model:
    """Return GoogLeNet: raw pixels in, logits out.

    stem: "imagenet" (the paper's, down to 28x28 of 224x224) or "cifar" (one 3x3 convolution); left
    out, images of 64 pixels or fewer get the CIFAR stem.
    normalization: "batch", "instance", "group" or None.
    dropout: the share of the 1024 features left out at each training step, 0 <= dropout < 1.
    auxiliary_heads: for training only; the output is then a dictionary of three logits. With the
    weights of the paper, on integer labels:

        model.compile(
            optimizer,
            loss={name: SparseCategoricalCrossentropy(from_logits=True) for name in model.output},
            loss_weights={"logits": 1.0, "auxiliary_4a": 0.3, "auxiliary_4d": 0.3},
        )
        model.fit(images, {name: labels for name in model.output})
        classifier = keras.Model(model.input, model.output["logits"])

    Errors: UserError for images of fewer than 32 (CIFAR stem: 4) pixels, with auxiliary heads of
    fewer than 65 (CIFAR stem: 9).
    """
    stem = choose_stem(stem, input_shape)
    if auxiliary_heads:  # their average pooling needs 5x5
        require_size("googlenet with auxiliary heads", input_shape, 9 if stem == "cifar" else 65)
    require_size("googlenet", input_shape, 4 if stem == "cifar" else 32)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    if stem == "cifar":
        x = conv_relu(x, 192, 3, normalization)  # 32x32x192
    else:
        x = conv_relu(x, 64, 7, normalization, strides=2)  # 112x112x64
        x = pool(x)  # 56x56x64
        x = conv_relu(x, 64, 1, normalization)
        x = conv_relu(x, 192, 3, normalization)
        x = pool(x)  # 28x28x192
    outputs = {}
    for stage, modules in STAGES.items():
        if stage > 3:
            x = pool(x)
        for module, filters in modules.items():
            x = inception(x, filters, normalization)
            if auxiliary_heads and module in AUXILIARY:
                name = f"auxiliary_{module}"
                outputs[name] = auxiliary_head(x, num_classes, normalization, name)
    x = layers.GlobalAveragePooling2D()(x)  # 7x7 (CIFAR stem: 8x8) x 1024 -> 1024
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    if auxiliary_heads:
        return keras.Model(inputs, {"logits": logits, **outputs}, name="googlenet")
    return keras.Model(inputs, logits, name="googlenet")
