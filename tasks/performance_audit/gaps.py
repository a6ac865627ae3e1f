"""How far do groups of rows differ in what the model does to them?

Guarantees: every number is shown with its interval and its rows, beside the share of the class in
the labels of the same rows; the largest difference and the smallest ratio of two groups are judged
against the project's limits, with intervals that hold for all pairs of groups at once, so that
picking the extreme pair does not flatter; a group that is too small to judge says how many rows it
has and needs, and is left out of the comparison. `gap_limits` judges what is measured here.

The metrics are those of `tasks.metrics.group_metrics`, of a class (by default the positive one),
and the intervals those of `tasks.metrics.simultaneous`.

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
from tasks.intervals import Estimate
from tasks.metrics.group_metrics import group_values
from tasks.metrics.group_sums import GroupedRows
from tasks.metrics.probabilities import has_probabilities, probability_of
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

    `low` and `high` are its own 95 % interval. `count` is None where the metric is no rate.
    `labelled` of the group's `rows` are of the class by their labels.
    """

    group: str
    value: float
    low: float
    high: float
    count: int | None
    n: int
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
    """One metric of all groups of a column, of which those with `min_support` rows are compared.

    `comparison` is None with fewer than two of them.
    """

    column: str
    metric: str
    of_class: str
    rates: tuple[GroupRate, ...]
    min_support: int
    comparison: Comparison | None

    @property
    def judgeable(self) -> tuple[GroupRate, ...]:
        """The groups with enough rows."""
        return tuple(rate for rate in self.rates if rate.n >= self.min_support)

    @property
    def small(self) -> tuple[GroupRate, ...]:
        """The groups that are too small to judge."""
        return tuple(rate for rate in self.rates if rate.n < self.min_support)

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


def measure_gap(
    column: str, metric: str, of_class: str, rows: GroupedRows, min_support: int
) -> GapRates:
    """`metric` of `of_class` in each group of `rows`, and the large enough groups compared."""
    values, labelled = group_values(metric, rows), group_values("base_rate", rows)
    rates = tuple(
        GroupRate(
            group=name,
            value=float(values.value[place]),
            low=float(values.low[place]),
            high=float(values.high[place]),
            count=int(values.above[place]) if values.is_rate else None,
            n=int(values.n[place]),
            labelled=int(labelled.above[place]),
            rows=int(labelled.n[place]),
        )
        for place, name in enumerate(values.groups)
    )
    places = [place for place, rate in enumerate(rates) if rate.n >= min_support]
    comparison = None if metric in NEVER_COMPARED else compare(values, places)
    return GapRates(column, metric, of_class, rates, min_support, comparison)
