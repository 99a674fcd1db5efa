"""The table of the models, from a file, so that it is there before Keras is.

`python -m benchmarks.models` writes `model_table.json` from the builders.
"""

import json
from pathlib import Path

PATH = Path(__file__).with_suffix(".json")
NOTE = """
year: of the paper; layers: those with weights, as the paper counts them, at 224x224;
parameters: with what BatchNormalization keeps; multiply-adds: of convolutions and dense layers, for
one image. `keras-course models describe NAME` prints the layers of one and draws it."""
SIZES = {"32": "32x32, 10 classes", "224": "224x224, 1000 classes"}


def rows() -> dict[str, dict]:
    """Return year, layers and, for each of SIZES, the counts of each model."""
    return json.loads(PATH.read_text(encoding="utf-8"))["models"]


def text() -> str:
    """Return the table in words: a line for each model, a column for each count."""
    head = f"{'':21}{'':6}{'':>8}" + "".join(f"{words:>28}" for words in SIZES.values())
    names = f"{'model':21}{'year':6}{'layers':>8}" + f"{'parameters':>14}{'multiply-adds':>14}" * 2
    lines = [head, names]
    for name, row in rows().items():
        counts = "".join(
            f"{short(row[size]['parameters']):>14}{short(row[size]['multiply_adds']):>14}"
            for size in SIZES
        )
        lines.append(f"{name:21}{row['year'] or '-':<6}{row['layers']:>8}{counts}")
    return "\n".join([*lines, NOTE])


def short(number: float) -> str:
    """Return a count with three digits: 271,098 as "271k", 41,000,000 as "41.0M"."""
    number = float(f"{number:.3g}")  # 999,999 is 1.00M
    thousands = 0
    while number >= 1000:
        number, thousands = number / 1000, thousands + 1
    return f"{number:#.3g}".rstrip(".") + ["", "k", "M", "G"][thousands]
