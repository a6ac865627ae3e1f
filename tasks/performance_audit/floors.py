"""Does every metric reach its floor: overall, for a class, on each slice of a column.

Guarantees: a floor is judged by the whole interval of the value on test, unless the project says
`judge: point` or `judge: lower_bound` (`limits` has the rule): one that the interval reaches across
is `not_applicable`, with about how many rows would decide it. So are too few rows to judge on;
what has to be many enough are independent units, such as people. A floor that cannot be judged as
it is written is an `error`, which does not pass either.

The rows that a value hangs on ("relevant"): all rows for `OVER_ALL_CLASSES`; the rows of the
class for recall and f1; the rows predicted as the class for precision; the rarer of the class and
the rest for average_precision and roc_auc.

In a problem with more than two classes a floor of precision, recall or f1 without a class holds
for each class by itself, because a mean over the classes would hide the worst one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tasks.checks import Check, Outcome
from tasks.conditions import Mask
from tasks.declared_conditions import met_condition
from tasks.intervals import Estimate
from tasks.messages import did_you_mean
from tasks.metrics import HIGHER_IS_BETTER
from tasks.performance_audit.limits import (
    Limit,
    further_rows,
    must_be_judged,
    rate_of_units,
    rows_if_all_right,
)
from tasks.performance_audit.wording import STAGE, declared_by, numbered, shown
from tasks.project.audit_sections import Floor
from tasks.slice_metrics import ScoredRows
from tasks.slices import slice_masks

PER_CLASS = frozenset({"precision", "recall", "f1"})
RATES = frozenset({"accuracy", "precision", "recall"})
OVER_ALL_CLASSES = frozenset({"accuracy", "macro_f1", "log_loss", "brier", "calibration_error"})


def judge_floors(
    floors: Sequence[Floor],
    frame: pd.DataFrame,
    test: Mask,
    scored: ScoredRows,
    classes: Sequence[str],
    min_support: int,
) -> list[Check]:
    """One check for each floor, class and slice that it names, in the order of the project.

    `frame` holds all rows, `test` marks those of `scored`. Ids read
    `performance_audit.floor:<metric>[.<class>][:<slice>]`. Raises ProjectFileError when a slice
    cannot be understood, or is a condition that no row of `frame` meets.
    """
    taken: set[str] = set()
    checks: list[Check] = []
    for place, floor in enumerate(floors):
        entry = f"audit.floors[{place}]"
        mistake = _mistake(floor, classes)
        if mistake:
            checks.append(replace(_unusable(floor, mistake, taken), entry=entry))
            continue
        if floor.slice is not None and floor.slice.condition is not None:
            met_condition(entry, floor.slice.condition, frame)
        targets = _targets(floor, frame, test, scored, classes)
        judged_on = (_judge(floor, target, min_support, taken) for target in targets)
        checks += [replace(check, entry=entry) for check in judged_on]
    return checks


@dataclass(frozen=True)
class _Target:
    """One thing that a floor holds for: rows, and a class of them or None for all classes."""

    rows: ScoredRows
    of_class: str | None
    slice_name: str | None

    def subject(self, metric: str) -> str:
        name = metric if self.of_class is None else f"{metric}.{self.of_class}"
        return name if self.slice_name is None else f"{name}:{self.slice_name}"

    def described(self, metric: str) -> str:
        of_class = "" if self.of_class is None else f" of class '{self.of_class}'"
        where = "on test" if self.slice_name is None else f"on test rows with {self.slice_name}"
        return f"{metric.replace('_', ' ')}{of_class} {where}"


def _mistake(floor: Floor, classes: Sequence[str]) -> str:
    """Why the floor cannot be judged as written; empty where it can."""
    if floor.metric not in HIGHER_IS_BETTER:
        return f"{floor.metric} is not measured here; use one of {', '.join(HIGHER_IS_BETTER)}"
    if floor.of_class is None:
        return ""
    if floor.metric in OVER_ALL_CLASSES:
        return f"{floor.metric} is over all classes; leave out 'class' or use recall"
    if floor.of_class not in classes:
        hint = did_you_mean(floor.of_class, classes, f"there are {', '.join(classes[:5])}")
        return f"no class is named '{floor.of_class}'; {hint}"
    return ""


def _targets(
    floor: Floor, frame: pd.DataFrame, test: Mask, scored: ScoredRows, classes: Sequence[str]
) -> Iterator[_Target]:
    slices: list[tuple[str | None, Mask]] = [(None, np.ones(len(scored), dtype=bool))]
    if floor.slice is not None:
        slices = [(name, mask[test]) for name, mask in slice_masks(floor.slice, frame)]
    of_classes: Sequence[str | None] = [floor.of_class]
    if floor.of_class is None and floor.metric in PER_CLASS:
        of_classes = classes if scored.positive_class is None else [scored.positive_class]
    for name, mask in slices:
        for of_class in of_classes:
            yield _Target(scored.where(mask), of_class, name)


def relevant_rows(metric: str, rows: ScoredRows, of_class: str | None) -> ScoredRows:
    """The rows that the metric's value hangs on (see the module)."""
    of_class = of_class if of_class is not None else rows.positive_class
    if metric in OVER_ALL_CLASSES or of_class is None:
        return rows
    if metric == "precision":
        return rows.where((rows.predictions["predicted"] == of_class).to_numpy(dtype=bool))
    members = (rows.labels == of_class).to_numpy(dtype=bool)
    of, rest = rows.where(members), rows.where(~members)
    return of if metric in PER_CLASS or of.units <= rest.units else rest


