"""How weak must a slice be for a search of this size to find it?

Guarantees: an answer for independent rows and one weak slice; rows in groups need more.
"""

from __future__ import annotations

import math

from scipy.special import bdtrc

POWER = 0.8
_STEPS = 200


def detectable_ratio(
    halves: tuple[int, int], share: float, rate: float, luck: float, level: float
) -> float | None:
    """The least ratio of error rates that is found in at least 8 of 10 searches; None if no ratio.

    The slice holds `share` of the rows of both `halves` (rows to search, rows to confirm), all
    others are wrong at `rate`. It is found if on the first half it is among the share `luck` of
    slices that noise favours most, and on the second its p value is at most `level`, both by the
    binomial distribution.
    """
    sizes = [round(rows * share) for rows in halves]
    if min(sizes) < 1 or not 0 < rate < 1:
        return None
    needed = [_needed(n, rate, p) for n, p in zip(sizes, (luck, level), strict=True)]
    for step in range(1, _STEPS + 1):
        raised = rate + (1 - rate) * step / _STEPS
        chances = [_at_least(k, n, raised) for k, n in zip(needed, sizes, strict=True)]
        if math.prod(chances) >= POWER:
            return raised / rate
    return None


def _needed(n: int, rate: float, level: float) -> int:
    """The fewest errors of `n` rows whose binomial p value is at most `level`; n + 1 if none."""
    low, high = 0, n + 1
    while low < high:
        middle = (low + high) // 2
        if _at_least(middle, n, rate) <= level:
            high = middle
        else:
            low = middle + 1
    return low


def _at_least(errors: int, n: int, rate: float) -> float:
    if errors <= 0:
        return 1.0
    return float(bdtrc(errors - 1, n, rate)) if errors <= n else 0.0
