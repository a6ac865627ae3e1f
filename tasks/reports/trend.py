"""Error rates over the last runs as small lines, a tag a row, all on one scale.

Guarantees: a rate that is not known is left out, never drawn as 0; each row begins and ends with
its own numbers; runs stand in the same place in every row.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from tasks.reports import svg
from tasks.wording import numbers

_LABEL = 150.0
_LEFT, _RIGHT = 212.0, 376.0
_ROW = 52.0
_TOP = 4.0
_LINE = 15.0


def draw_trend(title: str, frame: pd.DataFrame) -> str:
    """The rows of a `tag_trend` as SVG, 440 wide; tags in the table's order."""
    runs = frame.drop_duplicates("run").sort_values("run")
    places = {run: _place(position, len(runs)) for position, run in enumerate(runs["run"])}
    ends = frame[["error_rate", "error_rate_high"]].to_numpy(dtype=float)
    highest = max([float(end) for end in ends[pd.notna(ends)]], default=1.0) or 1.0
    tags = list(dict.fromkeys(frame["tag"]))
    parts = [
        _row(str(tag), frame[frame["tag"] == tag], places, highest, _TOP + position * _ROW)
        for position, tag in enumerate(tags)
    ]
    bottom = _TOP + len(tags) * _ROW
    days = [str(started)[:10] for started in runs["started"]]
    for anchor, place, day in (("start", _LEFT, days[0]), ("end", _RIGHT, days[-1])):
        parts.append(svg.text(place, bottom + 14, day, size=11.5, anchor=anchor, colour=svg.MUTED))
    alt = "; ".join(_told(str(tag), frame[frame["tag"] == tag]) for tag in tags)
    return svg.drawing(title, f"{alt}.", svg.NARROW, bottom + 22, parts)


def _row(tag: str, rows: pd.DataFrame, places: dict[Any, float], highest: float, top: float) -> str:
    def height(rate: float) -> float:
        return top + _ROW - 8 - rate / highest * (_ROW - 14)

    points, marks = [], [svg.tooltip(_told(tag, rows))]
    base = height(0.0)
    marks.append(svg.line(_LEFT, base, _RIGHT, base, svg.GRID, stroke_width=1))
    for row in rows.to_dict("records"):
        rate, low, high = (float(row[f"error_rate{end}"]) for end in ("", "_low", "_high"))
        if not math.isfinite(rate):
            continue
        x = places[row["run"]]
        points.append((x, height(rate), rate))
        if math.isfinite(low) and math.isfinite(high):
            line = svg.line(x, height(low), x, height(high), svg.ACCENT, stroke_width=1.5)
            marks.append(line)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    style = f"fill:none;stroke:{svg.ACCENT};stroke-width:2"
    marks.append(svg.element("polyline", points=path, style=style))
    for x, y, _ in points:
        marks.append(svg.element("circle", cx=x, cy=y, r=3.5, style=f"fill:{svg.ACCENT}"))
    middle, lines = top + _ROW / 2 + 5, svg.wrapped(tag, _LABEL)
    above = middle - (len(lines) - 1) * _LINE / 2
    marks += [svg.text(0, above + i * _LINE, words) for i, words in enumerate(lines)]
    if points:
        first, last = points[0], points[-1]
        marks.append(svg.text(_LEFT - 12, middle, _percent(first[2]), anchor="end"))
        marks.append(svg.text(svg.NARROW, middle, _percent(last[2]), anchor="end", weight=600))
    return svg.element("g", "".join(marks))


def _told(tag: str, rows: pd.DataFrame) -> str:
    first, last = rows.iloc[0], rows.iloc[-1]
    then = str(first["started"])[:10]
    return (
        f"{tag}: {_percent(first['error_rate'])} of {int(first['n']):,} rows on {then}, "
        f"{_percent(last['error_rate'])} of {int(last['n']):,} in the last of {len(rows)} runs"
    )


def _place(position: int, runs: int) -> float:
    return _LEFT + 6 + position * (_RIGHT - _LEFT - 12) / max(runs - 1, 1)


def _percent(rate: Any) -> str:
    return numbers.number(float(rate), percent=True)
