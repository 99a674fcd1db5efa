"""The pictures of the lessons, by what stands on their axes."""

import pytest

from keras_course.lessons import pictures


@pytest.mark.parametrize("up, percent", [("validation accuracy", True), ("training loss", False)])
def test_accuracies_are_shown_in_percent_and_losses_as_they_are(up, percent):
    figure = pictures.lines({"MLP": [0.2, 0.3, 0.4]}, "epoch", up, "title")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert all(place.is_integer() for place in figure.axes[0].get_xticks())  # an epoch has no half
    assert labels and {label.endswith("%") for label in labels} == {percent}
