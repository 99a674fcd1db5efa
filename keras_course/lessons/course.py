"""The exercises as a student has them: which there are, how far they are, and where to look.

progress.json in the folder of the exercises is the only state: of each TODO what its last check
said, whether it has ever passed, and how many hints were read.
"""

import contextlib
import json
import time
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keras_course import files
from keras_course.errors import UserError
from keras_course.lessons.lesson import Lesson

ORIGINALS = "originals.zip"
PROGRESS = "progress.json"


@dataclass(frozen=True)
class Course:
    """folder: of the exercises."""

    folder: Path

    @classmethod
    def here(cls, folder: str | Path = ".") -> "Course":
        """Return the course in a folder or in its folder "exercises".

        Errors: UserError where there is none.
        """
        for candidate in (Path(folder), Path(folder, "exercises")):
            if (candidate / ORIGINALS).is_file():
                return cls(candidate)
        raise UserError(
            f"{Path(folder).resolve()} contains no exercises. Change to the folder that contains "
            "`exercises`, or build them from the solutions: `keras-course handout build`."
        )

    def original(self, name: str) -> str:
        """Return a file as it was handed out."""
        with zipfile.ZipFile(self.folder / ORIGINALS) as archive:
            return archive.read(name).decode()

    def lessons(self) -> list[Lesson]:
        with zipfile.ZipFile(self.folder / ORIGINALS) as archive:
            names = [
                name.removesuffix(".py") for name in archive.namelist() if name.endswith(".py")
            ]
            return [Lesson.of(name, archive.read(f"{name}.py").decode()) for name in names]

    def lesson(self, number: str) -> Lesson:
        """Return the lesson with a number like "5", or that of a TODO like "5.2"."""
        lessons = {str(lesson.number): lesson for lesson in self.lessons()}
        whole = number.partition(".")[0]
        if whole not in lessons:
            raise UserError(f"lesson must be one of {', '.join(lessons)}. Received: {number!r}.")
        found = lessons[whole]
        if "." in number and number not in found.todos:
            raise UserError(f"TODO must be one of {', '.join(found.todos)}. Received: {number!r}.")
        return found

    def todos(self, number: str) -> list[str]:
        """Return the TODOs that "5" or "5.2" means."""
        return [number] if "." in number else list(self.lesson(number).todos)

    def file(self, lesson: Lesson) -> Path:
        """Return the script or the notebook of a lesson, whichever was saved last."""
        paths = list(self.saved(lesson))
        if not paths:
            raise UserError(
                f"{self.folder / lesson.name}.py is missing. `keras-course reset "
                f"{lesson.number}` brings it back."
            )
        changed = [path for path in paths if _text(path) != self.original(path.name)]
        return max(changed or paths[:1], key=lambda path: path.stat().st_mtime)

    def saved(self, lesson: Lesson) -> dict[Path, int]:
        """Return script and notebook, which are there, and when each was saved last."""
        found = {}
        for suffix in (".py", ".ipynb"):
            path = self.folder / f"{lesson.name}{suffix}"
            with contextlib.suppress(FileNotFoundError):
                found[path] = path.stat().st_mtime_ns
        return found

    def progress(self) -> dict[str, dict]:
        """Return for each TODO that was worked on "state", "hints", and "passed" if it once has."""
        path = self.folder / PROGRESS
        if not path.is_file():
            return {}
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{path} is not JSON. Fix it, or delete it to start over.") from error

    def note(self, number: str, **changes: object) -> None:
        """Write down what has changed for a TODO."""
        progress = self.progress()
        progress[number] = {**progress.get(number, {}), **changes}
        files.write_json(self.folder / PROGRESS, progress)

    def reset(self, lesson: Lesson) -> list[Path]:
        """Put a lesson back as it was handed out; return where the student's own files are now."""
        kept = []
        stamp = datetime.now().strftime("%Y-%m-%d-%H%M%S")
        for name in (f"{lesson.name}.py", f"{lesson.name}.ipynb"):
            path, original = self.folder / name, self.original(name)
            if path.exists() and _text(path) != original:
                kept.append(path.with_name(f"mine-{stamp}-{name}"))
                path.rename(kept[-1])
            files.write_text(path, original)
        progress = {
            number: noted for number, noted in self.progress().items() if number not in lesson.todos
        }
        files.write_json(self.folder / PROGRESS, progress)
        return kept


def table(course: Course) -> str:
    """Return the lessons and what was done in each, in words."""
    progress = course.progress()
    lines = []
    for lesson in course.lessons():
        done = [todo for todo in lesson.todos if progress.get(todo, {}).get("state") == "ok"]
        left = [todo for todo in lesson.todos if todo not in done]
        said = f"next {left[0]}" if left else "done"
        lines.append(
            f"{lesson.number:3} {lesson.title:44} {lesson.on_slides:17} "
            f"{len(done)} of {len(lesson.todos)} ok, {said}"
        )
    return "\n".join(lines)


def wait_for_a_save(
    course: Course, lesson: Lesson, before: dict[Path, int], seconds: float = 0.3
) -> None:
    """Wait until script or notebook are not as `Course.saved` had them before."""
    while (now := course.saved(lesson)) == before or not now:  # some editors delete, then write
        time.sleep(seconds)


def _text(path):
    """Return what a file says; what is no UTF-8 in it is not as it was handed out."""
    return path.read_text(encoding="utf-8-sig", errors="replace")
