"""The pictures, looked at by their parts and by their pixels."""

import io

import matplotlib
import numpy as np
import pytest
from PIL import Image

from keras_course import plots

HISTORY = [
    {
        "epoch": epoch,
        "loss": loss,
        "val_loss": val_loss,
        "accuracy": 1 - loss / 2,
        "val_accuracy": val_accuracy,
        "learning_rate": rate,
    }
    for epoch, loss, val_loss, val_accuracy, rate in [
        (1, 1.6, 1.7, 0.3, 1e-3),
        (2, 1.1, 1.2, 0.5, 1e-3),
        (3, 0.9, 1.3, 0.6, 1e-4),
        (4, 0.8, 1.4, 0.4, 0.0),
    ]
]


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(plots.png(figure))).convert("RGB"))


def star(axes):
    lines = [line for line in axes.get_lines() if line.get_marker() == "*"]
    return [(*line.get_xdata(), *line.get_ydata()) for line in lines]


@pytest.mark.parametrize(
    "monitor, stars", [("val_accuracy", [[], [(3, 0.6)], []]), ("val_loss", [[(2, 1.2)], [], []])]
)
def test_the_star_marks_the_best_epoch_by_the_watched_metric(monitor, stars):
    figure = plots.curves(HISTORY, "resnet20 on shapes", monitor=monitor)
    assert [star(axes) for axes in figure.axes] == stars


def test_curves_name_data_set_axes_and_units():
    figure = plots.curves(HISTORY, "resnet20 on shapes")
    assert figure.get_suptitle() == "resnet20 on shapes"
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "cross-entropy loss",
        "accuracy",
        "learning rate",
    ]
    assert {axes.get_xlabel() for axes in figure.axes} == {"epoch"}


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_rate_of_zero_and_a_single_epoch_are_drawn(epochs):
    history = HISTORY[-epochs:]
    assert pixels(plots.curves(history, "shapes", panels=["learning_rate"])).shape[2] == 3


def test_the_confusion_matrix_shows_counts_and_the_share_of_each_row():
    matrix = np.array([[3, 1], [0, 8]])
    axes = plots.confusion(matrix, ["cat", "dog"], "shapes: 12 test images").axes[0]
    assert [words.get_text() for words in axes.texts] == ["3", "1", "0", "8"]
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0, 1]]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["cat", "dog"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


def test_a_class_without_images_has_an_empty_row():
    axes = plots.confusion(np.array([[0, 0], [1, 1]]), ["a", "b"], "shapes").axes[0]
    assert axes.images[0].get_array()[0].tolist() == [0, 0]


def test_with_a_hundred_classes_the_matrix_has_neither_counts_nor_names():
    names = [f"class{number}" for number in range(100)]
    axes = plots.confusion(np.eye(100, dtype=int), names, "cifar100").axes[0]
    assert not axes.texts
    assert "class1" not in [tick.get_text() for tick in axes.get_yticklabels()]


def test_names_with_dollars_are_no_formulas():
    names = [r"$\wrong{$", "5$"]  # the first one is no formula that matplotlib could draw
    figure = plots.confusion(np.eye(2, dtype=int), names, "folder:/data/$x$ and $y")
    pixels(figure)
    images = np.zeros((2, 8, 8, 3))
    pixels(plots.grid(images, "$", labels=names))
    assert plots.text("a$b", longest=2) == "a…"


def test_the_grid_shows_every_image_in_reading_order():
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    images = np.array([np.full((4, 4, 3), color) for color in colors])
    picture = pixels(plots.grid(images, "shapes", labels=["r", "g", "b"], columns=2))
    centers = []
    for color in colors:
        rows, columns = np.nonzero((picture == color).all(-1))
        assert len(rows) > 10_000
        centers.append((rows.mean(), columns.mean()))
    (row_1, column_1), (row_2, column_2), (row_3, column_3) = centers
    assert row_1 == pytest.approx(row_2, abs=2)
    assert column_1 == pytest.approx(column_3, abs=2)
    assert row_3 > row_1 and column_2 > column_1


def test_grey_images_are_drawn_grey():
    picture = pixels(plots.grid(np.full((1, 4, 4, 1), 100), "mnist"))
    assert (picture == 100).all(-1).sum() > 10_000


def test_filters_have_zero_in_the_middle_and_each_its_own_scale():
    kernel = np.zeros((1, 2, 1, 3))
    kernel[0, :, 0, 0] = [-2, 1]
    kernel[0, :, 0, 1] = [0.01, 0]
    images = plots.filter_images(kernel)
    assert images.shape == (3, 1, 2, 1)
    assert images[..., 0].tolist() == [[[0, 191]], [[255, 128]], [[128, 128]]]


def test_draws_are_drawn_with_labels():
    image = np.zeros((4, 4, 3))
    figure = plots.augmented(image, [image + 1, image + 2], "shapes, flip")
    labels = [words.get_text() for words in figure.axes[0].texts]
    assert labels == ["original", "draw 1", "draw 2"]


def test_a_long_title_is_broken_into_lines_instead_of_cut():
    title = "logistic_regression on folder:/" + "long" * 40
    figure = plots.curves(HISTORY, title, panels=["loss"])
    assert figure.get_suptitle().replace("\n", "").replace(" ", "") == title.replace(" ", "")
    assert "\n" in figure.get_suptitle()


def test_the_style_is_that_of_our_pictures_alone():
    before = dict(matplotlib.rcParams)
    curves = plots.curves(HISTORY, "title").axes[0]
    assert dict(matplotlib.rcParams) == before
    assert before["axes.spines.top"] and not curves.spines["top"].get_visible()
