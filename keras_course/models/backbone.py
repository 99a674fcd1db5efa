"""Backbones: what a classification network has found by the time that it classifies (slide 27).

A classifier makes its maps smaller, stage by stage, until they say what is in the image and hardly
where. Networks for segmentation and detection take it without its head and read the last map of
each stage, as Lin et al. 2016 do (https://arxiv.org/abs/1612.03144, section 3, bottom-up pathway).

The output stride of a map is how many pixels of the image lie between two of its places: the
product of the strides of the convolutions and poolings before it. It is taken from the layers, not
from the sizes: of 33 pixels stride 2 leaves 17 or 16, and a 5x5 convolution without padding leaves
6 of 10 places at stride 1.
"""

import keras
from keras import layers, ops

from keras_course.errors import UserError, unknown


def encode(inputs, backbone: str | keras.Model, normalization="paper") -> dict:
    """Return the maps of images by output stride, as `feature_maps`, from a backbone.

    inputs: a `keras.Input` of pixels 0..255. backbone: the name of a classifier, or one that is
    built or trained; it becomes the layer "backbone" of the new network, without its head, and
    shares its weights with it: `get_layer("backbone").trainable = False` freezes it.
    normalization: of a backbone that is built here.
    """
    # Imported here, because the table of the models names those that are built with this file.
    from keras_course.models import CLASSIFIERS, build

    input_shape = tuple(inputs.shape[1:])
    if not isinstance(backbone, keras.Model):
        if backbone not in CLASSIFIERS:
            raise unknown("backbone", backbone, CLASSIFIERS)
        backbone = build(backbone, input_shape=input_shape, normalization=normalization)
    elif tuple(backbone.input_shape[1:]) != input_shape:
        raise UserError(
            f"The backbone {backbone.name} takes images of {tuple(backbone.input_shape[1:])}. "
            f"Received: input_shape={input_shape}. Give both the same."
        )
    maps = feature_maps(backbone)
    # A network inside the network: its layers keep their names, which the new ones may have too.
    body = keras.Model(backbone.input, list(maps.values()), name="backbone")
    return dict(zip(maps, keras.tree.flatten(body(inputs)), strict=True))


def feature_maps(model: keras.Model) -> dict[int, keras.KerasTensor]:
    """Return the last map of a classifier at each output stride, the largest map first.

    The keys are the strides, powers of two, such as 1, 2 and 4 of ResNet-20; the values have the
    shape (batch, height, width, channels) and are outputs for a `keras.Model(model.input, ...)`.
    The height is ceil(pixels / stride), or a few less without padding. A map of one place is none.

    Errors: UserError for a network without convolutions, or without a fixed size.
    """
    strides, convolved, maps = {}, set(), {}  # strides and convolved: by the id of a tensor
    for operation in getattr(model, "operations", model.layers):
        before = [x for x in keras.tree.flatten(operation.input) if len(x.shape) == 4]
        for after in keras.tree.flatten(operation.output) if before else ():
            if len(after.shape) != 4:
                continue  # a head: its features have no places
            if None in after.shape[1:]:
                raise UserError(
                    f"The maps of {model.name} have no fixed size. Build it with an input_shape."
                )
            height = max(x.shape[1] for x in before)
            stride = _stride(operation, height, after.shape[1])
            stride *= max(strides.get(id(x), 1) for x in before)
            strides[id(after)] = stride
            if isinstance(operation, layers.Conv2D) or any(id(x) in convolved for x in before):
                convolved.add(id(after))
                padded = after.shape[1] > height  # for the next layer: places outside of the image
                aside = stride & (stride - 1)  # into a head: 5x5 pooling by 3, or 7x7 by 7
                if not padded and not aside and tuple(after.shape[1:3]) != (1, 1):
                    maps[stride] = after
    if not maps:
        raise UserError(
            f"{model.name} has no maps: none of its layers is a convolution of an image with more "
            "than one place left. Take a convolutional network, like 'resnet20', or larger images."
        )
    return dict(sorted(maps.items()))


def _stride(operation, height, height_after):
    """Return by how much an operation thins out the places of its maps."""
    if isinstance(operation, layers.Layer):
        strides = getattr(operation, "strides", 1)
        along = {strides} if isinstance(strides, int) else set(strides)
        if len(along) > 1:
            raise UserError(
                f"The strides of {operation.name} differ along height and width: {strides}. A "
                "backbone needs the same along both."
            )
        return along.pop()
    return max(1, round(height / height_after))  # x[:, ::2, ::2] is no layer


def pad(x, size):
    """Add the places that convolutions and poolings without padding have lost, as zeros."""
    lost = [full - here for full, here in zip(size, x.shape[1:3], strict=True)]
    if lost == [0, 0]:
        return x
    return ops.pad(x, [(0, 0), *((both // 2, both - both // 2) for both in lost), (0, 0)])


def crop(x, size):
    """Cut off the last row or column that enlarging a map adds where its image has an odd size."""
    if tuple(x.shape[1:3]) == tuple(size):
        return x
    return x[:, : size[0], : size[1]]
