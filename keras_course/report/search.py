"""The search for the learning rate, as far as it left something in the run folder."""

from keras_course import integrity, timing
from keras_course.errors import UserError
from keras_course.report import pages
from keras_course.runs import Run

COLUMNS = ("rank", "trial", "learning_rate", "score", "loss", "status", "steps", "seconds")


def section(run: Run) -> str:
    """Show the range test's picture, the leaderboard and its picture, those that are there."""
    parts = [
        *_picture(run.folder / "range_test.png", "Range test"),
        *_leaderboard(run.folder / "search" / "leaderboard.json"),
        *_picture(run.folder / "search" / "search.png", "Score against learning rate"),
        *_picture(run.folder / "search" / "curves.png", "The trials, step by step"),
    ]
    if not parts:
        parts = [pages.paragraph("There is no search in this run folder.")]
    return pages.section("Search for the learning rate", *parts)


def _picture(path, name):
    if path.is_file():
        yield pages.subtitle(name)
        yield pages.wide(pages.image(path.read_bytes(), name))


def _leaderboard(path):
    if not path.is_file():
        return
    try:
        board = integrity.read_sealed(path)
        best, monitor, (low, high) = board["best_learning_rate"], board["monitor"], board["band"]
        rows = [[_value(trial, column) for column in COLUMNS] for trial in board["trials"]]
        words = (
            f"{len(rows)} trials of {board['search']} search between {low:.2g} and {high:.2g}"
            f"{' (it may leave this band)' if board['search'] == 'climb' else ''}, "
            f"{timing.duration(board['seconds'])} in all. "
        )
        words += f"The best one is {best:.3g}." if best else "None of them finished."
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged ({error!r}). Run the same search again, which repairs it."
        ) from error
    header = [monitor if name == "score" else name.replace("_", " ") for name in COLUMNS]
    yield pages.subtitle("Trials")
    yield pages.paragraph(words)
    yield pages.table(header, rows)


def _value(trial, column):
    """Return what the table shows: where no trial finished, nobody measured the worst score."""
    return None if column == "score" and trial["status"] != "finished" else trial[column]
