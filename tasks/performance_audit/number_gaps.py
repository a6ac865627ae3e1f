"""How far do groups of rows differ in how well, or which way off, their number is estimated?

Guarantees: `mae` and `mean_error` of every group have their interval and rows; the largest
difference of two groups is judged against the project's limit; a group that is too small to judge
says how many rows it has and needs, and is left out of the comparison.

The interval of the difference of two independent groups is put together from those of the groups
by squaring and adding the distances to their ends (Zou and Donner, Statistics in Medicine 27 (2008)
1693). Of more than two groups the extreme pair is compared, which is chosen by the data: its
interval is then somewhat too favourable to there being a gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from tasks.checks import Check, Finding, Outcome, Table, judged
from tasks.conditions import Mask
from tasks.intervals import Estimate
from tasks.performance_audit.wording import STAGE, declared_by, numbered
from tasks.project.sections import Gap, Project, SliceSpec
from tasks.slice_metrics import ScoredRows
from tasks.slices import slice_masks


@dataclass(frozen=True)
class _Group:
    name: str
    estimate: Estimate
    rows: int


def judge_number_gaps(
    project: Project, frame: pd.DataFrame, test: Mask, scored: ScoredRows
) -> Finding:
    """One check a declared gap; `frame` holds all rows, `test` marks those of `scored`.

    Raises ProjectError when a gap names a column that is absent.
    """
    min_support = project.audit.min_support
    taken: set[str] = set()
    checks, rows = [], []
    for place, gap in enumerate(project.audit.gaps):
        masks = slice_masks(SliceSpec(columns=gap.crossed), frame)
        groups = [_measure(name, scored.where(mask[test]), gap) for name, mask in masks]
        groups = [group for group in groups if group.rows]
        found = [_judge(gap, groups, min_support, numbered(_subject(gap), taken))]
        found += [
            _left_out(gap, one, min_support, taken)
            for one in groups
            if not _large(one, min_support)
        ]
        checks += [replace(check, entry=f"audit.gaps[{place}]") for check in found]
        for group in groups:
            e = group.estimate
            status = "judged" if group.rows >= min_support else "too small to judge"
            rows.append(
                (gap.groups_of, gap.metric, group.name, e.value, e.low, e.high, e.n, status)
            )
    columns = ["column", "metric", "group", "value", "low", "high", "n", "status"]
    note = f"In units of the target; a group needs {min_support} rows."
    frame_of_rows = pd.DataFrame(rows, columns=columns)
    tables = {"gaps": Table(title="Errors by group (test)", frame=frame_of_rows, note=note)}
    return Finding(checks=tuple(checks), tables=tables if rows else {})


def difference(high: Estimate, low: Estimate) -> Estimate:
    """The difference of two independent estimates; `n` is that of the smaller group."""
    value = high.value - low.value
    below = math.hypot(high.value - high.low, low.high - low.value)
    above = math.hypot(high.high - high.value, low.value - low.low)
    return Estimate(
        value=value, low=value - below, high=value + above, n=min(high.n, low.n), method="mover"
    )


def _measure(name: str, part: ScoredRows, gap: Gap) -> _Group:
    if not len(part):
        nothing = Estimate(value=math.nan, low=math.nan, high=math.nan, n=0, method="none")
        return _Group(name, nothing, 0)
    return _Group(name, part.estimate([gap.metric])[gap.metric], len(part))


def _subject(gap: Gap) -> str:
    return f"{STAGE}.gap:{gap.groups_of}:{gap.metric}:difference"


def _judge(gap: Gap, groups: Sequence[_Group], min_support: int, subject: str) -> Check:
    large = [group for group in groups if _large(group, min_support)]
    large.sort(key=lambda group: (-group.estimate.value, group.name))
    what = gap.metric.replace("_", " ")
    limit = gap.max_difference
    value, interval, n = None, None, None
    outcome: Outcome = "not_applicable"
    if len(large) < 2 or limit is None:
        listed = ", ".join(f"{group.name} has {group.rows}" for group in groups[:5])
        detail = (
            f"Too small to compare: at least two groups of {gap.groups_of} need {min_support} test "
            f"rows each; {listed or 'there is none'}."
        )
    else:
        found = difference(large[0].estimate, large[-1].estimate)
        value, interval, n = found.value, (found.low, found.high), found.n
        outcome = judged(value, maximum=limit)
        reaches = found.low <= limit < found.high
        doubt = ", which the interval reaches across, so this is not certain" if reaches else ""
        each = " and ".join(_told(group) for group in (large[0], large[-1]))
        detail = (
            f"The {what} is {each}: a difference of {value:.4g} (95 % interval {found.low:.4g} to "
            f"{found.high:.4g}), {'within' if outcome == 'passed' else 'over'} the limit of "
            f"{limit:g}{doubt}."
        )
    return Check(
        id=subject,
        stage=STAGE,
        title=f"Difference of {what} between the groups of {gap.groups_of}",
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


def _large(group: _Group, min_support: int) -> bool:
    return group.rows >= min_support and math.isfinite(group.estimate.low)


def _left_out(gap: Gap, group: _Group, min_support: int, taken: set[str]) -> Check:
    """A group that is not compared, so that the gap says nothing of it."""
    what = gap.metric.replace("_", " ")
    return Check(
        id=numbered(f"{STAGE}.gap_group:{gap.metric}:{group.name}", taken),
        stage=STAGE,
        title=f"{what.capitalize()} of {group.name}",
        severity=gap.severity,
        required=gap.required,
        outcome="not_applicable",
        limit=gap.max_difference,
        n=group.rows,
        detail=f"{group.name} is too small to compare: it has {group.rows} test rows, and "
        f"{min_support} that differ are needed.",
        evidence="gaps",
    )


def _told(group: _Group) -> str:
    e = group.estimate
    return f"{e.value:.4g} ({e.low:.4g} to {e.high:.4g}, n={e.n}) for {group.name}"
