"""What a network makes of a batch of images: logits, and a step of training."""

import warnings

import keras
import numpy as np

from keras_course import architecture
from keras_course.testing.contract import ContractBroken, difference, fail, outputs, tolerance

IMAGES = 8


def batch(model, num_classes):
    """Return pixels, colours and contrasts of many kinds, and labels."""
    draw = np.random.default_rng(0)
    shape = (IMAGES, *model.input_shape[1:])
    colors, contrasts = draw.uniform(0, 255, (IMAGES, 1, 1, shape[-1])), draw.uniform(9, 99, IMAGES)
    noise = draw.normal(size=shape) * contrasts[:, None, None, None]
    images = np.clip(colors + noise, 0, 255).astype("float32")
    places = (IMAGES, *model.output_shape[1:-1])
    return images, draw.permutation(np.arange(np.prod(places)) % num_classes).reshape(places)


def check_logits(model, name, images):
    logits = outputs(model, images)
    if logits.dtype != "float32":
        fail(
            f"{name} returns {logits.dtype}",
            "float32 logits",
            "a last layer without dtype='float32'. In half precision the loss is too coarse.",
        )
    if not np.all(np.isfinite(logits)):
        fail(
            f"{name} returns logits that are not finite for pixels 0..255",
            "finite ones",
            "an initialization that is too large, or a division by zero.",
        )
    last = architecture.graph(model)[-1].operation
    activation = getattr(getattr(last, "activation", None), "__name__", "linear")
    sums_to_one = np.all(logits >= 0) and np.allclose(logits.sum(-1), 1, atol=1e-3)
    if sums_to_one or activation != "linear" or isinstance(last, keras.layers.ReLU):
        found = "class probabilities" if sums_to_one else f"the {activation} of its last layer"
        fail(
            f"{name} returns {found}",
            "logits, any numbers",
            "activation='softmax' or another one in the last layer. The loss takes logits "
            "(from_logits=True), which is more exact.",
        )
    if not np.any(np.ptp(logits.reshape(len(logits), -1), axis=0)):
        fail(
            f"{name} returns the same logits for every image",
            "logits that depend on it",
            "a layer whose output is zero, like ReLU behind weights that are all zero.",
        )


def check_inference(model, name, images):
    logits = outputs(model, images)
    allowed = 10 * tolerance(model)  # other batches are added up in another order
    if difference(outputs(model, images), logits) > allowed:
        fail(
            f"{name} returns other logits when it is asked again",
            "the same outside of training",
            "dropout or noise of one's own that does not look at `training`.",
        )
    if difference(outputs(model, images[:1]), logits[:1]) > allowed:
        fail(
            f"{name} returns other logits for an image when it comes without the others",
            "the same outside of training",
            "a mean over the batch, which only BatchNormalization may take, and only in training.",
        )


def check_step(model, name, images, labels):
    """Train one step under `fit`, after which the momentum is the gradient times the rate."""
    rate = 1e-3
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    model.compile(optimizer, loss)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gradients do not exist")  # said below
        try:
            history = model.fit(images, labels, batch_size=len(images), epochs=1, verbose=0)
        except Exception as error:
            raise ContractBroken(
                f"{name} cannot be trained under fit: {error}\n    Usual cause: Python or NumPy "
                "code on the images inside of a layer; use keras.ops."
            ) from error
    value = history.history["loss"][0]
    if not np.isfinite(value):
        fail(
            f"The loss of {name} is {value} in the first step",
            "a finite one",
            "an initialization that is too large, or pixels 0..255 without Rescaling.",
        )
    scaled = any(
        isinstance(node.operation, keras.layers.Rescaling | keras.layers.Normalization)
        for node in architecture.graph(model)
    )
    chance = np.log(model.output_shape[-1])
    if value > 10 * chance and not scaled:
        fail(
            f"The first loss of {name} is {value:.1f}",
            f"about {chance:.1f}, the logarithm of the number of classes",
            "pixels 0..255 that no layer brings to -1..1: begin with "
            "layers.Rescaling(1 / 127.5, offset=-1).",
        )
    idle = _idle_biases(model)
    dead = [
        weight.path
        for weight, momentum in zip(model.trainable_weights, optimizer.momentums, strict=True)
        if not np.any(keras.ops.convert_to_numpy(momentum)) and id(weight) not in idle
    ]
    if dead:
        fail(
            f"{len(dead)} of {len(before)} trainable weights of {name} got no gradient or zero: "
            f"{', '.join(dead)}",
            "every one but a bias right before a normalization",
            "what the layer returns is not used, or is multiplied by zero, or it stands behind "
            "ReLUs that are all off.",
        )
    after = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    if not all(np.all(np.isfinite(weight)) for weight in after):
        fail(
            f"A step of SGD with rate {rate} makes weights of {name} infinite",
            "finite ones",
            "gradients that explode: no normalization, or too large an initialization.",
        )


def _idle_biases(model):
    """Return the ids of the biases that Batch- or InstanceNorm subtracts again with the mean."""
    nodes = architecture.graph(model)
    idle = set()
    for node in nodes:
        operation = node.operation
        instance = (
            isinstance(operation, keras.layers.GroupNormalization)
            and operation.groups == node.output.shape[-1]
        )
        if instance or isinstance(operation, keras.layers.BatchNormalization):
            bias = getattr(nodes[node.before[0]].operation, "bias", None)
            idle.add(id(bias))
    return idle
