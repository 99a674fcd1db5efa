"""Receptive fields against numbers of the papers, and against the gradient, which is the truth."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_course.errors import UserError
from keras_course.receptive_field import receptive_fields, views
from tests.builders import layers_of, shape_of


# Araujo et al. 2019, table 1: AlexNet, VGG-16 and ResNet-50 before their global layers.
@pytest.mark.parametrize(
    "name, kind, size",
    [
        ("alexnet", layers.MaxPooling2D, 195),
        ("vgg16", layers.MaxPooling2D, 212),
        ("resnet50", layers.ReLU, 483),
    ],
)
def test_the_last_map_sees_what_the_paper_says(name, kind, size):
    model = shape_of(name, input_shape=(224, 224, 3))
    last = layers_of(model, kind)[-1]
    assert receptive_fields(model)[last.name] == (size, size)


def test_the_poolings_of_vgg16_see_what_the_recurrence_says_by_hand():
    model = shape_of("vgg16")
    fields = receptive_fields(model)
    # 3, 5; the pooling adds 1 and doubles the step, each convolution then adds two steps
    expected = [6, 6 + 2 * 4 + 2, 16 + 3 * 8 + 4, 44 + 3 * 16 + 8, 100 + 3 * 32 + 16]
    assert [fields[x.name][0] for x in layers_of(model, layers.MaxPooling2D)] == expected
    assert fields["logits"] is None  # everything


def positive(shape, dtype=None):
    return np.random.default_rng(0).uniform(0.5, 1.5, shape).astype("float32")


def conv(filters=1, size=3, **options):
    return layers.Conv2D(filters, size, kernel_initializer=positive, **options)


def strided(x):
    return conv(size=5, strides=2, padding="same")(x)


def inception(x):
    pooled = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    return layers.Concatenate()([conv(size=1)(x), conv(size=5, padding="same")(x), pooled])


def residual(x):
    shortcut = ops.pad(x[:, ::2, ::2], [(0, 0), (0, 0), (0, 0), (0, 1)])
    y = conv(2, strides=2)(layers.ZeroPadding2D(1)(x))
    return layers.Add()([shortcut, conv(2, padding="same")(y)])


def hourglass(x):
    y = conv(padding="same")(layers.AveragePooling2D(2, padding="same")(x))
    y = layers.Conv2DTranspose(1, 2, strides=2, kernel_initializer=positive)(y)
    y = y[:, : x.shape[1], : x.shape[2]]
    return conv(padding="same")(layers.Concatenate()([x, y]))


def overlapping(x):
    y = layers.Conv2DTranspose(1, 3, strides=2, padding="same", kernel_initializer=positive)(x)
    return conv()(layers.Cropping2D(((1, 0), (2, 1)))(y))


NETWORKS = {
    "strided": strided,
    "dilated": lambda x: conv(dilation_rate=3)(x),
    "oblong": lambda x: conv(size=(1, 5), strides=(2, 1))(conv(size=(3, 2))(x)),
    "inception": inception,
    "residual": residual,
    "hourglass": hourglass,
    "overlapping": overlapping,
    "bilinear": lambda x: conv()(layers.UpSampling2D(2, interpolation="bilinear")(strided(x))),
    "nearest": lambda x: conv(size=2)(layers.UpSampling2D(3)(strided(x))),
    "slices": lambda x: x[:, 3:, ::3] + x[..., :-3, ::3, :],
    "nested": lambda x: keras.Sequential([conv(), conv(strides=2)])(x),
    "deep": lambda x: strided(residual(conv()(x))),
}


@pytest.mark.parametrize("size", [20, 21])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_place_has_a_gradient_exactly_inside_of_its_field(name, size):
    import tensorflow as tf

    inputs = keras.Input((size, size, 1))
    model = keras.Model(inputs, NETWORKS[name](inputs))
    vertical, horizontal = next(reversed(views(model).values()))
    image = tf.constant(positive((1, size, size, 1)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        outputs = model(image)
        sums = {
            place: tf.reduce_sum(outputs[:, place[0], place[1]])
            for place in np.ndindex(*outputs.shape[1:3])
            if place[0] in (0, 1, 2, 3, outputs.shape[1] - 1) and place[1] % 2 == place[0] % 2
        }
    for (row, column), value in sums.items():
        found = np.argwhere(tape.gradient(value, image).numpy()[0, :, :, 0] != 0)
        for view, place, pixels in (
            (vertical, row, found[:, 0]),
            (horizontal, column, found[:, 1]),
        ):
            first, last = view.of(place, place)
            assert (pixels.min(), pixels.max()) == (max(first, 0), min(last, size - 1)), (
                row,
                column,
            )


def test_a_field_is_as_large_as_that_of_the_place_that_sees_most():
    inputs = keras.Input((8, 8, 1))
    outputs = layers.Conv2D(1, 2)(layers.UpSampling2D(2)(inputs))  # sees one pixel, or two
    assert next(reversed(receptive_fields(keras.Model(inputs, outputs)).values())) == (2, 2)


def test_behind_a_global_layer_everything_is_seen():
    inputs = keras.Input((8, 8, 4))
    weights = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    outputs = layers.Multiply()([inputs, layers.Dense(4)(weights)])
    fields = list(receptive_fields(keras.Model(inputs, outputs)).values())
    assert fields == [(1, 1), None, None, None]


def test_a_layer_that_changes_the_size_in_an_unknown_way_is_named():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Resizing(5, 5, name="smaller")(inputs))
    with pytest.raises(UserError, match="smaller .Resizing. changes the size"):
        receptive_fields(model)


def test_an_open_image_size_is_refused_only_where_it_matters():
    inputs = keras.Input((None, None, 1))
    assert list(receptive_fields(keras.Model(inputs, conv()(inputs))).values())[-1] == (3, 3)
    with pytest.raises(UserError, match="fixed input_shape"):
        receptive_fields(keras.Model(inputs, strided(inputs)))
