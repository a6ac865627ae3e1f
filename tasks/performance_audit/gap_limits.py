"""Are the gaps between groups within the project's limits?

Guarantees: a limit is judged by the value on test; the detail says when the interval reaches
across the limit, so that the outcome is not certain. Fewer than two groups that can be judged,
and a ratio of nothing to nothing, are `not_applicable`, never passed.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from tasks.checks import Check, Outcome, judged
from tasks.intervals import Estimate
from tasks.performance_audit.gaps import GapRates, GroupRate
from tasks.performance_audit.wording import STAGE, declared_by, numbered
from tasks.project.sections import Gap


def mistake_in(gap: Gap, positive_class: str | None, classes: Sequence[str]) -> str:
    """Why the gap cannot be judged as written; empty where it can."""
    if gap.of_class is None and positive_class is None:
        return "with more than two classes it has to name the 'class' whose rate is compared"
    if gap.of_class is not None and gap.of_class not in classes:
        nearest = difflib.get_close_matches(gap.of_class, classes, n=1, cutoff=0.5)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"there are {', '.join(classes[:5])}"
        return f"no class is named '{gap.of_class}'; {hint}"
    return ""


def judge_gap(gap: Gap, rates: GapRates, target: str, taken: set[str]) -> list[Check]:
    """Checks of one declared gap: its limits, then the groups that are too small to judge.

    Ids read `performance_audit.gap:<column>:<metric>[.<class>]:difference` (or `:ratio`), the
    class where the project names one, and `performance_audit.gap_group:<metric>[.<class>]:<group>`.
    """
    metric = gap.metric if gap.of_class is None else f"{gap.metric}.{gap.of_class}"
    checks = []
    for kind, limit in (("difference", gap.max_difference), ("ratio", gap.min_ratio)):
        if limit is not None:
            subject = numbered(f"{STAGE}.gap:{gap.column}:{metric}:{kind}", taken)
            checks.append(_judge_limit(subject, kind, limit, gap, rates, target))
    for rate in rates.small:
        subject = f"{STAGE}.gap_group:{metric}:{rate.group}"
        if subject not in taken:
            taken.add(subject)
            checks.append(_too_small(subject, rate, gap, rates.min_support))
    return checks


def unusable_gap(gap: Gap, mistake: str, taken: set[str]) -> Check:
    """The error of a gap that cannot be judged as written."""
    return Check(
        id=numbered(f"{STAGE}.gap:{gap.column}:{gap.metric}", taken),
        stage=STAGE,
        title=f"Gap of {_words(gap)} between the groups of {gap.column}",
        severity=gap.severity,
        outcome="error",
        detail=f"The gap cannot be judged: {mistake}.",
    )


def _judge_limit(
    subject: str,
    kind: str,
    limit: float,
    gap: Gap,
    rates: GapRates,
    target: str,
) -> Check:
    estimate = rates.difference if kind == "difference" else rates.ratio
    value, interval, n = None, None, None
    outcome: Outcome = "not_applicable"
    if estimate is None:
        groups = ", ".join(f"{rate.group} has {rate.n}" for rate in rates.rates[:5])
        detail = (
            f"Too small to compare: at least two groups of {gap.column} need {rates.min_support} "
            f"test rows each that count for the {_words(gap)}; {groups or 'there is none'}."
        )
    elif math.isnan(estimate.value):
        detail = f"The {_words(gap)} is 0 in every group of {gap.column}: there is no ratio."
    else:
        value, interval, n = estimate.value, (estimate.low, estimate.high), estimate.n
        outcome = (
            judged(value, maximum=limit) if kind == "difference" else judged(value, minimum=limit)
        )
        detail = f"{_rates(rates, target)}: {_compared(kind, estimate, limit)}. "
        detail += _label_rates(rates, target)
    return Check(
        id=subject,
        stage=STAGE,
        title=f"{kind.capitalize()} of {_words(gap)} between the groups of {gap.column}",
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
        "selection_rate": f"rows predicted {named}",
        "false_positive_rate": f"rows that are not {named} and predicted so",
        "false_negative_rate": f"rows that are {named} and predicted otherwise",
    }[rates.metric]
    each = " and ".join(f"{_rate(rate)} for {rate.group}" for rate in rates.extremes)
    return f"The share of {what} is {each}"


def _label_rates(rates: GapRates, target: str) -> str:
    each = " and ".join(f"{rate.label_rate:.1%} for {rate.group}" for rate in rates.extremes)
    return f"In the labels of these test rows {target}={rates.of_class} is {each}."


def _rate(rate: GroupRate) -> str:
    low, high = rate.interval
    return f"{rate.value:.1%} ({low:.1%} to {high:.1%}, n={rate.n})"


def _compared(kind: str, estimate: Estimate, limit: float) -> str:
    """The estimate against its limit, and whether its interval reaches across."""
    if kind == "difference":
        within, reaches = estimate.value <= limit, estimate.low <= limit < estimate.high
        value = (
            f"a difference of {100 * estimate.value:.1f} points (95 % interval "
            f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f})"
        )
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
