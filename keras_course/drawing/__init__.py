"""The drawing of a network, for a slide: a box for the map that each step makes.

From left to right the image becomes logits. A box is as high as its map is large and as wide as it
has channels, both by their square roots; colours tell the kernels apart. Within a box, what stands
from left to right happens one after another, what stands one above the other side by side. A line
over a box is a shortcut, "×3" three such boxes in a row.
"""

import itertools

import keras
import matplotlib.colors
from matplotlib import patches
from matplotlib.figure import Figure

from keras_course import architecture, plots
from keras_course.drawing.layout import DEPTH, MARGIN, SIGN, TALLEST, WIDTH, place
from keras_course.drawing.outline import outline

LINE = 1.4 / 72  # inches from line to line, for each point of a letter's height
LIGHT, BLUE, DARK = "#A9D1EA", "#4697CE", "#00558A"  # plots.BLUE in three steps
COLORS = {
    "image": "#BBBBBB",
    "1×1 convolution": LIGHT,
    "3×3 convolution": BLUE,
    "larger convolution": DARK,
    "pooling": plots.ORANGE,
    "upsampling": plots.PURPLE,
    "dense": plots.GREEN,
}
SIGNS = {"add": "+", "concat": "c", "": ""}
WORDS = {"add": "shortcut, added", "concat": "shortcut, concatenated"}
INK, FAINT, RULE = "#222222", "#707070", "#DDDDDD"
ROWS = ("layers", "map", "channels", "sees, pixels")


@plots.styled
def draw(model: keras.Model) -> Figure:
    """Draw a network with one input, up to its first output.

    Errors: UserError for layers that `receptive_field.views` does not know, and open image sizes.
    """
    drawn = outline(model)
    font, columns = place(drawn)
    lines = max(column.texts[0].count("\n") for column in columns) + 1
    floor = 0.85 + (lines + len(ROWS) - 1 + 0.6 * len(ROWS)) * font * LINE  # of the tallest box
    middle, height = floor + TALLEST / 2, floor + TALLEST * (1 + DEPTH) + 1.3
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    _title(axes, model, height - 0.4)
    _table(axes, columns, floor - 0.2, font, lines)
    _legend(axes, drawn, 0.32)
    for before, after in itertools.pairwise(columns):
        _arrow(axes, (before.right + before.depth, middle), (after.left, middle), FAINT)
    for column in columns:
        box, top = column.box, _box(axes, column, middle)
        if box.join:
            top += 0.1
            _line_over(axes, column.entry, column.exit, middle, top, box.join)
        if box.times > 1:
            center = (column.left + column.right + column.depth) / 2
            _text(axes, center, top + 0.13, f"×{box.times}", font + 2, ha="center", weight="bold")
    for source, target, join in drawn.skips:
        start = columns[source]
        begin = start.right + start.depth + (2 * SIGN + 0.12 if start.box.join else 0.08)
        top = middle + start.height / 2 + start.depth + 0.1
        if target < len(columns):
            end = columns[target].entry
        else:  # behind the last box, and behind the sign of its own shortcut
            end = columns[-1].exit + 3 * SIGN * bool(columns[-1].box.join)
        _line_over(axes, begin, end, middle, top, join)
    return figure


def _text(axes, x, y, words, size, color=INK, **options):
    axes.text(x, y, words, size=size, color=color, **{"va": "center", **options})


def _title(axes, model, y):
    total = architecture.total(architecture.rows(model))
    image = architecture.size(model.inputs[0].shape[1:]).replace("x", "×")
    words = (
        f"image {image}   ·   {architecture.depth(model)} layers   ·   "
        f"{total.parameters:,} parameters   ·   {total.multiply_adds:,} multiply-adds"
    )
    _text(axes, MARGIN, y, model.name, 20, weight="bold")
    _text(axes, MARGIN, y - 0.36, words, 12, FAINT)
    _text(
        axes, WIDTH - MARGIN, y, "height: size of the map, width: channels", 10, FAINT, ha="right"
    )


