"""The pictures of the course, with matplotlib alone.

Every function returns a figure; `save` writes one. Colours are those of Okabe & Ito, which
colour-blind people can tell apart.
"""

import matplotlib
from matplotlib.figure import Figure

from keras_course import files

BLUE, ORANGE, GREEN, RED, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
matplotlib.rcParams.update(
    {
        "font.size": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
    }
)


def save(figure: Figure, path) -> None:
    """Write the figure as a PNG file, whole or not at all."""
    with files.whole(path) as temporary:
        figure.savefig(temporary, dpi=120)


def curves(history: list[dict[str, float]], title: str) -> Figure:
    """Draw loss, accuracy and learning rate over the epochs, the best epoch marked."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    figure.suptitle(title)
    loss, accuracy, rate = figure.subplots(1, 3)
    epochs = [row["epoch"] for row in history]

    def draw(axes, name, color, label):
        axes.plot(epochs, [row[name] for row in history], "o-", ms=4, color=color, label=label)

    draw(loss, "loss", BLUE, "training")
    draw(loss, "val_loss", RED, "validation")
    loss.set_ylabel("cross-entropy loss")
    draw(accuracy, "accuracy", BLUE, "training")
    draw(accuracy, "val_accuracy", RED, "validation")
    best = max(history, key=lambda row: row["val_accuracy"])
    accuracy.plot(best["epoch"], best["val_accuracy"], "*", ms=14, color=ORANGE, label="best")
    accuracy.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1))
    accuracy.set_ylabel("accuracy")
    draw(rate, "learning_rate", GREEN, "learning rate")
    rate.set_yscale("log")
    rate.set_ylabel("learning rate")
    for axes in (loss, accuracy, rate):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    loss.legend()
    accuracy.legend()
    return figure