def _judge(floor: Floor, target: _Target, min_support: int, taken: set[str]) -> Check:
    metric, what = floor.metric, target.described(floor.metric)
    relevant = relevant_rows(metric, target.rows, target.of_class)
    n = len(relevant)
    estimate = target.rows.estimate([metric], target.of_class)[metric] if n else None
    if estimate is not None and metric in RATES:
        estimate = rate_of_units(estimate, relevant.units)
    known = estimate is not None and math.isfinite(estimate.low) and math.isfinite(estimate.high)
    by_interval = floor.judge != "point"
    # Wilson's interval holds for any number of rows, the bootstrap does not.
    enough = 1 if by_interval and estimate and estimate.method == "wilson" else min_support
    outcome: Outcome = "not_applicable"
    misses = False
    if relevant.units < enough or estimate is None:
        detail = _too_few(floor, what, relevant, min_support)
    elif math.isnan(estimate.value):
        outcome, detail = "failed", f"The {what} is not defined: it cannot reach {floor.limit:g}."
    elif not known:
        detail = f"Too few different rows for an interval of the {what}: n={n}."
    elif by_interval and _unreliable(relevant, estimate):
        detail = (
            f"The interval of the {what} cannot be relied on: "
            f"{_unreliable(relevant, estimate)} (n={n})."
        )
    else:
        limit = _limit(floor)
        outcome, misses = limit.outcome(estimate), not limit.holds(estimate.value)
        more = further_rows(limit, estimate, n)
        rows = None if more is None else f"about {more:,} further {_counted(metric, target)}"
        detail = f"{_measured(floor, what, estimate, n)}, {limit.verdict(estimate, rows)}."
    return Check(
        id=f"{STAGE}.floor:{numbered(target.subject(metric), taken)}",
        stage=STAGE,
        title=f"Floor of the {what}" if floor.maximum is None else f"Most allowed: {what}",
        severity=floor.severity,
        required=must_be_judged(floor.required, floor.severity, outcome, misses=misses),
        outcome=outcome,
        value=None if estimate is None or math.isnan(estimate.value) else estimate.value,
        limit=floor.limit,
        interval=(estimate.low, estimate.high) if estimate is not None and known else None,
        n=n,
        detail=detail + declared_by(floor.owner, floor.reason),
        evidence="floors",
    )


def _limit(floor: Floor) -> Limit:
    return Limit(
        name="floor" if floor.minimum is not None else "highest allowed value",
        written=lambda value: shown(floor.metric, value),
        minimum=floor.minimum,
        maximum=floor.maximum,
        judge=floor.judge,
    )


def _measured(floor: Floor, what: str, estimate: Estimate, rows: int) -> str:
    value, low, high = (
        shown(floor.metric, number) for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"The {what} is {value} (95 % interval {low} to {high}, n={rows})"


def _unreliable(rows: ScoredRows, estimate: Estimate) -> str:
    """Why an interval must not decide; empty where it may."""
    if estimate.method != "wilson" and estimate.low == estimate.high:
        return "every resample has the same value"
    return rows.too_few_groups


def _class_of(metric: str, target: _Target) -> str | None:
    """The class that the metric is about; None where it is over all of them."""
    if metric in OVER_ALL_CLASSES:
        return None
    return target.of_class if target.of_class is not None else target.rows.positive_class


def _counted(metric: str, target: _Target) -> str:
    """The rows that decide, in words."""
    of_class = _class_of(metric, target)
    where = "test rows" if target.slice_name is None else f"test rows with {target.slice_name}"
    if of_class is None:
        return where
    return f"{where} {'predicted as' if metric == 'precision' else 'of'} class '{of_class}'"


def _too_few(floor: Floor, what: str, relevant: ScoredRows, min_support: int) -> str:
    needed: int | None = min_support
    if floor.judge != "point" and floor.minimum is not None and floor.metric in RATES:
        alone = relevant.units == len(relevant)
        needed = rows_if_all_right(floor.minimum) if alone else min_support
    least = "more than can be told" if needed is None else f"at least {needed}"
    units = relevant.units
    of = "" if units == len(relevant) else f" of {units} independent units"
    return f"Too small to judge the {what}: n={len(relevant)}{of}, and {least} are needed."


def _unusable(floor: Floor, mistake: str, taken: set[str]) -> Check:
    name = floor.metric if floor.of_class is None else f"{floor.metric}.{floor.of_class}"
    subject = numbered(name, taken)
    return Check(
        id=f"{STAGE}.floor:{subject}",
        stage=STAGE,
        title=f"Floor of {floor.metric}"
        + ("" if floor.of_class is None else f" of class '{floor.of_class}'"),
        severity=floor.severity,
        required=bool(floor.required),
        outcome="error",
        limit=floor.limit,
        detail=f"The floor cannot be judged: {mistake}.",
    )
