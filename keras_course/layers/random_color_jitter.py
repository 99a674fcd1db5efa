"""Change brightness, contrast and saturation of each image (slides 43-45).

The three steps of torchvision's `ColorJitter`, each a blend with a weight near one: with black for
brightness, with the image's mean for contrast, with its grey version for saturation. No hue: it
costs as much as the rest together. Other than there, the order is always this one, grey is the
plain mean of the channels, and the result is clipped once.

Keras' own layer of this name draws inside of what it does to the images; here each draw is a
function of seed, epoch and step, so that a run can be repeated and go on.
"""

import keras
from keras import ops

from keras_course.layers.random_image import RandomImageLayer


@keras.saving.register_keras_serializable(package="keras_course")
class RandomColorJitter(RandomImageLayer):
    """Draw each of the three weights for each image from 1 - factor..1 + factor."""

    def __init__(self, factor: float = 0.2, seed: int | None = None, **kwargs):
        super().__init__(seed, **kwargs)
        self.factor = factor

    def get_random_transformation(self, images, training=True, seed=None):
        low, high = 1 - self.factor, 1 + self.factor
        return {
            name: self.uniform(images, low, high, seed)
            for name in ("brightness", "contrast", "saturation")
        }

    def transform_images(self, images, transformation, training=True):
        images = ops.cast(images, "float32") * transformation["brightness"]
        contrast, saturation = transformation["contrast"], transformation["saturation"]
        mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        images = images * contrast + mean * (1 - contrast)
        grey = ops.mean(images, axis=3, keepdims=True)
        images = images * saturation + grey * (1 - saturation)
        return ops.clip(images, 0, 255)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
