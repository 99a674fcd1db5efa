"""A student's file checked, in a process of its own that ends in time.

Only the file's imports, constants (names in capitals), functions and classes are run, as its syntax
tree has them: no training, no pictures. A check `NAME` judges the function or class `NAME`.
"""

import ast
import importlib
import json
import linecache
import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from keras_course.errors import UserError, tensorflow_needed

SECONDS_TO_START = 60  # Keras on a slow disk
SECONDS_FOR_A_CHECK = 15
NOTEBOOKS_OWN = re.compile(r"\s*[%!?]|.*\?\s*$")  # lines


class Job(NamedTuple):
    """A file, the lesson that it is of, like "ex05_resnet", and the TODOs to judge."""

    path: Path
    lesson: str
    numbers: list[str]


def check(job: Job, seconds: float | None = None) -> list[dict]:
    """Judge a lesson's functions in a file; return number, name, state and message for each.

    state: "ok", "todo", "wrong", or "error" where the code could not be run to its end. seconds:
    until the process is ended, left out: enough for all checks.
    Errors: UserError for a file that is not Python.
    """
    return check_all([job], seconds)[0]


def check_all(jobs: list[Job], seconds: float | None = None) -> list[list[dict]]:
    """Judge several files, one after the other in the same process."""
    if not find_spec("tensorflow"):
        raise tensorflow_needed("A check of a lesson")
    for job in jobs:
        statements(code_of(job.path), str(job.path))  # a mistake in the syntax is told at once
    count = sum(len(job.numbers) for job in jobs)
    seconds = seconds or SECONDS_TO_START + SECONDS_FOR_A_CHECK * count
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results.jsonl")
        work = json.dumps([[str(job.path), job.lesson, job.numbers] for job in jobs])
        try:
            ended = subprocess.run(
                [sys.executable, "-m", __name__, str(results)],
                input=work,
                timeout=seconds,
                capture_output=True,
                env={**os.environ, "PYTHONUTF8": "1"},  # whatever is printed, on any system
                encoding="utf-8",
                errors="replace",
            )
            last = (ended.stderr.strip().splitlines() or ["nothing was said"])[-1]
            said = f"the process ended by itself, with code {ended.returncode}: {last}"
        except subprocess.TimeoutExpired:
            said = f"the process was ended after {seconds:.0f} s"
        lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    found = iter([json.loads(line) for line in lines])  # in the order of the jobs

    def lost(number):
        message = f"{number} has no result: {said}"
        return {"number": number, "name": "", "state": "error", "message": message}

    return [[next(found, None) or lost(number) for number in job.numbers] for job in jobs]


def code_of(path: Path) -> str:
    """Return the Python code of a script or a notebook, commands to the notebook left out.

    Errors: UserError for what is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # with or without a mark of the byte order
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not saved as UTF-8. Save it as UTF-8, or reset the lesson."
        ) from error
    if path.suffix != ".ipynb":
        return text
    try:
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        return "\n\n".join(_python("".join(cell["source"])) for cell in cells)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a notebook. Save it again, or reset the lesson.") from error


def _python(cell):
    """Return the Python of a cell, without what the notebook alone understands."""
    if cell.lstrip().startswith("%%"):
        first, _, rest = cell.lstrip().partition("\n")
        return rest if first.split()[0] in ("%%time", "%%timeit", "%%capture") else ""
    try:
        ast.parse(cell)
    except SyntaxError:  # `%matplotlib inline`, `!ls`, `np.pad?`, or a mistake
        lines = cell.splitlines()
        return "\n".join("" if NOTEBOOKS_OWN.match(line) else line for line in lines)
    return cell


def statements(code: str, name: str) -> list[ast.stmt]:
    """Return the imports, constants, functions and classes at the top of a module.

    Errors: UserError for code that is not Python, with the line.
    """
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        line = (error.text or "").strip()
        where = name if name.endswith(".ipynb") else f"{name}, line {error.lineno}"
        raise UserError(f"{where}: {error.msg}: `{line}`.") from error
    return [node for node in tree.body if _is_kept(node)]


def _is_kept(node):
    if isinstance(node, ast.Assign):  # A = 1, and A, B = 1, 2
        targets = [part for each in node.targets for part in getattr(each, "elts", [each])]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        return len(names) == len(targets) and all(name.isupper() for name in names)
    if isinstance(node, ast.AnnAssign):  # A: int = 1
        return isinstance(node.target, ast.Name) and node.target.id.isupper()
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def _left_out(code):
    """Return the names that the module gives to something in statements that are not run here."""
    return {
        node.id
        for statement in ast.parse(code).body
        if not _is_kept(statement)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def namespace(path: Path) -> tuple[dict, str | None]:
    """Run those statements; return what they define, and the first that failed, in words."""
    defined = {"__name__": path.stem}
    failed = None
    code = code_of(path)
    name = f"<{path.name}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    for node in statements(code, str(path)):
        module = ast.Module([node], type_ignores=[])
        try:
            exec(compile(module, name, "exec"), defined)
        except Exception as error:
            failed = failed or f"line {node.lineno} raised {type(error).__name__}: {error}"
    return defined, failed


def judge(results: Path, jobs: list[Job]) -> None:
    """Judge in this process; each result is written down as soon as it is there."""
    from keras_course import quiet

    quiet.import_keras()
    with results.open("a", encoding="utf-8") as file:
        for job in jobs:
            defined, failed = namespace(job.path)
            left_out = _left_out(code_of(job.path))
            checks = of_lesson(job.lesson)
            for number in job.numbers:
                name, check = checks[number]
                if name not in defined:
                    why = f": {failed}" if failed else ""
                    state, message = "error", f"{number} {job.path.name} defines no {name}{why}"
                else:
                    state, message = _answer(check, defined[name])
                message += _in_capitals(message, left_out)
                result = {"number": number, "name": name, "state": state, "message": message}
                file.write(json.dumps(result) + "\n")
                file.flush()


def _in_capitals(message, left_out):
    """Return what to do about a name that the notebook has and this process has not, or ""."""
    found = re.search("name '([^']+)' is not defined", message)
    if not found or found[1] not in left_out:
        return ""
    return (
        "\n    `keras-course check` runs imports, constants in CAPITALS, functions and classes: "
        f"call it {found[1].upper()}, or put it into the function."
    )


def _answer(check, function):
    from keras_course.lessons.check import CheckFailed

    try:
        check(function)
    except CheckFailed as answer:
        return answer.state, str(answer)
    except Exception as error:  # of the check itself: the other TODOs have theirs
        return "error", f"{check.number} could not be checked: {type(error).__name__}: {error}"
    return "ok", f"{check.number} ok"


def of_lesson(lesson: str) -> dict:
    """Return the checks of a lesson by the numbers of their TODOs: name and check."""
    from keras_course.lessons.check import Check

    module = importlib.import_module(f"keras_course.lessons.checks.{lesson}")
    found = {name: check for name, check in vars(module).items() if isinstance(check, Check)}
    return {check.number: (name, check) for name, check in found.items()}


if __name__ == "__main__":
    judge(Path(sys.argv[1]), [Job(Path(path), *rest) for path, *rest in json.load(sys.stdin)])
