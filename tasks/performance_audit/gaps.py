"""How far do groups of rows differ in what the model does to them?

Guarantees: every number is shown with its interval and its rows, beside the share of the class in
the labels of the same rows; the largest difference and the smallest ratio of two groups are judged
against the project's limits, with intervals that hold for all pairs of groups at once, so that
picking the extreme pair does not flatter; a group that is too small to judge says how many rows it
has and needs, and is left out of the comparison. What has to be many enough are independent units:
forty rows of four people are four. `gap_limits` judges what is measured here.

The metrics are those of `tasks.metrics.group_metrics`, of a class (by default the positive one),
or where a number is estimated those of `group_numbers`, and the intervals those of
`tasks.metrics.simultaneous`.

The difference is the highest value less the lowest, so it is never negative and small is good; the
ratio is the lowest over the highest, so it is at most one and large is good, whichever group has
which. The four-fifths rule (29 CFR 1607.4 D) is a ratio of 0.8 of the *favourable* outcome. Where
the positive class is the harm (a denial), name the favourable class under `class`: the ratio of
90 % to 80 % approved passes, that of 10 % to 20 % denied does not.

A calibration error is shown for each group and never compared: it is biased upwards, the more the
fewer rows a group has. Compare `calibration`, the mean probability less the share of the class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.conditions import Mask
from tasks.intervals import MIN_GROUPS, Estimate
from tasks.metrics.deciding_rows import Kind, rows_of_each_group
from tasks.metrics.group_metrics import GroupValues, group_values
from tasks.metrics.group_numbers import NumberRows, number_values
from tasks.metrics.group_sums import GroupedRows
from tasks.metrics.probabilities import has_probabilities, probability_of
from tasks.metrics.ranking import Floats
from tasks.metrics.resampling import unit_codes
from tasks.metrics.simultaneous import Comparison, compare
from tasks.slice_metrics import ScoredRows

SHOWN = (
    "selection_rate",
    "false_positive_rate",
    "false_negative_rate",
    "precision",
    "calibration",
    "calibration_error",
)
"""What is shown of every slice column, whether or not anybody set a limit on it."""
NEVER_COMPARED = frozenset({"calibration_error"})


@dataclass(frozen=True)
class GroupRate:
    """One metric of one group: of a rate, `count` of the `n` rows that count for it.

    `low` and `high` are its own 95 % interval. `count` is None where the metric is no rate. The
    `n` rows come from so many independent `units`. `labelled` of the group's `rows` are of the
    class by their labels.
    """

    group: str
    value: float
    low: float
    high: float
    count: int | None
    n: int
    units: int
    labelled: int
    rows: int

    @property
    def interval(self) -> tuple[float, float]:
        """The group's own 95 % interval."""
        return self.low, self.high

    @property
    def label_rate(self) -> float:
        """Share of the class in the group's labels."""
        return self.labelled / self.rows if self.rows else math.nan


@dataclass(frozen=True)
class GapRates:
    """One metric of all groups of a column, of which those with `min_support` units are compared.

    `of_class` is empty where a number is estimated. `comparison` is None with fewer than two of
    them.
    """

    column: str
    metric: str
    of_class: str
    rates: tuple[GroupRate, ...]
    min_support: int
    comparison: Comparison | None

    @property
    def judgeable(self) -> tuple[GroupRate, ...]:
        """The groups with enough units."""
        return tuple(rate for rate in self.rates if rate.units >= self.min_support)

    @property
    def small(self) -> tuple[GroupRate, ...]:
        """The groups that are too small to judge."""
        return tuple(rate for rate in self.rates if rate.units < self.min_support)

    @property
    def extremes(self) -> tuple[GroupRate, ...]:
        """The groups with the highest and the lowest value; none with fewer than two to judge."""
        if self.comparison is None:
            return ()
        return self.rates[self.comparison.highest], self.rates[self.comparison.lowest]

    @property
    def difference(self) -> Estimate | None:
        """Highest value less lowest; None with fewer than two groups to judge."""
        return None if self.comparison is None else self.comparison.largest_difference

    @property
    def ratio(self) -> Estimate | None:
        """Lowest value over highest; its value is NaN where both are 0."""
        if self.comparison is None or not self.comparison.has_ratio:
            return None
        return self.comparison.smallest_ratio

    @property
    def reference(self) -> GroupRate | None:
        """The compared group with the most rows, which the others are shown against."""
        if self.comparison is None:
            return None
        return max(self.judgeable, key=lambda rate: rate.rows)

    def against(self, one: str, other: str) -> tuple[Estimate, Estimate | None]:
        """The value of one compared group less, and over, that of another.

        Raises ValueError where the groups are not compared.
        """
        if self.comparison is None:
            raise ValueError(f"the groups of {self.column} are not compared by {self.metric}")
        places = {rate.group: place for place, rate in enumerate(self.rates)}
        pair = places[one], places[other]
        ratio = self.comparison.ratio(*pair) if self.comparison.has_ratio else None
        return self.comparison.difference(*pair), ratio

    def rows_needed(self, kind: Kind, limit: float) -> int | None:
        """About how many rows of each group would decide on the limit; None where none would."""
        return None if self.comparison is None else rows_of_each_group(self.comparison, kind, limit)

    def of(self, group: str) -> GroupRate:
        """The group of that name."""
        return next(rate for rate in self.rates if rate.group == group)


