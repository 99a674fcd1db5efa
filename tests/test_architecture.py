"""The table of layers against sums done by hand, and against TensorFlow's profiler."""

from functools import partial

import keras
import pytest
from keras import layers

from keras_course import architecture, models
from keras_course.errors import UserError
from tests.builders import shape_of


def test_the_first_cnn_row_by_row():
    rows = {row.name: row for row in architecture.rows(models.build("simple_cnn"))}
    convolutions = [row for row in rows.values() if row.kind == "Conv2D"]
    dense = [row for row in rows.values() if row.kind == "Dense"]
    # "valid" padding: 32 - 5 + 1 = 28, pooled to 14; 14 - 3 + 1 = 12, pooled to 6
    assert [row.output for row in convolutions] == ["28x28x12", "12x12x24"]
    assert [row.multiply_adds for row in convolutions] == [
        28 * 28 * 5 * 5 * 3 * 12,
        12 * 12 * 3 * 3 * 12 * 24,
    ]
    assert [row.parameters for row in convolutions] == [5 * 5 * 3 * 12 + 12, 3 * 3 * 12 * 24 + 24]
    assert [row.multiply_adds for row in dense] == [6 * 6 * 24 * 120, 120 * 60, 60 * 10]
    assert [row.output for row in dense] == ["120", "60", "10"]
    total = architecture.total(list(rows.values()))
    assert total.multiply_adds == 705_600 + 373_248 + 103_680 + 7_200 + 600
    assert total.parameters == 115_198


def test_resnet20_has_the_multiply_adds_of_the_sum_by_hand():
    stem = 32 * 32 * 9 * 3 * 16
    first = 6 * 32 * 32 * 9 * 16 * 16
    second = 16 * 16 * 9 * (16 * 32 + 5 * 32 * 32)
    third = 8 * 8 * 9 * (32 * 64 + 5 * 64 * 64)
    by_hand = stem + first + second + third + 64 * 10
    assert by_hand == 40_551_040
    assert architecture.total(architecture.rows(models.build("resnet20"))).multiply_adds == by_hand


def test_resnet18_has_the_multiply_adds_of_the_paper():
    model = models.build("resnet18", input_shape=(224, 224, 3), num_classes=1000)
    multiply_adds = architecture.total(architecture.rows(model)).multiply_adds
    assert multiply_adds == pytest.approx(1.8e9, rel=0.02)  # Table 1: 1.8 x 10^9


def test_the_rows_add_up_to_the_parameters_of_the_model_operations_included():
    model = models.build("resnet20")
    rows = architecture.rows(model)
    assert sum(row.parameters for row in rows) == model.count_params()
    assert "Pad" in [row.kind for row in rows]  # of the shortcuts; an operation, not a layer


def test_a_network_inside_the_network_is_shown_layer_by_layer():
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv")], name="backbone"
    )
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(inner(inputs)))
    rows = architecture.rows(keras.Model(inputs, outputs))
    row = next(row for row in rows if row.name == "backbone/conv")
    assert row == ("backbone/conv", "Conv2D", "6x6x4", 112, 6 * 6 * 9 * 3 * 4)
    assert architecture.total(rows).parameters == 112 + 6 * 6 * 4 * 2 + 2


def test_grouped_convolutions_and_dense_layers_at_every_pixel_count_what_they_multiply():
    inputs = keras.Input((6, 6, 4))
    x = keras.layers.Conv2D(8, 3, padding="same", groups=2)(inputs)
    rows = architecture.rows(keras.Model(inputs, keras.layers.Dense(5)(x)))
    assert [row.multiply_adds for row in rows] == [0, 6 * 6 * 9 * 2 * 8, 6 * 6 * 8 * 5]


def test_an_open_image_size_is_refused_with_the_way_out():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    with pytest.raises(UserError, match="fixed input_shape"):
        architecture.rows(model)


def test_a_transposed_convolution_multiplies_at_every_place_of_its_input():
    inputs = keras.Input((5, 6, 4))
    model = keras.Model(inputs, keras.layers.Conv2DTranspose(8, 3, strides=2)(inputs))
    assert architecture.rows(model)[1].multiply_adds == 5 * 6 * 9 * 4 * 8


# The papers' own words for their depth; at 224x224, for which they were written.
@pytest.mark.parametrize(
    "name, layers",
    [
        ("mlp", 3),
        ("lenet", 5),
        ("alexnet", 8),
        ("vgg16", 16),
        ("googlenet", 22),
        ("resnet50", 50),
        ("densenet121", 121),
        ("unet", 23),
    ],
)
def test_the_layers_on_the_longest_path_are_those_that_the_paper_counts(name, layers):
    assert architecture.depth(shape_of(name, input_shape=(224, 224, 3))) == layers


def test_the_graph_enters_networks_inside_and_tells_two_applications_apart():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="d")], name="inside")
    inputs = keras.Input((4,), name="in")
    outputs = keras.layers.Add(name="sum")([inner(inner(inputs)), inputs])
    nodes = architecture.graph(keras.Model(inputs, outputs))
    first, second = (n for n, node in enumerate(nodes) if node.name == "inside/d")
    names = [[nodes[place].name for place in node.before] for node in nodes]
    assert nodes[0].name == "in" and names[0] == []
    assert nodes[-1].name == "sum" and nodes[-1].before == (second, 0)
    assert nodes[nodes[second].before[0]].before == (first,)  # through the input of "inside"
    assert architecture.depth(keras.Model(inputs, outputs)) == 2


# One of each family; the detector and the deep ones are slow to be built and counted.
@pytest.mark.parametrize(
    "name",
    [
        "logistic_regression",
        "simple_cnn",
        "lenet",
        "alexnet",
        "resnet20",
        pytest.param("vgg11", marks=pytest.mark.slow),
        pytest.param("googlenet", marks=pytest.mark.slow),
        pytest.param("resnet50", marks=pytest.mark.slow),
        pytest.param("densenet40", marks=pytest.mark.slow),
        pytest.param("unet", marks=pytest.mark.slow),
        pytest.param("segmenter", marks=pytest.mark.slow),
        pytest.param("detector", marks=pytest.mark.slow),
    ],
)
def test_tensorflow_counts_twice_as_many_operations_in_convolutions_and_products(name):
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    model = models.build(name)
    function = tf.function(lambda x: model(x, training=False))
    frozen = convert_variables_to_constants_v2(
        function.get_concrete_function(tf.TensorSpec((1, 32, 32, 3), "float32"))
    )
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    # An up-convolution is computed as the gradient of a convolution.
    options["account_type_regexes"] = ["Conv2D", "Conv2DBackpropInput", "MatMul"]
    profile = tf.compat.v1.profiler.profile(frozen.graph, cmd="op", options=options)
    multiply_adds = architecture.total(architecture.rows(model)).multiply_adds
    assert multiply_adds == profile.total_float_ops / 2


@pytest.mark.parametrize("layer", [layers.DepthwiseConv2D, partial(layers.SeparableConv2D, 10)])
def test_convolutions_in_parts_take_as_many_multiply_adds_as_weights_at_each_place(layer):
    inputs = keras.Input((9, 8, 4))
    outputs = layer(kernel_size=3, strides=2, padding="same", use_bias=False)(inputs)
    model = keras.Model(inputs, outputs)
    row = architecture.rows(model)[-1]
    assert row.multiply_adds == 5 * 4 * model.count_params()
    assert architecture.depth(model) == 1
