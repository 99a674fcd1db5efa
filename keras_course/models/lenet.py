"""LeNet-5: convolution and subsampling, twice, then dense layers.

LeCun et al. 1998, section II.B, http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf

    C1  6 filters 5x5   28x28x6     S2  subsampling   14x14x6
    C3  16 filters 5x5  10x10x16    S4  subsampling   5x5x16
    C5  120             F6  84      num_classes

"valid" padding, tanh. 61,706 parameters on the paper's 32x32 grey images, 62,006 on colour.

Where the paper differs:
- S2 and S4 have a factor and a bias for each map; here they average, as later versions do.
- C1 and S2, C3 and S4 both squash; here there is one tanh for the pair, behind the average. (Right
  behind a BatchNormalization TensorFlow would fuse it, into an operation that it does not have.)
- Each map of C3 sees some of the maps of S2, to save parameters; here it sees them all.
- The output is the distance to a drawing of each digit (RBF units); here it is a dense layer.
- Its tanh is 1.7159 tanh(2/3 a), for targets of -1 and 1, and its kernels are drawn uniformly from
  +-2.4 / inputs; here the tanh is plain, with the later Glorot initialization that suits it.
"""

import keras
from keras import layers

from keras_course.layers import normalize
from keras_course.models.inputs import require_size


def lenet(*, input_shape=(32, 32, 3), num_classes=10, normalization=None) -> keras.Model:
    """Return the uncompiled LeNet-5: raw pixels in, logits out.

    normalization: "batch", "instance", "group" or None, between convolution and tanh.
    Errors: UserError for images below 16x16, of which nothing is left after S4.
    """
    require_size("lenet", input_shape, 16)
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)  # 32x32x3
    for filters in (6, 16):
        x = layers.Conv2D(filters, 5, use_bias=normalization is None)(x)  # Glorot is the default
        x = layers.AveragePooling2D(2)(normalize(x, normalization))  # 14x14x6, then 5x5x16
        x = layers.Activation("tanh")(x)
    x = layers.Flatten()(x)
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="lenet")