def grouped_rows(groups: Mapping[str, Mask], scored: ScoredRows, of_class: str) -> GroupedRows:
    """What happened to the scored rows of each group; `groups` are masks over them."""
    predictions = scored.predictions
    known = has_probabilities(predictions)
    return GroupedRows(
        groups={name: mask for name, mask in groups.items() if mask.any()},
        member=(scored.labels == of_class).to_numpy(dtype=bool),
        selected=(predictions["predicted"] == of_class).to_numpy(dtype=bool),
        told=probability_of(predictions, of_class) if known else None,
        units=unit_codes(scored.groups, scored.labels),
        replicates=scored.replicates,
        seed=scored.seed,
    )


def labelled_rows(
    groups: Mapping[str, Mask],
    labels: pd.Series,
    of_class: str,
    units: pd.Series | None,
    replicates: int,
    seed: int,
) -> GroupedRows:
    """The labels alone, of any rows: the groups' `base_rate` is all that they tell."""
    return GroupedRows(
        groups={name: mask for name, mask in groups.items() if mask.any()},
        member=(labels == of_class).to_numpy(dtype=bool),
        selected=np.zeros(len(labels), dtype=bool),
        told=None,
        units=unit_codes(units, labels),
        replicates=replicates,
        seed=seed,
    )


def number_rows(groups: Mapping[str, Mask], scored: ScoredRows) -> NumberRows:
    """How far off the estimates of the scored rows of each group are; masks as `grouped_rows`."""
    predicted = scored.predictions["predicted"].to_numpy(dtype=np.float64)
    return NumberRows(
        groups={name: mask for name, mask in groups.items() if mask.any()},
        errors=predicted - scored.labels.to_numpy(dtype=np.float64),
        units=unit_codes(scored.groups, scored.labels),
        replicates=scored.replicates,
        seed=scored.seed,
    )


def measure_gap(
    column: str, metric: str, of_class: str, rows: GroupedRows, min_support: int
) -> GapRates:
    """`metric` of `of_class` in each group of `rows`, and the large enough groups compared.

    Where rows are drawn in units it takes ten of them whatever `min_support` says: an interval of
    fewer holds nothing.
    """
    values, labelled = group_values(metric, rows), group_values("base_rate", rows)
    least = min_support if rows.units is None else max(min_support, MIN_GROUPS)
    return _measured(column, of_class, values, labelled.above, labelled.n, least)


def measure_number_gap(column: str, metric: str, rows: NumberRows, min_support: int) -> GapRates:
    """`mae` or `mean_error` in each group of `rows`, and the large enough groups compared."""
    values = number_values(metric, rows)
    least = max(min_support, 2 if rows.units is None else MIN_GROUPS)
    return _measured(column, "", values, np.zeros(len(values.n)), values.n, least)


def _measured(
    column: str,
    of_class: str,
    values: GroupValues,
    labelled: Floats,
    rows: Floats,
    min_support: int,
) -> GapRates:
    rates = tuple(
        GroupRate(
            group=name,
            value=float(values.value[place]),
            low=float(values.low[place]),
            high=float(values.high[place]),
            count=int(values.above[place]) if values.is_rate else None,
            n=int(values.n[place]),
            units=int(values.units[place]),
            labelled=int(labelled[place]),
            rows=int(rows[place]),
        )
        for place, name in enumerate(values.groups)
    )
    places = [place for place, rate in enumerate(rates) if rate.units >= min_support]
    comparison = None if values.metric in NEVER_COMPARED else compare(values, places)
    return GapRates(column, values.metric, of_class, rates, min_support, comparison)
