"""A figure as an image inside Markdown, for a page whose style is not ours.

Guarantees: the drawing is the decision page's own, on paper of its own, so that it reads the same
on a light and on a dark page; it is an image, in which nothing runs and from which nothing is
fetched; whatever text the data holds, the image can be read.

Why not inline SVG: Prefect's first UI takes the style attributes away, its second all of SVG. Both
keep an image whose address holds the image itself.
"""

from __future__ import annotations

import base64
import html
import re

import pandas as pd

from tasks.checks import Figure
from tasks.markup import escape
from tasks.reports import svg
from tasks.reports.figures import draw

_SIZE = re.compile(r'<svg [^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"')
_ONLY_ON_A_PAGE = re.compile("<(title|desc)>[^<]*</(title|desc)>")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARGIN = 14.0
_INK = "#1c1d20"


def picture(figure: Figure, frame: pd.DataFrame) -> str:
    """The figure as an image with its text alternative; a sentence where it is empty."""
    drawn = draw(figure, frame)
    size = _SIZE.match(drawn)
    if size is None:
        return escape(html.unescape(drawn.removeprefix("<p>").removesuffix("</p>")))
    image = _on_paper(drawn, float(size[1]) + 2 * _MARGIN, float(size[2]) + 2 * _MARGIN)
    # An image is XML, which a control character in a label would make unreadable.
    encoded = base64.b64encode(_NOT_XML.sub("", image).encode()).decode()
    # As HTML, because Prefect's first UI shows the escapes of Markdown in an image's words.
    words = html.escape(" ".join(_NOT_XML.sub("", figure.alt).split()))
    return f'<img alt="{words}" src="data:image/svg+xml;base64,{encoded}">'


def _on_paper(drawn: str, width: float, height: float) -> str:
    paper = svg.element("rect", width=width, height=height, rx=6, fill="#fff")
    # What a pointer is told on a page, and who reads the page aloud, is nothing in an image.
    shown = _ONLY_ON_A_PAGE.sub("", drawn)
    placed = shown.replace("<svg ", f'<svg x="{_MARGIN:g}" y="{_MARGIN:g}" ', 1)
    return svg.element(
        "svg",
        paper + placed,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        color=_INK,
        fill=_INK,
        font_family="system-ui, sans-serif",
    )
