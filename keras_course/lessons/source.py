"""A lesson's source: a percent script that holds the exercise and its solution.

    # %% [markdown]
    # ## 5.1 The residual block          a cell of text
    # %%
    def residual_block(x, filters):      a cell of code
        # TODO 5.1: add the shortcut     what is to be done, in a function or a class
        ### BEGIN SOLUTION
        return ...                       what the exercise leaves out
        ### END SOLUTION
    # %% [markdown]
    # **Question 5.a** Why ...?
    # ### BEGIN SOLUTION
    # Because ...                        an answer in words
    # ### END SOLUTION
    # %%
    checks.residual_block(residual_block)

The markers are nbgrader's; a cell of checks may also hide some between `### BEGIN HIDDEN TESTS` and
`### END HIDDEN TESTS`.
"""

import re
from dataclasses import dataclass

from keras_course.errors import UserError

CELL = re.compile(r"# %%(?P<markdown> \[markdown\])?$")
MARKER = re.compile(r"\s*(?:# )?### (?P<edge>BEGIN|END) (?P<what>SOLUTION|HIDDEN TESTS)$")
TODO = re.compile(r"\s*# TODO (?P<number>\d+\.\d+): (?P<text>.+)$")
QUESTION = re.compile(r"\*\*Question (?P<number>\d+\.[a-z])\*\*")
CHECK = re.compile(r"checks\.(?P<name>\w+)\(")
ANSWER = "# *Your answer.*"
LONGEST = 100  # of a line of code


@dataclass(frozen=True)
class Cell:
    """One cell; `line` is the number of its first line, below the one with the percent signs."""

    markdown: bool
    lines: tuple[str, ...]
    line: int

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")

    @property
    def todo(self) -> str | None:
        """The number of the TODO that is in this cell of code."""
        numbers = [found["number"] for line in self.lines if (found := TODO.match(line))]
        return None if self.markdown or not numbers else numbers[0]

    @property
    def question(self) -> str | None:
        """The number of the question that is in this cell of text."""
        found = QUESTION.search(self.text)
        return found["number"] if self.markdown and found else None

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of the checks that this cell of code calls."""
        return () if self.markdown else tuple(CHECK.findall(self.text))


def cells(text: str) -> list[Cell]:
    """Return the cells of a percent script.

    Errors: UserError for text before the first cell.
    """
    found: list[tuple[bool, int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if start := CELL.match(line):
            found.append((bool(start["markdown"]), number + 1, []))
        elif found:
            found[-1][2].append(line)
        elif line.strip():
            raise UserError(f"line {number}: a lesson begins with `# %%`. Received: {line!r}.")
    return [Cell(markdown, tuple(lines), line) for markdown, line, lines in found]


def exercise(text: str) -> str:
    """Return the script that is handed out: without solutions, answers and hidden tests.

    A solution becomes `raise NotImplementedError("TODO 5.1: ...")`, with the words of its TODO.
    Errors: UserError for a marker without its other half, one inside another, and a solution that
    no TODO or question announces.
    """
    out = []
    region = None  # (what, line number) of the one that is open
    todo = question = None
    for number, line in enumerate(text.splitlines(), start=1):
        if CELL.match(line):
            if region:
                raise UserError(f"line {region[1]}: BEGIN {region[0]} has no END in its cell.")
            todo = question = None
        if found := TODO.match(line):
            todo = found
        elif found := QUESTION.search(line):
            question = found
        marker = MARKER.match(line)
        if not marker:
            if not region:
                out.append(line)
            continue
        edge, what = marker["edge"], marker["what"]
        if edge == "BEGIN" and region:
            raise UserError(
                f"line {number}: BEGIN {what} inside the {region[0]} of line {region[1]}."
            )
        if edge == "END" and (not region or region[0] != what):
            raise UserError(f"line {number}: END {what} has no BEGIN before it.")
        region = (what, number) if edge == "BEGIN" else None
        if edge == "END" or what == "HIDDEN TESTS":
            continue
        if line.lstrip().startswith("# "):
            if not question:
                raise UserError(f"line {number}: no **Question N.a** stands before this answer.")
            out.append(ANSWER)
        elif todo:
            indent = line[: len(line) - len(line.lstrip())]
            out += _still_to_do(indent, todo)
            todo = None
        else:
            raise UserError(f"line {number}: no `# TODO N.M: ...` stands before this solution.")
    if region:
        raise UserError(f"line {region[1]}: BEGIN {region[0]} has no END in its cell.")
    return "\n".join(out) + "\n"


def _still_to_do(indent, todo):
    said = f"TODO {todo['number']}: {todo['text']}".replace('"', "'")
    line = f'{indent}raise NotImplementedError("{said}")'
    if len(line) <= LONGEST:
        return [line]
    middle = f'{indent}    "{said}"'
    if len(middle) > LONGEST:
        raise UserError(
            f"TODO {todo['number']} needs fewer words: its line is over {LONGEST} long."
        )
    return [f"{indent}raise NotImplementedError(", middle, f"{indent})"]


def solved(text: str) -> str:
    """Return the script with its solutions and answers, and without the marks around them."""
    out = []
    for line in text.splitlines():
        marker = MARKER.match(line)
        if not marker:
            out.append(line)
        elif marker["edge"] == "BEGIN" and line.startswith("# "):
            out += ["#", "# **Answer**", "#"]
    return "\n".join(out) + "\n"


def solution(text: str, number: str) -> str:
    """Return the code of one TODO's cell, without markers.

    Errors: UserError for a number that this lesson does not have.
    """
    todos = {cell.todo: cell for cell in cells(solved(text)) if cell.todo}
    if number not in todos:
        raise UserError(f"TODO must be one of {', '.join(todos)}. Received: {number!r}.")
    return todos[number].text
