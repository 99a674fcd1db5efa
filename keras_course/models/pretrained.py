"""Pretrained weights: what another network has learned, copied into one of ours (slides 47-49).

Both networks are walked from their outputs back to the input, at each layer through its inputs in
their order. Equal networks so give equal lists of the layers that hold weights or merge, whatever
these are called. The lists must agree up to the dense layers, or nothing is copied.

What a network takes as input belongs to its weights and is copied too: `Rescaling` gets the scale
and offset of each channel, and a first kernel that wants blue, green, red is turned around. Where
the other convolution has a bias and ours has none, the normalization behind it takes it over:

    gamma * (x + bias - mean) / sqrt(variance + epsilon) + beta, so mean becomes mean - bias
"""

import math
import os
from pathlib import Path

import keras

from keras_course.errors import UserError
from keras_course.models import imagenet, keras_file

OPTIONS = ("strides", "dilation_rate", "epsilon", "groups")  # of a layer, beside its weights


def load_pretrained(
    model: keras.Model, source: "str | os.PathLike | keras.Model", *, head: bool | None = None
) -> keras.Model:
    """Copy the weights of `source` into the model, print what was not copied, return the model.

    model: one of ours, with any number of classes and any image size that its body allows.
    source: "imagenet", for the weights of `keras.applications` (downloaded once, to ~/.keras); a
    model of `keras.applications`, or one of ours; a run folder, or the path of a .keras file.
    head: whether the classes of the source are the model's, in the same order, so that the last
    layer is copied as well. Left out: yes where their numbers are equal, except for a file, which
    does not tell its classes.

    Errors: UserError where a layer before the dense ones does not fit, where `head` is asked for
    and does not, where a file or the host of the weights cannot be read. The model is then as it
    was.
    """
    name = source.name if isinstance(source, keras.Model) else str(source)
    if source == "imagenet":
        empty = imagenet.build(model.name)
        _body_pairs(model, empty)  # fits, or raises before the download
        source = imagenet.load(model.name, top=bool(_dense_pairs(model, empty, head)))
    elif not isinstance(source, keras.Model):
        source = _read(Path(source))
        head = bool(head)
    scale, offset, turned = _takes(source)
    rescaling = _rescaling(model)
    if rescaling is None:
        raise UserError(f"{model.name} has no Rescaling layer that could take over the input.")
    pairs = [*_body_pairs(model, source), *_dense_pairs(model, source, head)]
    _copy(pairs, turned)
    rescaling.scale, rescaling.offset = scale, offset
    # What was traced before has the old scale in it.
    model.train_function = model.test_function = model.predict_function = None
    held = [layer for layer in _walk(model) if _weights(layer)]
    copied = {id(ours) for ours, _ in pairs}
    rest = [layer.name for layer in held if id(layer) not in copied]
    print(
        f"{model.name}: {len(held) - len(rest)} of {len(held)} layers have the weights of {name}; "
        f"unchanged: {', '.join(rest) or 'none'}."
    )
    return model


def _read(path):
    try:
        if not path.is_dir():
            return keras.saving.load_model(path, compile=False)
        if (found := keras_file.newest(path)) is None:
            raise FileNotFoundError(path / "best.keras")
        return found
    except Exception as error:  # zipfile, HDF5 and Keras each have their own
        raise UserError(
            f"No pretrained model can be read from {path} ({type(error).__name__}). Give "
            "'imagenet', the folder of a finished run, a .keras file or a Keras model."
        ) from error


def _walk(model):
    """Return the layers that hold weights, or join several tensors, inputs before outputs."""
    found, seen = [], set()
    waiting = [(tensor, False) for tensor in reversed(model.outputs)]
    while waiting:
        tensor, inputs_done = waiting.pop()
        operation, node, _ = tensor._keras_history
        inputs = operation._inbound_nodes[node].input_tensors
        if inputs_done:
            if len(inputs) > 1 or _weights(operation):
                found.append(operation)
        elif id(operation) not in seen:
            seen.add(id(operation))
            waiting.append((tensor, True))
            waiting += [(before, False) for before in reversed(inputs)]
    return found


