"""The pictures of the search: loss and score against the learning rate, on a logarithmic axis."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from keras_course.plots import BLUE, GREEN, ORANGE, RED


def range_test(result, title: str) -> Figure:
    """Draw a `RangeTestResult`: the losses, the band in which to search, the suggestion."""
    figure, axes = _rate_axes(title)
    axes.axvspan(*result.band, color=GREEN, alpha=0.15, label="band")
    axes.axvline(result.suggestion, color=ORANGE, label=f"suggestion: {result.suggestion:.2g}")
    axes.plot(result.rates, result.losses, ".", color=BLUE, alpha=0.4, label="one step")
    axes.plot(result.rates, result.smoothed, color=BLUE, label="smoothed")
    low, high = min(result.losses), max(result.smoothed)
    axes.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))  # no room for an explosion
    axes.set_ylabel("training loss")
    axes.legend()
    return figure


def search(leaderboard: dict, title: str) -> Figure:
    """Draw the trials of a leaderboard: score against rate, the chosen and the diverged marked."""
    figure, axes = _rate_axes(title)
    trials = leaderboard["trials"]
    finished = [trial for trial in trials if trial["status"] == "finished"]
    diverged = [trial for trial in trials if trial["status"] == "diverged"]
    longest = max((trial["steps"] for trial in finished), default=0)

    def draw(chosen, *, label, **style):
        if chosen:
            x = [trial["learning_rate"] for trial in chosen]
            axes.plot(x, [trial["score"] for trial in chosen], label=label, lw=0, **style)

    draw(
        [trial for trial in finished if trial["steps"] == longest],
        label=f"{longest} steps",
        marker="o",
        color=BLUE,
    )
    draw(
        [trial for trial in finished if trial["steps"] < longest],
        label="ended early",
        marker="o",
        color=BLUE,
        mfc="none",
    )
    draw(diverged, label="diverged", marker="x", ms=9, mew=2, color=RED)
    best = leaderboard["best_learning_rate"]
    if best:
        draw(trials[:1], label=f"best: {best:.2g}", marker="*", ms=16, color=ORANGE)
    axes.axvspan(*leaderboard["band"], color=GREEN, alpha=0.1, label="band")
    if leaderboard["monitor"] == "val_accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel(leaderboard["monitor"].replace("val_", "validation "))
    axes.legend()
    return figure


def _rate_axes(title):
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=11)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    return figure, axes
