"""A network with a share of its filters: the same layers, less to compute.

A width multiplier, as in Howard 2017, "MobileNets", section 3.3, https://arxiv.org/abs/1704.04861:
half the width takes about a quarter of the multiply-adds and of the parameters. As in its successor
(Sandler 2018, MobileNetV2), the numbers of filters are rounded, here to the 16 that processors
compute at once.
"""

import keras

from keras_course.errors import UserError
from keras_course.layers.normalization import groups

BLOCK = 16
SCALED = {keras.layers.Conv2D: "filters", keras.layers.Dense: "units"}


def narrow(model: keras.Model, width_multiplier: float) -> keras.Model:
    """Return the network anew, with so many times the filters and units of each hidden layer.

    Their numbers become multiples of 16; of a share below 1 never more than the paper's.

    Errors: UserError where numbers of channels are part of the network's graph, as those that
    shortcut A of the ResNets adds.
    """

    def scaled(layer):
        config = layer.get_config()
        name = SCALED.get(type(layer))
        if name and not any(layer.output is output for output in model.outputs):
            config[name] = _share(config[name], width_multiplier)
        return type(layer).from_config(config)

    def called(layer, *inputs, **options):
        # Keras keeps how many groups there were, also for those of one channel each.
        if isinstance(layer, keras.layers.GroupNormalization):
            of_one = layer.groups == model.get_layer(layer.name).output.shape[-1]
            channels = inputs[0].shape[-1]
            layer.groups = channels if of_one else groups(channels)
        return layer(*inputs, **options)

    try:
        return keras.models.clone_model(model, clone_function=scaled, call_function=called)
    except ValueError as error:
        raise UserError(
            f"{model.name} has shortcuts that fit only its own numbers of filters. "
            f"Leave width_multiplier at 1. Received: {width_multiplier}."
        ) from error


def _share(filters, width_multiplier):
    """Return the nearest multiple of 16, but not more than all of them for a share below 1."""
    rounded = max(BLOCK, BLOCK * round(width_multiplier * filters / BLOCK))
    return min(filters, rounded) if width_multiplier < 1 else rounded
