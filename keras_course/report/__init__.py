"""A run as one HTML file that a person can open, and hand in.

It shows what the run folder and the data set hold, and computes two things itself: the table of
layers, and, where the test set has not been opened, what the model says about the validation
images. What is missing is called missing.
"""

import dataclasses
from pathlib import Path

from keras_course import __version__, data, files, plots, preview, runs, timing
from keras_course.data.splits import Splits
from keras_course.errors import UserError
from keras_course.report import network, pages, predictions, search
from keras_course.runs import Run

SAMPLES = 40  # training images shown
MANY_CLASSES = 20  # more of them are folded
NEEDED = {"status", "parameters", "epochs", "best_epoch", "validation", "test_set_opened"}
NEEDED |= {"seconds", "device", "precision", "versions"}  # of metrics.json


def report(run: Run, *, splits: Splits | None = None) -> Path:
    """Write `report.html` into the run's folder and return its path.

    splits: the data of the run's recipe; left out, they are loaded. Errors: UserError where the
    folder is damaged, or its predictions are those of other test images.
    """
    if missing := sorted(NEEDED - set(run.metrics)):
        raise UserError(
            f"{run.folder / 'metrics.json'} lacks {', '.join(missing)}. "
            "Train again into a new folder."
        )
    recipe = run.recipe
    splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    run.check_data(splits)
    model = run.model()
    once = runs.best_network(run.folder)  # which `model` may look through several times
    looked_at = predictions.load(run, model, splits)
    title = f"{recipe.model} on {recipe.dataset}"
    page = pages.page(
        title,
        *_headline(run, title),
        _data(run, splits),
        _curves(run, title),
        predictions.confusion(looked_at, splits.class_names, title),
        predictions.best_and_worst(looked_at, splits.class_names),
        network.filters(once, splits.class_names, title),
        network.layers(once),
        search.section(run),
        _recipe(run),
        _versions(run),
        pages.footer(
            f"Written by keras_course {__version__} from the run in {run.folder.resolve().name}."
        ),
    )
    path = run.folder / "report.html"
    files.write_text(path, page)
    return path


def _headline(run, title):
    metrics, validation = run.metrics, run.metrics["validation"]
    test = metrics.get("test")
    if test:
        opened = f"{test['images']:,} images, opened {runs.times_opened(metrics)}"
        first = ("Test accuracy", f"{test['accuracy']:.1%}", opened)
        lead = f"{test['accuracy']:.1%} of {test['images']:,} test images are classified correctly."
    else:
        first = ("Test accuracy", "not known", "the test set has not been opened")
        lead = "The test set has not been opened yet: `keras-course test` does that, once."
        if metrics["test_set_opened"]:
            first = ("Test accuracy", "missing", "the test set was opened, the result is lost")
            lead = "The test set was opened, but its result is missing from the run folder."
    accuracy = f"{validation['accuracy']:.1%}" if validation else "missing"
    best = f"best of {metrics['epochs']} epochs: epoch {metrics['best_epoch']}"
    minutes = timing.duration(metrics["seconds"])
    tiles = [
        first,
        ("Validation accuracy", accuracy, best),
        ("Time", minutes, "for training"),
        ("Parameters", f"{metrics['parameters']:,}", f"computed in {metrics['precision']}"),
    ]
    yield pages.heading(title, f"{lead} Trained in {minutes} on {metrics['device']}.")
    yield pages.tiles(tiles)
    if metrics["status"] != "finished":
        yield pages.note(
            f"This training did not finish ({metrics['status']}). "
            "The numbers are those of the best epoch until then."
        )


def _data(run, splits):
    names = splits.class_names
    height, width, channels = splits.train.images.shape[1:]
    parts = ("training", splits.train), ("validation", splits.validation), ("test", splits.test)
    use = ("fits the weights", "chooses the epoch and the learning rate", "is looked at once")
    chosen = preview.of_each_class(splits.train.labels, SAMPLES)
    classes = f"{len(names)} classes: {', '.join(names)}."
    return pages.section(
        f"Data: {run.recipe.dataset}",
        pages.paragraph(
            f"Images of {height} x {width} pixels with {channels} "
            f"channel{'s' if channels > 1 else ''}."
        ),
        pages.table(
            ("part", "images", "use"),
            [
                (part, len(split.labels), what)
                for (part, split), what in zip(parts, use, strict=True)
            ],
        ),
        pages.subtitle("Classes"),
        pages.paragraph(classes)
        if len(names) <= MANY_CLASSES
        else pages.details(f"{len(names)} classes", pages.paragraph(classes)),
        pages.subtitle(f"{len(chosen)} of the training images"),
        pages.thumbnails(
            splits.train.images[chosen], [names[label] for label in splits.train.labels[chosen]]
        ),
    )


def _curves(run, title):
    if not run.history:
        return pages.section("Training", pages.paragraph("No epoch was completed."))
    monitor = run.recipe.monitor
    images = (
        pages.image(
            plots.png(plots.curves(run.history, title, monitor=monitor, panels=[panel])),
            f"{panel.replace('_', ' ')} over the epochs",
        )
        for panel in plots.PANELS
    )
    columns = list(run.history[0])
    rows = [
        [int(row[name]) if name == "epoch" else row[name] for name in columns]
        for row in run.history
    ]
    return pages.section(
        "Training",
        pages.paragraph(
            f"The weights of epoch {run.metrics['best_epoch']}, the best by {monitor}, are kept. "
            f"{_rate(run)}"
        ),
        pages.pictures(*images),
        pages.details(
            "Every epoch as a table",
            pages.table([name.replace("_", " ") for name in columns], rows),
        ),
    )


def _rate(run):
    parts = run.metrics.get("transfer")
    if parts is None:
        return f"The learning rate follows the schedule “{run.recipe.schedule}”."
    return (
        f"In the first {parts['frozen_epochs']} epochs only the new head was trained, at a rate "
        f"of {run.recipe.learning_rate:.2g}, then all layers at {parts['fine_tuning_rate']:.2g}."
    )


def _recipe(run):
    return pages.section(
        "Recipe",
        pages.paragraph("Everything that changes the result, as in recipe.json."),
        pages.pairs(
            {
                name.replace("_", " "): "none" if value is None else value
                for name, value in dataclasses.asdict(run.recipe).items()
            }
        ),
    )


def _versions(run):
    return pages.section("Versions", pages.pairs(run.metrics["versions"]))
