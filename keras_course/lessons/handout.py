"""Handouts made of solutions: for each lesson a script and a notebook, and what goes with them.

exercises/ex05_resnet.py, ex05_resnet.ipynb    to be worked on
exercises/README.md                            the lessons, their slides and minutes
exercises/originals.zip                        what `keras-course reset` takes lessons from
"""

import io
import json
import re
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path

from keras_course import files
from keras_course.errors import UserError
from keras_course.lessons import notebook, source
from keras_course.lessons.lesson import Lesson

NBGRADER_CONFIG = '''\
"""Settings for a class that is graded with nbgrader 0.9."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "keras-course"
c.Execute.timeout = 600  # seconds for a cell; left alone, nbgrader ends those that train
# TensorFlow writes to stderr, for which nbgrader takes all points of a cell.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = r".*(oneDNN|TF_ENABLE|cuda|CUDA|XLA|rebuild TensorFlow|absl|Warning).*"
'''


def texts(folder: Path, only: Collection[int] | None = None) -> dict[str, str]:
    """Return the lessons' sources in a folder by their names, in order.

    only: numbers of lessons, left out: all. Errors: UserError where there is none.
    """
    paths = sorted(folder.glob("ex[0-9][0-9]_*.py"))
    found = {
        path.stem: path.read_text(encoding="utf-8")
        for path in paths
        if only is None or int(path.stem[2:4]) in only
    }
    if not found:
        wanted = "" if only is None else f" with the numbers {', '.join(map(str, sorted(only)))}"
        raise UserError(f"{folder} has no lessons{wanted}, like ex05_resnet.py.")
    return found


def handout(
    solutions: dict[str, str], repository: str | None = None, minutes: dict | None = None
) -> dict[str, bytes]:
    """Return the files of a handout by their names.

    solutions: as `texts` returns them. repository: OWNER/NAME on GitHub, for notebooks that open in
    Colab. minutes: of a lesson by its name, as measured. Errors: UserError for a malformed lesson,
    with its name and line.
    """
    if repository is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise UserError(f"--repository must be OWNER/NAME, as on GitHub. Received: {repository!r}.")
    made = {}
    for name, text in solutions.items():
        try:
            exercise = source.exercise(text)
        except UserError as error:
            raise UserError(f"{name}.py, {error}") from error
        first = notebook.set_up(repository, name) if repository else []
        made[f"{name}.py"] = exercise.encode()
        made[f"{name}.ipynb"] = notebook.notebook(exercise, name, first).encode()
    originals = _zipped(made)
    lessons = [Lesson.of(name, text) for name, text in solutions.items()]
    made["README.md"] = _readme(lessons, minutes or {}).encode()
    return {**made, "originals.zip": originals}


def build(
    solutions: Path,
    exercises: Path,
    *,
    repository: str | None = None,
    only: Collection[int] | None = None,
    minutes: dict | None = None,
) -> list[Path]:
    """Write the handout of the solutions in one folder into another; return the paths."""
    made = handout(texts(solutions, only), repository, minutes)
    exercises.mkdir(parents=True, exist_ok=True)
    return [_write(exercises / name, content) for name, content in made.items()]


def build_for_nbgrader(
    solutions: Path, folder: Path, *, only: Collection[int] | None = None
) -> list[Path]:
    """Write a course folder for nbgrader: its settings, and each lesson with its solution.

    `nbgrader generate_assignment ex05_resnet` in that folder then makes what students get.
    """
    written = [_write(folder / "nbgrader_config.py", NBGRADER_CONFIG.encode())]
    for name, text in texts(solutions, only).items():
        path = folder / "source" / name / f"{name}.ipynb"
        written.append(_write(path, notebook.notebook(text, name).encode()))
    return written


def measured_minutes(root: Path) -> dict[str, str]:
    """Return how long the lessons of a course take, by name, where that was measured."""
    path = root / "docs" / "results" / "lessons.json"
    if not path.is_file():
        return {}
    lessons = json.loads(path.read_text(encoding="utf-8"))["lessons"]
    return {name: f"{run['script_seconds'] / 60:.1f}" for name, run in lessons.items()}


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.whole(path) as temporary:
        temporary.write_bytes(content)
    return path


def _zipped(made):
    """Return a zip of the files, the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in made.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # also on Windows
            archive.writestr(info, content)
    return buffer.getvalue()


def _readme(lessons: Iterable[Lesson], minutes):
    rows = [
        "| lesson | slides | TODOs | minutes on two cores |",
        "|---|---|---|---|",
        *(
            f"| [{lesson.number} {lesson.title}]({lesson.name}.py) | {lesson.slides} "
            f"| {len(lesson.todos)} | {minutes.get(lesson.name, '')} |"
            for lesson in lessons
        ),
    ]
    return README.format(table="\n".join(rows))


README = """\
# Exercises

Each lesson is a script and a notebook of the same name, for JupyterLab (`pip install jupyterlab`),
VS Code or Colab, to be worked on from top to bottom: read, predict, write what a TODO asks for, run
its check. A check says "5.1 ok", or what your code returned, what was expected, and what usually
causes that mistake.

{table}

In a terminal, go to the folder of the course and run `source .venv/bin/activate` (Windows:
`.venv\\Scripts\\activate`). Then you have these commands:

    keras-course list           the lessons, and how far you are
    keras-course check 5        all checks of lesson 5, without the training in it
    keras-course watch 5        the same, whenever you save the file
    keras-course hint 5.1       a hint; the next one says more
    keras-course reset 5        start lesson 5 over; what you wrote is kept beside it

`check` and `watch` run only the imports, the constants (names in CAPITALS), the functions and the
classes of your file. If your code never stops, they end it. A check in a notebook does that too,
except on Windows: interrupt the kernel there.

The data set is `shapes`, drawn by the program. Set `DATASET = "cifar10"` in a lesson to see the
same on photographs; `keras-course data prepare cifar10` fetches them first.
"""
