"""The report in a real browser, at the width of a telephone and of a desktop."""

import html
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from keras_course import training
from keras_course.recipes import Recipe
from keras_course.report import report

WIDTHS = (390, 1280)  # pixels
HEIGHT = 900
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
)

# The page twice, side by side. Once all is loaded and every fold is open, the title says for each:
# width of the content, width of the window, images that could not be shown.
WRAPPER = """<!doctype html><meta charset="utf-8">
<body style="margin: 0; white-space: nowrap">{frames}<script>
onload = () => {{
  document.title = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument
    page.querySelectorAll("details").forEach(fold => fold.open = true)
    const broken = [...page.images].filter(image => !image.naturalWidth).length
    return [page.documentElement.scrollWidth, frame.clientWidth, broken].join(" ")
  }}).join(", ")
}}
</script></body>"""

pytestmark = pytest.mark.skipif(
    not BROWSER, reason="no chromium, chromium-browser or google-chrome on this machine"
)


def browse(folder, page, *options):
    """Open the page at both widths; return what the browser printed and what it logged."""
    frames = "".join(
        f'<iframe style="border: 0; width: {width}px; height: {HEIGHT}px" '
        f'srcdoc="{html.escape(page)}"></iframe>'
        for width in WIDTHS
    )
    (folder / "wrapper.html").write_text(WRAPPER.format(frames=frames), encoding="utf-8")
    done = subprocess.run(
        [
            BROWSER,
            *FLAGS,
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={sum(WIDTHS)},{HEIGHT}",
            *options,
            (folder / "wrapper.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def measure(folder, page):
    """Return (content width, window width, broken images) at each width, and console messages."""
    dom, console = browse(folder, page, "--dump-dom")
    title = re.search("<title>(.*?)</title>", dom)[1]  # the wrapper's: those in srcdoc are escaped
    return [tuple(map(int, each.split())) for each in title.split(", ")], console


@pytest.fixture(scope="module")
def page(splits, tmp_path_factory):
    """A report with a long data set name and a long class name in it."""
    folder = tmp_path_factory.mktemp("run")
    recipe = Recipe(dataset="folder:/" + "long" * 40, model="simple_cnn", batch_size=32, epochs=1)
    splits = splits._replace(class_names=("red", "green", "b" + "l" * 80 + "ue"))
    run = training.test(training.fit(recipe, folder, splits=splits), splits=splits)
    return report(run, splits=splits).read_text(encoding="utf-8")


def test_the_report_fits_both_widths_shows_all_images_and_logs_nothing(page, tmp_path):
    measured, console = measure(tmp_path, page)
    assert measured == [(width, width, 0) for width in WIDTHS]
    assert console == []


def test_the_report_is_not_blank(page, tmp_path):
    picture = tmp_path / "screenshot.png"
    browse(tmp_path, page, f"--screenshot={picture}")
    pixels = np.asarray(Image.open(picture).convert("RGB"))
    assert pixels.shape == (HEIGHT, sum(WIDTHS), 3)
    for part in (pixels[:, : WIDTHS[0]], pixels[:, WIDTHS[0] :]):
        assert len(np.unique(part.reshape(-1, 3), axis=0)) > 200
        assert (part == (10, 79, 125)).all(-1).mean() > 0.005  # the tile of the test accuracy


def test_the_measure_sees_what_is_wrong(tmp_path):
    wrong = '<div style="width: 500px">wide</div><img src="data:image/png;base64,no" alt="no">'
    measured, console = measure(tmp_path, wrong + "<script>console.error('oh')</script>")
    assert measured[0][0] > WIDTHS[0]
    assert [broken for *_, broken in measured] == [1, 1]
    assert len(console) == 2 and "oh" in console[0]
