"""Are the gaps between groups within the project's limits?

Guarantees: a limit is judged by the value on test; the detail says when the interval reaches
across the limit, so that the outcome is not certain. Fewer than two groups that can be judged,
and a ratio of nothing to nothing, are `not_applicable`, never passed.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.checks import Check, Outcome, judged
from tasks.intervals import Estimate
from tasks.metrics.simultaneous import MAX_UNDEFINED_SHARE
from tasks.performance_audit.gaps import GapRates, GroupRate
from tasks.performance_audit.wording import STAGE, declared_by, numbered
from tasks.project.sections import Gap


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


def mistake_in(gap: Gap, positive_class: str | None, classes: Sequence[str]) -> str:
    """Why the gap cannot be judged as written; empty where it can."""
    if gap.of_class is None and positive_class is None:
        return "with more than two classes it has to name the 'class' whose rate is compared"
    if gap.of_class is not None and gap.of_class not in classes:
        nearest = difflib.get_close_matches(gap.of_class, classes, n=1, cutoff=0.5)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"there are {', '.join(classes[:5])}"
        return f"no class is named '{gap.of_class}'; {hint}"
    return ""


def judge_gap(
    gap: Gap, rates: GapRates, labels: LabelRates, target: str, taken: set[str]
) -> list[Check]:
    """Checks of one declared gap: its limits, then the groups that are too small to judge.

    Ids read `performance_audit.gap:<column>:<metric>[.<class>]:difference` (or `:ratio`), the
    class where the project names one, and `performance_audit.gap_group:<metric>[.<class>]:<group>`.
    """
    metric = gap.metric if gap.of_class is None else f"{gap.metric}.{gap.of_class}"
    checks = []
    for kind, limit in (("difference", gap.max_difference), ("ratio", gap.min_ratio)):
        if limit is not None:
            subject = numbered(f"{STAGE}.gap:{gap.groups_of}:{metric}:{kind}", taken)
            checks.append(_judge_limit(subject, kind, limit, gap, rates, labels, target))
    for rate in rates.small:
        subject = f"{STAGE}.gap_group:{metric}:{rate.group}"
        if subject not in taken:
            taken.add(subject)
            checks.append(_too_small(subject, rate, gap, rates.min_support))
    return checks


def unusable_gap(gap: Gap, mistake: str, taken: set[str]) -> Check:
    """The error of a gap that cannot be judged as written."""
    return Check(
        id=numbered(f"{STAGE}.gap:{gap.groups_of}:{gap.metric}", taken),
        stage=STAGE,
        title=f"Gap of {_words(gap)} between the groups of {gap.groups_of}",
        severity=gap.severity,
        required=gap.required,
        outcome="error",
        detail=f"The gap cannot be judged: {mistake}.",
    )


def _judge_limit(
    subject: str,
    kind: str,
    limit: float,
    gap: Gap,
    rates: GapRates,
    labels: LabelRates,
    target: str,
) -> Check:
    estimate = rates.difference if kind == "difference" else rates.ratio
    value, interval, n = None, None, None
    outcome: Outcome = "not_applicable"
    if estimate is None:
        groups = ", ".join(f"{rate.group} has {rate.n}" for rate in rates.rates[:5])
        detail = (
            f"Too small to compare: at least two groups of {gap.groups_of} need "
            f"{rates.min_support} test rows each that count for the {_words(gap)}; "
            f"{groups or 'there is none'}."
        )
    elif estimate.undefined_share > MAX_UNDEFINED_SHARE:
        detail = (
            f"Too few different rows to compare the {_words(gap)} between the groups of "
            f"{gap.groups_of}: in {estimate.undefined_share:.1%} of the resamples one of them has "
            "no row that counts."
        )
    elif math.isnan(estimate.value):
        detail = f"The {_words(gap)} is 0 in every group of {gap.groups_of}: there is no ratio."
    else:
        value, interval, n = estimate.value, (estimate.low, estimate.high), estimate.n
        outcome = (
            judged(value, maximum=limit) if kind == "difference" else judged(value, minimum=limit)
        )
        detail = f"{_rates(rates, target)}: {_compared(kind, estimate, limit)}. "
        detail += _label_rates(rates, labels, target)
    return Check(
        id=subject,
        stage=STAGE,
        title=f"{kind.capitalize()} of {_words(gap)} between the groups of {gap.groups_of}",
        severity=gap.severity,
        required=gap.required,
        outcome=outcome,
        value=value,
        limit=limit,
        interval=interval,
        n=n,
        detail=detail + declared_by(gap.owner, gap.reason),
        evidence="gaps",
    )


def _rates(rates: GapRates, target: str) -> str:
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
    }[rates.metric]
    written = _signed if rates.metric == "calibration" else _rate
    each = " and ".join(f"{written(rate)} for {rate.group}" for rate in rates.extremes)
    return f"The {what} is {each}"


def _label_rates(rates: GapRates, labels: LabelRates, target: str) -> str:
    """What the labels say of the same two groups: in all rows, and in the test rows."""
    pair = [rate.group for rate in rates.extremes]
    named = f"{target}={rates.of_class}"
    whole = f"all {labels.rows:,} rows" if labels.rows != labels.test_rows else "these test rows"
    sentence = f"In the labels of {whole} {named} is {_label_pair(labels.everywhere, pair)}"
    if labels.rows != labels.test_rows:
        sentence += f"; of these test rows {_label_pair(labels.on_test, pair)}"
    return f"{sentence}."


def _label_pair(rates: GapRates, pair: list[str]) -> str:
    ends = [rates.of(group) for group in pair]
    each = " and ".join(f"{_rate(rate)} for {rate.group}" for rate in ends)
    low_first = sorted(ends, key=lambda rate: rate.value)
    estimate, _ = rates.against(low_first[1].group, low_first[0].group)
    if math.isnan(estimate.low):
        return each
    return f"{each}, a difference of {_points(estimate)}"


def _rate(rate: GroupRate) -> str:
    low, high = rate.interval
    return f"{rate.value:.1%} ({low:.1%} to {high:.1%}, n={rate.n})"


def _signed(rate: GroupRate) -> str:
    value, low, high = (100 * number for number in (rate.value, *rate.interval))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f}, n={rate.n})"


def _points(estimate: Estimate) -> str:
    return (
        f"{100 * estimate.value:.1f} points (95 % interval {100 * estimate.low:.1f} to "
        f"{100 * estimate.high:.1f})"
    )


def _compared(kind: str, estimate: Estimate, limit: float) -> str:
    """The estimate against its limit, and whether its interval reaches across."""
    if kind == "difference":
        within, reaches = estimate.value <= limit, estimate.low <= limit < estimate.high
        value = f"a difference of {_points(estimate)}"
        verdict = f"{'within' if within else 'over'} the limit of {100 * limit:g} points"
    else:
        within, reaches = estimate.value >= limit, estimate.low < limit <= estimate.high
        value = (
            f"a ratio of {estimate.value:.2f} (95 % interval {estimate.low:.2f} to "
            f"{estimate.high:.2f})"
        )
        verdict = f"{'at or above' if within else 'below'} the limit of {limit:g}"
    doubt = ", which the interval reaches across, so this is not certain" if reaches else ""
    return f"{value}, {verdict}{doubt}"


def _too_small(subject: str, rate: GroupRate, gap: Gap, min_support: int) -> Check:
    limit = gap.max_difference if gap.max_difference is not None else gap.min_ratio
    return Check(
        id=subject,
        stage=STAGE,
        title=f"{_words(gap).capitalize()} of {rate.group}",
        severity=gap.severity,
        required=gap.required,
        outcome="not_applicable",
        value=rate.value if rate.n else None,
        limit=limit,
        interval=rate.interval,
        n=rate.n,
        detail=f"{rate.group} is too small to judge: {rate.n} of its {rate.rows} test rows count "
        f"for the {_words(gap)}, and {min_support} are needed.",
        evidence="gaps",
    )


def _words(gap: Gap) -> str:
    return gap.metric.replace("_", " ")
