"""What the builders ask of what they are given: which stem suits the size of the images, how small
they may be, and which depths there are.

The networks for ImageNet begin with layers that make 224x224 pixels into 56x56; of 32x32 they would
leave 8x8 and then 1x1. So each has two stems: "imagenet", the paper's, and "cifar", which keeps
small images large. Where none is named, images of 64 pixels or fewer get the CIFAR stem.
"""

from collections.abc import Collection

from keras_course.errors import UserError, unknown

STEMS = ("cifar", "imagenet")


def choose_stem(stem: str | None, input_shape) -> str:
    """Return the stem that was named, or the one that suits images of `input_shape`."""
    if stem is None:
        require_size("A network that chooses its stem by the size", input_shape, 1)
        return "cifar" if max(input_shape[:2]) <= 64 else "imagenet"
    if stem not in STEMS:
        raise unknown("stem", stem, STEMS)
    return stem


def require_depth(depth: int, known: Collection[int]) -> None:
    """Raise a `UserError` unless the paper's table has a network of this depth."""
    if depth not in known:
        nearest = min(known, key=lambda each: abs(each - depth))
        raise UserError(
            f"depth must be one of {', '.join(map(str, known))}. Received: {depth}; nearest is "
            f"{nearest}."
        )


def require_size(name: str, input_shape, pixels: int) -> None:
    """Raise a `UserError` unless the images have at least `pixels` in height and width."""
    if len(input_shape) != 3:
        raise UserError(
            f"{name} takes images of (height, width, channels), like (28, 28, 1) for grey ones. "
            f"Received: input_shape={tuple(input_shape)}."
        )
    height, width = input_shape[:2]
    if height is None or width is None:
        raise UserError(
            f"{name} needs to know the size of its images, like (32, 32, 3). "
            f"Received: input_shape={tuple(input_shape)}. simple_cnn_gap takes any size."
        )
    if min(height, width) < pixels:
        raise UserError(
            f"{name} needs images of at least {pixels}x{pixels} pixels: smaller ones shrink to "
            f"nothing before its last layer. Received: {height}x{width}."
        )
