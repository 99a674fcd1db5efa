"""Receptive fields: which pixels of the image a place of a map looks at (slide 17).

Araujo et al. 2019, https://distill.pub/2019/computing-receptive-fields/, who solve this recurrence:

    size = size + (kernel - 1) * step      step = step * stride

so that VGG-16 looks at 212 pixels after its fifth pooling. Where branches meet, the field is the
smallest that holds those of all branches. A field may reach over the edge of the image, into the
padding. Behind global pooling or a flattened map everything is seen.

Beyond the paper, fields are followed through layers that enlarge, of whose places not all see as
much: the size is the largest. Normalization is left out, as usual: with Instance- or GroupNorm the
mean that is subtracted looks at the whole map.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import keras
from keras import layers

from keras_course import architecture
from keras_course.errors import UserError

POOLINGS = (layers.MaxPooling2D, layers.AveragePooling2D)
GLOBAL = (layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D)


@dataclasses.dataclass(frozen=True)
class View:
    """What the places along one side of a map see: pixels, counted from the image's first one.

    Place number i sees `spans[i]`, the first and the last pixel; after `len(spans)` places the
    same comes again, `step` pixels further on.
    """

    step: int = 1
    spans: tuple[tuple[int, int], ...] = ((0, 0),)

    def of(self, first: int, last: int) -> tuple[int, int]:
        """Return the first and the last pixel that the places from `first` to `last` see."""
        return self._span(first)[0], self._span(last)[1]

    def _span(self, place):
        turn, place = divmod(place, len(self.spans))
        first, last = self.spans[place]
        return first + turn * self.step, last + turn * self.step

    @property
    def size(self) -> int:
        """The number of pixels that a place sees, at most."""
        return max(last - first + 1 for first, last in self.spans)

    def through(self, reach: Callable[[int], tuple[int, int]], stride=1, factor=1) -> "View":
        """Return what the places of the next map see.

        reach: the first and the last place of this map that a place of the next one takes.
        stride, factor: of places of this map one in `stride` is kept, and made into `factor`.
        """
        period = len(self.spans) * factor
        period //= math.gcd(period, stride)
        step = self.step * period * stride // (factor * len(self.spans))
        return View(step, tuple(self.of(*reach(place)) for place in range(period)))

    def joined(self, other: "View") -> "View":
        """Return what is seen by either."""
        places = math.lcm(len(self.spans), len(other.spans))
        pairs = [(self._span(place), other._span(place)) for place in range(places)]
        spans = tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in pairs)
        return View(self.step * places // len(self.spans), spans)


def receptive_fields(model: keras.Model) -> dict[str, tuple[int, int] | None]:
    """Return how many pixels, (height, width), a place in the output of each layer sees.

    None: all of them. The keys are the names of `architecture.rows`; of a layer that is applied
    several times, the first application counts. Errors: UserError as for `views`.
    """
    return {name: both and (both[0].size, both[1].size) for name, both in views(model).items()}


def views(model: keras.Model) -> dict[str, tuple[View, View] | None]:
    """Return what the places of each layer's output see, vertically and horizontally.

    None: everything. Errors: UserError for a layer that changes the size of a map in a way that is
    not known here, and where the size decides but is open, as with `keras.Input((None, None, 3))`.
    """
    seen, named = [], {}
    nodes = architecture.graph(model)
    for node in nodes:
        before = [seen[place] for place in node.before]
        if len(node.output.shape) != 4 or None in before or isinstance(node.operation, GLOBAL):
            both = None
        elif before:
            shape = nodes[node.before[0]].output.shape
            both = tuple(
                _after(node, axis, shape[axis + 1], functools.reduce(View.joined, one_axis))
                for axis, one_axis in enumerate(zip(*before, strict=True))
            )
        else:
            both = View(), View()
        seen.append(both)
        named.setdefault(node.name, both)
    return named


def _after(node, axis, length, view):
    """Return what is seen along one axis behind a layer or operation, from what is seen before."""
    operation = node.operation
    if isinstance(operation, architecture.CONVOLUTIONS + POOLINGS):
        return _window(node, axis, length, view)
    if isinstance(operation, layers.Conv2DTranspose):
        stride = operation.strides[axis]
        kernel = (operation.kernel_size[axis] - 1) * operation.dilation_rate[axis] + 1
        pad = max(kernel - stride, 0) // 2 if operation.padding == "same" else 0
        return view.through(
            lambda i: (-((kernel - 1 - i - pad) // stride), (i + pad) // stride), factor=stride
        )
    if isinstance(operation, layers.UpSampling2D) and operation.interpolation in ENLARGEMENTS:
        factor = operation.size[axis]
        reach = ENLARGEMENTS[operation.interpolation]
        return view.through(lambda i: reach(i, factor), factor=factor)
    start, stride = 0, 1
    if isinstance(operation, layers.ZeroPadding2D):
        start = -operation.padding[axis][0]
    elif isinstance(operation, layers.Cropping2D):
        start = operation.cropping[axis][0]
    elif type(operation).__name__ == "Pad":
        start = -operation.pad_width[axis + 1][0]
    elif type(operation).__name__ == "GetItem":
        part = _slice(node.arguments[1], axis + 1)
        start, stride = part.start or 0, part.step or 1
        start += length if start < 0 else 0
    elif node.output.shape[axis + 1] != length:
        raise UserError(
            f"{node.name} ({type(operation).__name__}) changes the size of a map in an unknown "
            "way. Known are convolutions, poolings, UpSampling2D (nearest, bilinear), "
            "ZeroPadding2D, Cropping2D, ops.pad and slices."
        )  # all others go place by place: activation, normalization, sums, channels side by side
    return view.through(lambda i: (start + i * stride, start + i * stride), stride)


def _window(node, axis, length, view):
    operation = node.operation
    if isinstance(operation, POOLINGS):
        reach = operation.pool_size[axis] - 1
    else:
        reach = (operation.kernel_size[axis] - 1) * operation.dilation_rate[axis]
    stride, pad = operation.strides[axis], 0
    if operation.padding == "same":
        if length is None:
            raise UserError(
                f"The receptive field of {node.name} depends on the image size, which this "
                "network leaves open. Build it with a fixed input_shape."
            )
        pad = max(reach + 1 - (length % stride or stride), 0) // 2
    return view.through(lambda i: (i * stride - pad, i * stride - pad + reach), stride)


def _bilinear(place, factor):
    """Between which two places the centre of an enlarged one lies; on one of them for odd ones."""
    before, rest = divmod(2 * place + 1 - factor, 2 * factor)
    return before, before + (rest > 0)


ENLARGEMENTS = {"nearest": lambda i, factor: (i // factor, i // factor), "bilinear": _bilinear}


def _slice(key, axis):
    """Return what x[key] takes along an axis of the four."""
    key = list(key) if isinstance(key, tuple | list) else [key]
    if Ellipsis in key:
        place = key.index(Ellipsis)
        key[place : place + 1] = [slice(None)] * (5 - len(key))
    return key[axis] if axis < len(key) else slice(None)
