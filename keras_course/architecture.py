"""The table of a network's layers, as papers print it: output size, parameters, multiply-adds.

A multiply-add is one product and its addition to a sum: half of what profilers call FLOPs. They are
counted for one image and, as in He et al. 2015, Table 1 (https://arxiv.org/abs/1512.03385), for
convolutions and dense layers alone; normalization, activation, pooling and biases cost little.

    convolution  output height x output width x kernel height x kernel width x channels in x out
    dense        units in x units out
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import keras

from keras_course.errors import UserError


class Row(NamedTuple):
    name: str  # layers of a network inside the network: "backbone/conv2d"
    kind: str
    output: str  # for one image: "32x32x16", "10"
    parameters: int
    multiply_adds: int


def rows(model: keras.Model) -> list[Row]:
    """Return a row for each layer and operation of a functional or sequential model, in order.

    A layer that the network applies several times is one row, counted once. Errors: UserError
    where a convolution's output size is open, as with `keras.Input((None, None, 3))`.
    """
    return [
        Row(
            name,
            type(operation).__name__,
            ", ".join(size(output.shape[1:]) for output in keras.tree.flatten(operation.output)),
            getattr(operation, "count_params", lambda: 0)(),
            multiply_adds(operation),
        )
        for name, operation in operations(model)
    ]


def operations(model: keras.Model) -> Iterator[tuple[str, keras.Operation]]:
    """Give the name and the layer or operation, in order; networks inside are entered."""
    for operation in getattr(model, "operations", model.layers):
        if isinstance(operation, keras.Model):
            for name, inner in operations(operation):
                yield f"{operation.name}/{name}", inner
        else:
            yield operation.name, operation


def total(rows: list[Row]) -> Row:
    """Return the sums of parameters and multiply-adds."""
    return Row(
        "total",
        f"{len(rows)} layers and operations",
        "",
        sum(row.parameters for row in rows),
        sum(row.multiply_adds for row in rows),
    )


def multiply_adds(layer) -> int:
    """Return the multiply-adds of one layer for one image, 0 if it is no convolution or dense."""
    if not isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
        return 0
    places = layer.output.shape[1:-1]  # a dense layer after Flatten has none: one product
    if None in places:
        raise UserError(
            f"The multiply-adds of {layer.name} depend on the image size, which this network "
            "leaves open. Build it with a fixed input_shape."
        )
    return math.prod(places) * math.prod(layer.kernel.shape)


def size(shape) -> str:
    """Return a shape as the lecture writes it: (32, 32, 3) as "32x32x3"."""
    return "x".join("?" if length is None else str(length) for length in shape)
