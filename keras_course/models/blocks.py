"""What ResNet, GoogLeNet and DenseNet build with: a convolution and its normalization."""

from keras import layers

from keras_course.layers import normalize


def conv(x, filters, kernel_size, normalization=None, strides=1):
    """Convolve; with a bias only where no normalization follows, which brings its own.

    A strided kernel pads on both sides, as in the papers: with "same" padding, Keras pads an even
    size on one side only. Either way the output has ceil(size / strides) pixels.
    """
    if strides > 1 and kernel_size > 1:
        x = layers.ZeroPadding2D(kernel_size // 2)(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="valid" if strides > 1 else "same",
        use_bias=normalization is None,
        kernel_initializer="he_normal",
    )(x)


def conv_norm(x, filters, kernel_size, normalization, strides=1):
    """Convolve, then normalize (`normalization`: "batch", "instance", "group" or None)."""
    return normalize(conv(x, filters, kernel_size, normalization, strides), normalization)


def norm_relu(x, normalization):
    """Normalize, then rectify: the pre-activation of later residual and of dense networks."""
    return layers.ReLU()(normalize(x, normalization))