def _weights(operation):
    return getattr(operation, "weights", [])  # `ops` have none


def _body_pairs(model, source):
    ours, theirs = (
        [layer for layer in _walk(it) if not isinstance(layer, keras.layers.Dense)]
        for it in (model, source)
    )
    for number, (our, their) in enumerate(zip(ours, theirs, strict=False)):
        our_next = ours[number + 1] if number + 1 < len(ours) else None
        if not _fits(our, their, our_next):
            raise UserError(
                f"The weights of {source.name} do not fit {model.name}: its {_words(our)} would "
                f"get those of {_words(their)}. Build it with the stem, normalization, options and "
                "number of channels of the source."
            )
    if len(ours) != len(theirs):
        raise UserError(
            f"The weights of {source.name} do not fit {model.name}: before its dense layers the "
            f"source has {len(theirs)} layers with weights or joins, and {model.name} has "
            f"{len(ours)}. Build it with the options of the source."
        )
    return list(zip(ours, theirs, strict=True))


def _dense_pairs(model, source, head):
    """Pair the dense layers from the first on, as far as they fit; the last only as a head."""
    ours, theirs = (
        [layer for layer in _walk(it) if isinstance(layer, keras.layers.Dense)]
        for it in (model, source)
    )
    pairs = []
    for our, their in zip(ours, theirs, strict=False):
        is_head = any(our.output is output for output in model.outputs)
        if (is_head and head is False) or not _fits(our, their, None):
            break
        pairs.append((our, their))
    if head and len(pairs) < len(ours):
        theirs = _words(theirs[len(pairs)]) if len(pairs) < len(theirs) else "none"
        raise UserError(
            f"The head of {source.name} does not fit {model.name}: {_words(ours[len(pairs)])} "
            f"would get {theirs}. Leave out head=True for new classes."
        )
    return pairs


def _fits(ours, theirs, our_next):
    shapes, others = ({w.name: w.shape for w in _weights(layer)} for layer in (ours, theirs))
    if not shapes:
        return type(ours) is type(theirs) and not others  # Add, Concatenate
    if "bias" in others and "bias" not in shapes:
        folds = hasattr(our_next, "moving_mean") and our_next.input is ours.output
        if not folds:
            return False
        others.pop("bias")
    return shapes == others and all(
        # The 1.001e-5 of `keras.applications` passes for 1e-5: no output shows it.
        math.isclose(a, b, rel_tol=0.01) if isinstance(a, float) else a == b
        for a, b in ((getattr(ours, it, None), getattr(theirs, it, None)) for it in OPTIONS)
    )


def _words(layer):
    weights = (f"{w.name} {'x'.join(map(str, w.shape))}" for w in _weights(layer))
    options = (f"{it} {getattr(layer, it)}" for it in OPTIONS if hasattr(layer, it))
    return f"{layer.name} ({', '.join([*weights, *options]) or type(layer).__name__})"


def _copy(pairs, turned):
    bias = 0.0  # of a convolution of theirs, where ours has none
    for ours, theirs in pairs:
        values = {w.name: keras.ops.convert_to_numpy(w) for w in _weights(theirs)}
        if turned and "kernel" in values:
            values["kernel"], turned = values["kernel"][:, :, ::-1], False
        if "moving_mean" in values:
            values["moving_mean"] = values["moving_mean"] - bias
        if values:
            bias = 0.0
        for weight in _weights(ours):
            weight.assign(values.pop(weight.name))
        bias = values.get("bias", bias)


def _rescaling(model):
    return next((it for it in model.layers if isinstance(it, keras.layers.Rescaling)), None)


def _takes(source):
    """Return by which scale and offset pixels become the source's input, and if it is BGR."""
    if rescaling := _rescaling(source):
        return rescaling.scale, rescaling.offset, False
    if source.name in imagenet.INPUTS:
        return imagenet.INPUTS[source.name]
    raise UserError(
        f"{source.name} does not say how pixels become its input: it has no Rescaling layer, and "
        f"its name is none of {', '.join(imagenet.INPUTS)}."
    )
