"""Does every metric reach its floor: overall, for a class, on each slice of a column.

Guarantees: a floor is failed when the value on test is below it, and passed when it is not; the
detail says when the interval reaches across the floor, so that the outcome is not certain. Too
few rows to judge on is `not_applicable`, never passed. A floor that cannot be judged as it is
written is an `error`, which does not pass either.

The rows that a value hangs on ("relevant"): all rows for accuracy and macro_f1; the rows of the
class for recall and f1; the rows predicted as the class for precision; the rarer of the class and
the rest for average_precision and roc_auc.

In a problem with more than two classes a floor of precision, recall or f1 without a class holds
for each class by itself, because a mean over the classes would hide the worst one.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tasks.checks import Check, Outcome, judged
from tasks.conditions import Mask
from tasks.intervals import Estimate
from tasks.performance_audit.wording import STAGE, declared_by, numbered, shown
from tasks.project.sections import Floor
from tasks.slice_metrics import ScoredRows
from tasks.slices import slice_masks

PER_CLASS = frozenset({"precision", "recall", "f1"})
OVER_ALL_CLASSES = frozenset({"accuracy", "macro_f1"})


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
    `performance_audit.floor:<metric>[.<class>][:<slice>]`. Raises ProjectError when a slice
    cannot be understood.
    """
    taken: set[str] = set()
    checks: list[Check] = []
    for place, floor in enumerate(floors):
        entry = f"audit.floors[{place}]"
        mistake = _mistake(floor, classes)
        if mistake:
            checks.append(replace(_unusable(floor, mistake, taken), entry=entry))
            continue
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
    if floor.of_class is None:
        return ""
    if floor.metric in OVER_ALL_CLASSES:
        return f"{floor.metric} is over all classes; leave out 'class' or use recall"
    if floor.of_class not in classes:
        nearest = difflib.get_close_matches(floor.of_class, classes, n=1, cutoff=0.5)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"there are {', '.join(classes[:5])}"
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


def relevant_rows(metric: str, rows: ScoredRows, of_class: str | None) -> int:
    """The number of rows that the metric's value hangs on (see the module)."""
    of_class = of_class if of_class is not None else rows.positive_class
    if metric in OVER_ALL_CLASSES or of_class is None:
        return len(rows)
    if metric == "precision":
        return int((rows.predictions["predicted"] == of_class).sum())
    members = int((rows.labels == of_class).sum())
    return members if metric in PER_CLASS else min(members, len(rows) - members)


def _judge(floor: Floor, target: _Target, min_support: int, taken: set[str]) -> Check:
    metric, what = floor.metric, target.described(floor.metric)
    relevant = relevant_rows(metric, target.rows, target.of_class)
    estimate = target.rows.estimate([metric], target.of_class)[metric] if relevant else None
    known = estimate is not None and math.isfinite(estimate.low) and math.isfinite(estimate.high)
    outcome: Outcome = "not_applicable"
    if relevant < min_support or estimate is None:
        detail = (
            f"Too small to judge the {what}: n={relevant}, and at least {min_support} are needed."
        )
    elif math.isnan(estimate.value):
        outcome, detail = "failed", f"The {what} is not defined: it cannot reach {floor.minimum:g}."
    elif not known:
        detail = f"Too few different rows for an interval of the {what}: n={relevant}."
    else:
        outcome = judged(estimate.value, minimum=floor.minimum)
        detail = _sentence(floor, what, estimate, relevant)
    return Check(
        id=f"{STAGE}.floor:{numbered(target.subject(metric), taken)}",
        stage=STAGE,
        title=f"Floor of the {what}",
        severity=floor.severity,
        required=floor.required,
        outcome=outcome,
        value=None if estimate is None or math.isnan(estimate.value) else estimate.value,
        limit=floor.minimum,
        interval=(estimate.low, estimate.high) if estimate is not None and known else None,
        n=relevant,
        detail=detail + declared_by(floor.owner, floor.reason),
        evidence="floors",
    )


def _sentence(floor: Floor, what: str, estimate: Estimate, relevant: int) -> str:
    value, low, high, minimum = (
        shown(floor.metric, number)
        for number in (estimate.value, estimate.low, estimate.high, floor.minimum)
    )
    if estimate.value < floor.minimum:
        certain = estimate.high < floor.minimum
        verdict = f"below the floor of {minimum}"
        doubt = "" if certain else "; the interval reaches above it, so this is not certain"
    else:
        certain = estimate.low >= floor.minimum
        verdict = f"at or above the floor of {minimum}"
        doubt = "" if certain else "; the interval reaches below it, so this is not certain"
    return f"The {what} is {value} (95 % interval {low} to {high}, n={relevant}), {verdict}{doubt}."


def _unusable(floor: Floor, mistake: str, taken: set[str]) -> Check:
    subject = numbered(f"{floor.metric}.{floor.of_class}", taken)
    return Check(
        id=f"{STAGE}.floor:{subject}",
        stage=STAGE,
        title=f"Floor of {floor.metric} of class '{floor.of_class}'",
        severity=floor.severity,
        outcome="error",
        limit=floor.minimum,
        detail=f"The floor cannot be judged: {mistake}.",
    )
