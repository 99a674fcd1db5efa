"""A lesson's script as a notebook: no outputs, the same bytes every time, nbgrader's metadata.

nbgrader: a cell with a TODO is a solution, one with checks is graded with a point for each, and a
question is a written answer, graded by a person.
"""

import json
from collections.abc import Sequence

from keras_course.lessons import source

BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def notebook(text: str, name: str, first: Sequence[dict] = ()) -> str:
    """Return the notebook of a percent script, as JSON.

    name: of the lesson, for the cells' ids. first: cells that come before those of the script.
    """
    made = [*first, *map(_cell, source.cells(text))]
    lesson = name.partition("_")[0]
    for number, cell in enumerate(made, start=1):
        cell["id"] = f"{lesson}-{number:02d}"
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    whole = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def set_up(repository: str, name: str) -> list[dict]:
    """Return the cells that open an exercise in Colab and install there what it needs.

    repository: OWNER/NAME on GitHub, with the exercises in the branch main.
    """
    path = f"{repository}/blob/main/exercises/{name}.ipynb"
    badge = f"[![Open in Colab]({BADGE})](https://colab.research.google.com/github/{path})"
    folder = repository.split("/")[1]
    commands = [
        f"!git clone --quiet --depth 1 https://github.com/{repository}",
        f"%pip install --quiet -r {folder}/requirements.txt -e {folder}",
        "# Then restart the session, once, and begin with the next cell.",
    ]
    here = f"%cd /content/{folder}/exercises"  # a new session begins outside
    return [_markdown(badge), _code("\n".join(commands)), _code(here)]


def _cell(cell):
    if cell.markdown:
        made = _markdown("\n".join(line.removeprefix("#").removeprefix(" ") for line in cell.lines))
        if cell.question:
            made["metadata"] = _graded(f"question-{cell.question}", "markdown", 1, solution=True)
        return made
    made = _code(cell.text)
    if cell.todo:
        made["metadata"] = _graded(f"todo-{cell.todo}", "code", 0, solution=True)
    elif cell.checks:
        name = f"check-{'-'.join(cell.checks)}"
        made["metadata"] = _graded(name, "code", len(cell.checks), solution=False)
    return made


def _graded(grade_id, kind, points, solution):
    metadata = {
        "cell_type": kind,
        "grade": points > 0,
        "grade_id": grade_id.replace(".", "-").replace("_", "-"),
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return {"nbgrader": {**metadata, "points": points} if points else metadata}


def _markdown(text):
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(text.strip("\n"))}


def _code(text):
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": _lines(text),
    }


def _lines(text):
    return text.splitlines(keepends=True)
