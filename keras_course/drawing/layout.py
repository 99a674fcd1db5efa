"""Where the boxes of a drawing stand: as large as the width of a slide and readable words allow."""

import math
from typing import NamedTuple

from keras_course.drawing.outline import Box, Outline

# Inches.
WIDTH = 13.33  # of a slide of 16:9
MARGIN, ROW_NAMES = 0.4, 0.95  # at the edges; of the names of the rows
TALLEST, WIDEST, SLIM = 2.3, 0.85, 0.14  # of the boxes; of poolings and dense layers
DEPTH = 0.15  # of a box, as a share of its height
SCALES = (1, 0.85, 0.7, 0.55, 0.4)  # of widths and gaps, where there are many boxes
SIGN = 0.085  # the radius of a plus
FONTS = [size / 2 for size in range(24, 8, -1)]  # points: the largest that fits
READABLE = 9  # points: before letters become smaller, boxes do
LETTER = 0.64 / 72  # inches for each point of a letter's height


class Column(NamedTuple):
    """Where a box stands, and what is written under it. Inches from the left."""

    box: Box
    left: float
    right: float  # of the front; the side is `depth` more
    height: float
    depth: float
    entry: float  # where a shortcut leaves the line in front of the box, or a long one joins it
    texts: tuple[str, ...]  # one for each of ROWS

    @property
    def exit(self) -> float:
        """Where a shortcut over the box joins the line behind it."""
        return self.right + self.depth + SIGN + 0.06


def place(drawn: Outline) -> tuple[float, list[Column]]:
    """Return the size of the letters and the columns, which fill the width of the slide."""
    room = WIDTH - 2 * MARGIN - ROW_NAMES
    choices = [(scale, font) for scale in SCALES for font in FONTS if font >= READABLE]
    choices += [(SCALES[-1], font) for font in FONTS if font < READABLE]
    for scale, font in choices:  # the last one is taken where nothing fits
        parts = _parts(drawn, scale, font)
        taken = sum(map(sum, parts))
        if taken <= room:
            break
    shrink = min(1, room / taken)
    free = max(0, room - taken)
    between = min(0.5, free / len(parts))
    left = MARGIN + ROW_NAMES + (free - between * len(parts)) / 2
    placed = []
    for box, (before, width, depth, behind) in zip(drawn.boxes, parts, strict=True):
        left += shrink * before + between / 2
        entry = left - (0.1 if box.join else SIGN + 0.12)
        right = left + shrink * width
        height = _height(box, drawn)
        placed.append(Column(box, left, right, height, shrink * depth, entry, _texts(box)))
        left = right + shrink * (depth + behind) + between / 2
    return font, placed


def _parts(drawn, scale, font):
    """Return what each column takes: before the front of its box, front, side, and behind."""
    targets = {target for _, target, _ in drawn.skips}
    sources = {source for source, _, _ in drawn.skips}
    parts, gap = [], 0.03 + 0.1 * scale
    for number, box in enumerate(drawn.boxes):
        before = gap + 0.14 * bool(box.join) + 3 * SIGN * (number in targets)
        ends = bool(box.join) + (number + 1 == len(drawn.boxes) and number + 1 in targets)
        behind = gap + 3 * SIGN * ends + 0.1 * (number in sources)
        width, depth = _width(box, drawn, scale), scale * DEPTH * _height(box, drawn)
        letters = max(len(line) for text in _texts(box) for line in text.split("\n"))
        beside = (letters * font * LETTER + 0.08 - width - depth) / 2  # what the words need there
        parts.append((max(before, beside), width, depth, max(behind, beside)))
    return parts


def _height(box, drawn):
    if not box.size:  # a list of numbers
        return 0.35 + 0.9 * min(1, box.channels / 4096) ** 0.5
    largest = max(math.prod(box.size) for box in drawn.boxes)
    return max(0.3, TALLEST * (math.prod(box.size) / largest) ** 0.25)


def _width(box, drawn, scale):
    kinds = {step.kind for branch in box.branches for step in branch}
    if not box.size or not kinds & {"convolution", "up"}:
        return SLIM
    most = max(box.channels for box in drawn.boxes if box.size)
    steps = max(len(branch) for branch in box.branches)
    return max(0.2, 0.14 * steps, scale * WIDEST * (box.channels / most) ** 0.5)


def _texts(box):
    if len(box.branches) == 1:
        steps = [str(step) for step in box.branches[0]]
    else:  # of a branch its largest kernel says enough; the others have their colour
        steps = [
            f"pool, {branch[-1].channels}"
            if branch[0].kind == "pooling"
            else str(max(branch, key=lambda step: step.kernel))
            for branch in box.branches
        ]
    if len(steps) == 1 and not steps[0][0].isdigit():
        steps = steps[0].split(" ", 1)  # what it does, and how
    field = "all" if box.field is None else _size(box.field)
    return "\n".join(steps), _size(box.size), f"{box.channels}", field


def _size(sides):
    return "×".join(map(str, sides))
