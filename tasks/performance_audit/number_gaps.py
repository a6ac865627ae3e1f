"""How far do groups of rows differ in how well, or which way off, their number is estimated?

Guarantees: `mae` and `mean_error` of every group have their interval and rows; the gaps are judged
as those of classes are (`gap_limits`), by intervals that hold for all pairs of groups at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from tasks.checks import Check, Finding, Table
from tasks.conditions import Mask
from tasks.performance_audit.gap_limits import judge_gap
from tasks.performance_audit.gaps import GapRates, measure_number_gap, number_rows
from tasks.project.fields import SliceSpec
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows
from tasks.slices import slice_masks


def judge_number_gaps(
    project: Project, frame: pd.DataFrame, test: Mask, scored: ScoredRows
) -> Finding:
    """The checks of the declared gaps; `frame` holds all rows, `test` marks those of `scored`.

    Raises ProjectFileError when a gap names a column that is absent.
    """
    taken: set[str] = set()
    checks: list[Check] = []
    measured: list[GapRates] = []
    for place, gap in enumerate(project.audit.gaps):
        masks = slice_masks(SliceSpec(columns=gap.crossed), frame)
        rows = number_rows({name: mask[test] for name, mask in masks}, scored)
        rates = measure_number_gap(gap.groups_of, gap.metric, rows, project.audit.min_support)
        found = judge_gap(gap, rates, None, project.target, taken)
        checks += [replace(check, entry=f"audit.gaps[{place}]") for check in found]
        measured.append(rates)
    tables = {"gaps": _table(measured)} if measured else {}
    return Finding(checks=tuple(checks), tables=tables)


def _table(measured: Sequence[GapRates]) -> Table:
    rows = [
        (gap.column, gap.metric, rate.group, rate.value, *rate.interval, rate.n, rate.units,
         "judged" if rate in gap.judgeable else "too small to judge")
        for gap in measured
        for rate in gap.rates
    ]  # fmt: skip
    columns = ["column", "metric", "group", "value", "low", "high", "n", "units", "status"]
    least = max((gap.min_support for gap in measured), default=0)
    return Table(
        title="Errors by group (test)",
        frame=pd.DataFrame(rows, columns=columns),
        note="In units of the target; low and high are the 95 % interval of each group by itself. "
        f"A group needs {least} independent units: rows, or what they are grouped by.",
    )
