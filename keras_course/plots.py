"""The pictures of the course, with matplotlib alone.

Every function returns a figure; `save` writes one, `png` gives its bytes. A title names the data
set. Colours are those of Okabe & Ito, which colour-blind people can tell apart; a scale of one
colour runs from white to blue. `@styled` gives a function the style of the course; matplotlib's
settings stay as they are for everybody else.
"""

import io
import math
import textwrap
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from keras_course import files

BLUE, ORANGE, GREEN, RED, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
styled = matplotlib.rc_context(
    {
        "font.size": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
    }
)
PIXELS_PER_INCH = 120


@styled
def save(figure: Figure, path) -> None:
    """Write the figure as a PNG file, whole or not at all."""
    with files.whole(path) as temporary:
        figure.savefig(temporary, dpi=PIXELS_PER_INCH)


@styled
def png(figure: Figure) -> bytes:
    """Return the figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH)
    return buffer.getvalue()


def text(words: str, longest: int = 1000) -> str:
    """Return words from outside so that matplotlib shows them as they are: no formula in dollars.

    Beyond `longest` characters they end in an ellipsis.
    """
    words = words if len(words) <= longest else words[: longest - 1] + "…"
    return words.replace("$", r"\$")


def titled(figure: Figure, title: str) -> None:
    """Write a title above a figure, in as many lines as it needs."""
    lines = textwrap.wrap(title, width=int(10 * figure.get_figwidth()))
    figure.suptitle(text("\n".join(lines)), fontsize=12)


@styled
def curves(
    history: list[dict[str, float]],
    title: str,
    *,
    monitor: str = "val_accuracy",
    panels: Sequence[str] = ("loss", "accuracy", "learning_rate"),
) -> Figure:
    """Draw loss, accuracy and learning rate over the epochs; a star marks the best epoch.

    history: one row an epoch, as in history.csv. monitor: what chose the best epoch, "val_accuracy"
    or "val_loss". panels: which of the three to draw, side by side.
    """
    figure = Figure(figsize=(3.67 * len(panels), 3.6), layout="constrained")
    titled(figure, title)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        PANELS[panel](axes, history, monitor)
        axes.set_xlabel("epoch")
        axes.set_xlim(history[0]["epoch"] - 0.5, history[-1]["epoch"] + 0.5)
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def _loss(axes, history, monitor):
    _line(axes, history, "loss", BLUE, "training")
    _line(axes, history, "val_loss", RED, "validation", "s--")
    if monitor == "val_loss":
        _star(axes, history, monitor, min)
    axes.set_ylabel("cross-entropy loss")
    axes.set_ylim(0, 1.1 * max(max(row["loss"], row["val_loss"]) for row in history))
    axes.legend()


def _accuracy(axes, history, monitor):
    _line(axes, history, "accuracy", BLUE, "training")
    _line(axes, history, "val_accuracy", RED, "validation", "s--")
    if monitor == "val_accuracy":
        _star(axes, history, monitor, max)
    axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1))
    axes.set_ylabel("accuracy")
    axes.legend()


def _learning_rate(axes, history, monitor):
    _line(axes, history, "learning_rate", GREEN, "learning rate")
    rates = [row["learning_rate"] for row in history if row["learning_rate"] > 0]
    if rates:  # a logarithmic scale shows no zero
        axes.set_yscale("log")
        if max(rates) < 10 * min(rates):  # a decade at least, so that a constant is a level line
            axes.set_ylim(min(rates) / 3, max(rates) * 3)
    axes.set_ylabel("learning rate")


PANELS = {"loss": _loss, "accuracy": _accuracy, "learning_rate": _learning_rate}


def _line(axes, history, name, color, label, style="o-"):
    epochs = [row["epoch"] for row in history]
    axes.plot(epochs, [row[name] for row in history], style, ms=4, color=color, label=label)


def _star(axes, history, monitor, better):
    best = better(history, key=lambda row: row[monitor])
    star = {"ms": 15, "color": ORANGE, "mec": "black", "mew": 0.7, "zorder": 3}
    axes.plot(best["epoch"], best[monitor], "*", label=f"best, epoch {best['epoch']:.0f}", **star)


@styled
def confusion(matrix: np.ndarray, class_names: Sequence[str], title: str) -> Figure:
    """Draw how many images of each class (rows) were taken for which class (columns).

    matrix: counts, (classes, classes). The colour is the share of the row's images. From 25
    classes on the counts are left out, from 60 on the names: they could not be read.
    """
    classes = len(class_names)
    side = min(3.2 + 0.42 * classes, 12) if classes < 60 else 8
    figure = Figure(figsize=(side + 1, side), layout="compressed")
    titled(figure, title)
    axes = figure.subplots()
    share = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02)
    bar.ax.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1))
    bar.set_label("share of the true class")
    if classes < 25:
        for (row, column), count in np.ndenumerate(matrix):
            color = "white" if share[row, column] > 0.5 else "black" if count else "#999999"
            axes.text(column, row, f"{count}", ha="center", va="center", color=color, fontsize=9)
    if classes < 60:
        names = [text(name, longest=16) for name in class_names]
        axes.set_xticks(range(classes), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(classes), names)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(False)
    return figure


@styled
def grid(
    images: Sequence[np.ndarray],
    title: str,
    *,
    labels: Sequence[str] = (),
    row_names: Sequence[str] = (),
    columns: int = 8,
) -> Figure:
    """Draw images in rows, each above its label if there are any.

    images: (height, width, 3 or 1), uint8 or 0..255, all of one size. labels: as many as images.
    row_names: as many as rows, to the left of them.
    """
    height, width = images[0].shape[:2]
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    gap = 0.08 * width
    line = 0.18 * width if labels else 0  # what a label needs, in pixels of an image
    across, down = columns * (width + gap) - gap, rows * (height + line + gap) - gap
    inches = max(6.0, 1.15 * columns)
    figure = Figure(figsize=(inches, inches * down / across + 0.5), layout="constrained")
    titled(figure, title)
    axes = figure.subplots()
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left, top = column * (width + gap), row * (height + line + gap)
        pixels = np.clip(np.asarray(image), 0, 255).astype("uint8")
        if pixels.shape[-1] == 1:
            pixels = pixels.repeat(3, axis=-1)
        axes.imshow(pixels, extent=(left, left + width, top + height, top), interpolation="nearest")
        if labels:
            axes.text(
                left + width / 2,
                top + height + 0.03 * width,
                text(labels[index], longest=14),
                ha="center",
                va="top",
                fontsize=9,
            )
    for row, name in enumerate(row_names):
        middle = row * (height + line + gap) + height / 2
        axes.text(-gap, middle, name, ha="right", va="center", rotation=90, fontsize=9)
    axes.set(xlim=(0, across), ylim=(down, 0), aspect="equal")
    axes.axis("off")
    return figure


def augmented(image: np.ndarray, draws: Sequence[np.ndarray], title: str) -> Figure:
    """Draw one image and what an augmentation has made of it, draw by draw."""
    labels = ["original", *(f"draw {number}" for number in range(1, len(draws) + 1))]
    return grid([image, *draws], title, labels=labels)


def filter_images(kernel: np.ndarray) -> np.ndarray:
    """Return filters as images: zero is mid-grey, the largest weight of each filter black or white.

    kernel: (height, width, channels, filters) with 1 or 3 channels. Returns uint8 images of shape
    (filters, height, width, channels).
    """
    filters = np.moveaxis(np.asarray(kernel, "float32"), -1, 0)
    largest = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    return (127.5 + 127.5 * filters / np.maximum(largest, 1e-12)).round().astype("uint8")
