"""Are the examples that matter more than their number right?

Guarantees: the project's metric is shown with every row counted by its importance beside the plain
one, both with intervals; each declared set of important rows is judged by itself, because a mean
over all rows can hide it however it is weighted (Ng, Machine Learning Yearning, 2018: a good
average is no use if the few navigational queries go wrong).

A row's weight is the product of the weights of all entries that it belongs to, 1 where there is
none. A set with `max_error_rate` is judged by that limit (`limits` has the rule). One without must
not be worse off than the other test rows, by the difference of the two error rates with its 95 %
interval (MOVER, Zou and Donner, Statistics in Medicine 27 (2008) 1693, from the two intervals; of
ungrouped rows that is Newcombe's): passed when the whole of it is at most `tolerance`, failed when
the whole of it is above 0, else `not_applicable`, with the rows that would decide: that a set is
worse off is not shown is no reason to pass it. Fewer than `min_support` independent units are not
judged, unless they break their limit for certain. `weighted_metric` judges the weighted metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tasks.checks import Check, Finding, Outcome, Table
from tasks.conditions import Mask
from tasks.declared_conditions import met_condition
from tasks.intervals import Estimate
from tasks.performance_audit.limits import Limit, further_rows, must_be_judged, rate_of_units
from tasks.performance_audit.weighted_metric import (
    Weighted,
    column_weights,
    measure_weighted,
    weighted_check,
)
from tasks.performance_audit.wording import STAGE, declared_by
from tasks.project.audit_sections import AuditSection, ImportantExamples
from tasks.slice_metrics import ScoredRows

TOLERANCE = 0.05


def judge_important(
    audit: AuditSection, frame: pd.DataFrame, test: Mask, scored: ScoredRows, metric: str
) -> Finding:
    """The checks, the table `important` and the metric `test.weighted_<metric>`.

    `frame` holds all rows, `test` marks those of `scored`; `metric` is the project's own. Without
    `audit.important` there is nothing. Raises ProjectFileError when an entry names an absent
    column, a column of weights that holds no numbers, or a condition that cannot be understood or
    that no row of `frame` meets.
    """
    if not audit.important:
        return Finding()
    rows = frame[test]
    weights = np.ones(len(rows))
    sets = []
    for place, one in enumerate(audit.important):
        if one.condition is not None:
            members = met_condition(f"audit.important[{place}]", one.condition, frame)[test]
            weights *= np.where(members, one.weight or 1.0, 1.0)
            sets.append(_Set(one, f"audit.important[{place}]", members))
        else:
            weights *= column_weights(one, rows)
    of_metric = measure_weighted(audit, metric, weights, scored)
    wrong = [_ErrorRates.of(one.members, scored) for one in sets]
    checks = [_judge_set(one, rates, audit) for one, rates in zip(sets, wrong, strict=True)]
    known = of_metric.estimate is not None and math.isfinite(of_metric.estimate.value)
    name = f"test.weighted_{of_metric.metric}"
    return Finding(
        checks=(weighted_check(of_metric, audit), *checks),
        metrics={name: of_metric.estimate.value} if known and of_metric.estimate else {},
        tables={"important": _table(of_metric, sets, wrong)},
    )


@dataclass(frozen=True)
class _Set:
    """Important rows by condition: `members` marks them among the test rows."""

    examples: ImportantExamples
    entry: str
    members: Mask


@dataclass(frozen=True)
class _ErrorRates:
    """How often the set's rows, of so many independent units, and the others are wrong."""

    own: Estimate | None
    others: Estimate | None
    units: int

    @classmethod
    def of(cls, members: Mask, scored: ScoredRows) -> _ErrorRates:
        own = scored.where(members)
        return cls(_error_rate(own), _error_rate(scored.where(~members)), own.units)

    @property
    def difference(self) -> Estimate | None:
        """The set's rate less that of the others, with its interval by MOVER."""
        if self.own is None or self.others is None:
            return None
        a, b = self.own, self.others
        value = a.value - b.value
        low = value - math.hypot(a.value - a.low, b.high - b.value)
        high = value + math.hypot(a.high - a.value, b.value - b.low)
        if not math.isfinite(high - low):
            return None
        return Estimate(value=value, low=low, high=high, n=a.n, method="mover")


def _judge_set(one: _Set, rates: _ErrorRates, audit: AuditSection) -> Check:
    examples, n = one.examples, int(one.members.sum())
    judge = _by_limit if examples.max_error_rate is not None else _by_rest
    outcome, detail, misses = judge(one, rates, audit)
    own = rates.own
    known = own is not None and math.isfinite(own.low) and math.isfinite(own.high)
    return Check(
        id=f"{STAGE}.important:{examples.name}",
        stage=STAGE,
        title=f"Error rate on '{examples.name}'",
        severity=examples.severity,
        required=must_be_judged(examples.required, examples.severity, outcome, misses=misses),
        outcome=outcome,
        value=own.value if own is not None and known else None,
        limit=examples.max_error_rate,
        interval=(own.low, own.high) if own is not None and known else None,
        n=n,
        detail=detail + declared_by(examples.owner, examples.reason),
        evidence="important",
        entry=one.entry,
    )