def _table(axes, columns, y, font, lines):
    line = font * LINE
    for number, name in enumerate(ROWS):
        if number == 1:
            axes.plot([MARGIN, WIDTH - MARGIN], [y + 0.25 * line] * 2, color=RULE, lw=1)
        y -= line
        _text(axes, MARGIN, y, name, max(font, 8), FAINT, va="baseline")
        for column in columns:
            center = (column.left + column.right + column.depth) / 2
            for below, words in enumerate(column.texts[number].split("\n")):
                _text(axes, center, y - below * line, words, font, ha="center", va="baseline")
        y -= (0.6 + (0 if number else lines - 1)) * line


def _legend(axes, drawn, y):
    kinds = {_kind(step) for box in drawn.boxes for branch in box.branches for step in branch}
    joins = {box.join for box in drawn.boxes} | {join for *_, join in drawn.skips}
    x = MARGIN
    for name, color in COLORS.items():
        if name in kinds:
            axes.add_patch(patches.Rectangle((x, y - 0.07), 0.2, 0.14, color=color))
            _text(axes, x + 0.27, y, name, 10)
            x += 0.55 + len(name) * 10 * 0.52 / 72
    for join, words in WORDS.items():
        if join in joins:
            _sign(axes, x + SIGN, y, join)
            _text(axes, x + 0.27, y, words, 10)
            x += 0.55 + len(words) * 10 * 0.52 / 72


def _box(axes, column, middle):
    """Draw a box, its front with the layers in it, its top and its side; return its upper end."""
    box, left, right, depth = column.box, column.left, column.right, column.depth
    shares = [max(branch[-1].channels, 0.13 * box.channels) for branch in box.branches]
    top = middle + column.height / 2
    for number, (branch, share) in enumerate(zip(box.branches, shares, strict=True)):
        bottom = top - column.height * share / sum(shares)
        width = (right - left) / len(branch)
        for before, step in enumerate(branch):
            x, color = left + before * width, COLORS[_kind(step)]
            _face(axes, (x, bottom), (x + width, bottom), (0, top - bottom), color)
            if not number:
                _face(axes, (x, top), (x + width, top), (depth, depth), _mixed(color, 1, 0.45))
        _face(axes, (right, bottom), (right, top), (depth, depth), _mixed(color, 0, 0.22))
        top = bottom
    return middle + column.height / 2 + depth


def _face(axes, start, end, away, color):
    """Draw a parallelogram: from one corner to the next, and from both by `away`."""
    far = [(x + away[0], y + away[1]) for x, y in (end, start)]
    axes.add_patch(patches.Polygon([start, end, *far], fc=color, ec="white", lw=0.7, zorder=2))


def _kind(step):
    """Return the name in COLORS."""
    if step.kind != "convolution":
        return {"up": "upsampling"}.get(step.kind, step.kind)
    sizes = {1: "1×1 convolution", 2: "3×3 convolution", 3: "3×3 convolution"}
    return sizes.get(step.kernel, "larger convolution")


def _mixed(color, other, share):
    """Return a colour with a share of white (1) or black (0)."""
    return [(1 - share) * part + share * other for part in matplotlib.colors.to_rgb(color)]


def _arrow(axes, start, end, color, **options):
    style = patches.ArrowStyle("-|>", head_width=2.2, head_length=4)
    options = {"arrowstyle": style, "shrinkA": 0, "shrinkB": 0, "lw": 1, "zorder": 1, **options}
    axes.add_patch(patches.FancyArrowPatch(start, end, color=color, **options))


def _line_over(axes, start, end, y, top, join):
    """Draw a shortcut from a point of the line, over what is between, to the sign that ends it."""
    axes.plot(start, y, "o", ms=3, color=plots.RED, zorder=4)
    axes.plot([start, start, end], [y, top, top], color=plots.RED, lw=1.4, zorder=3)
    _arrow(axes, (end, top), (end, y + SIGN), plots.RED, lw=1.4, zorder=3)
    _sign(axes, end, y, join)


def _sign(axes, x, y, join):
    axes.add_patch(patches.Circle((x, y), SIGN, fc="white", ec=plots.RED, lw=1.2, zorder=4))
    bold = {"weight": "bold", "ha": "center", "va": "center_baseline", "zorder": 5}
    _text(axes, x, y - 0.005, SIGNS[join], 9, plots.RED, **bold)
