"""The search for the learning rate, as far as it left something in the run folder."""

import json

from keras_course.errors import UserError
from keras_course.report import pages
from keras_course.runs import Run

COLUMNS = ("rank", "trial", "learning_rate", "score", "loss", "status", "steps", "seconds")


def section(run: Run) -> str:
    """Show the leaderboard and the pictures of range test and trials that are there."""
    path = run.folder / "search" / "leaderboard.json"
    pictures = {
        "Range test": run.folder / "range_test.png",
        "Trials": run.folder / "search" / "search.png",
    }
    parts = []
    if path.is_file():
        try:
            leaderboard = json.loads(path.read_text(encoding="utf-8"))
            trials = leaderboard["trials"]
            monitor = leaderboard.get("monitor", "score")
            words = f"{len(trials)} trials by {leaderboard['search']} search. "
            words += f"Best learning rate: {leaderboard['best_learning_rate']:.3g}."
            rows = [[trial.get(column) for column in COLUMNS] for trial in trials]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path} is damaged: {error!r}. Run the search again into a new folder."
            ) from error
        header = [monitor if name == "score" else name.replace("_", " ") for name in COLUMNS]
        parts.append(pages.paragraph(words))
        parts.append(pages.table(header, rows))
    for name, picture in pictures.items():
        if picture.is_file():
            parts.append(pages.subtitle(name))
            parts.append(pages.wide(pages.image(picture.read_bytes(), name)))
    if not parts:
        parts.append(pages.paragraph("There is no search in this run folder."))
    return pages.section("Search for the learning rate", *parts)
