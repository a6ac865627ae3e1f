"""Told probability against what happened: a curve with intervals beside the diagonal.

Guarantees: both axes run from 0 to 1 and are equally long, so that the diagonal is where
probabilities are right; each bin is a dot with its interval and, below, a bar of how many rows it
has; nothing is told by colour alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.checks import Figure
from tasks.reports import svg
from tasks.wording import numbers

_LEFT, _TOP, _SIDE = 52.0, 26.0, 372.0
_BARS = 40.0
_GAP = 26.0
_STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class _Bin:
    """A dot of the curve; both ends of the interval are NaN where it is not known."""

    told: float
    observed: float
    low: float
    high: float
    n: int


def draw_reliability(figure: Figure, frame: pd.DataFrame) -> str:
    """The bins of `frame` (mean_probability, observed and its ends, n) in their order."""
    columns = ["mean_probability", "observed", "observed_low", "observed_high", "n"]
    values = frame[columns].apply(pd.to_numeric, errors="coerce").astype(float)
    bins = [
        _Bin(told, observed, low, high, int(n) if math.isfinite(n) else 0)
        for told, observed, low, high, n in values.itertuples(index=False, name=None)
        if math.isfinite(told) and math.isfinite(observed)
    ]
    bottom = _TOP + _SIDE
    height = bottom + _GAP + _BARS + (36 if figure.unit else 20)
    parts = [*_frame(figure, bottom), *_curve(bins), *_counts(bins, bottom + _GAP)]
    return svg.drawing(figure.title, figure.alt, svg.NARROW, height, parts)


def _across(value: float) -> float:
    return _LEFT + min(max(value, 0.0), 1.0) * _SIDE


def _up(value: float) -> float:
    return _TOP + (1 - min(max(value, 0.0), 1.0)) * _SIDE


def _frame(figure: Figure, bottom: float) -> Iterator[str]:
    """Faint lines at the quarters with their numbers, the diagonal, and what the axes are."""
    for step in _STEPS:
        words = numbers.number(step, percent=True, decimals=0)
        x, y = _across(step), _up(step)
        yield svg.line(x, _TOP, x, bottom, svg.GRID, stroke_width=1)
        yield svg.line(_LEFT, y, _LEFT + _SIDE, y, svg.GRID, stroke_width=1)
        yield svg.text(x, bottom + 16, words, size=11.5, anchor="middle", colour=svg.MUTED)
        yield svg.text(_LEFT - 7, y + 4, words, size=11.5, anchor="end", colour=svg.MUTED)
    ends = (_across(0), _up(0), _across(1), _up(1))
    yield svg.line(*ends, svg.INK, stroke_width=1.5, stroke_dasharray="4 3")
    yield svg.text(0, 12, "share where it happened", size=11.5, colour=svg.MUTED)
    x, y = _across(0.86), _up(0.86) - 7
    words = svg.text(x, y, "told = happened", size=11.5, anchor="middle", over_lines=True)
    yield svg.turned(words, x, y, -45)
    if figure.unit:
        unit = svg.cut(figure.unit, svg.NARROW)
        y = bottom + _GAP + _BARS + 28
        yield svg.text(_across(0.5), y, unit, size=11.5, anchor="middle", colour=svg.MUTED)


def _curve(bins: Sequence[_Bin]) -> Iterator[str]:
    places = [(_across(one.told), _up(one.observed)) for one in bins]
    for (x1, y1), (x2, y2) in itertools.pairwise(places):
        yield svg.line(x1, y1, x2, y2, svg.ACCENT, stroke_width=1.5)
    for one, (x, y) in zip(bins, places, strict=True):
        words = numbers.estimate(one.observed, one.low, one.high, percent=True)
        told = numbers.number(one.told, percent=True)
        parts = [svg.tooltip(f"told {told} on average, happened {words}, n = {one.n:,}")]
        if math.isfinite(one.low) and math.isfinite(one.high):
            low, high = _up(one.low), _up(one.high)
            parts.append(svg.line(x, low, x, high, svg.ACCENT, stroke_width=2.5))
            parts += [
                svg.line(x - 4, end, x + 4, end, svg.ACCENT, stroke_width=1.5)
                for end in (low, high)
            ]
        parts.append(svg.element("circle", cx=x, cy=y, r=4.5, style=f"fill:{svg.ACCENT}"))
        yield svg.element("g", "".join(parts))


def _counts(bins: Sequence[_Bin], top: float) -> Iterator[str]:
    """How many rows each bin has, as bars from one base line, the tallest with its number."""
    most = max((one.n for one in bins), default=0)
    if not most:
        return
    base = top + _BARS
    yield svg.text(_LEFT - 7, base - 2, "rows", size=11.5, anchor="end", colour=svg.MUTED)
    yield svg.line(_LEFT, base, _LEFT + _SIDE, base, svg.MUTED, stroke_width=1)
    style = f"fill:{svg.ACCENT};fill-opacity:.62"
    for one in bins:
        tall = max((_BARS - 14) * one.n / most, 1.0)
        x = _across(one.told)
        yield svg.element("rect", x=x - 9, y=base - tall, width=18, height=tall, style=style)
        count = numbers.number(one.n)
        yield svg.text(x, base - tall - 3, count, size=11, anchor="middle", over_lines=True)
