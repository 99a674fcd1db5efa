"""A network with a share of its filters: the same layers, less to compute.

A width multiplier, as in Howard 2017, "MobileNets", section 3.3, https://arxiv.org/abs/1704.04861:
half the width takes about a quarter of the multiply-adds and of the parameters.
"""

import keras

from keras_course.errors import UserError

SCALED = {keras.layers.Conv2D: "filters", keras.layers.Dense: "units"}


def narrow(model: keras.Model, width_multiplier: float) -> keras.Model:
    """Return the network anew, with so many times the filters and units of each hidden layer.

    Errors: UserError where numbers of channels are part of the network's graph, as those that
    shortcut A of the ResNets adds.
    """

    def scaled(layer):
        config = layer.get_config()
        name = SCALED.get(type(layer))
        if name and layer.output is not model.output:
            config[name] = max(1, round(width_multiplier * config[name]))
        return type(layer).from_config(config)

    try:
        return keras.models.clone_model(model, clone_function=scaled)
    except ValueError as error:
        raise UserError(
            f"{model.name} has shortcuts that fit its own numbers of filters alone. "
            f"Leave width_multiplier at 1. Received: {width_multiplier}."
        ) from error
