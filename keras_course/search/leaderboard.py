"""The outcome of a search: its trials, the best first.

`leaderboard.json`:

    dataset, model, search, device, precision
    seconds              of the range test, if it was part of the search, and of all trials
    monitor              the metric that chooses, of validation images: the score
    band                 lowest and highest rate
    best_learning_rate   null when all trials diverged
    note                 a warning when no trial did better than chance, or an empty string
    trials               rank, trial, learning_rate, score, loss, status, steps, seconds

status is "finished" or "diverged"; a diverged trial has the worst possible score and no loss. steps
counts those of the lower rungs of Hyperband too.
"""

import dataclasses
import json
from pathlib import Path

from keras_course import timing
from keras_course.errors import UserError


@dataclasses.dataclass(frozen=True)
class Search:
    """A search: its folder (the one with `leaderboard.json`) and its leaderboard."""

    folder: Path
    leaderboard: dict

    @classmethod
    def load(cls, folder: Path) -> "Search":
        """Read a search's folder, or raise a `UserError`."""
        path = Path(folder) / "leaderboard.json"
        try:
            return cls(Path(folder), json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path} cannot be read ({error}). Start the same search again to write it anew."
            ) from error

    @property
    def best_learning_rate(self) -> float | None:
        """The rate of the best trial; None when all diverged."""
        return self.leaderboard["best_learning_rate"]

    def text(self) -> str:
        """Return the leaderboard as a table for the terminal."""
        board = self.leaderboard
        trials = board["trials"]
        diverged = sum(trial["status"] == "diverged" for trial in trials)
        summary = (
            f"{board['search']} search, {board['model']} on {board['dataset']}, {board['device']}: "
            f"{len(trials)} trials, {diverged} diverged, {timing.duration(board['seconds'])}"
        )
        name = board["monitor"].removeprefix("val_")
        header = f"{'rank':>4}  {'rate':>8}  {'validation ' + name:>19}  {'loss':>7}  {'steps':>5}"
        rows = [
            f"{trial['rank']:>4}  {trial['learning_rate']:>8.2g}  {result(board, trial)}  "
            f"{trial['steps']:>5}"
            for trial in trials
        ]
        return "\n".join([summary, header, *rows, *filter(None, [board["note"]])])


def result(board: dict, trial: dict) -> str:
    """Return a trial's score and loss in columns, or the word "diverged"."""
    if trial["status"] == "diverged":
        return f"{'diverged':>19}  {'':>7}"
    accuracy = board["monitor"] == "val_accuracy"
    score = f"{trial['score']:.1%}" if accuracy else f"{trial['score']:.4f}"
    return f"{score:>19}  {trial['loss']:>7.3f}"


def ranked(trials: list[dict], direction: str) -> list[dict]:
    """Return the trials with their rank, the best first.

    Those that finished come first; of them those with most steps, because a rung of Hyperband is
    comparable with itself alone; of them the best score, then the lowest loss.
    """
    sign = -1 if direction == "max" else 1

    def key(trial):
        diverged = trial["status"] == "diverged"
        return (diverged, -trial["steps"], sign * trial["score"], trial["loss"] or 0.0)

    return [{"rank": i, **trial} for i, trial in enumerate(sorted(trials, key=key), start=1)]
