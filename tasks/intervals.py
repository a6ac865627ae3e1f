"""Intervals and tests for rates and for differences of rates: numbers in, numbers out.

Guarantees: no randomness; limits lie within what the quantity can be; where there is nothing to
go by (no rows) an interval is the whole range, never a point. All intervals are two-sided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from scipy.special import bdtr, stdtrit

NORMAL = NormalDist()
_BISECTIONS = 60


# A bootstrap of fewer groups understates its own uncertainty (Cameron, Gelbach and Miller,
# Review of Economics and Statistics 90 (2008) 414).
MIN_GROUPS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A metric with its two-sided 95 % interval.

    `n` is the number of rows that the value rests on (for a rate: its denominator).
    `undefined_share` is the share of bootstrap replicates in which the metric was undefined;
    above 1 % both ends of the interval are NaN. `value` is NaN where the metric is undefined.
    """

    value: float
    low: float
    high: float
    n: int
    undefined_share: float = 0.0
    method: str = "bootstrap"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How much better the candidate is than another model, in the unit of the metric.

    `level` is that of the two-sided interval.

    Positive means that the candidate is better, also where lower values of the metric are.
    `discordant` counts the rows that tell the two apart (None where the metric does not look at
    predicted labels). `p_value` is McNemar's exact two-sided p (None where it does not apply);
    `p_loss` the one-sided p of "the candidate loses no more than the margin" (None if not asked).
    """

    value: float
    low: float
    high: float
    n: int
    method: str
    undefined_share: float = 0.0
    discordant: int | None = None
    p_value: float | None = None
    p_loss: float | None = None
    level: float = 0.95


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a rate; (0, 1) where `n` is 0, because nothing is known.

    Wilson, JASA 22 (1927) 209. Rows must be independent: not for rows in groups, unless `n` is the
    effective number of rows, which need not be whole.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return 0.0, 1.0
    z = _quantile(level)
    rate = successes / n
    centre = rate + z * z / (2 * n)
    spread = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # The exact ends, which rounding would miss by 1e-17.
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == n else (centre + spread) / scale
    return low, high


def tango(b: int, c: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Tango's score interval of the paired difference of two rates, (b - c) / n.

    `b` counts the rows that only the first model has right, `c` those that only the second has
    right, `n` all rows. (-1, 1) where `n` is 0. Tango, Statistics in Medicine 17 (1998) 891.
    Rows must be independent: not for rows in groups.
    """
    if n == 0:
        return -1.0, 1.0
    z = _quantile(level)
    value = (b - c) / n
    low = _crossing(lambda delta: tango_statistic(b, c, n, delta) - z, -1.0, value)
    high = _crossing(lambda delta: tango_statistic(b, c, n, delta) + z, value, 1.0)
    return low, high


def tango_statistic(b: int, c: int, n: int, delta: float) -> float:
    """Tango's score statistic of "the paired difference is `delta`": about standard normal.

    Falls as `delta` rises, and is 0 at the observed difference. Its variance uses the rate of `c`
    that is most likely under `delta` (the positive root of a quadratic, Tango 1998, eq. 9).
    """
    if b < 0 or c < 0 or b + c > n:
        raise ValueError(f"{b} and {c} discordant rows of {n}")
    linear = -b - c + (2 * n - b + c) * delta
    constant = -c * delta * (1 - delta)
    root = math.sqrt(max(linear * linear - 8 * n * constant, 0.0))
    # Of the two forms of the root, the one that does not subtract nearly equal numbers.
    rate_c = (root - linear) / (4 * n) if linear <= 0 else -2 * constant / (root + linear)
    variance = n * (2 * rate_c + delta * (1 - delta))
    distance = b - c - n * delta
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def mcnemar_exact(b: int, c: int) -> float:
    """McNemar's exact two-sided p of "neither model is better": 1 where no row is discordant.

    McNemar, Psychometrika 12 (1947) 153, by the binomial distribution of `b` among `b + c`.
    """
    return min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5))) if b + c else 1.0


