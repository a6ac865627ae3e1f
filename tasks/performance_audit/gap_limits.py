"""Are the gaps between groups within the project's limits?

Guarantees: a limit is judged by the interval that holds for all pairs of groups at once, unless the
project says `judge: point` (`limits` has the rule); what the interval leaves open says about how
many rows of each group would decide it. Fewer than two groups that can be judged, and a ratio of
nothing to nothing, are `not_applicable`, never passed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tasks.checks import Check, Outcome
from tasks.intervals import Estimate
from tasks.messages import did_you_mean
from tasks.metrics.deciding_rows import Kind
from tasks.percentiles import MAX_UNDEFINED_SHARE
from tasks.performance_audit.gap_words import (
    LabelRates,
    compared,
    label_words,
    limits_of,
    support_words,
    words,
)
from tasks.performance_audit.gaps import GapRates, GroupRate
from tasks.performance_audit.limits import Limit, must_be_judged
from tasks.performance_audit.wording import STAGE, declared_by, numbered
from tasks.project.audit_sections import Gap


def mistake_in(gap: Gap, positive_class: str | None, classes: Sequence[str]) -> str:
    """Why the gap cannot be judged as written; empty where it can."""
    if gap.of_class is None and positive_class is None:
        return "with more than two classes it has to name the 'class' whose rate is compared"
    if gap.of_class is not None and gap.of_class not in classes:
        hint = did_you_mean(gap.of_class, classes, f"there are {', '.join(classes[:5])}")
        return f"no class is named '{gap.of_class}'; {hint}"
    return ""


def judge_gap(
    gap: Gap, rates: GapRates, labels: LabelRates | None, target: str, taken: set[str]
) -> list[Check]:
    """Checks of one declared gap: its limits, then the groups that are too small to judge.

    Ids read `performance_audit.gap:<column>:<metric>[.<class>]:difference` (or `:ratio`), the
    class where the project names one, and `performance_audit.gap_group:<metric>[.<class>]:<group>`.
    `labels` is None where a number is estimated.
    """
    metric = gap.metric if gap.of_class is None else f"{gap.metric}.{gap.of_class}"
    checks = []
    for kind, limit in limits_of(gap):
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
        title=f"Gap of {words(gap)} between the groups of {gap.groups_of}",
        severity=gap.severity,
        required=bool(gap.required),
        outcome="error",
        detail=f"The gap cannot be judged: {mistake}.",
    )


def _judge_limit(
    subject: str,
    kind: Kind,
    limit: Limit,
    gap: Gap,
    rates: GapRates,
    labels: LabelRates | None,
    target: str,
) -> Check:
    estimate = rates.difference if kind == "difference" else rates.ratio
    value, interval, n, misses = None, None, None, False
    outcome: Outcome = "not_applicable"
    unknown = _unknown(estimate, gap, rates)
    if unknown or estimate is None:
        detail = unknown
    else:
        value, interval, n = estimate.value, (estimate.low, estimate.high), estimate.n
        outcome, misses = limit.outcome(estimate), not limit.holds(value)
        detail = compared(kind, estimate, limit, rates, target)
        if labels is not None:
            detail += f" {label_words(rates, labels, target)}"
    return Check(
        id=subject,
        stage=STAGE,
        title=f"{kind.capitalize()} of {words(gap)} between the groups of {gap.groups_of}",
        severity=gap.severity,
        required=must_be_judged(gap.required, gap.severity, outcome, misses=misses),
        outcome=outcome,
        value=value,
        limit=limit.value,
        interval=interval,
        n=n,
        detail=detail + declared_by(gap.owner, gap.reason),
        evidence="gaps",
    )


def _unknown(estimate: Estimate | None, gap: Gap, rates: GapRates) -> str:
    """Why the groups cannot be compared; empty where they can."""
    if estimate is None:
        groups = ", ".join(f"{rate.group} has {support_words(rate)}" for rate in rates.rates[:5])
        return (
            f"Too small to compare: at least two groups of {gap.groups_of} need "
            f"{rates.min_support} {_unit(rates)} each that count for the {words(gap)}; "
            f"{groups or 'there is none'}."
        )
    if estimate.undefined_share > MAX_UNDEFINED_SHARE:
        return (
            f"Too few different rows to compare the {words(gap)} between the groups of "
            f"{gap.groups_of}: in {estimate.undefined_share:.1%} of the resamples one of them has "
            "no row that counts."
        )
    if math.isnan(estimate.value):
        return f"The {words(gap)} is 0 in every group of {gap.groups_of}: there is no ratio."
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return f"The groups of {gap.groups_of} have no interval of their {words(gap)}."
    return ""


def _too_small(subject: str, rate: GroupRate, gap: Gap, min_support: int) -> Check:
    limit = gap.max_difference if gap.max_difference is not None else gap.min_ratio
    known = math.isfinite(rate.low) and math.isfinite(rate.high)
    counted = "" if rate.units == rate.n else f", of {rate.units} independent units"
    return Check(
        id=subject,
        stage=STAGE,
        title=f"{words(gap).capitalize()} of {rate.group}",
        severity=gap.severity,
        required=bool(gap.required),
        outcome="not_applicable",
        value=rate.value if rate.n else None,
        limit=limit,
        interval=rate.interval if known else None,
        n=rate.n,
        detail=f"{rate.group} is too small to judge: {rate.n} of its {rate.rows} test rows count "
        f"for the {words(gap)}{counted}, and {min_support} are needed.",
        evidence="gaps",
    )


def _unit(rates: GapRates) -> str:
    shared = any(rate.units < rate.n for rate in rates.rates)
    return "independent units" if shared else "test rows"
