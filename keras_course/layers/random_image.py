"""What the random image layers share: one draw for each image of a batch.

They follow the protocol of Keras' own image layers: `get_random_transformation` draws,
`transform_images` applies. Drawing apart from applying makes an augmentation a function of its
seed, whatever thread it runs in; see `keras_course.augmentation`.
"""

import keras
from keras import ops


class RandomImageLayer(keras.layers.Layer):
    """Images (batch, height, width, channels) with values 0..255 in, the same in float32 out;
    where nothing is trained, the images as they are.

    A layer adds the two methods of the protocol.
    """

    def __init__(self, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=None):
        if not training:
            return images
        return self.transform_images(images, self.get_random_transformation(images))

    def uniform(self, images, low, high, seed):
        """Draw one number for each image, shaped to broadcast over its pixels."""
        shape = (ops.shape(images)[0], 1, 1, 1)
        return keras.random.uniform(shape, low, high, seed=self.generator if seed is None else seed)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