def _by_limit(one: _Set, rates: _ErrorRates, audit: AuditSection) -> tuple[Outcome, str, bool]:
    own = rates.own
    if own is None or not math.isfinite(own.low):
        return "not_applicable", _too_few(one, rates, audit), False
    limit = Limit(
        name="limit", written=_percent, maximum=one.examples.max_error_rate,
        judge=one.examples.judge,
    )  # fmt: skip
    broken = own.low > limit.value
    if rates.units < audit.min_support and not broken:
        return "not_applicable", f"{_told(one, own)}. {_too_few(one, rates, audit)}", False
    more = further_rows(limit, own, own.n)
    rows = None if more is None else f"about {more:,} further test rows of the set"
    detail = f"{_told(one, own)}, {limit.verdict(own, rows)}."
    return limit.outcome(own), detail, not limit.holds(own.value)


def _by_rest(one: _Set, rates: _ErrorRates, audit: AuditSection) -> tuple[Outcome, str, bool]:
    own, others, found = rates.own, rates.others, rates.difference
    if rates.units < audit.min_support or own is None or others is None or found is None:
        told = "" if own is None or not math.isfinite(own.low) else f"{_told(one, own)}. "
        if others is None and rates.units >= audit.min_support:
            return "not_applicable", f"{told}There are no other rows to compare with.", False
        return "not_applicable", told + _too_few(one, rates, audit), False
    value, low, high = (100 * number for number in (found.value, found.low, found.high))
    told = (
        f"{_told(one, own)}, against {others.value:.1%} of the other {others.n} test rows: a "
        f"difference of {value:.1f} points (95 % interval {low:.1f} to {high:.1f})"
    )
    tolerance = TOLERANCE if one.examples.tolerance is None else one.examples.tolerance
    allowed = f"the {100 * tolerance:g} points that count as no worse"
    if one.examples.judge == "point":
        good = found.value <= tolerance
        side = "at most" if good else "more than"
        return "passed" if good else "failed", f"{told}, {side} {allowed}: by the point.", not good
    if found.high <= tolerance:
        return "passed", f"{told}, at most {allowed}.", False
    if found.low > 0:
        return "failed", f"{told}, so these rows are worse off.", True
    more = _rows_to_tell(found, tolerance)
    would = "more rows at these values will not decide it"
    if more is not None:
        would = f"about {more:,} test rows of the set (there are {own.n}) would decide it"
    detail = (
        f"{told}: neither that they are worse off is shown, nor that they are so by at most "
        f"{allowed}; {would}."
    )
    return "not_applicable", detail, found.value > tolerance


def _rows_to_tell(found: Estimate, tolerance: float) -> int | None:
    """About how many rows of the set put the difference above 0, or within the tolerance.

    At the same rates, and as if the others grew with it; None where no number of rows does.
    """
    ways = []
    if found.value > 0:
        ways.append((found.value - found.low) / found.value)
    if found.value < tolerance:
        ways.append((found.high - found.value) / (tolerance - found.value))
    return math.ceil(found.n * min(ways) ** 2) if ways else None


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _told(one: _Set, own: Estimate) -> str:
    return (
        f"Of the {own.n} test rows '{one.examples.name}' {own.value:.1%} (95 % interval "
        f"{own.low:.1%} to {own.high:.1%}) are predicted wrongly"
    )


def _too_few(one: _Set, rates: _ErrorRates, audit: AuditSection) -> str:
    name, n = one.examples.name, int(one.members.sum())
    if rates.units >= audit.min_support:
        return f"Too few groups of rows for an interval: the n={n} test rows are '{name}'."
    of = "" if rates.units == n else f", of {rates.units} independent units"
    return (
        f"Too few to judge: n={n} test rows are '{name}'{of}, and at least {audit.min_support} are "
        "needed."
    )


def _error_rate(rows: ScoredRows) -> Estimate | None:
    """The share that is predicted wrongly, with the interval of the accuracy turned around."""
    if not len(rows):
        return None
    right = rate_of_units(rows.estimate(["accuracy"])["accuracy"], rows.units)
    return replace(right, value=1 - right.value, low=1 - right.high, high=1 - right.low)


def _table(found: Weighted, sets: Sequence[_Set], rates: Sequence[_ErrorRates]) -> Table:
    weighted = found.estimate
    lines: list[tuple[object, ...]] = [
        (f"{found.metric}, all rows alike", None, *_numbers(found.plain)),
        (f"{found.metric}, by importance", None, *_numbers(weighted)),
    ]
    for one, of_set in zip(sets, rates, strict=True):
        name, weight = one.examples.name, one.examples.weight
        lines.append((f"error rate on '{name}'", weight, *_numbers(of_set.own)))
        lines.append((f"error rate on all but '{name}'", None, *_numbers(of_set.others)))
    columns = ["what", "weight", "value", "low", "high", "n"]
    return Table(
        title="Important examples (test)",
        frame=pd.DataFrame(lines, columns=columns).astype(dict.fromkeys(columns[1:5], "float64")),
        note="A row counts for the product of the weights that it is given; low and high are 95 % "
        "intervals.",
    )


def _numbers(estimate: Estimate | None) -> tuple[float, float, float, int]:
    if estimate is None:
        return math.nan, math.nan, math.nan, 0
    return estimate.value, estimate.low, estimate.high, estimate.n
