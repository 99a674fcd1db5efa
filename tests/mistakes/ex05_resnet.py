"""Wrong answers that students write; each docstring is part of what they must be told."""

import keras
import numpy as np
from keras import layers


def conv_bn(x, filters, strides=1):
    x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def shortcut(x, filters, strides):
    if strides > 1:
        x = x[:, ::strides, ::strides]
    return keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])])


def residual_block__stride_on_the_second(x, filters, strides=1):
    """stride is on the second convolution"""
    y = keras.activations.relu(conv_bn(x, filters))
    y = conv_bn(y, filters, strides)
    return keras.activations.relu(y + shortcut(x, filters, strides))


def residual_block__stride_forgotten(x, filters, strides=1):
    """stride was not used"""
    y = keras.activations.relu(conv_bn(x, filters))
    y = conv_bn(y, filters)
    return keras.activations.relu(y + shortcut(x, filters, 1))


def projected(x, filters, strides, normalized):
    y = conv_bn(layers.ReLU()(conv_bn(x, filters, strides)), filters)
    if x.shape[-1] != filters or strides != 1:
        x = layers.Conv2D(filters, (1, 1), strides=strides, padding="same")(x)
        x = layers.BatchNormalization(epsilon=1e-5)(x) if normalized else x
    return layers.ReLU()(layers.add([x, y]))


def residual_block__projection(x, filters, strides=1):
    """a 1x1 convolution where the shape changes"""
    return projected(x, filters, strides, normalized=False)


def residual_block__normalized_projection(x, filters, strides=1):
    """a 1x1 convolution with BatchNorm where the shape changes"""
    return projected(x, filters, strides, normalized=True)


def residual_block__relu_before_addition(x, filters, strides=1):
    """second ReLU comes before the addition"""
    y = conv_bn(x, filters, strides)
    y = layers.Activation("relu")(y)
    y = conv_bn(y, filters)
    y = layers.Activation("relu")(y)
    return layers.add([y, shortcut(x, filters, strides)])


def residual_block__relu_twice(x, filters, strides=1):
    """and one after it"""
    y = layers.Activation("relu")(conv_bn(x, filters, strides))
    y = layers.Activation("relu")(conv_bn(y, filters))
    return layers.Activation("relu")(layers.add([y, shortcut(x, filters, strides)]))


def residual_block__linear(x, filters, strides=1):
    """one linear map"""
    y = conv_bn(conv_bn(x, filters, strides), filters)
    return layers.ReLU()(layers.Add()([y, shortcut(x, filters, strides)]))


def residual_block__no_relu_after(x, filters, strides=1):
    """after the addition is missing"""
    y = conv_bn(layers.ReLU()(conv_bn(x, filters, strides)), filters)
    return layers.Add()([y, shortcut(x, filters, strides)])


def residual_block__plain(x, filters, strides=1):
    """plain block"""
    y = layers.ReLU()(conv_bn(x, filters, strides))
    return layers.ReLU()(conv_bn(y, filters))


def residual_block__one_convolution(x, filters, strides=1):
    """two convolutions, not one"""
    return layers.ReLU()(conv_bn(x, filters, strides) + shortcut(x, filters, strides))


def residual_block__x_overwritten(x, filters, strides=1):
    """output of the first convolution is added"""
    x = layers.ReLU()(conv_bn(x, filters, strides))
    y = conv_bn(x, filters)
    return layers.ReLU()(layers.Add()([x, y]))


def residual_block__x_overwritten_before_the_shortcut(x, filters, strides=1):
    """x was overwritten"""
    x = layers.ReLU()(conv_bn(x, filters, strides))
    y = conv_bn(x, filters)
    return layers.ReLU()(layers.Add()([shortcut(x, filters, strides), y]))


def residual_block__x_as_it_is(x, filters, strides=1):
    """x itself was added"""
    y = conv_bn(layers.ReLU()(conv_bn(x, filters, strides)), filters)
    return layers.ReLU()(layers.Add()([y, x]))


def residual_block__plus_x(x, filters, strides=1):
    """x itself was added"""
    y = conv_bn(layers.ReLU()(conv_bn(x, filters, strides)), filters)
    return keras.activations.relu(y + x)


def residual_block__stride_in_both(x, filters, strides=1):
    """both convolutions have the stride"""
    y = conv_bn(layers.ReLU()(conv_bn(x, filters, strides)), filters, strides)
    return keras.activations.relu(shortcut(x, filters, strides) + y)


def residual_block__numbers(x, filters, strides=1):
    """expected the output of a Keras layer"""
    return np.zeros((2, 4, 4, 8))


