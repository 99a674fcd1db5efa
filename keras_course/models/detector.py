"""A detector: which objects are in an image, and a box around each (slide 27).

Single-shot and one-stage: one network, looked through once, says for each place of a feature map
which class of object lies there and how far away the four sides of its box are. No anchor boxes.

After FCOS, Tian et al. 2019, sections 3.1 and 4.1, https://arxiv.org/abs/1904.01355

    backbone  a classification network without its head
    neck      the maps of stride 4 and more, added up at stride 4 from the coarsest on (the
              top-down path of Lin et al. 2016, section 3, https://arxiv.org/abs/1612.03144)
    head      two 3x3 convolutions, then for each place 4 distances and num_classes logits
    loss      focal loss for the classes (Lin et al. 2017, section 3.2,
              https://arxiv.org/abs/1708.02002), 1 - IoU for the boxes (FCOS: -log IoU)

Where we differ: one map instead of five, for our images are small; one tower instead of two, of two
convolutions instead of four; no "centerness", because only places near the middle of an object are
taught its box, as in the authors' later code; softplus instead of exp, which cannot overflow.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from keras_course.average_precision import Objects
from keras_course.boxes import non_maximum_suppression
from keras_course.errors import UserError
from keras_course.models.backbone import crop, encode, pad
from keras_course.models.blocks import conv_norm

STRIDE = 4  # pixels of the image from one place of the map to the next
NEAR = 1.5  # strides from the middle of an object, up to which a place is taught its box
RARE = -math.log((1 - 0.01) / 0.01)  # logit of 1 %: most places hold nothing (Lin et al., 4.1)


def detector(
    *,
    backbone: str | keras.Model = "resnet20",
    input_shape=(64, 64, 3),
    num_classes=10,
    width=64,
    normalization="paper",
) -> keras.Model:
    """Return an uncompiled detector: raw pixels in, a map of places out.

    backbone: the name of a classifier with convolutions, or one that is built or trained, for
    images of `input_shape`. width: channels of neck and head. normalization: "paper" is the
    backbone's own, and "batch" in neck and head.

    The output is (batch, ceil(height / 4), ceil(width / 4), 4 + num_classes): for each place the
    distances in pixels, above 0, from its middle to the top, left, bottom and right of the object
    it lies on, and a logit for each class. `decode` makes boxes of it.
    """
    inputs = keras.Input(input_shape)
    maps = encode(inputs, backbone, normalization)
    if normalization == "paper":
        normalization = "batch"
    if STRIDE not in maps:
        raise UserError(
            f"A detector needs a map of stride {STRIDE}; the maps of this backbone have the "
            f"strides {', '.join(map(str, maps))}. Take another one, such as 'resnet20'."
        )
    x, x_stride = None, None
    for stride in sorted((stride for stride in maps if stride >= STRIDE), reverse=True):
        size = [math.ceil(pixels / stride) for pixels in input_shape[:2]]
        level = conv_norm(pad(maps[stride], size), width, 1, normalization)
        if x is not None:
            larger = layers.UpSampling2D(x_stride // stride)(x)
            level = layers.Add()([level, crop(larger, size)])
        x, x_stride = layers.ReLU()(level), stride
    for _ in range(2):
        x = layers.ReLU()(conv_norm(x, width, 3, normalization))
    distances = layers.Conv2D(4, 3, padding="same", dtype="float32", name="distances")(x)
    distances = STRIDE * ops.softplus(distances)
    rare = keras.initializers.Constant(RARE)
    logits = layers.Conv2D(
        num_classes, 3, padding="same", bias_initializer=rare, dtype="float32", name="logits"
    )(x)
    outputs = layers.Concatenate(dtype="float32")([distances, logits])
    return keras.Model(inputs, outputs, name="detector")


def middles(rows: int, columns: int) -> np.ndarray:
    """Return the middle of each place of a map, row and column in pixels: (rows * columns, 2)."""
    grid = np.indices((rows, columns), "float32").reshape(2, -1).T
    return STRIDE * (grid + 0.5)


@keras.saving.register_keras_serializable(package="keras_course")
class DetectionLoss(keras.losses.Loss):
    """Focal loss and box loss, summed over the places, for each place that an object owns.

    y_true: (batch, n, 5): top, left, bottom, right in pixels and class of at most n objects; class
    -1 for none. y_pred: the output of `detector`.
    """

    def call(self, y_true, y_pred):
        rows, columns = y_pred.shape[1:3]
        y_pred = ops.reshape(y_pred, (-1, rows * columns, y_pred.shape[-1]))
        distances, logits = y_pred[..., :4], y_pred[..., 4:]
        owned, target, target_class = self.targets(y_true, middles(rows, columns))
        classes = ops.one_hot(ops.cast(target_class, "int32"), logits.shape[-1]) * owned[..., None]
        loss = ops.sum(focal_loss(classes, logits), (1, 2))
        loss += ops.sum(owned * box_loss(target, distances), 1)
        return loss / ops.maximum(ops.mean(ops.sum(owned, 1)), 1.0)

    def targets(self, objects, middles):
        """Return whether an object owns each place (1 or 0), the distances to its sides, its class.

        An object owns the places near its middle that lie in its box; of two, the smaller one.
        """
        box, label = objects[:, None, :, :4], objects[:, None, :, 4]  # (batch, 1, n, ...)
        start, end = box[..., :2], box[..., 2:]
        middle = middles[None, :, None]  # (1, places, 1, 2)
        distances = ops.concatenate([middle - start, end - middle], -1)  # (batch, places, n, 4)
        away = ops.max(ops.abs(middle - (start + end) / 2), -1)
        owns = (label >= 0) & (ops.min(distances, -1) > 0) & (away < NEAR * STRIDE)
        area = ops.where(owns, ops.prod(end - start, -1), float("inf"))
        its = ops.one_hot(ops.argmin(area, -1), objects.shape[1])[..., None]
        owned = ops.cast(ops.any(owns, -1), distances.dtype)
        return owned, ops.sum(its * distances, 2), ops.sum(its[..., 0] * label, 2)


def focal_loss(targets, logits, alpha=0.25, gamma=2.0):
    """-alpha (1 - p)^gamma log(p), with p the probability of the truth, for each class.

    Hundreds of places hold nothing, most of them obviously: (1 - p)^gamma silences these.
    """
    probability = ops.sigmoid(logits)
    wrong = targets + probability - 2 * targets * probability  # 1 - p
    weight = targets * alpha + (1 - targets) * (1 - alpha)
    cross_entropy = ops.binary_crossentropy(targets, logits, from_logits=True)
    return weight * wrong**gamma * cross_entropy


def box_loss(target, distances):
    """1 - IoU of two boxes that share the place their sides are measured from: (batch, places)."""

    def area(sides):
        return (sides[..., 0] + sides[..., 2]) * (sides[..., 1] + sides[..., 3])

    intersection = area(ops.minimum(target, distances))
    union = area(target) + area(distances) - intersection
    return 1 - intersection / ops.maximum(union, 1e-6)


def decode(
    outputs: np.ndarray, *, least: float = 0.05, overlap: float = 0.5, most: int = 100
) -> list[Objects]:
    """Return the objects in each image, from the outputs of `detector`, the surest first.

    least: the score, 0 to 1, above which a class counts. overlap: the IoU above which the less sure
    of two boxes of one class is left out. most: how many answers of an image, a place and a class
    each, are looked at. Boxes end where the map does: up to 3 pixels outside of an image whose
    height or width is no multiple of 4.
    """
    batch, rows, columns, channels = outputs.shape
    outputs = np.asarray(outputs, "float32").reshape(batch, rows * columns, channels)
    middle, distances = middles(rows, columns), outputs[..., :4]
    boxes = np.concatenate([middle - distances[..., :2], middle + distances[..., 2:]], -1)
    boxes = np.clip(boxes, 0, STRIDE * np.tile([rows, columns], 2)).astype("float32")
    scores = 1 / (1 + np.exp(-outputs[..., 4:]))
    return [_objects(*image, least, overlap, most) for image in zip(boxes, scores, strict=True)]


def _objects(boxes, scores, least, overlap, most):
    place, label = np.nonzero(scores > least)
    score = scores[place, label]
    order = np.argsort(-score, kind="stable")[:most]
    place, label, score = place[order], label[order], score[order]
    kept = []
    for its in np.unique(label):
        of_class = np.flatnonzero(label == its)
        kept.extend(
            of_class[non_maximum_suppression(boxes[place[of_class]], score[of_class], overlap)]
        )
    kept = np.sort(np.array(kept, "int64"))  # in the order of the scores again
    return Objects(boxes[place[kept]], label[kept], score[kept])
