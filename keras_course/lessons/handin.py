"""What a student hands in: one zip of notebook, report, recipe, metrics and SavedModel."""

import re
import zipfile
from pathlib import Path

from keras_course import files, integrity
from keras_course.errors import UserError
from keras_course.lessons import student

# As `handout build` writes it.
UNSOLVED = re.compile(r'^ *raise NotImplementedError\(\s*"TODO (\d+\.\d+)', re.MULTILINE)

PARTS = {  # and the command that makes each where it is missing
    "recipe.json": "train --output",
    "metrics.json": "train --resume",
    "history.csv": "train --resume",
    "report.html": "report",
    "saved_model": "export",
}


def hand_in(run: Path, notebook: Path, path: Path) -> list[str]:
    """Write the zip, whole or not at all, and return the names of what is in it.

    run: a run folder. notebook: the worked-on lesson, a notebook or a script. Errors: UserError
    where something is missing, with the command that makes it, for a run whose test set was not
    opened, and for a lesson that cannot be read.
    """
    for name, command in PARTS.items():
        if not (run / name).exists():
            raise UserError(f"{run} has no {name}: `keras-course {command} {run}` makes it.")
    if notebook.suffix not in (".ipynb", ".py") or not notebook.is_file():
        raise UserError(
            f"NOTEBOOK must be the notebook or the script of a lesson. Received: {notebook}."
        )
    student.code_of(notebook)  # or say that it cannot be read
    if "test" not in integrity.read_sealed(run / "metrics.json"):
        raise UserError(f"{run} has no test result: `keras-course test {run}` opens the test set.")
    if path.suffix != ".zip":
        raise UserError(
            f"--output must be the name of a zip file, like anna.zip. Received: {path}."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [(notebook, notebook.name)]
    for name in PARTS:
        every = sorted((run / name).rglob("*")) if (run / name).is_dir() else [run / name]
        parts += [(each, each.relative_to(run).as_posix()) for each in every if each.is_file()]
    with (
        files.whole(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for source, name in parts:
            archive.write(source, name)
    return [name for _, name in parts]


def unsolved(notebook: Path) -> list[str]:
    """Return the numbers of the TODOs that are as `handout build` left them, like ["12.1"].

    Errors: UserError for a file that is neither a notebook nor a script.
    """
    return UNSOLVED.findall(student.code_of(notebook))
