"""What a model does to each group of rows, with respect to one class: metrics by group.

Guarantees: the numbers are those of Fairlearn's `MetricFrame` for the same rows, except that what
is undefined is NaN here; a rate has Wilson's interval, anything else the percentile bootstrap.

A row is selected when it is predicted as the class. Rates, with what they are shares of:

* `base_rate`: rows of the class, of all rows;
* `selection_rate`: selected rows, of all rows;
* `true_positive_rate`, `false_negative_rate`: selected, or not selected, rows of those of the
  class;
* `false_positive_rate`, `true_negative_rate`: selected, or not selected, rows of those not of it;
* `precision`: rows of the class, of those selected;
* `accuracy`: rows of the class and selected, or neither, of all rows.

No rates are `f1` and `balanced_accuracy` (mean of the true positive and the true negative rate);
`calibration`, the mean probability less the share of the class, so that 0 is good, a group above
0 is overestimated and one below 0 underestimated; and `calibration_error`, as in `probabilities`.

Where rows are drawn in units (one person's rows), a rate's interval is Wilson's with the effective
number of rows: that of independent rows with the same bootstrap variance (Kish 1965), at most the
number of rows; of a rate of 0 or 1 the number of units. Few units tell their own variance badly, so
that the number is taken down to where the interval is as wide as Student's t would have it (Korn
and Graubard, Survey Methodology 24 (1998) 193); other intervals are stretched by as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tasks.intervals import NORMAL, spread_of_few, wilson
from tasks.metrics.group_sums import FALSE_ALARM, HIT, MISS, OUTCOMES, QUIET, GroupedRows
from tasks.metrics.ranking import Floats, ratio
from tasks.percentiles import percentiles

_ALL = (HIT, FALSE_ALARM, MISS, QUIET)
_OF_CLASS, _NOT_OF_CLASS = (HIT, MISS), (FALSE_ALARM, QUIET)
RATES: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "base_rate": (_OF_CLASS, _ALL),
    "selection_rate": ((HIT, FALSE_ALARM), _ALL),
    "true_positive_rate": ((HIT,), _OF_CLASS),
    "false_negative_rate": ((MISS,), _OF_CLASS),
    "false_positive_rate": ((FALSE_ALARM,), _NOT_OF_CLASS),
    "true_negative_rate": ((QUIET,), _NOT_OF_CLASS),
    "precision": ((HIT,), (HIT, FALSE_ALARM)),
    "accuracy": ((HIT, QUIET), _ALL),
}
"""Of each rate, the counts above and below the line."""
ERRORS_OF_NUMBERS = frozenset({"mae", "mean_error"})
"""Those of estimated numbers, in units of the target: see `group_numbers`."""
_NORMAL = NORMAL.inv_cdf(0.975)
GROUP_METRICS = (*RATES, "f1", "balanced_accuracy", "calibration", "calibration_error")


@dataclass(frozen=True)
class GroupValues:
    """One metric of each group: arrays of one number a group, in the order of `groups`.

    `n` counts the rows that the value hangs on, `above` those above the line of a rate (NaN where
    the metric is none), `units` the independent units that they come from; `effective` is `n` less
    what rows of one unit have in common. `draws` has the value in each replicate, of shape
    (replicates, groups). `by_units`: the spread of the draws is that of units, and is to be
    stretched where they are few.
    """

    metric: str
    groups: tuple[str, ...]
    value: Floats
    low: Floats
    high: Floats
    above: Floats
    n: Floats
    effective: Floats
    units: Floats
    draws: Floats
    by_units: bool

    @property
    def is_rate(self) -> bool:
        """Whether the value is a share of rows."""
        return self.metric in RATES

    @property
    def furthest(self) -> float:
        """The most that two groups can differ by."""
        return math.inf if self.metric in ERRORS_OF_NUMBERS else 1.0

    def trials(self, place: int, critical: float) -> float:
        """The effective rows of a group's rate for an interval of so many standard errors."""
        effective = float(self.effective[place])
        if not self.by_units:
            return effective
        return effective / spread_of_few(float(self.units[place]), critical) ** 2


def group_values(metric: str, rows: GroupedRows) -> GroupValues:
    """`metric` of each group with its 95 % interval; NaN where it is undefined.

    Raises ValueError for an unknown metric.
    """
    if metric not in GROUP_METRICS:
        raise ValueError(f"unknown group metric '{metric}'; known: {', '.join(GROUP_METRICS)}")
    value, draws = metric_of(metric, rows.sums), metric_of(metric, rows.resampled)
    n = _relevant(metric, rows.sums)
    units = n if rows.units is None else np.minimum(_units(metric, rows), n)
    above = np.full(len(n), np.nan)
    effective, by_units = n, rows.units is not None
    if metric in RATES:
        above = _added(rows.sums, RATES[metric][0])
        if by_units:
            effective = _effective(value, draws, n, units)
    low, high = np.zeros(len(n)), np.ones(len(n))
    found = GroupValues(
        metric, rows.names, value, low, high, above, n, effective, units, draws, by_units
    )
    ends = _wilson(found) if found.is_rate else _percentiles(found, rows)
    return replace(found, low=ends[0], high=ends[1])


