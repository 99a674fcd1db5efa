"""The outline of a network: its layers as the boxes that a person would draw.

What has no kernel (normalization, activation, dropout, padding) is left out. Where the network
forks and joins again, the branches become one box; a branch that passes its input on, or through
no more than a 1x1 convolution before a sum, is a shortcut. Equal boxes in a row are folded: "x3".
"""

from typing import NamedTuple

import keras
from keras import layers

from keras_course import architecture, receptive_field


class Step(NamedTuple):
    """A layer that a drawing shows."""

    kind: str  # "convolution", "pooling", "dense", "up" or "image"
    label: str  # "3×3, 64"
    kernel: int  # the larger side; 0 where there is none
    channels: int
    stride: int = 1

    def __str__(self) -> str:
        return self.label + (f" /{self.stride}" if self.stride > 1 else "")


class Box(NamedTuple):
    """Some layers, side by side or one after another, and what comes out of them."""

    branches: tuple[tuple[Step, ...], ...]
    size: tuple[int, ...]  # height and width of the map; () behind the last map
    channels: int
    field: tuple[int, int] | None  # pixels of the image that a place sees; None: all
    join: str = ""  # what a shortcut over the box does at its end: "add", "concat", or ""
    times: int = 1

    def like(self, other: "Box") -> bool:
        """Return whether the two do the same, the stride of the first in a stage aside."""
        mine, theirs = (
            [[step._replace(stride=1) for step in branch] for branch in box.branches]
            for box in (self, other)
        )
        growing = self.join == "concat"  # each adds its channels
        same = (self.size, self.join, 0 if growing else self.channels)
        return mine == theirs and same == (other.size, other.join, 0 if growing else other.channels)


class Outline(NamedTuple):
    boxes: list[Box]
    skips: list[tuple[int, int, str]]  # from behind a box to before another or the end; its join


class Fork(NamedTuple):
    """Branches between two nodes; the last node is where they meet."""

    branches: list[list]
    node: int


def outline(model: keras.Model) -> Outline:
    """Return the boxes of a network with one input, from the image to its first output."""
    model = keras.Model(model.inputs, model.outputs[0])
    nodes = architecture.graph(model)
    fields = receptive_field.receptive_fields(model)
    channels = nodes[0].output.shape[-1]
    drawn = Outline([_box(nodes[0], fields, ((Step("image", "image", 0, channels),),))], [])
    last = len(nodes) - 1
    _draw([*_chain(nodes, range(1, last), 0, last)], nodes, fields, drawn)
    return drawn


def _chain(nodes, inside, start, end, direct=True) -> list:
    """Return what lies between `start` and `end`, with `end`: nodes and forks, one after another.

    A node that no connection passes by is on every path: there the chain can be cut. direct:
    whether a connection from `start` to `end` itself counts.
    """
    inside = list(inside)
    place = {node: number for number, node in enumerate([start, *inside, end])}
    reaches = {node: 0 for node in place}  # how far the connections from here go
    for node in (*inside, end):
        for before in nodes[node].before:
            if before in place and (direct or (before, node) != (start, end)):
                reaches[before] = max(reaches[before], place[node])
    chain, between, cut, farthest = [], [], start, reaches[start]
    for node in (*inside, end):
        if farthest <= place[node]:
            straight = (cut, node) != (start, end) or direct
            chain.append(_fork(nodes, between, cut, node, straight) if between else node)
            between, cut = [], node
        else:
            between.append(node)
        farthest = max(farthest, reaches[node])
    return chain


def _fork(nodes, between, start, end, direct):
    parts = []  # sets of nodes that are connected among themselves
    for node in between:
        linked = [part for part in parts if part & set(nodes[node].before)]
        parts = [part for part in parts if part not in linked] + [{node}.union(*linked)]
    direct = direct and start in nodes[end].before
    if len(parts) == 1 and not direct:  # no way to cut it: its nodes, in order
        return Fork([between], end)
    # What lies within a branch ends where the branches meet, which is no part of it.
    branches = [_chain(nodes, sorted(part), start, end, direct=False) for part in parts]
    branches = [
        [*branch[:-1], *([branch[-1]._replace(node=None)] if isinstance(branch[-1], Fork) else [])]
        for branch in branches
    ]
    return Fork(branches + [[]] * direct, end)


def _draw(chain, nodes, fields, drawn):
    for part in chain:
        if not isinstance(part, Fork):
            if step := _step(nodes[part]):
                _append(drawn, _box(nodes[part], fields, ((step,),)))
            continue
        node = nodes[part.node]
        branches = [[_step(nodes[it]) for it in _flat(branch)] for branch in part.branches]
        branches = [tuple(step for step in branch if step) for branch in branches]
        join = {"Add": "add", "Concatenate": "concat"}.get(type(node.operation).__name__, "")
        long = [number for number, branch in enumerate(branches) if not _is_shortcut(branch, join)]
        long = long or [number for number, branch in enumerate(branches) if branch]
        join = join if len(long) < len(branches) else ""
        if len(long) == 1 and any(step.kind == "up" for step in branches[long[0]]):
            source = len(drawn.boxes) - 1  # down and up again: no box could hold it
            _draw(part.branches[long[0]], nodes, fields, drawn)
            drawn.skips.append((source, len(drawn.boxes), join))
        elif long:
            shown = tuple(branches[number] for number in long)
            _append(drawn, _box(node, fields, shown)._replace(join=join))


def _flat(chain):
    for part in chain:
        if isinstance(part, Fork):
            for branch in part.branches:
                yield from _flat(branch)
            if part.node is not None:
                yield part.node
        else:
            yield part


def _is_shortcut(branch, join):
    return not branch or (join == "add" and [step.kernel for step in branch] == [1])


def _append(drawn, box):
    last = drawn.boxes[-1]
    reached = any(target == len(drawn.boxes) for _, target, _ in drawn.skips)
    if box.like(last) and not reached:
        drawn.boxes[-1] = box._replace(branches=last.branches, times=last.times + 1)
    else:
        drawn.boxes.append(box)


def _box(node, fields, branches):
    shape = node.output.shape
    return Box(branches, tuple(shape[1:-1]), shape[-1], fields[node.name])


def _step(node):
    """Return what a drawing shows of a layer, None where that is nothing."""
    operation, channels = node.operation, node.output.shape[-1]
    pooled = "max" if "Max" in type(operation).__name__ else "mean"
    if isinstance(operation, layers.Dense):
        return Step("dense", f"dense {channels}", 0, channels)
    if isinstance(operation, layers.Conv2DTranspose):
        return Step("up", f"up {_sides(operation.kernel_size)}, {channels}", 0, channels)
    if isinstance(operation, layers.UpSampling2D):
        return Step("up", f"up {_sides(operation.size)}", 0, channels)
    if isinstance(operation, architecture.CONVOLUTIONS):
        kernel, label = operation.kernel_size, f"{_sides(operation.kernel_size)}, {channels}"
        return Step("convolution", label, max(kernel), channels, max(operation.strides))
    if isinstance(operation, receptive_field.POOLINGS):
        kernel, label = operation.pool_size, f"{pooled} {_sides(operation.pool_size)}"
        return Step("pooling", label, max(kernel), channels, max(operation.strides))
    if isinstance(operation, receptive_field.GLOBAL):
        return Step("pooling", f"global {pooled}", 0, channels)
    return None


def _sides(lengths):
    return "×".join(map(str, lengths))
