"""What there is to say about a network: the table of its layers, and a drawing."""

from pathlib import Path

import keras

from keras_course import architecture, drawing, plots, receptive_field

HEAD = ("layer", "type", "output", "receptive field", "parameters", "multiply-adds")


def describe(model: keras.Model, folder: Path) -> str:
    """Return the layers of a network in words, and write the drawing `<name>.png` into a folder.

    Errors: UserError for layers that `receptive_field.views` does not know, and open image sizes.
    """
    text = table(model)
    path = folder / f"{model.name}.png"
    folder.mkdir(parents=True, exist_ok=True)
    plots.save(drawing.draw(model), path)
    return f"{text}\nDrawing: {path}"


def table(model: keras.Model) -> str:
    """Return a line for each layer and operation: output size, receptive field, parameters ..."""
    rows = architecture.rows(model)
    fields = receptive_field.receptive_fields(model)
    lines = [HEAD]
    for row in rows:
        field = fields[row.name]
        seen = "all" if field is None else architecture.size(field)
        counts = (f"{count:,}" if count else "" for count in (row.parameters, row.multiply_adds))
        lines.append((row.name, row.kind, row.output, seen, *counts))
    total = architecture.total(rows)
    depth = f"{architecture.depth(model)} layers with weights on the longest path"
    lines.append(("total", total.kind, "", "", f"{total.parameters:,}", f"{total.multiply_adds:,}"))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        "  ".join(
            word.ljust(width) if place < 3 else word.rjust(width)
            for place, (word, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([*aligned, f"{model.name}: {depth}"])
