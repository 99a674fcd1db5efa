"""What the network says about images: the confusion matrix, the best and the worst of them."""

import zipfile
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from keras_course import out_of_memory, plots, training
from keras_course.data.splits import Splits
from keras_course.errors import UserError
from keras_course.report import pages
from keras_course.runs import Run

EXTREMES = 10  # most confident right and wrong ones shown, each


class Predictions(NamedTuple):
    part: str  # "test" or "validation"
    images: np.ndarray  # uint8, (n, height, width, channels)
    labels: np.ndarray  # (n,)
    probabilities: np.ndarray  # (n, classes)


def load(run: Run, model: keras.Model, splits: Splits) -> Predictions:
    """Return what `training.test` wrote; without it, what the model says of the validation images.

    Errors: UserError where the file is damaged, or about other images than `splits.test`.
    """
    path = run.folder / "test_predictions.npz"
    if "test" not in run.metrics or not path.is_file():  # else of the network before it went on
        images, labels = splits.validation
        with out_of_memory.told_of_looking():
            batches = training.evaluation_batches(run.recipe, splits.validation)
            logits = model.predict(batches, verbose=0)
        probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
        return Predictions("validation", images, labels, probabilities)
    try:
        with np.load(path) as file:
            labels, probabilities = file["labels"], file["probabilities"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged: {error}. Train again into a new folder.") from error
    shape = (len(splits.test.labels), len(splits.class_names))
    if not np.array_equal(labels, splits.test.labels) or probabilities.shape != shape:
        raise UserError(
            f"{path} holds predictions for other images than the {shape[0]} test images that "
            f"{run.recipe.dataset} has now. Train again into a new folder."
        )
    return Predictions("test", splits.test.images, labels, probabilities)


def confusion(predictions: Predictions, class_names: Sequence[str], title: str) -> str:
    """Show how many images of each class were taken for which, and the most frequent mistakes."""
    part, _, labels, probabilities = predictions
    matrix = np.zeros((len(class_names), len(class_names)), int)
    np.add.at(matrix, (labels, probabilities.argmax(-1)), 1)
    figure = plots.confusion(matrix, class_names, f"{title}: {len(labels):,} {part} images")
    np.fill_diagonal(matrix, 0)
    places = (-matrix).argsort(axis=None, kind="stable")[:5]
    mistakes = [
        f"{class_names[true]} for {class_names[taken]} ({matrix[true, taken]})"
        for true, taken in (divmod(place, len(class_names)) for place in places)
        if matrix[true, taken]
    ]
    return pages.section(
        "Confusion matrix",
        _which(part),
        pages.paragraph(
            f"Most often mistaken: {', '.join(mistakes)}."
            if mistakes
            else "No image was misclassified."
        ),
        pages.wide(
            pages.image(plots.png(figure), "Confusion matrix, true class by predicted class")
        ),
    )


def best_and_worst(predictions: Predictions, class_names: Sequence[str]) -> str:
    """Show the images about which the network was surest, right and wrong ones."""
    part, images, labels, probabilities = predictions
    predicted, confidence = probabilities.argmax(-1), probabilities.max(-1)
    order = np.argsort(-confidence, kind="stable")

    def show(chosen, caption):
        if not len(chosen):
            return pages.paragraph("None.")
        captions = [
            caption.format(
                true=class_names[labels[index]],
                predicted=class_names[predicted[index]],
                confidence=confidence[index],
            )
            for index in chosen
        ]
        return pages.thumbnails(images[chosen], captions)

    right, wrong = (
        order[(predicted == labels)[order] == truth][:EXTREMES] for truth in (True, False)
    )
    return pages.section(
        "Most confident predictions",
        _which(part),
        pages.paragraph(
            f"Of the {len(labels):,} {part} images, those that the network was most confident "
            "about. The number is the probability that it gave to its answer."
        ),
        pages.subtitle("Confident and right"),
        show(right, "{predicted}, {confidence:.1%}"),
        pages.subtitle("Confident and wrong"),
        show(wrong, "{predicted}, {confidence:.1%}\ntrue: {true}"),
    )


def _which(part):
    if part == "test":
        return ""
    return pages.note(
        "There are no predictions for the test images in the run folder: these are the validation "
        "images, which also chose the epoch."
    )
