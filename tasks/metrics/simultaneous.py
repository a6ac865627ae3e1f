"""How far groups differ from each other, with intervals that hold for all pairs at once.

Guarantees: a gap is not made to look surer by choosing, after looking, the two groups that are
furthest apart: the 95 % is the chance that the intervals of *all* pairs of the compared groups
hold together, so that any pair may be picked, and any group be the one to compare with.

Critical value: the 95th percentile, over the bootstrap, of the largest of all pairs' deviations,
each in units of its standard error (sup-t band: Montiel Olea and Plagborg-Møller, Journal of
Applied Econometrics 34 (2019) 1; of all pairs it is Tukey's range method with the groups' own
variances). It is never below the normal 1.96, and exactly that for two groups, where there is
nothing to choose. With it in the place of 1.96, a difference of rates has Newcombe's interval and
a ratio Katz's, which stay sensible for rates near 0 and counts of 0; where rows are drawn in units
they take the effective numbers of rows. Anything that is no rate has the value plus and minus the
critical value times its standard error, on the log scale for a ratio. Few units tell their variance
badly: their intervals are stretched as Student's t would have it (`spread_of_few`).

The largest difference of all is at least the largest lower end, and at most the largest upper end,
whenever the pairs' intervals hold; so these are its interval. Likewise the smallest ratio.

Not for a handful of rows a group: below the project's `min_support` groups are not compared.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tasks.intervals import NORMAL, Estimate, katz, newcombe, spread_of_few
from tasks.metrics.group_metrics import GroupValues
from tasks.metrics.ranking import Floats
from tasks.percentiles import MAX_UNDEFINED_SHARE

Ends = tuple[float, float]
METHOD = "simultaneous over all pairs"
_LARGEST_LOG = 700.0
"""Beyond it the exponential of a spread overflows."""


@dataclass(frozen=True)
class Comparison:
    """The groups at `places` of one metric against each other.

    `highest` and `lowest` are places among the groups of `values`. `critical` and
    `critical_of_ratio` are NaN where the groups cannot be compared: where in more than 1 % of the
    replicates (`undefined_share`) some group has no value.
    """

    values: GroupValues
    places: tuple[int, ...]
    highest: int
    lowest: int
    critical: float
    critical_of_ratio: float
    undefined_share: float

    @property
    def has_ratio(self) -> bool:
        """Whether a ratio of two values means anything: not of numbers around 0."""
        return self.values.metric not in ("calibration", "mean_error")

    def difference(self, one: int, other: int) -> Estimate:
        """The value of one group less that of the other."""
        return self._estimate(one, other, _difference)

    def ratio(self, one: int, other: int) -> Estimate:
        """The value of one group over that of the other; NaN where that is 0."""
        return self._estimate(one, other, _ratio)

    @cached_property
    def largest_difference(self) -> Estimate:
        """Highest less lowest; its interval is that of the largest difference of any two."""
        ends = [
            end
            for one, other in itertools.combinations(self.places, 2)
            for low, high in [_difference(self, one, other)]
            for end in ((low, high), (-high, -low))
        ]
        found = self.difference(self.highest, self.lowest)
        low, high = (max(side) for side in zip(*ends, strict=True))
        return replace(found, low=max(low, 0.0), high=high)

    @cached_property
    def smallest_ratio(self) -> Estimate:
        """Lowest over highest; its interval is that of the smallest ratio of any two."""
        ends = [_ratio(self, *pair) for pair in itertools.permutations(self.places, 2)]
        found = self.ratio(self.lowest, self.highest)
        low, high = (min(side) for side in zip(*ends, strict=True))
        return replace(found, low=low, high=min(high, 1.0))

    def _estimate(
        self, one: int, other: int, interval: Callable[[Comparison, int, int], Ends]
    ) -> Estimate:
        values = self.values
        first, second = float(values.value[one]), float(values.value[other])
        value = first - second
        if interval is _ratio:
            value = first / second if second else math.nan
        low, high = interval(self, one, other)
        return Estimate(
            value=value,
            low=low,
            high=high,
            n=int(min(values.n[one], values.n[other])),
            undefined_share=self.undefined_share,
            method=METHOD,
        )


def compare(values: GroupValues, places: Sequence[int]) -> Comparison | None:
    """The groups at `places` against each other; None with fewer than two of them."""
    if len(places) < 2:
        return None
    chosen = list(places)
    points, draws = values.value[chosen], values.draws[:, chosen]
    ordered = sorted(chosen, key=lambda place: (-values.value[place], values.groups[place]))
    defined = np.isfinite(draws).all(axis=1)
    share = float(1 - defined.mean())
    usable = share <= MAX_UNDEFINED_SHARE and bool(np.isfinite(points).all())
    deviations = draws[defined] - points
    positive = points > 0
    return Comparison(
        values=values,
        places=tuple(chosen),
        highest=ordered[0],
        lowest=ordered[-1],
        critical=critical_value(deviations) if usable else math.nan,
        critical_of_ratio=critical_value(deviations[:, positive] / points[positive])
        if usable
        else math.nan,
        undefined_share=share,
    )


def critical_value(deviations: Floats, level: float = 0.95) -> float:
    """How many standard errors each way hold all pairs' differences at once.

    `deviations` has one replicate a row and one group a column, each less its own value.
    """
    normal = NORMAL.inv_cdf(0.5 + level / 2)
    groups = deviations.shape[1]
    if groups < 3:
        return normal
    largest = np.zeros(len(deviations))
    for place in range(groups - 1):
        differences = deviations[:, place : place + 1] - deviations[:, place + 1 :]
        errors = differences.std(axis=0)
        known = errors > 0
        if known.any():
            scaled = np.abs(differences[:, known]) / errors[known]
            np.maximum(largest, scaled.max(axis=1), out=largest)
    return max(normal, float(np.quantile(largest, level)))


def _difference(found: Comparison, one: int, other: int) -> Ends:
    values, critical = found.values, found.critical
    if math.isnan(critical):
        return math.nan, math.nan
    if values.is_rate:
        counts = *_counts(values, one, critical), *_counts(values, other, critical)
        return newcombe(*counts, level_of(critical))
    value = float(values.value[one] - values.value[other])
    spread = _stretched(values, one, other, critical) * float(
        np.nanstd(values.draws[:, one] - values.draws[:, other])
    )
    furthest = values.furthest
    return max(value - spread, -furthest), min(value + spread, furthest)


def _ratio(found: Comparison, one: int, other: int) -> Ends:
    values, critical = found.values, found.critical_of_ratio
    if math.isnan(critical):
        return math.nan, math.nan
    if values.is_rate:
        counts = *_counts(values, one, critical), *_counts(values, other, critical)
        return katz(*counts, level_of(critical))
    first, second = float(values.value[one]), float(values.value[other])
    if first <= 0 or second <= 0:
        return 0.0, math.inf
    relative = values.draws[:, one] / first - values.draws[:, other] / second
    spread = _stretched(values, one, other, critical) * float(np.nanstd(relative))
    factor = math.exp(min(spread, _LARGEST_LOG))
    return first / second / factor, first / second * factor


def _stretched(values: GroupValues, one: int, other: int, critical: float) -> float:
    """The critical value, or where units are drawn the wider one that the fewer of them ask for."""
    if not values.by_units:
        return critical
    units = float(min(values.units[one], values.units[other]))
    return critical * spread_of_few(units, critical)


def _counts(values: GroupValues, place: int, critical: float) -> tuple[float, float]:
    """Successes and trials of a rate, in effective rows."""
    n = values.trials(place, critical)
    if n == values.n[place]:
        return float(values.above[place]), n
    return float(values.value[place]) * n, n


def level_of(critical: float) -> float:
    """The level of a single normal interval of that many standard errors each way."""
    return 2 * NORMAL.cdf(critical) - 1