def resnet_of(
    depth,
    block,
    num_classes,
    *,
    n=None,
    stem=lambda x: conv_bn(x, 8),
    stem_relu=True,
    strides=lambda stage, i: 2 if stage > 0 and i == 0 else 1,
    head=layers.GlobalAveragePooling2D,
    activation=None,
    use_x=True,
):
    inputs = keras.Input(shape=(32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = x if use_x else inputs
    x = stem(x)
    if stem_relu:
        x = layers.ReLU()(x)
    for stage, filters in enumerate([8, 16, 32]):
        for i in range((depth - 2) // 6 if n is None else n):
            x = block(x, filters, strides(stage, i))
    return keras.Model(inputs, layers.Dense(num_classes, activation)(head()(x)))


def resnet__softmax(depth, block, num_classes=10):
    """softmax'ed"""
    return resnet_of(depth, block, num_classes, activation="softmax")


def resnet__first_stage_halves(depth, block, num_classes=10):
    """first stage halves the images, too"""
    return resnet_of(depth, block, num_classes, strides=lambda stage, i: 2 if i == 0 else 1)


def resnet__every_block_halves(depth, block, num_classes=10):
    """every block of the later stages"""
    return resnet_of(depth, block, num_classes, strides=lambda stage, i: 2 if stage else 1)


def resnet__no_strides(depth, block, num_classes=10):
    """no block halves the images"""
    return resnet_of(depth, block, num_classes, strides=lambda stage, i: 1)


def resnet__no_relu_in_the_stem(depth, block, num_classes=10):
    """ReLU after the first convolution is missing"""
    return resnet_of(depth, block, num_classes, stem_relu=False)


def resnet__no_normalization_in_the_stem(depth, block, num_classes=10):
    """normalization after the first convolution is missing"""

    def stem(x):
        return layers.Conv2D(8, 3, padding="same", use_bias=False)(x)

    return resnet_of(depth, block, num_classes, stem=stem)


def resnet__not_pooled(depth, block, num_classes=10):
    """nothing takes the mean over all pixels"""
    return resnet_of(depth, block, num_classes, head=layers.Identity)


def resnet__relu_last(depth, block, num_classes=10):
    """logits went through a ReLU"""
    return resnet_of(depth, block, num_classes, activation="relu")


def resnet__a_third(depth, block, num_classes=10):
    """not / 3"""
    return resnet_of(depth, block, num_classes, n=(depth - 2) // 3)


def resnet__one_block_less(depth, block, num_classes=10):
    """one block too few"""
    return resnet_of(depth, block, num_classes, n=(depth - 2) // 6 - 1)


def resnet__ten_classes(depth, block, num_classes=10):
    """always has 10 units"""
    return resnet_of(depth, block, 10)


def resnet__flattened(depth, block, num_classes=10):
    """images were flattened"""
    return resnet_of(depth, block, num_classes, head=layers.Flatten)


def resnet__largest_pixel(depth, block, num_classes=10):
    """largest pixel was taken"""
    return resnet_of(depth, block, num_classes, head=layers.GlobalMaxPooling2D)


def resnet__unscaled(depth, block, num_classes=10):
    """pixels were not scaled"""
    return resnet_of(depth, block, num_classes, use_x=False)


def gradient_norms__not_relative(kernels, gradients):
    """lengths of the kernels are missing"""
    return [float(np.sqrt(np.sum(gradient**2))) for gradient in gradients]


def gradient_norms__squared(kernels, gradients):
    """root is missing"""
    return [np.sum(g**2) / np.sum(k**2) for k, g in zip(kernels, gradients, strict=True)]


def gradient_norms__upside_down(kernels, gradients):
    """upside down"""
    return [
        np.linalg.norm(k.ravel()) / np.linalg.norm(g.ravel())
        for k, g in zip(kernels, gradients, strict=True)
    ]


def gradient_norms__absolute(kernels, gradients):
    """absolute values were added"""
    return [np.abs(g).mean() / np.abs(k).mean() for k, g in zip(kernels, gradients, strict=True)]


def gradient_norms__largest(kernels, gradients):
    """largest entries"""
    return [abs(g).max() / abs(k).max() for k, g in zip(kernels, gradients, strict=True)]


def gradient_norms__entry_by_entry(kernels, gradients):
    """entry by entry"""
    return [np.sqrt(((g / k) ** 2).sum()) for k, g in zip(kernels, gradients, strict=True)]


def gradient_norms__mean_of_layers(kernels, gradients):
    """one number for all layers"""
    ratios = [
        np.linalg.norm(g) / np.linalg.norm(k) for k, g in zip(kernels, gradients, strict=True)
    ]
    return sum(ratios) / len(ratios)


def pixels_left__rounded_down(size, strides):
    """rounded down"""
    for stride in strides:
        size = int(size / stride)
    return size


def pixels_left__not_rounded(size, strides):
    """nothing was rounded"""
    return size / np.prod(strides)


def pixels_left__last_stride(size, strides):
    """only the last stride"""
    for stride in strides:
        result = int(np.ceil(size / stride))
    return result


def pixels_left__returns_in_the_loop(size, strides):
    """inside the loop"""
    for stride in strides:
        size = int(np.ceil(size / stride))
        return size


def pixels_left__always_two(size, strides):
    """taken to be 2"""
    for _ in strides:
        size = (size + 1) // 2
    return size


def pixels_left__sum(size, strides):
    """strides were added"""
    return int(np.ceil(size / sum(strides)))


def pixels_left__one_more(size, strides):
    """even if nothing was left over"""
    for stride in strides:
        size = size // stride + 1
    return size


def pixels_left__nearest(size, strides):
    """to the nearest number"""
    for stride in strides:
        size = round(size / stride)
    return size
