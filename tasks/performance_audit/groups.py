"""Which columns' groups are compared: those of declared gaps, and those of the project's slices.

Guarantees: with two classes the rates of every slice column are shown, whether or not anybody set
a limit on them; a declared gap is judged once and shown first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from tasks.checks import Check
from tasks.conditions import Mask
from tasks.performance_audit.gap_limits import judge_gap, mistake_in, unusable_gap
from tasks.performance_audit.gaps import RATES, GapRates, measure_gap
from tasks.project.sections import Project, SliceSpec
from tasks.slice_metrics import ScoredRows
from tasks.slices import slice_masks


@dataclass(frozen=True)
class Gaps:
    """Checks of the declared gaps, their rates, and the rates of the other slice columns."""

    checks: tuple[Check, ...]
    declared: tuple[GapRates, ...]
    others: tuple[GapRates, ...]


def compare_groups(
    project: Project,
    frame: pd.DataFrame,
    test: Mask,
    scored: ScoredRows,
    classes: Sequence[str],
) -> Gaps:
    """Judge the declared gaps and measure those of all slices that are columns or crossings.

    `frame` holds all rows, `test` marks those of `scored`. With more than two classes only
    declared gaps are measured, since there is no class that a slice column's rates would be of.
    Raises ProjectError when a gap names a column that is absent.
    """
    min_support = project.audit.min_support
    checks: list[Check] = []
    taken: set[str] = set()
    declared: dict[tuple[str, str, str], GapRates] = {}
    others: dict[tuple[str, str, str], GapRates] = {}
    for place, gap in enumerate(project.audit.gaps):
        entry = f"audit.gaps[{place}]"
        mistake = mistake_in(gap, scored.positive_class, classes)
        if mistake:
            checks.append(replace(unusable_gap(gap, mistake, taken), entry=entry))
            continue
        of_class = gap.of_class or str(scored.positive_class)
        masks = _groups((gap.column,), frame, test)
        rates = measure_gap(gap.column, gap.metric, of_class, masks, scored, min_support)
        judged = judge_gap(gap, rates, project.target, taken)
        checks += [replace(check, entry=entry) for check in judged]
        declared[gap.column, gap.metric, of_class] = rates
    columns = [spec.columns for spec in project.slices if spec.columns]
    for crossed in columns if scored.positive_class is not None else []:
        name, of_class = " & ".join(crossed), str(scored.positive_class)
        masks = _groups(crossed, frame, test)
        for metric in RATES:
            if (name, metric, of_class) not in declared:
                rates = measure_gap(name, metric, of_class, masks, scored, min_support)
                others[name, metric, of_class] = rates
    return Gaps(tuple(checks), tuple(declared.values()), tuple(others.values()))


def _groups(columns: tuple[str, ...], frame: pd.DataFrame, test: Mask) -> dict[str, Mask]:
    return {name: mask[test] for name, mask in slice_masks(SliceSpec(columns=columns), frame)}
