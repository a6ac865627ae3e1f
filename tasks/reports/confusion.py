"""What was taken for what: a heat table of counts and shares of each actual class.

Guarantees: every cell says its count and its share in words, and what was right is framed, so that
shading and colour only underline; of more than 12 classes the largest confusions are drawn as bars
instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import pandas as pd

from tasks.checks import Figure
from tasks.reports import svg
from tasks.reports.rows import Row, draw_bars_or_dots
from tasks.wording import numbers

_MOST_CLASSES = 12
_LARGEST = 12
_AXES = "rows: actual, columns: predicted"
_WIDEST_LABEL = 112.0
_SMALL = 11.5


@dataclass(frozen=True)
class _Grid:
    """Where the cells stand: left and top edge, and their size."""

    left: float
    top: float
    width: float
    height: float


def draw_confusion(figure: Figure, frame: pd.DataFrame) -> str:
    """The counts of `frame` (actual, predicted, count), classes in the table's order.

    `figure.unit` says what rows and columns are where they are not the actual and predicted class.
    """
    counts = {
        (str(actual), str(predicted)): int(count) if math.isfinite(float(count)) else 0
        for actual, predicted, count in zip(
            frame["actual"], frame["predicted"], frame["count"], strict=True
        )
    }
    classes = list(dict.fromkeys([pair[0] for pair in counts] + [pair[1] for pair in counts]))
    if len(classes) > _MOST_CLASSES:
        return _largest_confusions(figure, counts, len(classes))
    return _heat_table(figure, counts, classes)


def _largest_confusions(figure: Figure, counts: Mapping[tuple[str, str], int], classes: int) -> str:
    wrong = sorted(
        ((pair, count) for pair, count in counts.items() if pair[0] != pair[1] and count),
        key=lambda item: (-item[1], item[0]),
    )
    rows = [
        Row(
            f"{svg.cut(actual, 140)} → {svg.cut(predicted, 140)}",
            float(count),
            math.nan,
            math.nan,
            None,
        )
        for (actual, predicted), count in wrong[:_LARGEST]
    ]
    if not rows:
        return f"<p>{escape(figure.title)}: no row was taken for another class.</p>"
    unit = f"actual → predicted, the {len(rows)} largest among {classes} classes"
    return draw_bars_or_dots(replace(figure, kind="bars", unit=unit), rows, len(rows))


def _heat_table(figure: Figure, counts: Mapping[tuple[str, str], int], classes: list[str]) -> str:
    width = svg.NARROW if len(classes) <= 7 else svg.NARROW + 48.0 * (len(classes) - 7)
    label = min(max(svg.text_width(name) for name in classes), _WIDEST_LABEL)
    totals = {a: sum(counts.get((a, p), 0) for p in classes) for a in classes}
    total_width = max(svg.text_width(f"{total:,}") for total in totals.values()) + 14
    left = label + 12
    cell = min((width - left - total_width) / len(classes), 120.0)
    turned = any(svg.text_width(name) > cell - 4 for name in classes)
    slope = label * 0.6 + 10 if turned else 0.0
    grid = _Grid(left, 20 + (slope or 20), cell, 44.0)
    bottom = grid.top + grid.height * len(classes)
    parts = [
        *_headers(grid, classes, figure.unit or _AXES, turned=turned),
        *(part for i, name in enumerate(classes) for part in _line(grid, i, name, counts, classes)),
    ]
    return svg.drawing(figure.title, figure.alt, width, bottom + 6, parts)


def _headers(grid: _Grid, classes: list[str], axes: str, *, turned: bool) -> Iterator[str]:
    right = grid.left + grid.width * len(classes)
    yield svg.text(0, 11, axes, size=11.5, colour=svg.MUTED)
    yield svg.text(right + 12, grid.top - 8, "n", size=11.5, colour=svg.MUTED)
    y = grid.top - (6 if turned else 8)
    for i, name in enumerate(classes):
        x = grid.left + grid.width * (i + 0.5)
        words = svg.text(x, y, svg.cut(name, _WIDEST_LABEL), anchor="start" if turned else "middle")
        yield svg.element(
            "g", svg.tooltip(name) + (svg.turned(words, x, y, -36) if turned else words)
        )


def _line(
    grid: _Grid,
    row: int,
    actual: str,
    counts: Mapping[tuple[str, str], int],
    classes: list[str],
) -> Iterator[str]:
    y = grid.top + grid.height * row
    total = sum(counts.get((actual, predicted), 0) for predicted in classes)
    label = svg.cut(actual, _WIDEST_LABEL)
    yield svg.element("g", svg.tooltip(actual) + svg.text(0, y + grid.height / 2 + 4.5, label))
    for column, predicted in enumerate(classes):
        count = counts.get((actual, predicted), 0)
        share = count / total if total else 0.0
        x = grid.left + grid.width * column
        yield _cell(grid, x, y, count, share if total else None, actual, predicted)
    x = grid.left + grid.width * len(classes) + 12
    yield svg.text(x, y + grid.height / 2 + 4.5, f"{total:,}", colour=svg.MUTED)


def _cell(
    grid: _Grid, x: float, y: float, count: int, share: float | None, actual: str, predicted: str
) -> str:
    written = numbers.NOTHING if share is None else f"{share:.0%}"
    colour = svg.ACCENT if actual == predicted else svg.WARM
    shade = f"fill:{colour};fill-opacity:{0.05 + 0.42 * (share or 0):.2f}"
    middle, centre = x + grid.width / 2, y + grid.height / 2
    # What was right has a frame, so that hits and errors are told apart without colour.
    frame: dict[str, Any] = {"x": x + 1, "y": y + 1, "rx": 2, "style": shade}
    frame |= {"width": grid.width - 2, "height": grid.height - 2}
    frame |= {"stroke": svg.INK, "stroke_width": 1.5} if actual == predicted else {}
    box = svg.element("rect", **frame)
    shown = [box, svg.tooltip(f"{actual} predicted as {predicted}: {count:,} ({written})")]
    ink = svg.INK if count else svg.MUTED
    weight = 600 if actual == predicted else 400
    shown.append(
        svg.text(middle, centre - 1, f"{count:,}", anchor="middle", colour=ink, weight=weight)
    )
    shown.append(svg.text(middle, centre + 14, written, size=_SMALL, anchor="middle", colour=ink))
    return svg.element("g", "".join(shown))
