"""Rotate each image by 0, 90, 180 or 270 degrees (slides 44-45).

No pixel is interpolated. Valid where up and down have no meaning (cells, satellite images), and
not where they have: a 6 becomes a 9.
"""

import keras
from keras import ops

from keras_course.errors import UserError
from keras_course.layers.random_image import RandomImageLayer


@keras.saving.register_keras_serializable(package="keras_course")
class RandomRotation90(RandomImageLayer):
    """Square images only: a rotated 32x48 image would be 48x32, and a batch has one size."""

    @staticmethod
    def check_size(height: int, width: int) -> None:
        """Raise a `UserError` for images that are not square."""
        if height != width:
            raise UserError(
                f"Rotation by 90 degrees needs square images. Received: {height}x{width} pixels. "
                "Crop them to a square, or leave rotate90 out of the augmentation."
            )

    def get_random_transformation(self, images, training=True, seed=None):
        return {"quarters": ops.cast(ops.floor(self.uniform(images, 0, 4, seed)), "int32")}

    def transform_images(self, images, transformation, training=True):
        self.check_size(*images.shape[1:3])
        quarters = transformation["quarters"]
        images = ops.cast(images, "float32")
        images = ops.where(quarters % 2 == 1, ops.transpose(images, (0, 2, 1, 3)), images)
        images = ops.where((quarters == 1) | (quarters == 2), ops.flip(images, axis=1), images)
        return ops.where(quarters >= 2, ops.flip(images, axis=2), images)
