import keras
import numpy as np
import pytest

from keras_course.boxes import iou
from keras_course.errors import UserError
from keras_course.models import build
from keras_course.models.detector import (
    STRIDE,
    DetectionLoss,
    box_loss,
    decode,
    detector,
    focal_loss,
    middles,
)

NONE = (0, 0, 0, 0, -1)  # no object


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def perfect(objects, side=64, classes=10, sure=12.0):
    """The output that a detector should give, from the rule in words: place by place."""
    places = side // STRIDE
    outputs = np.full((1, places, places, 4 + classes), -sure, "float32")
    outputs[..., :4] = 1.0
    for row in range(places):
        for column in range(places):
            y, x = STRIDE * (row + 0.5), STRIDE * (column + 0.5)
            for top, left, bottom, right, label in sorted(
                objects, key=lambda o: -(o[2] - o[0]) * (o[3] - o[1])
            ):  # the smallest last: it owns the place
                inside = top < y < bottom and left < x < right
                near = max(abs(y - (top + bottom) / 2), abs(x - (left + right) / 2)) < 1.5 * STRIDE
                if inside and near:
                    outputs[0, row, column, 4:] = -sure
                    outputs[0, row, column, 4 + label] = sure
                    outputs[0, row, column, :4] = y - top, x - left, bottom - y, right - x
    return outputs


OBJECTS = [(3, 5, 20, 25, 2), (10, 16, 30, 40, 7), (40, 40, 60, 63, 2), (41, 8, 52, 22, 0)]


def test_a_place_of_the_map_speaks_for_four_by_four_pixels():
    model = detector(backbone="simple_cnn_gap", input_shape=(64, 96, 3), num_classes=7)
    assert model.output.shape == (None, 16, 24, 4 + 7)
    assert model.output.dtype == "float32"
    np.testing.assert_array_equal(middles(2, 2), [[2, 2], [2, 6], [6, 2], [6, 6]])


@pytest.mark.parametrize("backbone", ["resnet20", "lenet", "vgg11"])
@pytest.mark.parametrize("side", [32, 45])
def test_any_convolutional_classifier_is_a_backbone(backbone, side):
    model = detector(backbone=backbone, input_shape=(side, side, 1), num_classes=3, width=8)
    assert model.output.shape == (None, -(-side // 4), -(-side // 4), 7)


def test_a_trained_backbone_keeps_its_weights():
    backbone = build("simple_cnn_gap", input_shape=(32, 32, 3))
    model = detector(backbone=backbone, input_shape=(32, 32, 3), width=8)
    kernels = [weight for weight in backbone.weights if weight.name == "kernel"]
    shared = {id(weight) for weight in model.weights}
    assert sum(id(kernel) in shared for kernel in kernels) == len(kernels) - 1  # without its head


@pytest.mark.parametrize(
    "options, message",
    [
        ({"backbone": "resnet21"}, "backbone must be one of"),
        ({"backbone": "mlp"}, "has no maps"),
        ({"normalization": "bach"}, "normalization must be one of"),
    ],
)
def test_a_mistake_says_what_is_allowed(options, message):
    with pytest.raises(UserError, match=message):
        detector(input_shape=(32, 32, 3), **options)


def test_a_backbone_without_the_stride_is_refused():
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, strides=2)(inputs))
    backbone = keras.Model(inputs, keras.layers.Dense(2)(x))
    with pytest.raises(UserError, match="have the strides 2"):
        detector(backbone=backbone, input_shape=(32, 32, 3))


def test_the_perfect_output_has_no_loss_and_decodes_to_the_objects():
    outputs = perfect(OBJECTS)
    targets = np.array([[*OBJECTS, NONE]], "float32")
    assert float(DetectionLoss()(targets, outputs)) < 1e-4
    (found,) = decode(outputs)
    order = np.argsort(found.boxes[:, 0])
    np.testing.assert_allclose(found.boxes[order], [its[:4] for its in OBJECTS], atol=1e-4)
    assert found.labels[order].tolist() == [its[4] for its in OBJECTS]
    assert (found.scores > 0.99).all()


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_objects_the_smaller_one_owns_a_place(order):
    objects = [(8, 8, 40, 44, 1), (18, 20, 30, 32, 3)][::order]  # one in the middle of the other
    targets = np.array([[*objects, NONE]], "float32")
    assert float(DetectionLoss()(targets, perfect(objects))) < 1e-4


