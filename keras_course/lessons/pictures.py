"""The pictures of the lessons: drawn, written to a file, and shown where there is a notebook."""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from keras_course import plots

FOLDER = Path("pictures")
# Told apart by colour, and by dashes where there is none.
STYLES = list(
    zip(
        (plots.BLUE, plots.ORANGE, plots.GREEN, plots.RED, plots.PURPLE, "black"),
        ("-", "--", "-.", ":", "-", "--"),
        strict=True,
    )
)


def show(figure: Figure, name: str) -> None:
    """Write the figure to pictures/NAME.png; show it where this runs in a notebook."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.png"
    plots.save(figure, path)
    if "ipykernel" in sys.modules:
        from IPython.display import Image, display

        display(Image(path.read_bytes()))
    else:
        print(f"Picture: {path}")


def lines(
    values: dict[str, Sequence[float]],
    across: str,
    up: str,
    title: str,
    *,
    at: Sequence[float] | None = None,
    log: bool = False,
) -> Figure:
    """Draw a line for each name.

    at: where the values stand, left out: 1, 2, 3 ... log: a logarithmic scale upwards.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    plots.titled(figure, title)
    axes = figure.subplots()
    for (name, numbers), style in zip(values.items(), itertools.cycle(STYLES)):
        color, dashes = style
        places = at or range(1, len(numbers) + 1)
        axes.plot(places, numbers, dashes, color=color, label=plots.text(name))
    axes.set(xlabel=across, ylabel=up)
    if log:
        axes.set_yscale("log")
    axes.legend()
    return figure


def with_margins(values: dict[str, tuple[float, float]], across: str, title: str) -> Figure:
    """Draw shares from 0 to 1, each with a margin to both sides, one below the other."""
    figure = Figure(figsize=(7, 1.2 + 0.5 * len(values)), layout="constrained")
    plots.titled(figure, title)
    axes = figure.subplots()
    names = list(values)
    shares, margins = zip(*values.values(), strict=True)
    axes.errorbar(shares, range(len(names)), xerr=margins, fmt="o", color=plots.BLUE, capsize=5)
    axes.set_yticks(range(len(names)), [plots.text(name) for name in names])
    axes.set(xlabel=across, ylim=(len(names) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    return figure
