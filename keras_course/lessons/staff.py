"""Does the course hold together? What the staff asks before a class.

Every solution passes its checks, every exercise stops at its first TODO, every TODO has its check,
its hints, mistakes that the check knows and right answers in other styles, and the exercises are
what the solutions make of them.
"""

import ast
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from keras_course.errors import UserError
from keras_course.lessons import handout, hints, student
from keras_course.lessons.course import PROGRESS
from keras_course.lessons.lesson import Lesson

MISTAKES, STYLES = 4, 2  # of each TODO, at least
SECONDS = 900  # for a lesson from top to bottom
MINE = "mine-"  # how what `reset` keeps is called
THEIRS = {PROGRESS, "pictures", "runs", ".ipynb_checkpoints", "__pycache__", ".DS_Store"}


@dataclass(frozen=True)
class Finding:
    """What was looked at, in which lesson, and what is wrong with it, or "" where all is well."""

    lesson: str
    what: str
    wrong: str = ""


def verify(
    root: Path,
    *,
    full: bool = False,
    repository: str | None = None,
    only: Collection[int] | None = None,
    say: Callable = print,
) -> list[Finding]:
    """Look at the course in a folder that has `solutions` and `exercises`; say what was found.

    full: run each lesson from top to bottom as well. repository, only: what the exercises were
    built with. Returns what is wrong.
    """
    texts = handout.texts(root / "solutions", only)
    wrong = []
    for finding in _findings(root, texts, full, repository):
        say(f"{'wrong' if finding.wrong else 'ok':6} {finding.lesson:20} {finding.what}")
        if finding.wrong:
            say(f"       {finding.wrong}")
            wrong.append(finding)
    return wrong


def _findings(root, texts, full, repository) -> Iterator[Finding]:
    yield from _exercises(root, texts, repository)
    lessons = [Lesson.of(name, text) for name, text in texts.items()]
    for lesson in lessons:
        yield from _parts(root, lesson)
    yield from _checked(root, lessons)
    if full:
        for lesson in lessons:
            yield from _run(root, lesson)


def _exercises(root, texts, repository):
    """The files of the handout, byte for byte, and no others."""
    made = handout.handout(texts, repository, handout.measured_minutes(root))
    folder = root / "exercises"
    for name, content in made.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            wrong = f"{path} is not what the solutions make: run `keras-course handout build`."
            yield Finding("exercises", name, wrong)
    stray = [
        path.name
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.name not in made and path.name not in THEIRS and not path.name.startswith(MINE)
    ]
    wrong = f"nothing makes {', '.join(sorted(stray))}" if stray else ""
    yield Finding("exercises", "files of the handout, and no others", wrong)


def _parts(root, lesson):
    """Checks, hints, mistakes and other styles, by the numbers and names of the TODOs."""
    checks = student.of_lesson(lesson.name)
    wrong = "" if list(checks) == list(lesson.todos) else f"checks of {', '.join(checks)}"
    yield Finding(lesson.name, f"a check for each of {', '.join(lesson.todos)}", wrong)
    try:
        told = list(hints.of_lesson(lesson.name))
        wrong = "" if told == list(lesson.todos) else f"hints for {', '.join(told)}"
    except (OSError, UserError) as error:
        wrong = str(error)
    yield Finding(lesson.name, f"{hints.HINTS} hints for each", wrong)
    for folder, least in (("mistakes", MISTAKES), ("answers", STYLES)):
        path = root / "tests" / folder / f"{lesson.name}.py"
        if not path.is_file():
            yield Finding(lesson.name, folder, f"{path} is missing")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [node.name for node in tree.body if hasattr(node, "name")]
        counts = {
            number: sum(each.startswith(f"{name}__") for each in names)
            for number, (name, _) in checks.items()
        }
        few = [f"{number} has {count}" for number, count in counts.items() if count < least]
        said = ", ".join(f"{count} for {number}" for number, count in counts.items())
        yield Finding(lesson.name, f"{folder}: {said}", "; ".join(few))


def _checked(root, lessons):
    """Solutions pass their checks, and exercises stop at every TODO."""
    wanted = [
        (lesson, folder, state)
        for folder, state in (("solutions", "ok"), ("exercises", "todo"))
        for lesson in lessons
    ]
    jobs = [
        student.Job(root / folder / f"{lesson.name}.py", lesson.name, list(lesson.todos))
        for lesson, folder, _ in wanted
    ]
    try:
        results = student.check_all(jobs)
    except (OSError, UserError) as error:
        yield Finding("solutions and exercises", "can be read", str(error))
        return
    for (lesson, folder, state), every in zip(wanted, results, strict=True):
        wrong = [each["message"] for each in every if each["state"] != state]
        what = f"{folder}: every check says {state}"
        yield Finding(lesson.name, what, "\n       ".join(wrong))


def _run(root, lesson):
    """The solution runs to its end, the exercise to its first TODO."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            seconds, ended = run_script(root / "solutions" / f"{lesson.name}.py", Path(folder))
        except subprocess.TimeoutExpired:
            yield Finding(lesson.name, "solution runs", f"not to its end within {SECONDS} s")
            return
        wrong = "" if ended.returncode == 0 else ended.stderr.strip()[-2000:]
        yield Finding(lesson.name, f"solution runs in {seconds:.0f} s", wrong)
        _, ended = run_script(root / "exercises" / f"{lesson.name}.py", Path(folder))
    todo = re.escape(lesson.todos[0])  # told by its check, or by the function itself
    stop = rf"CheckFailed: {todo} is still to be done:|NotImplementedError: TODO {todo}:"
    right = ended.returncode == 1 and re.search(stop, ended.stderr)
    last = (ended.stderr.strip().splitlines() or [""])[-1]
    wrong = "" if right else f"it ended with code {ended.returncode}: {last}"
    yield Finding(lesson.name, f"exercise stops at TODO {lesson.todos[0]}", wrong)


def run_script(path: Path, folder: Path) -> tuple[float, subprocess.CompletedProcess]:
    """Run a lesson from top to bottom in a folder; return the seconds and how it ended."""
    package = Path(__file__).parents[2]
    paths = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, str(path.resolve())],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    return time.perf_counter() - began, ended
