"""A model built again in float32 with the same weights."""

from collections.abc import Callable, Iterator

import keras


def rebuilt(
    model: keras.Model, class_of: Callable[[keras.layers.Layer], type] = type
) -> keras.Model:
    """Return the model in float32, each layer, nested ones too, of the class of `class_of`."""

    def build(operation):
        config = operation.get_config()
        if not isinstance(operation, keras.layers.Layer):  # a slice or a padding, without a policy
            return type(operation).from_config(config)
        return class_of(operation).from_config({**config, "dtype": "float32"})

    copy = keras.models.clone_model(model, clone_function=build, recursive=True)
    copy.set_weights(model.get_weights())
    return copy


def every_layer(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers of the model, and those of the models that are layers of it."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from every_layer(layer)
