"""The solutions with their outputs, as pages to read: what each lesson looks like when it is done.

Every lesson is run from top to bottom by a notebook's kernel. Formulas become MathML, which
browsers show without a network.
"""

import re
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from keras_course import files
from keras_course.lessons import handout, notebook, source
from keras_course.lessons.lesson import Lesson
from keras_course.report import pages

SECONDS = 900  # for a cell
WIDGET = "application/vnd.jupyter.widget-view+json"
DISPLAYED, INLINE = re.compile(r"\$\$(.+?)\$\$", re.DOTALL), re.compile(r"(?<!\\)\$([^$\n]+?)\$")


def gallery(solutions: Path, folder: Path, only: Collection[int] | None = None) -> Iterator[Path]:
    """Write a page for each lesson, then an index; yield each path when it is there.

    Errors: nbclient's CellExecutionError for a lesson that does not run.
    """
    texts = handout.texts(solutions, only)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / f"{name}.html"
        files.write_text(path, _page(name, text))
        yield path
    lessons = [Lesson.of(name, text) for name, text in texts.items()]
    path = folder / "index.html"
    files.write_text(path, _index(lessons))
    yield path


def executed(name: str, text: str):
    """Return a lesson's notebook with its outputs, run in an empty folder."""
    import nbclient
    import nbformat

    made = nbformat.reads(notebook.notebook(text, name), as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = nbclient.NotebookClient(made, timeout=SECONDS, resources=resources)
        return client.execute(stderr=subprocess.DEVNULL)  # the kernel's; a cell's is in the page


def _page(name, text):
    from nbconvert import HTMLExporter

    made = executed(name, source.solved(text))
    # Bars that showed progress are over, and a page would fetch from the network what draws them.
    made.metadata.pop("widgets", None)
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
        else:
            cell.outputs = [each for each in cell.outputs if WIDGET not in each.get("data", {})]
    exporter = HTMLExporter(
        template_name="classic", mathjax_url="", require_js_url="", jquery_url=""
    )
    body, _ = exporter.from_notebook_node(made, {"metadata": {"name": name}})
    return body


def with_mathml(markdown: str) -> str:
    """Return the text with each formula between dollars as MathML."""
    from latex2mathml.converter import convert

    text = DISPLAYED.sub(lambda found: convert(found[1].strip(), display="block"), markdown)
    return INLINE.sub(lambda found: convert(found[1]), text)


def _index(lessons):
    rows = "".join(
        f'<li><a href="{pages.escape(lesson.name)}.html">{lesson.number} '
        f"{pages.escape(lesson.title)}</a>, {pages.escape(lesson.on_slides)}</li>"
        for lesson in lessons
    )
    title = "The lessons, solved"
    lead = "Each solution with what it prints and draws."
    return pages.page(title, pages.heading(title, lead), f"<section><ul>{rows}</ul></section>")
