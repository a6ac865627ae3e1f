"""What the groups of a gap have, and how far they are apart, in sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.intervals import Estimate
from tasks.metrics.deciding_rows import Kind
from tasks.metrics.group_metrics import ERRORS_OF_NUMBERS
from tasks.performance_audit.gaps import GapRates, GroupRate
from tasks.performance_audit.limits import Limit
from tasks.project.audit_sections import Gap

_OF_ALL_ROWS = ERRORS_OF_NUMBERS | {"selection_rate", "accuracy", "calibration"}
_LISTED = 5


@dataclass(frozen=True)
class LabelRates:
    """The share of a class in the labels of each group: of all rows, and of the test rows."""

    everywhere: GapRates
    on_test: GapRates

    @property
    def rows(self) -> int:
        """All rows that are in a group."""
        return sum(rate.rows for rate in self.everywhere.rates)

    @property
    def test_rows(self) -> int:
        """The test rows that are in a group."""
        return sum(rate.rows for rate in self.on_test.rates)


def words(gap: Gap) -> str:
    """The metric of a gap as a reader calls it."""
    return gap.metric.replace("_", " ")


def limits_of(gap: Gap) -> list[tuple[Kind, Limit]]:
    """What is declared of a gap: the largest difference, the smallest ratio, or both."""
    found: list[tuple[Kind, Limit]] = []
    number = gap.metric in ERRORS_OF_NUMBERS
    if gap.max_difference is not None:
        limit = Limit(
            name="limit",
            written=_plain if number else _in_points,
            maximum=gap.max_difference,
            judge=gap.judge,
        )
        found.append(("difference", limit))
    if gap.min_ratio is not None:
        limit = Limit(name="limit", written=_plain, minimum=gap.min_ratio, judge=gap.judge)
        found.append(("ratio", limit))
    return found


def compared(kind: Kind, estimate: Estimate, limit: Limit, rates: GapRates, target: str) -> str:
    """The two extreme groups, how far they are apart, and what that makes of the limit."""
    if kind == "ratio":
        value = (
            f"a ratio of {estimate.value:.2f} (95 % interval {estimate.low:.2f} to "
            f"{estimate.high:.2f})"
        )
    elif rates.metric in ERRORS_OF_NUMBERS:
        value = (
            f"a difference of {estimate.value:.4g} (95 % interval {estimate.low:.4g} to "
            f"{estimate.high:.4g})"
        )
    else:
        value = f"a difference of {points(estimate)}"
    verdict = limit.verdict(estimate, _rows_needed(kind, limit, rates))
    return f"{_extremes(rates, target)}: {value}, {verdict}."


def label_words(rates: GapRates, labels: LabelRates, target: str) -> str:
    """What the labels say of the same two groups: in all rows, and in the test rows."""
    pair = [rate.group for rate in rates.extremes]
    named = f"{target}={rates.of_class}"
    whole = f"all {labels.rows:,} rows" if labels.rows != labels.test_rows else "these test rows"
    sentence = f"In the labels of {whole} {named} is {_label_pair(labels.everywhere, pair)}"
    if labels.rows != labels.test_rows:
        sentence += f"; of these test rows {_label_pair(labels.on_test, pair)}"
    return f"{sentence}."


def support_words(rate: GroupRate) -> str:
    """How much there is of a group: its rows, and the units that they come from if fewer."""
    return f"{rate.n}" if rate.units == rate.n else f"{rate.n} rows of {rate.units} units"


def points(estimate: Estimate) -> str:
    """A difference of shares in percentage points, with its interval."""
    return (
        f"{100 * estimate.value:.1f} points (95 % interval {100 * estimate.low:.1f} to "
        f"{100 * estimate.high:.1f})"
    )


def _rows_needed(kind: Kind, limit: Limit, rates: GapRates) -> str | None:
    needed = rates.rows_needed(kind, limit.value)
    if needed is None:
        return None
    counted = "" if rates.metric in _OF_ALL_ROWS else " that count for it"
    short = [rate for rate in rates.judgeable if rate.n < needed]
    have = ", ".join(f"{rate.group} has {rate.n}" for rate in short[:_LISTED])
    more = f" and {len(short) - _LISTED} more have fewer" if len(short) > _LISTED else ""
    return f"about {needed:,} test rows of each group{counted} ({have}{more})"


def _extremes(rates: GapRates, target: str) -> str:
    named = f"{target}={rates.of_class}"
    what = {
        "selection_rate": f"share of rows predicted {named}",
        "false_positive_rate": f"share of rows that are not {named} and predicted so",
        "false_negative_rate": f"share of rows that are {named} and predicted otherwise",
        "true_positive_rate": f"share of rows that are {named} and predicted so",
        "true_negative_rate": f"share of rows that are not {named} and predicted otherwise",
        "precision": f"share of {named} among the rows predicted so",
        "accuracy": f"share of rows that are told rightly whether they are {named}",
        "f1": f"F1 of {named}",
        "balanced_accuracy": f"balanced accuracy of {named}",
        "calibration": f"mean probability of {named} less its share",
        "mae": f"mean absolute error of {target}",
        "mean_error": f"mean error of {target} (estimated less true)",
    }[rates.metric]
    written = _rate
    if rates.metric == "calibration":
        written = _signed
    elif rates.metric in ERRORS_OF_NUMBERS:
        written = _number
    each = " and ".join(f"{written(rate)} for {rate.group}" for rate in rates.extremes)
    return f"The {what} is {each}"


def _label_pair(rates: GapRates, pair: list[str]) -> str:
    ends = [rates.of(group) for group in pair]
    each = " and ".join(f"{_rate(rate)} for {rate.group}" for rate in ends)
    known = {rate.group for rate in rates.judgeable}
    if rates.comparison is None or not known.issuperset(pair):
        return each
    low_first = sorted(ends, key=lambda rate: rate.value)
    estimate, _ = rates.against(low_first[1].group, low_first[0].group)
    if math.isnan(estimate.low):
        return each
    return f"{each}, a difference of {points(estimate)}"


def _rate(rate: GroupRate) -> str:
    low, high = rate.interval
    return f"{rate.value:.1%} ({low:.1%} to {high:.1%}, n={rate.n})"


def _signed(rate: GroupRate) -> str:
    value, low, high = (100 * number for number in (rate.value, *rate.interval))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f}, n={rate.n})"


def _number(rate: GroupRate) -> str:
    return f"{rate.value:.4g} ({rate.low:.4g} to {rate.high:.4g}, n={rate.n})"


def _plain(value: float) -> str:
    return f"{value:g}"


def _in_points(value: float) -> str:
    return f"{100 * value:g} points"
