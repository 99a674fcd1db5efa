"""Accuracy against time: which network is ahead after how many minutes."""

import itertools
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure

from keras_course import plots

COLORS = (plots.BLUE, plots.ORANGE, plots.GREEN, plots.RED, plots.PURPLE)


@plots.styled
def accuracy_against_time(
    curves: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]], title: str
) -> Figure:
    """Draw one line for each run, and one colour and marker for each name.

    curves: for each name its runs, (seconds of each epoch, accuracy after each epoch, 0..1).
    """
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    plots.titled(figure, title)
    axes = figure.subplots()
    styles = zip(itertools.cycle(COLORS), itertools.cycle("osD^v"), strict=False)
    for (name, found), (color, marker) in zip(curves.items(), styles, strict=False):
        for number, (seconds, accuracies) in enumerate(found):
            minutes = [total / 60 for total in itertools.accumulate(seconds)]
            label = None if number else name
            axes.plot(minutes, accuracies, marker=marker, ms=3, lw=1, color=color, label=label)
    axes.set_xlabel("minutes of training")
    axes.set_ylabel("validation accuracy")
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1))
    axes.legend()
    return figure
