"""What a student hands in: one zip of notebook, report, recipe, metrics and SavedModel."""

import zipfile
from pathlib import Path

from keras_course import files
from keras_course.errors import UserError

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
    where something is missing, with the command that makes it, and for a run whose test set was not
    opened.
    """
    for name, command in PARTS.items():
        if not (run / name).exists():
            raise UserError(f"{run} has no {name}: `keras-course {command} {run}` makes it.")
    if notebook.suffix not in (".ipynb", ".py") or not notebook.is_file():
        raise UserError(f"NOTEBOOK is a notebook or a script of a lesson. Received: {notebook}.")
    if "test" not in files.read_sealed(run / "metrics.json"):
        raise UserError(f"{run} has no test result: `keras-course test {run}` opens the test set.")
    if path.suffix != ".zip":
        raise UserError(f"--output is the name of a zip file, like anna.zip. Received: {path}.")
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
