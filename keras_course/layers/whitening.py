"""A first convolution that is computed from the images instead of learned: it whitens patches.

Jordan 2024, "94% on CIFAR-10 in 3.29 seconds", section 3.2, https://arxiv.org/abs/2404.00498, after
Page 2019. The filters are the eigenvectors of the covariance of small patches, each divided by the
square root of its eigenvalue, and their negatives, so that nothing is lost behind a ReLU. What
neighbouring pixels share, most of an image, then weighs no more than the detail.
"""

import keras
import numpy as np

# Keeps directions that hardly vary, mostly noise, from being blown up; pixels of -1..1.
EPSILON = 5e-4
PATCHES = 1_024_000  # more say nothing new: a thousand images of 32x32


@keras.saving.register_keras_serializable(package="keras_course")
class Whitening(keras.layers.Conv2D):
    """A convolution without padding whose kernel `adapt` computes and no gradient changes.

    It has 2 * kernel_size^2 * channels filters: `Whitening.filters_for(channels, kernel_size)`. Its
    bias is trained. Until `adapt` is called the kernel is random.
    """

    @staticmethod
    def filters_for(channels: int, kernel_size: int) -> int:
        return 2 * kernel_size**2 * channels

    def build(self, input_shape):
        super().build(input_shape)
        # Among the weights that are not trained, or `layer.trainable = True` would free it.
        self._untrack_variable(self._kernel)
        self._kernel.trainable = False
        self._track_variable(self._kernel)

    def adapt(self, images: np.ndarray) -> None:
        """Compute the kernel from images as this layer gets them: (n, height, width, channels).

        A million patches are enough; `whitening.adapt` takes so many.
        """
        windows = np.lib.stride_tricks.sliding_window_view(images, self.kernel_size, axis=(1, 2))
        patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, self.filters // 2)
        covariance = patches.T @ patches / len(patches)
        values, vectors = np.linalg.eigh(covariance)  # a column is a vector
        vectors = vectors / np.sqrt(values + EPSILON)
        kernel = np.concatenate([vectors, -vectors], axis=1)
        self.kernel.assign(kernel.reshape(self.kernel.shape))


def adapt(model: keras.Model, images: np.ndarray) -> None:
    """Compute the whitening kernels of a network, and of a backbone in it, from images 0..255."""
    images = images[: max(1, PATCHES // (images.shape[1] * images.shape[2]))]
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            adapt(layer, images)
        elif isinstance(layer, Whitening):
            before = keras.Model(model.input, layer.input)
            layer.adapt(before.predict(images.astype("float32"), verbose=0))
