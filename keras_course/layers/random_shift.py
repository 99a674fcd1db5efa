"""Shift each image by its own whole number of pixels.

The pad-and-crop of He et al. 2015, section 4.2 (https://arxiv.org/abs/1512.03385), with the border
mirrored instead of black. Keras' `RandomCrop` takes one offset for the whole batch, and
`RandomTranslation` moves by fractions of a pixel, which blurs.
"""

import keras
from keras import ops

from keras_course.layers.random_image import RandomImageLayer


@keras.saving.register_keras_serializable(package="keras_course")
class RandomShift(RandomImageLayer):
    """Shift by -pixels..pixels along height and width, `(2 * pixels + 1) ** 2` places in all."""

    def __init__(self, pixels: int = 4, seed: int | None = None, **kwargs):
        super().__init__(seed, **kwargs)
        self.pixels = pixels

    def get_random_transformation(self, images, training=True, seed=None):
        low, high = -self.pixels, self.pixels + 1
        down, right = (
            ops.cast(ops.floor(self.uniform(images, low, high, seed)), "int32") for _ in range(2)
        )
        return {"down": down, "right": right}

    def transform_images(self, images, transformation, training=True):
        images = ops.cast(images, "float32")
        # A shift is a product with a shifted identity matrix: twice as fast as gathering pixels.
        batch, height, width, channels = ops.shape(images)
        rows = _shifted_identity(transformation["down"], height)
        columns = _shifted_identity(transformation["right"], width)
        images = ops.matmul(rows, ops.reshape(images, (batch, height, width * channels)))
        images = ops.reshape(images, (batch, height, width, channels))
        return ops.einsum("bvw,bhwc->bhvc", columns, images)

    def get_config(self):
        return {**super().get_config(), "pixels": self.pixels}


def _shifted_identity(shift, size):
    """Return the matrices, one for each image, whose row i picks pixel i - shift, mirrored."""
    source = ops.abs(ops.arange(size) - ops.reshape(shift, (-1, 1)))
    source = (size - 1) - ops.abs((size - 1) - source)
    return ops.one_hot(source, size, dtype="float32")