def spread_of_few(units: float, critical: float) -> float:
    """By how much a standard error from a bootstrap of `units` units is to be stretched.

    So many normal standard errors as `critical` become those of Student's t with one degree of
    freedom less than units, and the bootstrap's variance, which divides by the units and not by
    one less, is put right. Infinite for a single unit, from which nothing can be told.
    """
    if units < 2:
        return math.inf
    quantile = float(stdtrit(units - 1, NORMAL.cdf(critical)))
    return quantile / critical * math.sqrt(units / (units - 1))


def newcombe(
    successes_a: float, n_a: float, successes_b: float, n_b: float, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the difference rate a - rate b of two independent groups.

    Hybrid of two Wilson intervals: Newcombe, Statistics in Medicine 17 (1998) 873, method 10.
    (-1, 1) where a group is empty. Numbers may be effective ones, as for `wilson`.
    """
    if n_a == 0 or n_b == 0:
        return -1.0, 1.0
    a, b = successes_a / n_a, successes_b / n_b
    low_a, high_a = wilson(successes_a, n_a, level)
    low_b, high_b = wilson(successes_b, n_b, level)
    return a - b - math.hypot(a - low_a, high_b - b), a - b + math.hypot(high_a - a, b - low_b)


def katz(
    successes_a: float, n_a: float, successes_b: float, n_b: float, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the ratio rate a / rate b of two independent groups, on the log scale.

    Katz and others, Biometrics 34 (1978) 469. Where a count is 0, half a success is added to each
    (Walter, Biometrika 62 (1975) 371); the lower end is then 0 without a success in a, the upper
    end infinite without one in b. (0, inf) where a group is empty.
    """
    if n_a == 0 or n_b == 0:
        return 0.0, math.inf
    extra = 0.5 if successes_a == 0 or successes_b == 0 else 0.0
    a, b, of_a, of_b = successes_a + extra, successes_b + extra, n_a + extra, n_b + extra
    centre = math.log(a / of_a) - math.log(b / of_b)
    spread = _quantile(level) * math.sqrt(max(1 / a - 1 / of_a + 1 / b - 1 / of_b, 0.0))
    low = math.exp(centre - spread) if successes_a else 0.0
    high = math.exp(centre + spread) if successes_b else math.inf
    return low, high


def difference_of_rates(successes_a: int, n_a: int, successes_b: int, n_b: int) -> Estimate:
    """Rate a - rate b of two independent groups, by `newcombe`; NaN where a group is empty.

    `n` is the size of the smaller group, on which the estimate hangs.
    """
    value = successes_a / n_a - successes_b / n_b if n_a and n_b else math.nan
    low, high = newcombe(successes_a, n_a, successes_b, n_b)
    return Estimate(value=value, low=low, high=high, n=min(n_a, n_b), method="newcombe")


def ratio_of_rates(successes_a: int, n_a: int, successes_b: int, n_b: int) -> Estimate:
    """Rate a / rate b of two independent groups, by `katz`; NaN where it is undefined.

    The value is undefined where a group is empty or b has no success. `n` is the size of the
    smaller group.
    """
    defined = bool(n_a and n_b and successes_b)
    value = (successes_a / n_a) / (successes_b / n_b) if defined else math.nan
    low, high = katz(successes_a, n_a, successes_b, n_b)
    return Estimate(value=value, low=low, high=high, n=min(n_a, n_b), method="katz")


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given (Scand. J. Statistics 6 (1979) 65).

    An adjusted value at or below a level is significant at that level for the family as a whole,
    whatever depends on what. Raises ValueError for a value that is no probability.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p values must lie in [0, 1]: {list(p_values)}")
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval lies between 0 and 1, and is {level}")
    return NORMAL.inv_cdf(0.5 + level / 2)


def _crossing(falling: Callable[[float], float], left: float, right: float) -> float:
    """Where `falling` changes its sign, by bisection; an end where it does not."""
    for _ in range(_BISECTIONS):
        middle = (left + right) / 2
        if falling(middle) > 0:
            left = middle
        else:
            right = middle
    return (left + right) / 2