def test_the_loss_notices_a_wrong_class_a_wrong_box_and_a_wrong_place():
    targets = np.array([OBJECTS], "float32")
    for spoil in ((7, 4, slice(4, 14), 0.0), (2, 3, 2, 40.0), (15, 0, 9, 12.0)):
        outputs = perfect(OBJECTS)
        row, column, channel, value = spoil
        if channel == 2:
            assert outputs[0, row, column, 6] > 0  # a place that an object owns
        outputs[0, row, column, channel] = value
        assert float(DetectionLoss()(targets, outputs)) > 0.01, spoil


def test_an_image_without_objects_has_a_loss_too():
    outputs = np.zeros((2, 8, 8, 7), "float32")
    loss = float(DetectionLoss()(np.tile(np.float32(NONE), (2, 3, 1)), outputs))
    # Each of 64 places and 3 classes: 0.75 x 0.5^2 x ln 2.
    assert loss == pytest.approx(64 * 3 * 0.75 * 0.25 * np.log(2), rel=1e-5)


def test_the_box_loss_is_one_minus_the_iou():
    random = np.random.default_rng(0)
    target, distances = random.uniform(1, 20, (2, 30, 4)).astype("float32")
    place = np.array([50, 50])

    def boxes(sides):
        return np.concatenate([place - sides[:, :2], place + sides[:, 2:]], axis=1)

    expected = 1 - np.diag(iou(boxes(target), boxes(distances)))
    np.testing.assert_allclose(array(box_loss(target, distances)), expected, atol=1e-5)


def test_the_focal_loss_is_that_of_keras():
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (5, 40, 6)).astype("float32")
    targets = (random.uniform(size=logits.shape) < 0.1).astype("float32")
    expected = keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, alpha=0.25, gamma=2, from_logits=True, reduction="sum"
    )(targets, logits)
    total = array(focal_loss(targets, logits)).sum()
    assert total == pytest.approx(float(expected) * logits.shape[-1], rel=1e-4)


def test_decoding_leaves_out_the_unsure_and_what_overlaps():
    outputs = np.full((1, 4, 4, 6), -9.0, "float32")
    outputs[..., :4] = 3.0
    outputs[0, 1, 1, 4] = 2.0  # two neighbours, boxes of 6x6 pixels, 4 apart: IoU 1/5
    outputs[0, 1, 2, 4] = 1.0
    outputs[0, 1, 1, 5] = 1.5  # the same box, another class
    outputs[0, 3, 3, 4] = -3.5  # 3 %
    (found,) = decode(outputs)
    assert found.labels.tolist() == [0, 1, 0]  # the surest first
    np.testing.assert_allclose(found.boxes, [[3, 3, 9, 9], [3, 3, 9, 9], [3, 7, 9, 13]])
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp([-2.0, -1.5, -1.0])), rtol=1e-5)
    assert decode(outputs, overlap=0.15)[0].labels.tolist() == [0, 1]
    assert decode(outputs, most=1)[0].labels.tolist() == [0]
    assert len(decode(outputs, least=0.01)[0].labels) == 4


def test_every_weight_gets_a_gradient():
    import tensorflow as tf

    model = detector(backbone="simple_cnn_gap", input_shape=(32, 32, 3), num_classes=3, width=8)
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    targets = np.tile(np.float32([(4, 4, 20, 22, 1), NONE]), (4, 1, 1))
    with tf.GradientTape() as tape:
        loss = DetectionLoss()(targets, model(images, training=True))
    values = [variable.value for variable in model.trainable_variables]
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, values), strict=True
    ):
        assert gradient is not None and np.any(gradient), variable.path


def test_a_saved_detector_is_the_same(tmp_path):
    model = detector(backbone="simple_cnn_gap", input_shape=(32, 32, 3), num_classes=3, width=8)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    model.compile("sgd", DetectionLoss())
    model.save(tmp_path / "detector.keras")
    loaded = keras.saving.load_model(tmp_path / "detector.keras")
    assert isinstance(loaded.loss, DetectionLoss)
    np.testing.assert_allclose(array(loaded(images)), array(model(images)), atol=1e-5)
