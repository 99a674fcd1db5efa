"""The outline of networks against the tables of their papers, and that a drawing fits a slide."""

import keras
import pytest
from keras import layers
from matplotlib import patches

from keras_course import drawing
from keras_course.drawing.layout import MARGIN, WIDTH, place
from keras_course.drawing.outline import outline
from tests.builders import shape_of

IMAGENET = {"input_shape": (224, 224, 3), "num_classes": 1000}


def words(model):
    """What each box says: its branches, the height of its map, its channels, how often."""
    return [
        (
            " | ".join(", then ".join(map(str, branch)) for branch in box.branches),
            box.size[:1],
            box.channels,
            box.times,
        )
        for box in outline(model).boxes
    ]


def test_resnet50_has_the_rows_of_table_1():
    model = shape_of("resnet50", **IMAGENET)
    assert words(model) == [
        ("image", (224,), 3, 1),
        ("7×7, 64 /2", (112,), 64, 1),
        ("max 3×3 /2", (56,), 64, 1),
        ("1×1, 64, then 3×3, 64, then 1×1, 256", (56,), 256, 3),
        ("1×1, 128 /2, then 3×3, 128, then 1×1, 512", (28,), 512, 4),
        ("1×1, 256 /2, then 3×3, 256, then 1×1, 1024", (14,), 1024, 6),
        ("1×1, 512 /2, then 3×3, 512, then 1×1, 2048", (7,), 2048, 3),
        ("global mean", (), 2048, 1),
        ("dense 1000", (), 1000, 1),
    ]
    assert [box.join for box in outline(model).boxes] == ["", "", "", *["add"] * 4, "", ""]


def test_vgg16_has_the_rows_of_column_d():
    assert [row[0] for row in words(shape_of("vgg16", **IMAGENET)) if row[3] > 1] == [
        "3×3, 64",
        "3×3, 128",
        "3×3, 256",
        "3×3, 512",
        "3×3, 512",
        "dense 4096",
    ]


def test_an_inception_module_is_a_box_of_four_branches():
    first = words(shape_of("googlenet", **IMAGENET))[6]
    branches = "1×1, 64 | 1×1, 96, then 3×3, 128 | 1×1, 16, then 5×5, 32 | max 3×3, then 1×1, 32"
    assert first == (branches, (28,), 256, 1)


def test_the_towers_of_alexnet_are_side_by_side():
    assert ("3×3, 192 | 3×3, 192", (13,), 384, 1) in words(shape_of("alexnet", **IMAGENET))


def test_dense_layers_are_folded_though_their_channels_grow():
    boxes = outline(shape_of("densenet121", **IMAGENET)).boxes
    dense = [(box.times, box.channels) for box in boxes if box.join == "concat"]
    assert dense == [(6, 256), (12, 512), (24, 1024), (16, 1024)]


def test_the_levels_of_unet_are_joined_from_the_inside_out():
    drawn = outline(shape_of("unet", width=4))
    sizes = [
        (drawn.boxes[source].channels, drawn.boxes[target].channels, join)
        for source, target, join in drawn.skips
    ]
    assert sizes == [(width, width, "concat") for width in (32, 16, 8, 4)]


def test_branches_that_cannot_be_taken_apart_become_one_box():
    inputs = keras.Input((8, 8, 3))
    a = layers.Conv2D(4, 1)(inputs)
    b = layers.Conv2D(4, 3, padding="same")(a)
    c = layers.Conv2D(4, 5, padding="same")(layers.Add()([a, b]))
    d = layers.Add()([layers.Add()([a, c]), b])  # a goes past b, b goes past c
    rows = words(keras.Model(inputs, layers.GlobalMaxPooling2D()(d)))
    assert rows[1:] == [
        ("1×1, 4", (8,), 4, 1),
        ("3×3, 4, then 5×5, 4", (8,), 4, 1),
        ("global max", (), 4, 1),
    ]


def test_a_way_down_and_up_may_be_joined_by_the_last_layer():
    image = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3, padding="same")(image)
    down = layers.Conv2D(8, 3, 2, padding="same")(x)
    up = layers.Conv2DTranspose(4, 2, 2)(down)
    model = keras.Model(image, layers.Add()([x, up]))
    drawn = outline(model)
    assert drawn.skips == [(1, len(drawn.boxes), "add")]
    assert sign_ends(model) < WIDTH - MARGIN


def sign_ends(model):
    """Draw the model and return where its last sign of a shortcut ends, in inches."""
    (axes,) = drawing.draw(model).axes
    circles = [each for each in axes.patches if isinstance(each, patches.Circle)]
    centers = [circle.center[0] for circle in circles]
    assert len(set(centers)) == len(centers)  # none stands on another
    return max(centers) + circles[0].radius


def test_a_way_down_and_up_may_end_with_a_shortcut_of_its_own():
    image = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3, padding="same")(image)
    up = layers.Conv2DTranspose(4, 2, 2)(layers.Conv2D(8, 3, 2, padding="same")(x))
    block = layers.Add()([up, layers.Conv2D(4, 3, padding="same")(up)])
    assert sign_ends(keras.Model(image, layers.Add()([x, block]))) < WIDTH - MARGIN


def test_where_all_branches_could_be_shortcuts_those_with_a_layer_are_drawn():
    image = keras.Input((8, 8, 4))
    one, other = (layers.Conv2D(4, 1)(image) for _ in range(2))
    assert words(keras.Model(image, layers.Add()([image, one])))[1:] == [("1×1, 4", (8,), 4, 1)]
    both = outline(keras.Model(image, layers.Add()([one, other]))).boxes[-1]
    assert [len(branch) for branch in both.branches] == [1, 1] and both.join == ""


@pytest.mark.parametrize("name", ["mlp", "googlenet", "resnet20", "unet", "segmenter"])
def test_every_column_is_on_the_slide_and_none_reaches_into_the_next(name):
    model = shape_of(name)
    font, columns = place(outline(model))
    assert font >= 7
    edges = [edge for column in columns for edge in (column.left, column.right + column.depth)]
    assert edges == sorted(edges) and edges[0] > MARGIN and edges[-1] < WIDTH - MARGIN
    figure = drawing.draw(model)
    width, height = figure.get_size_inches()
    assert width == WIDTH and 4 < height < 7.5  # 16:9
    shown = {text.get_text() for text in figure.axes[0].texts}
    assert {model.name, "image", "channels"} <= shown


def test_a_heading_has_the_counts_of_the_network():
    texts = [text.get_text() for text in drawing.draw(shape_of("resnet20")).axes[0].texts]
    assert "image 32×32×3   ·   20 layers   ·   271,098 parameters" in texts[1]
    assert texts.count("×3") == 3
