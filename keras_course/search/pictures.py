"""The pictures of the search: loss and score against the learning rate, and loss step by step."""

from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from keras_course import plots
from keras_course.plots import BLUE, GREEN, ORANGE, PURPLE, RED


@plots.styled
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


@plots.styled
def search(leaderboard: dict, title: str) -> Figure:
    """Draw the trials of a leaderboard: score against rate, the chosen and the diverged marked."""
    figure, axes = _rate_axes(title)
    trials = leaderboard["trials"]
    finished = [trial for trial in trials if trial["status"] == "finished"]
    broken = {
        status: [trial for trial in trials if trial["status"] == status]
        for status in ("diverged", "failed")
    }
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
    draw(broken["diverged"], label="diverged", marker="x", ms=9, mew=2, color=RED)
    draw(broken["failed"], label="failed", marker="+", ms=10, mew=2, color=PURPLE)
    best = leaderboard["best_learning_rate"]
    if best:
        draw(trials[:1], label=f"best: {best:.2g}", marker="*", ms=16, color=ORANGE)
    axes.axvspan(*leaderboard["band"], color=GREEN, alpha=0.1, label="band")
    if leaderboard["monitor"] == "val_accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel(leaderboard["monitor"].replace("val_", "validation "))
    axes.legend()
    return figure


@plots.styled
def curves(leaderboard: dict, histories: dict[str, dict], title: str) -> Figure:
    """Draw the training loss of all trials, coloured by their rate, and validation loss by rate.

    histories: of each trial, see `tuner.py`.
    """
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    plots.titled(figure, title)
    left, right = figure.subplots(1, 2)
    rates = [*leaderboard["band"], *(trial["learning_rate"] for trial in leaderboard["trials"])]
    low, high = min(rates), max(rates)
    colors = ScalarMappable(LogNorm(low, high if high > low else 2 * low), "viridis")
    trials, first = leaderboard["trials"], 0.0
    for trial in trials:
        losses = [loss for run in histories[trial["trial"]]["executions"] for loss in run["losses"]]
        losses = [loss for loss in losses if loss is not None]
        color, broken = colors.to_rgba(trial["learning_rate"]), trial["status"] != "finished"
        begun = max(0, trial["steps"] - len(losses))  # the steps of lower rungs
        steps = range(begun + 1, begun + len(losses) + 1)
        left.plot(steps, _smooth(losses), color=color, ls=":" if broken else "-", lw=1.5)
        if broken and losses:
            left.plot(steps[-1], _smooth(losses)[-1], "x", color=RED, ms=9, mew=2)
        first = max(first, losses[0]) if losses else first
    if first:
        left.set_ylim(top=1.3 * first)  # no room for an explosion
    left.set_xlabel("step")
    left.set_ylabel("training loss, smoothed")
    figure.colorbar(colors, ax=left, label="learning rate")
    finished = [trial for trial in trials if trial["status"] == "finished"]
    right.set_xscale("log")
    right.set_xlim(low / 1.3, high * 1.3)
    right.set_xlabel("learning rate")
    right.set_ylabel("validation loss")
    longest = max((trial["steps"] for trial in finished), default=0)
    labels = {True: f"{longest} steps", False: "ended early"}
    for trial in finished:
        whole = trial["steps"] == longest
        style = {"label": labels.pop(whole, None), **({} if whole else {"mfc": "none"})}
        right.plot(trial["learning_rate"], trial["loss"], "o", color=BLUE, **style)
    broken = [trial["learning_rate"] for trial in trials if trial["status"] != "finished"]
    for rate in broken:
        label = "diverged or failed" if rate == broken[0] else None
        right.axvline(rate, color=RED, ls=":", label=label)
    if finished:
        best = trials[0]
        label = f"chosen: {best['learning_rate']:.2g}"
        right.plot(best["learning_rate"], best["loss"], "*", ms=16, color=ORANGE, label=label)
    if trials:
        right.legend()
    return figure


def _smooth(losses):
    """Return means over a twentieth of the steps, for the eye."""
    width = max(1, len(losses) // 20)
    return [
        sum(losses[max(0, end - width) : end]) / min(width, end)
        for end in range(1, len(losses) + 1)
    ]


def _rate_axes(title):
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    plots.titled(figure, title)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    return figure, axes
