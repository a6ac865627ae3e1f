"""Are the examples that matter more than their number right?

Guarantees: the project's metric is shown with every row counted by its importance beside the plain
one, both with intervals; each declared set of important rows is judged by itself, because a mean
over all rows can hide it however it is weighted (Ng, Machine Learning Yearning, 2018: a good
average is no use if the few navigational queries go wrong).

A row's weight is the product of the weights of all entries that it belongs to, 1 where there is
none. A set with `max_error_rate` is judged by that limit. One without must not be worse off than
the other test rows: it fails where the difference of the two error rates is above 0 beyond chance
(its 95 % interval by MOVER, Zou and Donner, Statistics in Medicine 27 (2008) 1693, from the two
intervals; of ungrouped rows that is Newcombe's). Fewer than `min_support` rows are not judged,
unless they break their limit for certain. `weighted_metric` judges the weighted metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.checks import Check, Finding, Outcome, Table, judged
from tasks.conditions import Mask, condition_mask
from tasks.intervals import Estimate
from tasks.performance_audit.weighted_metric import (
    Weighted,
    column_weights,
    measure_weighted,
    weighted_check,
)
from tasks.performance_audit.wording import STAGE, declared_by
from tasks.project.sections import AuditSection, ImportantExamples
from tasks.slice_metrics import ScoredRows


def judge_important(
    audit: AuditSection, frame: pd.DataFrame, test: Mask, scored: ScoredRows, metric: str
) -> Finding:
    """The checks, the table `important` and the metric `test.weighted_<metric>`.

    `frame` holds all rows, `test` marks those of `scored`; `metric` is the project's own. Without
    `audit.important` there is nothing. Raises ProjectError when an entry names an absent column, a
    column of weights that holds no numbers, or a condition that cannot be understood.
    """
    if not audit.important:
        return Finding()
    rows = frame[test]
    weights = np.ones(len(rows))
    sets = []
    for place, one in enumerate(audit.important):
        if one.condition is not None:
            members = condition_mask(one.condition, rows)
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
    """How often the set's rows, and the others, are predicted wrongly."""

    own: Estimate | None
    others: Estimate | None

    @classmethod
    def of(cls, members: Mask, scored: ScoredRows) -> _ErrorRates:
        return cls(_error_rate(scored.where(members)), _error_rate(scored.where(~members)))

    @property
    def difference(self) -> tuple[float, float, float] | None:
        """The set's rate less that of the others, with its interval by MOVER."""
        if self.own is None or self.others is None:
            return None
        a, b = self.own, self.others
        value = a.value - b.value
        low = value - math.hypot(a.value - a.low, b.high - b.value)
        high = value + math.hypot(a.high - a.value, b.value - b.low)
        return (value, low, high) if math.isfinite(high - low) else None


def _judge_set(one: _Set, rates: _ErrorRates, audit: AuditSection) -> Check:
    examples, n = one.examples, int(one.members.sum())
    by_limit = examples.max_error_rate is not None
    outcome, detail = (
        _by_limit(one, rates, n, audit) if by_limit else _by_rest(one, rates, n, audit)
    )
    own = rates.own
    known = own is not None and math.isfinite(own.low) and math.isfinite(own.high)
    return Check(
        id=f"{STAGE}.important:{examples.name}",
        stage=STAGE,
        title=f"Error rate on '{examples.name}'",
        severity=examples.severity,
        required=examples.required,
        outcome=outcome,
        value=own.value if own is not None and known else None,
        limit=examples.max_error_rate,
        interval=(own.low, own.high) if own is not None and known else None,
        n=n,
        detail=detail + declared_by(examples.owner, examples.reason),
        evidence="important",
        entry=one.entry,
    )


def _by_limit(one: _Set, rates: _ErrorRates, n: int, audit: AuditSection) -> tuple[Outcome, str]:
    limit, own = one.examples.max_error_rate or 0.0, rates.own
    if own is None or not math.isfinite(own.low):
        return "not_applicable", _too_few(one, n, audit)
    told = f"{_told(one, own)}; at most {limit:.1%} may be"
    if own.low > limit:
        return "failed", f"{told}."
    if n < audit.min_support:
        return "not_applicable", f"{told}. {_too_few(one, n, audit)}"
    across = own.low <= limit < own.high
    doubt = ", which the interval reaches across, so this is not certain" if across else ""
    return judged(own.value, maximum=limit), f"{told}{doubt}."


def _by_rest(one: _Set, rates: _ErrorRates, n: int, audit: AuditSection) -> tuple[Outcome, str]:
    own, others, difference = rates.own, rates.others, rates.difference
    if n < audit.min_support or own is None or others is None or difference is None:
        told = "" if own is None or not math.isfinite(own.low) else f"{_told(one, own)}. "
        if others is None and n >= audit.min_support:
            return "not_applicable", f"{told}There are no other rows to compare with."
        return "not_applicable", told + _too_few(one, n, audit)
    value, low, high = (100 * number for number in difference)
    told = (
        f"{_told(one, own)}, against {others.value:.1%} of the other {others.n} test rows: a "
        f"difference of {value:.1f} points (95 % interval {low:.1f} to {high:.1f})"
    )
    if difference[1] > 0:
        return "failed", f"{told}, so these rows are worse off."
    return "passed", f"{told}; that they are worse off is not shown."


def _told(one: _Set, own: Estimate) -> str:
    return (
        f"Of the {own.n} test rows '{one.examples.name}' {own.value:.1%} (95 % interval "
        f"{own.low:.1%} to {own.high:.1%}) are predicted wrongly"
    )


def _too_few(one: _Set, n: int, audit: AuditSection) -> str:
    name = one.examples.name
    if n >= audit.min_support:
        return f"Too few groups of rows for an interval: the n={n} test rows are '{name}'."
    return (
        f"Too few to judge: n={n} test rows are '{name}', and at least {audit.min_support} are "
        "needed."
    )


def _error_rate(rows: ScoredRows) -> Estimate | None:
    """The share that is predicted wrongly, with the interval of the accuracy turned around."""
    if not len(rows):
        return None
    right = rows.estimate(["accuracy"])["accuracy"]
    return Estimate(
        value=1 - right.value,
        low=1 - right.high,
        high=1 - right.low,
        n=right.n,
        undefined_share=right.undefined_share,
        method=right.method,
    )


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
