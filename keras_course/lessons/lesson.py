"""What a lesson says of itself: number, title, slides and TODOs."""

import re
from dataclasses import dataclass

from keras_course.errors import UserError
from keras_course.lessons import source

TITLE = re.compile(r"# # (?P<number>\d+) (?P<title>.+)\n# Slides? (?P<slides>[^.]+)\.")


@dataclass(frozen=True)
class Lesson:
    """name: of its file, like "ex05_resnet". slides: of the lecture, like "25" or "3 to 17"."""

    name: str
    number: int
    title: str
    slides: str
    todos: tuple[str, ...]

    @property
    def on_slides(self) -> str:
        """Where the lecture has it, in words: "slide 25", "slides 3 to 17"."""
        return f"slide{'' if self.slides.isdigit() else 's'} {self.slides}"

    @classmethod
    def of(cls, name: str, text: str) -> "Lesson":
        """Read it from a solution or an exercise. Errors: UserError for one without a title."""
        cells = source.cells(text)
        found = TITLE.match("\n".join(cells[0].lines))
        if not found:
            raise UserError(f"{name} begins with its title, `# # 5 ResNet`, and `# Slide 25.`")
        todos = tuple(cell.todo for cell in cells if cell.todo)
        return cls(name, int(found["number"]), found["title"], found["slides"], todos)
