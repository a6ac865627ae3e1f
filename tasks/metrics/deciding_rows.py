"""How many rows of each group would decide whether two groups differ by more than a limit?

An answer at the values as they are, which more rows would move: it says what order of size is
needed, not what the rows will show. The extreme pair is looked at, with the critical value of all
pairs, and as many rows of the one as of the other.
"""

from __future__ import annotations

import math
from typing import Literal

from tasks.intervals import katz, newcombe
from tasks.metrics.simultaneous import Comparison, level_of

Kind = Literal["difference", "ratio"]
MOST = 10_000_000
"""Rows beyond which a number of them would say nothing."""


def rows_of_each_group(found: Comparison, kind: Kind, limit: float) -> int | None:
    """About how many rows of each group leave the limit outside of the interval.

    None where the value is the limit itself, where there is none, or where it takes more than ten
    million. Always more than the smallest group has.
    """
    estimate = found.largest_difference if kind == "difference" else found.smallest_ratio
    distance = abs(estimate.value - limit)
    if not distance > 0:
        return None
    smallest = int(min(found.values.n[place] for place in found.places))
    if found.values.is_rate:
        rows = _of_rates(found, kind, limit)
    else:
        above = estimate.value > limit
        half = estimate.value - estimate.low if above else estimate.high - estimate.value
        needed = estimate.n * (half / distance) ** 2
        rows = math.ceil(needed) if needed <= MOST else None
    return None if rows is None else max(rows, smallest + 1)


def _of_rates(found: Comparison, kind: Kind, limit: float) -> int | None:
    values = found.values
    pair = (found.highest, found.lowest) if kind == "difference" else (found.lowest, found.highest)
    critical = found.critical if kind == "difference" else found.critical_of_ratio
    if math.isnan(critical):
        return None
    first, second = (float(values.value[place]) for place in pair)
    value = first - second if kind == "difference" else first / second
    # What a row of a unit counts as, beside an independent one.
    worth = min(values.trials(place, critical) / float(values.n[place]) for place in pair)
    interval = newcombe if kind == "difference" else katz

    def clears(rows: int) -> bool:
        trials = rows * worth
        low, high = interval(first * trials, trials, second * trials, trials, level_of(critical))
        return low > limit if value > limit else high < limit

    if not worth > 0 or not clears(MOST):
        return None
    low, high = 1, MOST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if clears(middle) else (middle + 1, high)
    return low