def metric_of(metric: str, sums: Floats) -> Floats:
    """The metric for sums of shape (..., groups, 4 or 14); NaN where it is undefined."""
    if metric in RATES:
        above, below = RATES[metric]
        return ratio(_added(sums, above), _added(sums, below))
    if metric == "f1":
        twice = 2 * sums[..., HIT]
        return ratio(twice, twice + sums[..., FALSE_ALARM] + sums[..., MISS])
    if metric == "balanced_accuracy":
        rates = (metric_of(name, sums) for name in ("true_positive_rate", "true_negative_rate"))
        return sum(rates, np.zeros(1)) / 2
    gaps = sums[..., OUTCOMES:]
    if not gaps.shape[-1]:
        return np.full(sums.shape[:-1], np.nan)
    total = gaps.sum(axis=-1) if metric == "calibration" else np.abs(gaps).sum(axis=-1)
    return ratio(total, _added(sums, _ALL))


def _added(sums: Floats, places: tuple[int, ...]) -> Floats:
    total: Floats = sum((sums[..., place] for place in places), np.zeros(1))
    return total


def _relevant(metric: str, sums: Floats) -> Floats:
    """The number of rows that the metric hangs on, for each group."""
    if metric in RATES:
        return _added(sums, RATES[metric][1])
    if metric == "f1":
        return _added(sums, _OF_CLASS)
    if metric == "balanced_accuracy":
        return np.minimum(_added(sums, _OF_CLASS), _added(sums, _NOT_OF_CLASS))
    # Without probabilities there is nothing to go by.
    return _added(sums, _ALL) if sums.shape[-1] > OUTCOMES else np.zeros(len(sums))


def _units(metric: str, rows: GroupedRows) -> Floats:
    """The number of units that the metric hangs on, for each group."""

    def with_any(places: tuple[int, ...]) -> Floats:
        return rows.units_with(np.isin(np.arange(rows.sums.shape[-1]), places))

    if metric in RATES:
        return with_any(RATES[metric][1])
    if metric == "balanced_accuracy":
        return np.minimum(with_any(_OF_CLASS), with_any(_NOT_OF_CLASS))
    return with_any(_OF_CLASS if metric == "f1" else _ALL)


def _effective(value: Floats, draws: Floats, n: Floats, units: Floats) -> Floats:
    independent = ratio(value * (1 - value), _variance(draws))
    return np.where(np.isnan(independent) | (independent <= 0), units, np.minimum(independent, n))


def _variance(draws: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        counted = np.isfinite(draws).sum(axis=0)
        mean = np.nansum(draws, axis=0) / counted
        found: Floats = np.nansum((draws - mean) ** 2, axis=0) / counted
    return found


def _wilson(found: GroupValues) -> tuple[Floats, Floats]:
    low, high = found.low.copy(), found.high.copy()
    for group in np.flatnonzero(found.n > 0):
        trials = found.trials(int(group), _NORMAL)
        whole = trials == found.n[group]
        successes = float(found.above[group]) if whole else float(found.value[group]) * trials
        low[group], high[group] = wilson(successes, trials)
    return low, high


def _percentiles(found: GroupValues, rows: GroupedRows) -> tuple[Floats, Floats]:
    """Ends of the intervals; NaN where more than 1 % of the replicates are undefined."""
    value, draws = found.value, found.draws
    low, high = np.full_like(value, np.nan), np.full_like(value, np.nan)
    for group in range(len(value)):
        ends, _ = percentiles(draws[:, group])
        if not np.isfinite(ends[0]) or not np.isfinite(value[group]):
            continue
        low[group], high[group] = ends
        if found.metric == "calibration_error":
            noise = _calibration_noise(rows, group)
            low[group] = max(0.0, value[group] - float(np.nanquantile(noise, 0.975)))
            high[group] = max(value[group], high[group])
        if found.by_units:
            wider = spread_of_few(float(found.units[group]), _NORMAL)
            if math.isinf(wider):
                low[group] = high[group] = math.nan
                continue
            least = -1.0 if found.metric == "calibration" else 0.0
            low[group] = max(least, value[group] - wider * (value[group] - low[group]))
            high[group] = min(1.0, value[group] + wider * (high[group] - value[group]))
    return low, high


def _calibration_noise(rows: GroupedRows, group: int) -> Floats:
    """How far chance moves the group's bins, in each replicate (see `estimates`)."""
    observed, drawn = rows.sums[group], rows.resampled[:, group]
    centre = observed[OUTCOMES:] / max(observed[:OUTCOMES].sum(), 1.0)
    total = drawn[:, :OUTCOMES].sum(axis=1)
    return ratio(np.abs(drawn[:, OUTCOMES:] - total[:, None] * centre).sum(axis=1), total)
