"""The pictures of the lessons: drawn, written to a file, and shown where there is a notebook."""

import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from keras_course import plots

FOLDER = Path("pictures")
MARKED = 12  # values of a line; more of them need no marks
# Told apart by colour, and by dashes where there is none.
STYLES = list(
    zip(
        (plots.BLUE, plots.ORANGE, plots.GREEN, plots.RED, plots.PURPLE, "black"),
        ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3))),
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


@plots.styled
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

    up: what the values are, as the axis says it; an accuracy is one from 0 to 1. at: where they
    stand, left out: 1, 2, 3 ... log: a logarithmic scale upwards.
    """
    crowded = len(values) > 4  # then the legend would cover lines
    figure = Figure(figsize=(9 if crowded else 7, 4), layout="constrained")
    plots.titled(figure, title)
    axes = figure.subplots()
    for (name, numbers), style in zip(values.items(), itertools.cycle(STYLES)):
        color, dashes = style
        places = at or range(1, len(numbers) + 1)
        mark = "o" if len(numbers) <= MARKED else None
        axes.plot(places, numbers, ls=dashes, marker=mark, color=color, label=plots.text(name))
    axes.set(xlabel=across, ylabel=up)
    if at is None:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if "accuracy" in up:
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    if log:
        axes.set_yscale("log")
    if crowded:
        figure.legend(loc="outside right center")
    else:
        axes.legend()
    return figure


@plots.styled
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


@plots.styled
def loss_and_rate(
    runs: dict[str, tuple[Sequence[float], Sequence[float]]], title: str, *, highest: float = 3
) -> Figure:
    """Draw the validation loss of each run over its epochs, and beside it the learning rate.

    runs: for each name the losses and the rates. highest: the upper end of the losses; a line that
    leaves the picture there has diverged.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    plots.titled(figure, title)
    left, right = figure.subplots(1, 2)
    for (name, (losses, rates)), (color, dashes) in zip(runs.items(), itertools.cycle(STYLES)):
        epochs = range(1, len(losses) + 1)
        left.plot(epochs, losses, ls=dashes, color=color, label=plots.text(name))
        right.plot(epochs, rates, ls=dashes, color=color)
    lowest = np.nanmin(np.concatenate([losses for losses, _ in runs.values()]))
    left.set(xlabel="epoch", ylabel="validation loss", ylim=(0.9 * lowest, highest))
    right.set(xlabel="epoch", ylabel="learning rate", yscale="log")
    figure.legend(loc="outside right center")
    return figure


@plots.styled
def paths(
    height: Callable, points: dict[str, np.ndarray], axes_names: tuple[str, str], title: str
) -> Figure:
    """Draw each path in a panel of its own, over the lines of equal height.

    height: a function of points of shape (..., 2). points: for each name (steps + 1, 2), the first
    one where it begins.
    """
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    plots.titled(figure, title)
    every = np.concatenate(list(points.values()))
    margin = 0.1 * np.ptp(every, axis=0)
    ends = np.stack([every.min(axis=0) - margin, every.max(axis=0) + margin])
    across, up = np.meshgrid(*(np.linspace(*end, 200) for end in ends.T))
    ground = height(np.stack([across, up], axis=-1))
    panels = figure.subplots(2, -(-len(points) // 2), sharex=True, sharey=True, squeeze=False)
    for panel, (name, path) in zip(panels.flat, points.items(), strict=False):
        levels = np.geomspace(ground.max() / 3000, ground.max(), 9)
        panel.contour(across, up, ground, levels=levels, colors="0.75", linewidths=0.8)
        panel.plot(*path.T, "o-", color=plots.BLUE, markersize=3, linewidth=1)
        panel.plot(*path[0], "s", color=plots.ORANGE, markersize=7)
        panel.set_title(plots.text(name), fontsize=11)
        panel.grid(False)
    figure.supxlabel(axes_names[0], fontsize=11)
    figure.supylabel(axes_names[1], fontsize=11)
    return figure


@plots.styled
def accuracy_and_cost(
    panels: dict[str, dict[str, tuple[float, float]]], fronts: dict[str, Sequence[str]], title: str
) -> Figure:
    """Draw for each kind of cost what the networks reach with how much of it.

    panels: for each cost, with its unit, the points of all names, (cost, accuracy). fronts: for
    each cost the names that are not beaten; they are filled, and joined by a line.
    """
    figure = Figure(figsize=(3.2 * len(panels) + 1.5, 4), layout="constrained")
    plots.titled(figure, title)
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (cost, points) in zip(row, panels.items(), strict=True):
        axes.plot(*np.transpose(sorted(points[name] for name in fronts[cost])), color="0.6")
        for (name, point), (color, _), marker in zip(
            points.items(), itertools.cycle(STYLES), itertools.cycle("osD^v")
        ):
            fill = color if name in fronts[cost] else "white"
            axes.plot(
                *point, marker, ms=10, color=color, mfc=fill, mew=2, ls="", label=plots.text(name)
            )
        axes.set(xlabel=cost, xlim=(0, 1.15 * max(spent for spent, _ in points.values())))
        axes.xaxis.set_major_formatter(EngFormatter())
        axes.locator_params("x", nbins=4)
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside right center")
    row[0].set_ylabel("validation accuracy")
    row[0].yaxis.set_major_formatter(PercentFormatter(1))
    row[0].margins(y=0.15)
    return figure
