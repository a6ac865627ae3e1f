"""One row a label: a dot with its interval, or a bar, on a common axis.

Guarantees: rows stay in the table's order; a value that is not a finite number is written as not
measurable; the limit, or whatever the figure says its line is, is dashed with its number above;
each row ends with its own number and n.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.checks import Figure
from tasks.reports import svg
from tasks.wording import numbers

_MOST_ROWS = 24
_WIDEST_LABEL = 168.0
_ROW = 25.0
_LINE = 15.0


@dataclass(frozen=True)
class Row:
    """A label with its value; NaN where there is none."""

    label: str
    value: float
    low: float
    high: float
    n: int | None

    @property
    def known(self) -> bool:
        """Whether there is a value to draw."""
        return math.isfinite(self.value)

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are known."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True)
class _Layout:
    """Where the columns stand, from left to right, and how numbers are written."""

    label: float
    axis: svg.Axis
    value: float
    n: float
    percent: bool
    decimals: int

    def written(self, value: float) -> str:
        return numbers.number(value, percent=self.percent, decimals=self.decimals)


def draw_rows(figure: Figure, frame: pd.DataFrame) -> str:
    """The rows of `frame` (label, value, and perhaps low, high, n) as dots or bars."""
    rows = _rows(frame)
    return draw_bars_or_dots(figure, rows[:_MOST_ROWS], len(rows))


def draw_bars_or_dots(figure: Figure, rows: Sequence[Row], total: int) -> str:
    """The rows given, which are the first of `total`."""
    layout = _layout(figure, rows)
    top = 30.0 if figure.limit is not None else 20.0
    parts, y = [], top
    for row in rows:
        lines = svg.wrapped(row.label, layout.label)
        height = _ROW + (len(lines) - 1) * _LINE
        parts.append(_row(figure, row, lines, y, height, layout))
        y += height
    frame = [*_scale(figure, layout, top, y), *_heads(layout, rows, top)]
    height = y + 24 + (16 if figure.unit else 0) + (20 if total > len(rows) else 0)
    if total > len(rows):
        more = f"The first {len(rows)} of {total:,} rows; the table has the others."
        frame.append(svg.text(0, height - 8, more, size=11.5, colour=svg.MUTED))
    return svg.drawing(figure.title, figure.alt, svg.NARROW, height, [*frame, *parts])


def _rows(frame: pd.DataFrame) -> list[Row]:
    def column(name: str) -> list[float]:
        if name not in frame.columns:
            return [math.nan] * len(frame)
        return [float(x) for x in pd.to_numeric(frame[name], errors="coerce").astype(float)]

    return [
        Row(str(label), value, low, high, int(n) if math.isfinite(n) else None)
        for label, value, low, high, n in zip(
            frame["label"],
            *(column(name) for name in ("value", "low", "high", "n")),
            strict=True,
        )
    ]


def _layout(figure: Figure, rows: Sequence[Row]) -> _Layout:
    known = [row for row in rows if row.known]
    inside = all(0 <= row.value <= 1 for row in known)
    percent = inside and numbers.names_share(figure.unit)
    intervals = [(row.low, row.high) for row in known if row.has_interval]
    places = numbers.interval_decimals(intervals, percent=percent)
    if places is None and all(row.value == int(row.value) for row in known):
        places = 0
    elif places is None:
        places = numbers.shared_decimals([row.value for row in known], percent=percent)
    written = [numbers.number(r.value, percent=percent, decimals=places) for r in known]
    label = min(max((svg.text_width(row.label) for row in rows), default=0), _WIDEST_LABEL)
    counts = [numbers.number(row.n) for row in rows if row.n is not None]
    n_width = max((svg.text_width(count) for count in counts), default=-14) + 14
    value_width = max((svg.text_width(w) for w in written), default=0) + 20
    right = svg.NARROW - n_width - value_width
    ends = [x for row in known for x in (row.value, row.low, row.high) if math.isfinite(x)]
    limits = [figure.limit] if figure.limit is not None else []
    axis = svg.axis_over([*ends, *limits], label + 18, right, from_zero=figure.kind != "intervals")
    return _Layout(label, axis, svg.NARROW - n_width, svg.NARROW, percent, places)


def _scale(figure: Figure, layout: _Layout, top: float, bottom: float) -> Iterator[str]:
    """Faint lines at round values with their numbers below, the unit, and the limit."""
    axis = layout.axis
    places = max(axis.decimals - 2, 0) if layout.percent else axis.decimals
    for tick in axis.ticks:
        x = axis.place(tick)
        words = numbers.number(tick, percent=layout.percent, decimals=places)
        yield svg.line(x, top - 4, x, bottom + 2, svg.GRID, stroke_width=1)
        yield svg.text(x, bottom + 17, words, size=11.5, anchor="middle", colour=svg.MUTED)
    if figure.unit:
        middle = (axis.left + axis.right) / 2
        words = svg.cut(figure.unit, svg.NARROW)
        yield svg.text(middle, bottom + 33, words, size=11.5, anchor="middle", colour=svg.MUTED)
    if figure.limit is not None:
        x = axis.place(figure.limit)
        words = numbers.number(float(figure.limit), percent=layout.percent)
        half = svg.text_width(words, 11.5) / 2
        middle = min(max(x, axis.left + half - 12), axis.right - half + 12)
        yield svg.line(x, top - 8, x, bottom + 2, svg.INK, stroke_width=1.5, stroke_dasharray="4 3")
        yield svg.text(middle, top - 13, words, size=11.5, anchor="middle")


def _heads(layout: _Layout, rows: Sequence[Row], top: float) -> Iterator[str]:
    if any(row.n is not None for row in rows):
        yield svg.text(layout.n, top - 9, "n", size=11.5, anchor="end", colour=svg.MUTED)


def _row(
    figure: Figure, row: Row, lines: list[str], y: float, height: float, layout: _Layout
) -> str:
    middle = y + height / 2
    first = middle - (len(lines) - 1) * _LINE / 2 + 4.5
    words = numbers.estimate(row.value, row.low, row.high, percent=layout.percent)
    parts = [svg.tooltip(f"{row.label}: {words}" + (f", n = {row.n:,}" if row.n else ""))]
    parts += [svg.text(0, first + i * _LINE, part) for i, part in enumerate(lines)]
    if not row.known:
        x = layout.axis.left
        parts.append(
            svg.text(x, middle + 4.5, numbers.NOT_MEASURABLE, colour=svg.MUTED, over_lines=True)
        )
    else:
        parts += _bar(row, middle, layout.axis) if figure.kind != "intervals" else []
        parts += _interval(row, middle, layout.axis, dot=figure.kind == "intervals")
        value = layout.written(row.value)
        parts.append(svg.text(layout.value, middle + 4.5, value, anchor="end", weight=600))
    if row.n is not None:
        count = numbers.number(row.n)
        parts.append(svg.text(layout.n, middle + 4.5, count, anchor="end", colour=svg.MUTED))
    return svg.element("g", "".join(parts))


def _bar(row: Row, middle: float, axis: svg.Axis) -> list[str]:
    start, end = sorted((axis.place(0), axis.place(row.value)))
    style = f"fill:{svg.ACCENT};fill-opacity:.62"
    width = max(end - start, 1)
    return [svg.element("rect", x=start, y=middle - 6, width=width, height=12, rx=1.5, style=style)]


def _interval(row: Row, middle: float, axis: svg.Axis, *, dot: bool) -> list[str]:
    parts = []
    if row.has_interval:
        low, high = axis.place(row.low), axis.place(row.high)
        colour, width = (svg.ACCENT, 2.5) if dot else (svg.INK, 1.5)
        parts.append(svg.line(low, middle, high, middle, colour, stroke_width=width))
        parts += [
            svg.line(x, middle - 4, x, middle + 4, colour, stroke_width=1.5) for x in (low, high)
        ]
    if dot:
        x = axis.place(row.value)
        parts.append(svg.element("circle", cx=x, cy=middle, r=4.5, style=f"fill:{svg.ACCENT}"))
    return parts
