"""Write the tables of docs/results into the documents that show them.

    python -m benchmarks.tables

A document says where: between the lines `<!-- table: NAME -->` and `<!-- end -->` stands what
`python -m benchmarks.NAME --show` prints. `<!-- table: NAME PART ... -->` is for some parts of it.
The page of the exercises, which says how long each takes, is made anew as well.
"""

import importlib
import json
import re
from pathlib import Path

from keras_course import files
from keras_course.lessons import handout

ROOT = Path(__file__).parents[1]
PAGES = ("speed", "lessons", "search", "gpu")
DOCUMENTS = (ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in PAGES))
PLACE = re.compile(r"<!-- table: ([\w ]+) -->\n.*?<!-- end -->", re.DOTALL)


def written(text: str) -> str:
    """Return a document with the tables of today's results."""
    return PLACE.sub(
        lambda found: f"<!-- table: {found[1]} -->\n{of(found[1])}\n<!-- end -->", text
    )


def of(name: str) -> str:
    """Return the Markdown of a benchmark's results: of all, or of the parts in the name."""
    name, *parts = name.split()
    benchmark = importlib.import_module(f"benchmarks.{name}")
    return benchmark.table(json.loads(benchmark.RESULTS.read_text(encoding="utf-8")), *parts)


def main() -> None:
    for path in DOCUMENTS:
        files.write_text(path, written(path.read_text(encoding="utf-8")))
        print(path.relative_to(ROOT))
    solutions = ROOT / "solutions"
    handout.build(solutions, ROOT / "exercises", minutes=handout.measured_minutes(ROOT))


if __name__ == "__main__":
    main()
