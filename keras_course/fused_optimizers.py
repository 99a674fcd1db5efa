"""SGD and Adam, the rule of each applied in one operation of TensorFlow.

Keras writes the rules as a dozen operations for each weight. A small network's step consists of
those for the most part. On other backends, whose compilers fuse them, Keras' own are taken.
"""

import keras


@keras.saving.register_keras_serializable(package="keras_course")
class SGD(keras.optimizers.SGD):
    """`keras.optimizers.SGD`, with or without momentum, in one pass over each weight."""

    def update_step(self, gradient, variable, learning_rate):
        if keras.backend.backend() != "tensorflow":
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        rate, gradient = (tf.cast(x, variable.dtype) for x in (learning_rate, gradient))
        if self.momentum:
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=_handle(variable),
                accum=_handle(self.momentums[self._get_variable_index(variable)]),
                lr=rate,
                grad=gradient,
                momentum=tf.constant(self.momentum, rate.dtype),
                use_nesterov=self.nesterov,
            )
        else:
            tf.raw_ops.ResourceApplyGradientDescent(
                var=_handle(variable), alpha=rate, delta=gradient
            )


@keras.saving.register_keras_serializable(package="keras_course")
class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` in one pass over each weight."""

    def update_step(self, gradient, variable, learning_rate):
        if keras.backend.backend() != "tensorflow" or self.amsgrad:
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        rate, gradient = (tf.cast(x, variable.dtype) for x in (learning_rate, gradient))
        beta_1, beta_2, epsilon = (
            tf.constant(x, rate.dtype) for x in (self.beta_1, self.beta_2, self.epsilon)
        )
        step = tf.cast(self.iterations + 1, rate.dtype)
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=rate,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=epsilon,
            grad=gradient,
        )


def _handle(variable):
    """Return what TensorFlow's operations on variables take."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
