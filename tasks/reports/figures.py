"""A figure as inline SVG, drawn from the table that holds its numbers.

Guarantees: the same table gives the same bytes; what cannot be measured is said, not drawn; an
empty table gives a sentence; every drawing carries its text alternative and follows the colours
of the page. Drawings are 440 units wide, so that their words can be read on a telephone.
"""

from __future__ import annotations

from html import escape

import pandas as pd

from tasks.checks import Figure
from tasks.reports.confusion import draw_confusion
from tasks.reports.reliability import draw_reliability
from tasks.reports.rows import draw_rows


def draw(figure: Figure, frame: pd.DataFrame) -> str:
    """The figure as SVG; a paragraph where the table is empty.

    `frame` has the columns that `Figure` asks for its kind. Of more than 24 rows the first 24 are
    drawn, of more than 12 classes the largest confusions; the drawing says so.
    """
    if frame.empty:
        return f"<p>{escape(figure.title)}: there is nothing to draw, the table is empty.</p>"
    if figure.kind == "confusion":
        return draw_confusion(figure, frame)
    return (draw_reliability if figure.kind == "reliability" else draw_rows)(figure, frame)
