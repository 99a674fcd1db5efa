"""The results of a class as one page, from the metrics that were handed in.

Nothing of a student's is run or loaded: of each zip only recipe.json and metrics.json are read, as
text of bounded length, and every value is checked before it is shown.
"""

import itertools
import json
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from keras_course import files, plots, timing
from keras_course.lessons.compare import shown
from keras_course.report import pages

LONGEST = 1_000_000  # bytes of a part; ours have some thousands
COLUMNS = (
    "hand-in",
    "model",
    "data set",
    "validation, %",
    "test, %",
    "test set opened",
    "rate",
    "seed",
    "epochs",
    "time",
    "device",
)


class Unreadable(Exception):
    """A hand-in that cannot be judged; the message says why."""


def class_page(handins: Sequence[Path], path: Path) -> tuple[int, list[str]]:
    """Write the page; return how many hand-ins are in its table, and what is wrong with others."""
    rows, wrong = [], []
    count = Counter(handin.stem for handin in handins)
    for handin in handins:  # anna.zip, or several of the same name, as anna/handin.zip
        folder = f"{handin.resolve().parent.name}/" if count[handin.stem] > 1 else ""
        try:
            rows.append({"hand-in": _writable(folder + handin.stem), **_row(handin)})
        except Unreadable as error:
            wrong.append(_writable(f"{folder}{handin.name}: {error}"))
    rows.sort(key=lambda row: (row["data set"], -row["test, %"]))
    parts = [
        pages.heading(
            "Results of the class",
            f"{len(rows)} hand-ins, sorted by test accuracy within each data set.",
        )
    ]
    if rows:
        parts += [
            pages.section(
                "Every hand-in",
                pages.table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows]),
                pages.paragraph(
                    "These are the numbers that the students' own programs wrote. A run that "
                    "opened the test set more than once may have been chosen by its test accuracy, "
                    "which then says less."
                ),
            ),
            pages.section("Validation and test", *_pictures(rows)),
        ]
    if wrong:
        parts.append(pages.section("Not readable", *map(pages.paragraph, wrong)))
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, pages.page("Results of the class", *parts))
    return len(rows), wrong


def _row(handin):
    recipe, metrics = _part(handin, "recipe.json"), _part(handin, "metrics.json")

    def number(value, low, high):
        fine = isinstance(value, int | float) and not isinstance(value, bool)
        if not fine or not low <= value <= high:  # as is NaN
            raise Unreadable(f"{shown(value)} is no number from {low} to {high:g}.")
        return value

    def word(value):
        if not isinstance(value, str):
            raise Unreadable(f"{shown(value)} is no text.")
        return _writable(value[:60])

    try:
        return {
            "model": word(recipe["model"]),
            "data set": word(recipe["dataset"]),
            "validation, %": round(100 * number(metrics["validation"]["accuracy"], 0, 1), 2),
            "test, %": round(100 * number(metrics["test"]["accuracy"], 0, 1), 2),
            "test set opened": number(metrics["test_set_opened"], 0, 1e6),
            "rate": number(recipe["learning_rate"], 0, 1e6),
            "seed": number(recipe["seed"], 0, 2**31),
            "epochs": number(metrics["epochs"], 0, 1e6),
            "time": timing.duration(number(metrics["seconds"], 0, 1e8)),
            "device": word(metrics["device"]),
        }
    except (KeyError, TypeError) as error:
        raise Unreadable(f"its metrics or recipe lack {error}.") from error


def _writable(text):
    """Return a text without the halves of characters that JSON and names of files may hold."""
    return text.encode(errors="replace").decode()


def _part(handin, name):
    """Return one JSON object of a zip."""
    try:
        with zipfile.ZipFile(handin) as archive, archive.open(name) as file:
            text = file.read(LONGEST + 1)
    except Exception as error:  # zipfile has many for what is damaged
        raise Unreadable(f"it has no {name}, or is no zip: {error}") from error
    if len(text) > LONGEST:
        raise Unreadable(f"its {name} is longer than {LONGEST:,} bytes.")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its {name} is not JSON.") from error
    if not isinstance(value, dict):
        raise Unreadable(f"its {name} is not a JSON object.")
    return value


def _pictures(rows):
    """Return a picture for each data set."""
    for name, those in itertools.groupby(rows, key=lambda row: row["data set"]):
        picture = plots.png(_picture(list(those), f"Test against validation accuracy on {name}"))
        yield pages.image(picture, f"test against validation accuracy on {name}")


@plots.styled
def _picture(rows, title):
    """Draw test against validation accuracy; each model has another colour or mark."""
    figure = plots.Figure(figsize=(6, 5), layout="constrained")
    plots.titled(figure, title)
    axes = figure.subplots()
    models = sorted({row["model"] for row in rows})
    colors = (plots.BLUE, plots.ORANGE, plots.GREEN, plots.RED, plots.PURPLE)
    for index, model in enumerate(models):
        points = [(row["validation, %"], row["test, %"]) for row in rows if row["model"] == model]
        axes.plot(
            *zip(*points, strict=True),
            "osD^v"[index // 5 % 5],
            color=colors[index % 5],
            label=plots.text(model, longest=30),
        )
    low = min(min(row["validation, %"], row["test, %"]) for row in rows)
    axes.plot([low, 100], [low, 100], ":", color="#999999", label="test = validation")
    axes.set(xlabel="validation accuracy, %", ylabel="test accuracy, %")
    axes.legend()
    return figure
