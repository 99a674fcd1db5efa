"""Shift each image by its own whole number of pixels.

The pad-and-crop of He et al. 2015, section 4.2 (https://arxiv.org/abs/1512.03385), with the border
mirrored instead of black. Keras' `RandomCrop` takes one offset for the whole batch, and
`RandomTranslation` moves by fractions of a pixel, which blurs.
"""

import keras
from keras import ops

from keras_course.errors import UserError
from keras_course.layers.random_image import RandomImageLayer


@keras.saving.register_keras_serializable(package="keras_course")
class RandomShift(RandomImageLayer):
    """Shift by -pixels..pixels along height and width, `(2 * pixels + 1) ** 2` places in all."""

    def __init__(self, pixels: int = 4, seed: int | None = None, **kwargs):
        super().__init__(seed, **kwargs)
        self.pixels = pixels

    def check_size(self, height: int, width: int) -> None:
        """Raise a `UserError` for images that the mirrored border does not suffice for."""
        if min(height, width) <= self.pixels:
            raise UserError(
                f"A shift by up to {self.pixels} pixels needs images of more than that in height "
                f"and width. Received: {height}x{width}. Choose fewer pixels, or leave shift out."
            )

    def get_random_transformation(self, images, training=True, seed=None):
        low, high = -self.pixels, self.pixels + 1
        down, right = (
            ops.cast(ops.floor(self.uniform(images, low, high, seed)), "int32") for _ in range(2)
        )
        return {"down": down, "right": right}

    def transform_images(self, images, transformation, training=True):
        self.check_size(*images.shape[1:3])
        images = ops.cast(images, "float32")
        batch, height, width, channels = ops.shape(images)
        # Of all pixels in one long row; pixel by pixel is a third quicker than rows, then columns.
        rows = _sources(transformation["down"], height) + height * ops.arange(batch)[:, None]
        columns = _sources(transformation["right"], width)
        pixels = width * rows[:, :, None] + columns[:, None, :]
        return ops.take(ops.reshape(images, (-1, channels)), pixels, axis=0)

    def get_config(self):
        return {**super().get_config(), "pixels": self.pixels}


def _sources(shift, size):
    """Return for each image and place where its pixel comes from: place - shift, mirrored."""
    source = ops.abs(ops.arange(size) - ops.reshape(shift, (-1, 1)))
    return (size - 1) - ops.abs((size - 1) - source)
