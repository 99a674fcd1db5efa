"""The outcome of a search: its trials, the best first.

`leaderboard.json`:

    dataset, model, optimizer, search, device, precision
    seconds              of the range test, if it was part of the search, and of all trials
    monitor              the metric that chooses, of validation images: the score
    band                 lowest and highest rate
    validation_images    how many of them judge a trial
    best_learning_rate   null when no trial finished
    note                 a warning when no trial did better than chance, or an empty string
    trials               rank, trial, learning_rate, score, loss, status, reason, steps, seconds

status is "finished", "diverged" or "failed", for the `reason`; one that has not finished has the
worst possible score and no loss. steps counts those of the lower rungs of Hyperband too.
"""

import dataclasses
import math
from pathlib import Path

from keras_course import integrity, timing
from keras_course.errors import UserError
from keras_course.search import fingerprint
from keras_course.search.journal import Journal


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
            return cls(Path(folder), integrity.read_sealed(path))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path} cannot be read ({error}). Run the same search again, which repairs it."
            ) from error

    @classmethod
    def so_far(cls, folder: Path) -> "Search":
        """Return what the trials that have ended say, of a search that may go on."""
        known = fingerprint.read(Path(folder) / "search.json")
        if known is None:
            raise UserError(
                f"{folder} holds no search. Give the folder of `keras-course tune` or `run`."
            )
        return cls(Path(folder), _board(known, rows(Path(folder) / "tuner")))

    @property
    def best_learning_rate(self) -> float | None:
        """The rate of the best trial; None when none has finished."""
        return self.leaderboard["best_learning_rate"]

    def histories(self) -> dict[str, dict]:
        """Return for each trial what it left, see `tuner.py`."""
        return {
            trial["trial"]: history(self.folder / "tuner", trial["trial"])
            for trial in self.leaderboard["trials"]
        }

    def text(self) -> str:
        """Return the leaderboard as a table for the terminal."""
        board = self.leaderboard
        trials = board["trials"]
        counts = [
            f"{sum(trial['status'] == status for trial in trials)} {status}"
            for status in ("diverged", "failed")
        ]
        summary = (
            f"{board['search']} search, {board['model']} on {board['dataset']}, {board['device']}: "
            f"{len(trials)} trials, {', '.join(counts)}, {timing.duration(board['seconds'])}"
        )
        name = board["monitor"].removeprefix("val_")
        header = f"{'rank':>4}  {'rate':>8}  {'validation ' + name:>19}  {'loss':>7}  {'steps':>5}"
        lines = [
            f"{trial['rank']:>4}  {trial['learning_rate']:>8.2g}  {result(board, trial)}  "
            f"{trial['steps']:>5}"
            for trial in trials
        ]
        return "\n".join([summary, header, *lines, *filter(None, [board["note"]])])


def result(board: dict, trial: dict) -> str:
    """Return a trial's score and loss in columns, or the word "diverged" or "failed"."""
    if trial["status"] != "finished":
        return f"{trial['status']:>19}  {'':>7}"
    accuracy = board["monitor"] == "val_accuracy"
    score = f"{trial['score']:.1%}" if accuracy else f"{trial['score']:.4f}"
    return f"{score:>19}  {trial['loss']:>7.3f}"


def history(project: Path, trial: str) -> dict:
    """Return what a trial left in its folder. Errors: integrity.Damaged, FileNotFoundError."""
    return integrity.read_sealed(project / f"trial_{trial}" / "history.json")


def rows(project: Path) -> list[dict]:
    """Return the trials that have ended, in the order in which they did."""
    journal = Journal(project / "journal")
    events = journal.events
    if lost := journal.lost - journal.torn:
        print(f"{journal.path} is damaged: {lost} events at its end are not shown.")
    scores = {event["trial"]: event["metrics"] for event in events if event["event"] == "update"}
    objective = events[0]["objective"].split()[1] if events else None
    ended = [event["trial"] for event in events if event["event"] == "end"]
    try:
        return [row(history(project, trial), trial, scores[trial][objective]) for trial in ended]
    except (integrity.Damaged, FileNotFoundError) as error:
        raise UserError(
            f"{error} Remove {project.parent / 'leaderboard.json'}, if it exists, and run the "
            "command of the search again: it repeats what is damaged."
        ) from error


def row(history: dict, trial: str, score: float) -> dict:
    """Return what the leaderboard says of a trial that left this history."""
    first = history["executions"][0]["metrics"] if history["executions"] else {}
    return {
        "trial": trial,
        "learning_rate": history["values"]["learning_rate"],
        "score": score,
        "loss": first.get("val_loss") if history["status"] == "finished" else None,
        "status": history["status"],
        "reason": history["reason"],
        "steps": history["steps"],
        "seconds": history["seconds"],
    }


def _board(known, trials):
    """Return the leaderboard of a search of which `search.json` says so much."""
    ranks = ranked(trials, known["direction"])
    finished = ranks and ranks[0]["status"] == "finished"
    seconds = known["seconds of the range test"] + sum(row["seconds"] for row in trials)
    names = ("dataset", "model", "optimizer", "search", "device", "precision", "monitor")
    board = {name: known[name] for name in names} | {
        "band": known["searched band"],
        "validation_images": known["validation_images"],
        "seconds": round(seconds, 1),
        "best_learning_rate": ranks[0]["learning_rate"] if finished else None,
        "trials": ranks,
    }
    return board | {"note": _too_short(board, known["classes"]) if finished else ""}


def _too_short(board, classes):
    """Return a warning if the best accuracy may be chance, two standard errors allowed."""
    chance = 1 / classes
    error = math.sqrt(chance * (1 - chance) / board["validation_images"])
    best = board["trials"][0]
    if board["monitor"] != "val_accuracy" or best["score"] > chance + 2 * error:
        return ""
    return (
        f"No trial did better than chance, {chance:.0%}: {best['steps']} steps are too few to tell "
        "the rates apart. Give the trials more steps, as with `tune --steps`, or use the rate that "
        "the range test suggests."
    )


def ranked(trials: list[dict], direction: str) -> list[dict]:
    """Return the trials with their rank, the best first.

    Those that finished come first; of them those with most steps, because a rung of Hyperband is
    comparable with itself alone; of them the best score, then the lowest loss.
    """
    sign = -1 if direction == "max" else 1

    def key(trial):
        finished = trial["status"] == "finished"
        return (not finished, -trial["steps"], sign * trial["score"], trial["loss"] or 0.0)

    return [{"rank": i, **trial} for i, trial in enumerate(sorted(trials, key=key), start=1)]
