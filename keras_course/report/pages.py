"""HTML pages that are one file: style and pictures inside, nothing fetched, no script.

Every function returns HTML; words given to it are words, and are escaped here. Text and pictures
fit a telephone and a desktop; what is wider scrolls in its own box.
"""

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

LARGEST = 128  # pixels of a thumbnail's longer side

STYLE = """
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; background: #f4f5f7; color: #1c2430;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; }
main { max-width: 1040px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: clamp(1.5rem, 5vw, 2.1rem); line-height: 1.2; margin: 8px 0 4px; }
h2 { font-size: 1.25rem; margin: 0 0 8px; }
h3 { font-size: 1.02rem; margin: 20px 0 8px; }
p { margin: 0 0 12px; max-width: 46em; }
section { background: #fff; border: 1px solid #dfe3e8; border-radius: 10px; padding: 20px;
  margin-top: 16px; }
.lead { font-size: 1.08rem; color: #3d4856; }
.note { border-left: 4px solid #e69f00; background: #fff7e6; padding: 10px 14px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin-top: 16px; }
.tile { background: #fff; border: 1px solid #dfe3e8; border-radius: 10px; padding: 12px 16px; }
.tile:first-child { background: #0a4f7d; border-color: #0a4f7d; color: #fff; }
.tile b { display: block; font-size: 1.5rem; line-height: 1.3; }
.tile span { display: block; font-size: .85rem; opacity: .85; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .9rem; min-width: 60%; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid #e6e9ed;
  vertical-align: top; overflow-wrap: normal; }
th { color: #5a6675; font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 4px 24px;
  margin: 0; }
dl div { display: flex; justify-content: space-between; gap: 12px; padding: 4px 0;
  border-bottom: 1px solid #e6e9ed; }
dt { color: #5a6675; white-space: nowrap; } dd { margin: 0; text-align: right; font-weight: 600; }
figure { margin: 0; }
figcaption { font-size: .8rem; line-height: 1.3; color: #3d4856; padding-top: 4px;
  white-space: pre-line; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr));
  gap: 16px; margin: 12px 0; }
.pictures img { width: 100%; max-width: 480px; height: auto; display: block; margin: 0 auto; }
.wide img { display: block; width: 100%; min-width: 520px; max-width: 780px; height: auto; }
.thumbnails { display: grid; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr));
  gap: 12px 10px; }
.thumbnails img { width: 100%; height: auto; display: block; border-radius: 3px; }
.pixels { image-rendering: pixelated; }
summary { cursor: pointer; color: #0a4f7d; font-weight: 600; padding: 6px 0; }
footer { color: #5a6675; font-size: .85rem; padding: 16px 4px; }
@media (max-width: 480px) {
  section { padding: 16px 14px; }
  .tile { padding: 10px 12px; }
  .tile b { font-size: 1.25rem; }
  .thumbnails { grid-template-columns: repeat(auto-fill, minmax(66px, 1fr)); gap: 8px; }
}
@media print { body { background: #fff; } section { break-inside: avoid-page; border: 0; } }
"""

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
"""
TAIL = """
</main>
</body>
</html>
"""


def escape(words: object) -> str:
    return html.escape(str(words))


def page(title: str, *parts: str) -> str:
    """Return the whole document. The policy in its head forbids it to fetch or run anything."""
    return HEAD.format(title=escape(title), style=STYLE) + "\n".join(parts) + TAIL


def heading(title: str, lead: str) -> str:
    return f'<header><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p></header>'


def section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def subtitle(words: str) -> str:
    return f"<h3>{escape(words)}</h3>"


def paragraph(words: str) -> str:
    return f"<p>{escape(words)}</p>"


def note(words: str) -> str:
    """Return a paragraph that nobody should overlook."""
    return f'<p class="note">{escape(words)}</p>'


def footer(words: str) -> str:
    return f"<footer>{escape(words)}</footer>"


def tiles(values: Iterable[tuple[str, str, str]]) -> str:
    """Return the key figures (name, value, comment), the first one set off."""
    each = (
        f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b>'
        f"<span>{escape(comment)}</span></div>"
        for name, value, comment in values
    )
    return f'<div class="tiles">{"".join(each)}</div>'


def pairs(values: dict[str, object]) -> str:
    """Return names with their values."""
    each = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in values.items()
    )
    return f"<dl>{''.join(each)}</dl>"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table: numbers to the right, None as a dash."""
    numeric = [
        all(isinstance(row[column], int | float | None) for row in rows)
        for column in range(len(header))
    ]

    def line(tag, cells):
        each = (
            f"<{tag}{' class=number' if right else ''}>{escape(_cell(cell))}</{tag}>"
            for cell, right in zip(cells, numeric, strict=True)
        )
        return f"<tr>{''.join(each)}</tr>"

    body = "".join(line("td", row) for row in rows)
    head = line("th", header)
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def _cell(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value


def details(summary: str, *parts: str) -> str:
    """Return parts that a click shows."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def image(png: bytes, description: str) -> str:
    """Return a picture, given as the bytes of a PNG file; the description is read aloud."""
    data = base64.b64encode(png).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(description)}">'


def pictures(*images: str) -> str:
    """Return pictures side by side where there is room, one below the other where there is not."""
    return f'<div class="pictures">{"".join(images)}</div>'


def wide(image: str) -> str:
    """Return a picture whose words would be too small on a telephone: it scrolls in its box."""
    return f'<div class="scroll wide">{image}</div>'


def thumbnails(images: Sequence[np.ndarray], captions: Sequence[str]) -> str:
    """Return small images (height, width, 3 or 1), uint8, with a caption each."""
    each = (
        f"<figure>{_thumbnail(pixels, caption)}<figcaption>{escape(caption)}</figcaption></figure>"
        for pixels, caption in zip(images, captions, strict=True)
    )
    return f'<div class="thumbnails">{"".join(each)}</div>'


def _thumbnail(pixels, caption):
    picture = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
    enlarged = max(picture.size) <= 64
    picture.thumbnail((LARGEST, LARGEST))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    tag = image(buffer.getvalue(), caption)
    return tag.replace("<img", '<img class="pixels"', 1) if enlarged else tag
