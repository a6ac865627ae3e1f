"""How far do groups of rows differ in what the model does to them?

Guarantees: every rate is shown with its Wilson interval and its rows, beside the rate of the
class in the labels of the same rows; the largest difference and the smallest ratio of two groups
are judged against the project's limits; a group that is too small to judge says how many rows it
has and needs, and is left out of the comparison. `gap_limits` judges what is measured here.

A row is selected when it is predicted as the class (by default the positive class). Rates:

* `selection_rate`: selected rows over all rows of the group;
* `false_positive_rate`: selected rows over those not of the class;
* `false_negative_rate`: rows not selected over those of the class.

The difference is the highest rate less the lowest, so it is never negative and small is good; the
ratio is the lowest over the highest, so it is at most one and large is good, whichever group has
which. The four-fifths rule (29 CFR 1607.4 D) is a ratio of 0.8 of the *favourable* outcome. Where
the positive class is the harm (a denial), name the favourable class under `class`: the ratio of
90 % to 80 % approved passes, that of 10 % to 20 % denied does not.

Intervals: Newcombe (1998) for the difference, Katz (1978) for the ratio; both take rows as
independent. Of more than two groups the extreme pair is compared, which is chosen by the data: its
interval is then somewhat too favourable to there being a gap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tasks.conditions import Mask
from tasks.intervals import Estimate, difference_of_rates, ratio_of_rates, wilson
from tasks.slice_metrics import ScoredRows

RATES = ("selection_rate", "false_positive_rate", "false_negative_rate")


@dataclass(frozen=True)
class GroupRate:
    """One rate of one group: `count` of the `n` rows that count for it.

    `labelled` of the group's `rows` are of the class by their labels.
    """

    group: str
    count: int
    n: int
    labelled: int
    rows: int

    @property
    def value(self) -> float:
        """The rate; NaN without a relevant row."""
        return self.count / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the rate."""
        return wilson(self.count, self.n)

    @property
    def label_rate(self) -> float:
        """Share of the class in the group's labels."""
        return self.labelled / self.rows if self.rows else math.nan


@dataclass(frozen=True)
class GapRates:
    """One rate of all groups of a column, of which those with `min_support` rows can be judged."""

    column: str
    metric: str
    of_class: str
    rates: tuple[GroupRate, ...]
    min_support: int

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
        """The groups with the highest and the lowest rate; none with fewer than two to judge."""
        ordered = sorted(self.judgeable, key=lambda rate: (-rate.value, rate.group))
        return (ordered[0], ordered[-1]) if len(ordered) > 1 else ()

    @property
    def difference(self) -> Estimate | None:
        """Highest rate less lowest; None with fewer than two groups to judge."""
        if not self.extremes:
            return None
        high, low = self.extremes
        return difference_of_rates(high.count, high.n, low.count, low.n)

    @property
    def ratio(self) -> Estimate | None:
        """Lowest rate over highest; its value is NaN where both are 0."""
        if not self.extremes:
            return None
        high, low = self.extremes
        return ratio_of_rates(low.count, low.n, high.count, high.n)


def measure_gap(
    column: str,
    metric: str,
    of_class: str,
    groups: Mapping[str, Mask],
    scored: ScoredRows,
    min_support: int,
) -> GapRates:
    """The rate `metric` of `of_class` in each group; `groups` are masks over the scored rows."""
    member = (scored.labels == of_class).to_numpy(dtype=bool)
    selected = (scored.predictions["predicted"] == of_class).to_numpy(dtype=bool)
    counted, relevant = {
        "selection_rate": (selected, np.ones(len(member), dtype=bool)),
        "false_positive_rate": (selected, ~member),
        "false_negative_rate": (~selected, member),
    }[metric]
    rates = tuple(
        GroupRate(
            group=name,
            count=int((counted & relevant & mask).sum()),
            n=int((relevant & mask).sum()),
            labelled=int((member & mask).sum()),
            rows=int(mask.sum()),
        )
        for name, mask in groups.items()
        if mask.any()
    )
    return GapRates(column, metric, of_class, rates, min_support)
