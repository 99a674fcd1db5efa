"""Three hints for each TODO, the next one saying more than the one before.

hints/ex05_resnet.md:    ## 5.1
                         1. Which tensor is added at the end?
                         2. ...
                         3. ...
"""

import re
from pathlib import Path

from keras_course.errors import UserError

FOLDER = Path(__file__).parent / "hints"
HINTS = 3


def of_todo(number: str) -> list[str]:
    """Return the hints of a TODO like "5.1". Errors: UserError for one that does not exist."""
    every = {}
    for path in sorted(FOLDER.glob("ex*.md")):
        every |= of_lesson(path.stem)
    if number not in every:
        raise UserError(f"TODO must be one of {', '.join(every)}. Received: {number!r}.")
    return every[number]


def of_lesson(name: str) -> dict[str, list[str]]:
    """Return the hints of a lesson by its TODOs. Errors: UserError where a TODO has not three."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    found = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        number, _, body = section.partition("\n")
        hints = re.split(r"^\d\. ", body.strip(), flags=re.MULTILINE)[1:]
        found[number.strip()] = [" ".join(hint.split()) for hint in hints]
    for number, hints in found.items():
        if len(hints) != HINTS:
            raise UserError(f"{name}.md: {number} has {len(hints)} hints instead of {HINTS}.")
    return found
