"""Batch normalization, fused where TensorFlow can.

Ioffe & Szegedy 2015, algorithm 1, https://arxiv.org/abs/1502.03167

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

Keras computes this from moments and element-wise operations in float32, on a CPU a third of the
time of a ResNet-20 step. TensorFlow's fused operation does it in one pass, takes half-precision
images with float32 statistics, and keeps less for the gradient.
"""

import keras

# Keras' own 0.99 and 1e-3 let the moving statistics lag for hundreds of steps, so that validation
# says less than the network can: a short run needs 0.9. 1e-5 is the value of the ResNet authors.
MOMENTUM = 0.9
EPSILON = 1e-5
BLOCK = 16


@keras.saving.register_keras_serializable(package="keras_course")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`: same weights and values, faster on TensorFlow.

    Images of shape (batch, height, width, channels) take the fused operation; every other input,
    what that operation has not (float64, `renorm`, `synchronized`), and every other backend, Keras'
    own path.
    """

    def __init__(self, momentum: float = MOMENTUM, epsilon: float = EPSILON, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs, training=None, mask=None):
        images = len(inputs.shape) == 4 and self.axis in (-1, 3) and mask is None
        plain = self.center and self.scale and not (self.renorm or self.synchronized)
        fast = self.compute_dtype != "float64" and self.variable_dtype in ("float32", "bfloat16")
        if keras.backend.backend() != "tensorflow" or not (images and plain and fast):
            return super().call(inputs, training=training, mask=mask)
        return self._fused(inputs, bool(training and self.trainable))

    def _fused(self, x, training):
        import tensorflow as tf

        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        channels = x.shape[-1]
        more = _missing_channels(x) if training else 0
        if more:
            x = tf.concat([x, tf.zeros([*tf.unstack(tf.shape(x)[:3]), more], x.dtype)], axis=-1)
            gamma, beta = tf.pad(gamma, [[0, more]]), tf.pad(beta, [[0, more]])
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=gamma,
            offset=beta,
            mean=[] if training else tf.convert_to_tensor(self.moving_mean),
            variance=[] if training else tf.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            # The operation returns the variance divided by n - 1, Keras keeps the one by n.
            n = tf.cast(tf.reduce_prod(tf.shape(x)[:3]), variance.dtype)
            variance *= (n - 1) / n
            for moving, batch in (
                (self.moving_mean, mean[:channels]),
                (self.moving_variance, variance[:channels]),
            ):
                moving.assign(moving * self.momentum + batch * (1 - self.momentum))
            return tf.split(y, [channels, more], axis=-1)[0] if more else y
        # Says nothing new, but stands between: TensorFlow would fuse a convolution before it and a
        # tanh behind into an operation that it does not have.
        return tf.ensure_shape(y, y.shape)


def _missing_channels(x):
    """Return how many channels bfloat16 images lack to be normalized quickly on a processor.

    oneDNN takes 16 at a time; where the last are fewer, it falls back to code that takes about ten
    times as long (benchmarks/channels.py).
    """
    import tensorflow as tf

    slow = x.dtype == tf.bfloat16 and not tf.config.list_physical_devices("GPU")
    return -x.shape[-1] % BLOCK if slow else 0
