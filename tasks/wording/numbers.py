"""How a number is written: three to four significant digits, percent for shares, intervals.

Guarantees: nothing that is not a finite number is written as one; a number that differs from its
limit is written so that it differs; a number other than 0 is never written as 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tasks.checks import Check

NOT_MEASURABLE = "not measurable"
NOTHING = "–"
_MOST_DECIMALS = 6
_PLACES = 3
_SHARE = re.compile(r"\b(share|rate)s?\b")
_NO_SHARE = re.compile(r"%|\b(ratio|difference|gap|points?|percent|percentage|per|ms|mb)\b")


@dataclass(frozen=True)
class Written:
    """The numbers of a check as text; an absent one is empty."""

    value: str
    interval: str
    limit: str
    n: str


def number(value: object, *, percent: bool = False, decimals: int | None = None) -> str:
    """A value as text; `decimals` fixes the places after the point, in percent where asked."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return NOTHING
    if isinstance(value, int) and not percent:
        return f"{value:,}"
    if not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value):
        return NOT_MEASURABLE
    scaled = value * 100 if percent else value
    return _digits(scaled, decimals) + ("%" if percent else "")


def estimate(
    value: float, low: float, high: float, *, percent: bool = False, decimals: int | None = None
) -> str:
    """A value with its interval: `0.42 [0.36, 0.49]`, as precise as the interval is narrow."""
    if not math.isfinite(value):
        return NOT_MEASURABLE
    places = interval_decimals([(low, high)], percent=percent) if decimals is None else decimals
    written = number(value, percent=percent, decimals=places)
    return f"{written} {interval(low, high, percent=percent, decimals=places)}".rstrip()


def interval(low: float, high: float, *, percent: bool = False, decimals: int | None = None) -> str:
    """The two ends in brackets; empty where an end is unknown."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    places = interval_decimals([(low, high)], percent=percent) if decimals is None else decimals
    ends = (number(end, percent=percent, decimals=places) for end in (low, high))
    return f"[{', '.join(ends)}]"


def interval_decimals(
    intervals: Iterable[tuple[float, float]], *, percent: bool = False
) -> int | None:
    """Places that give the median width two digits; None where there is no finite interval.

    One place more where an end of an interval would else be written as 0.
    """
    scale = 100 if percent else 1
    known = [(low * scale, high * scale) for low, high in intervals if math.isfinite(high - low)]
    widths = [high - low for low, high in known if high > low]
    if not widths:
        return None
    places = min(max(1 - math.floor(math.log10(median(widths))), 0), _MOST_DECIMALS)
    vanishes = any(end and not round(end, places) for ends in known for end in ends)
    return places + 1 if vanishes else places


def shared_decimals(values: Iterable[float], *, percent: bool = False) -> int:
    """Places that give the largest of the values three digits, for numbers in one column."""
    sizes = [abs(value) for value in values if math.isfinite(value) and value]
    if not sizes:
        return 0
    size = max(sizes) * (100 if percent else 1)
    return min(max(2 - math.floor(math.log10(size)), 0), 4)


def names_share(name: str) -> bool:
    """Whether a title or a column's name says that its numbers are shares of something."""
    words = name.replace("_", " ").lower()
    return bool(_SHARE.search(words)) and not _NO_SHARE.search(words)


def check_numbers(check: Check) -> Written:
    """The numbers of a check, all in the same unit and with the same precision."""
    ends = check.interval or ()
    known = [x for x in (check.value, check.limit, *ends) if isinstance(x, int | float)]
    share = check.unit == "share" or names_share(check.title)
    percent = share and all(0 <= x <= 1 for x in known if math.isfinite(x))
    places = interval_decimals([check.interval], percent=percent) if check.interval else None
    limit = number(check.limit, percent=percent) if check.limit is not None else ""
    value = number(check.value, percent=percent, decimals=places)
    if _look_alike(check, value, number(check.limit, percent=percent, decimals=places)):
        places = next(
            (p for p in range((places or 0) + 1, 9) if _differ(check, p, percent=percent)), places
        )
        value = number(check.value, percent=percent, decimals=places)
    return Written(
        value="" if check.value is None else value,
        interval=interval(*check.interval, percent=percent, decimals=places)
        if check.interval
        else "",
        limit=limit,
        n="" if check.n is None else number(int(check.n)),
    )


def _look_alike(check: Check, value: str, limit: str) -> bool:
    numeric = isinstance(check.value, float) and isinstance(check.limit, int | float)
    return numeric and check.value != check.limit and value == limit


def _differ(check: Check, decimals: int, *, percent: bool) -> bool:
    value, limit = (
        number(x, percent=percent, decimals=decimals) for x in (check.value, check.limit)
    )
    return value != limit


def _digits(value: float, decimals: int | None) -> str:
    """`value` with `decimals` places, or with three significant digits (four from 1,000 on)."""
    size = abs(value)
    if decimals is None:
        if size == 0 or (size < 1e15 and value == int(value)):
            return f"{int(value):,}"
        if size < 1e-4:
            return _scientific(value)
        return f"{value:,.0f}" if size >= 999.5 else f"{float(f'{value:.3g}'):g}"
    written = f"{value:,.{decimals}f}"
    if size and not float(written.replace(",", "")):
        return _digits(value, None)
    return written


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.2g}".split("e") if "e" in f"{value:.2g}" else (f"{value:g}", "0")
    return f"{mantissa}e{int(exponent)}"


def signed(
    difference: float, low: float | None, high: float | None, places: int | None = None
) -> str:
    """A difference with its interval, where it has one: `+0.021 [+0.004, +0.038]`."""
    if low is None or high is None:
        return f"{difference:+.{places or _PLACES}f}"
    places = shown_decimals([(low, high)]) if places is None else places
    return f"{difference:+.{places}f} [{low:+.{places}f}, {high:+.{places}f}]"


def shown_decimals(intervals: Sequence[tuple[float, float]]) -> int:
    """At least three places, more where the intervals are narrow."""
    return max(interval_decimals(intervals) or 0, _PLACES)
