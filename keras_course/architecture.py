"""A network as its layers: their table, as papers print it, and the graph that they make.

A multiply-add is one product and its addition to a sum: half of what profilers call FLOPs. They are
counted for one image and, as in He et al. 2015, Table 1 (https://arxiv.org/abs/1512.03385), for
convolutions and dense layers alone; normalization, activation, pooling and biases cost little.

    convolution  output height x output width x kernel height x kernel width x channels in x out
    depthwise    output height x output width x kernel height x kernel width x channels out
    separable    a depthwise one, and one of 1x1
    transposed   as the convolution with the input's height and width
    dense        units in x units out

The depth of a network is what its name says (ResNet-50): the layers with a kernel on the longest
path. Normalization, pooling and the projections beside a longer path are not counted.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import keras

from keras_course.errors import UserError

CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
WEIGHTED = (*CONVOLUTIONS, keras.layers.Conv2DTranspose, keras.layers.Dense)


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


class Node(NamedTuple):
    """A layer or operation where the network applies it."""

    name: str
    operation: keras.Operation
    before: tuple[int, ...]  # the nodes that it takes its input from, by their place in the list
    output: keras.KerasTensor  # the first, where there are several
    arguments: tuple  # of the call: the slices of x[:, ::2, ::2]


def graph(model: keras.Model) -> list[Node]:
    """Return every application of a layer or operation, each after those that it depends on.

    Networks inside the network are entered; their inputs are nodes that pass on what they get.
    """
    nodes = []
    _enter(model, nodes, {}, "")
    return nodes


def _enter(model, nodes, made_by, prefix):
    """Add the nodes of a network; made_by: the id of a tensor -> the node that it comes from."""
    by_depth = keras.Model(model.inputs, model.outputs)._nodes_by_depth  # a Sequential has none
    calls = [call for depth in sorted(by_depth, reverse=True) for call in by_depth[depth]]
    for call in calls:
        operation, tensors = call.operation, call.arguments.keras_tensors
        if call.is_input:  # the outermost ones come from nowhere
            tensors = [tensor for tensor in call.outputs if id(tensor) in made_by]
        before = [made_by[id(tensor)] for tensor in tensors]
        if isinstance(operation, keras.Model):
            inside = dict(zip(map(id, operation.inputs), before, strict=True))
            _enter(operation, nodes, inside, f"{prefix}{operation.name}/")
            made = [inside[id(tensor)] for tensor in operation.outputs]
        else:
            name, key = f"{prefix}{operation.name}", call.arguments.args
            nodes.append(Node(name, operation, tuple(before), call.outputs[0], key))
            made = [len(nodes) - 1] * len(call.outputs)
        made_by.update(zip(map(id, call.outputs), made, strict=True))


def depth(model: keras.Model) -> int:
    """Return the number of convolutions and dense layers on the longest path."""
    depths = []
    for node in graph(model):
        weighted = isinstance(node.operation, WEIGHTED)
        depths.append(max((depths[place] for place in node.before), default=0) + weighted)
    return max(depths)


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
    if not isinstance(layer, WEIGHTED):
        return 0
    tensor = layer.input if isinstance(layer, keras.layers.Conv2DTranspose) else layer.output
    places = tensor.shape[1:-1]  # a dense layer after Flatten has none: one product
    if None in places:
        raise UserError(
            f"The multiply-adds of {layer.name} depend on the image size, which this network "
            "leaves open. Build it with a fixed input_shape."
        )
    if isinstance(layer, keras.layers.SeparableConv2D):
        kernels = layer.depthwise_kernel, layer.pointwise_kernel
    else:
        kernels = (layer.kernel,)
    return math.prod(places) * sum(math.prod(kernel.shape) for kernel in kernels)


def size(shape) -> str:
    """Return a shape as the lecture writes it: (32, 32, 3) as "32x32x3"."""
    return "x".join("?" if length is None else str(length) for length in shape)
