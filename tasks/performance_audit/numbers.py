"""The audit of a regression: how far off the estimates are on test, overall, by slice, by group.

Guarantees: every number has its interval and its rows; the coverage of the prediction intervals is
measured on rows that made none of them; what is too small to judge says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Check, Figure, Finding, Outcome, Table
from tasks.conditions import Mask
from tasks.intervals import Estimate
from tasks.performance_audit.floors import judge_floors
from tasks.performance_audit.number_gaps import judge_number_gaps
from tasks.performance_audit.sanity import judged_check, undeclared_checks
from tasks.performance_audit.tables import floors_table, overall_table
from tasks.performance_audit.wording import STAGE, size
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows, SliceMetrics, measure_slices, named_slices
from tasks.training.prediction_intervals import LEVEL

OVERALL = ("mae", "rmse", "r2", "mean_error", "coverage")


def judge_numbers(
    frame: pd.DataFrame,
    test: Mask,
    scored: ScoredRows,
    roles: Roles,
    project: Project,
    facts: Mapping[str, Any],
) -> Finding:
    """Measure `scored`, the rows of `frame` that `test` marks, and judge them by the project.

    `facts` are small values of the package for the gate and the page, its `size_bytes` among them.
    Raises ProjectFileError when a slice or gap names what the data does not have.
    """
    audit = project.audit
    metric = project.training.metric or "mae"
    overall = scored.estimate(OVERALL)
    slices = named_slices(project.slices, frame).on(test)
    by_slice = measure_slices(metric, slices, scored, audit.min_support)
    by_quarter = _by_quarter(roles.strata(frame[test]), scored)
    floors = judge_floors(audit.floors, frame, test, scored, (), audit.min_support)
    gaps = judge_number_gaps(project, frame, test, scored)
    of_predictions = (
        _output_check(scored, int(facts["size_bytes"])),
        *floors,
        *gaps.checks,
        _coverage_check(overall["coverage"], scored, audit.min_support),
    )
    return Finding(
        checks=(
            judged_check(of_predictions, len(scored)),
            *of_predictions,
            *undeclared_checks(audit),
        ),
        metrics={
            f"test.{name}": value
            for name, value in {
                **{name: estimate.value for name, estimate in overall.items()},
                **by_slice.by_name(),
            }.items()
            if math.isfinite(value)
        },
        facts={**facts, "metric": metric, "rows": len(scored), "estimates": _estimates(overall)},
        tables={
            "overall": overall_table(overall),
            "by_slice": Table(
                title=f"{metric} by slice (test)", frame=by_slice.table, note=by_slice.note()
            ),
            "by_quarter": by_quarter,
            "floors": floors_table(floors),
            **gaps.tables,
        },
        figures=_figures(by_slice),
        outputs={"test_predictions": scored.predictions},
    )


def _by_quarter(quarters: pd.Series, scored: ScoredRows) -> Table:
    """Whether small and large targets are estimated too high or too low."""
    rows = []
    for name in quarters.unique():
        part = scored.where((quarters == name).to_numpy(dtype=bool))
        found = part.estimate(["mean_error", "mae", "coverage"])
        mean_error = found["mean_error"]
        numbers = (mean_error.value, mean_error.low, mean_error.high, len(part))
        start = float(part.labels.min())
        rows.append((start, name, *numbers, found["mae"].value, found["coverage"].value))
    columns = ["start", "label", "value", "low", "high", "n", "mae", "coverage"]
    frame = pd.DataFrame(rows, columns=columns).sort_values("start").drop(columns="start")
    return Table(
        title="Mean error by quarter of the target (test)",
        frame=frame.reset_index(drop=True),
        note="value = estimated less true, in units of the target, with its 95 % interval. Large "
        "targets are estimated too low and small ones too high by every model that is not "
        "certain.",
    )


def _output_check(scored: ScoredRows, size_bytes: int) -> Check:
    """Whether the model loaded from its package gives one finite number a row."""
    wrong = int((~np.isfinite(scored.predictions["predicted"].to_numpy(dtype=float))).sum())
    loaded = (
        f"The model was loaded back from its package of {size(size_bytes)} and scored "
        f"{len(scored)} test rows"
    )
    return Check(
        id=f"{STAGE}.model_output",
        stage=STAGE,
        title="Test rows without a finite estimate",
        severity="critical",
        outcome="failed" if wrong else "passed",
        value=float(wrong),
        limit=0.0,
        n=len(scored),
        detail=f"{loaded}, of which {wrong} got no finite number."
        if wrong
        else f"{loaded}; these predictions are what is judged.",
    )


def _coverage_check(found: Estimate, scored: ScoredRows, min_support: int) -> Check:
    """Whether the prediction intervals hold what they promise: a warning where they do not."""
    known = math.isfinite(found.value) and math.isfinite(found.low)
    outcome: Outcome = "passed"
    too_few = scored.too_few_groups
    if not known or scored.units < min_support:
        outcome = "not_applicable"
        detail = (
            f"Too few rows to judge prediction intervals: n={found.n}, at least {min_support} are "
            "needed, and as many on dev to make them of."
        )
    elif too_few:
        outcome, detail = "not_applicable", f"Too little to judge prediction intervals: {too_few}."
    else:
        off = found.high < LEVEL or found.low > LEVEL
        outcome = "failed" if off else "passed"
        verdict = (
            f"which is not the {LEVEL:.0%} that they are made for: test rows are unlike dev rows"
            if off
            else f"as the {LEVEL:.0%} that they are made for"
        )
        detail = (
            f"{found.value:.1%} of {found.n} test rows lie within their prediction interval (95 % "
            f"interval {found.low:.1%} to {found.high:.1%}), {verdict}."
        )
    return Check(
        id=f"{STAGE}.coverage",
        stage=STAGE,
        title="Test rows within their prediction interval",
        severity="warning",
        outcome=outcome,
        value=found.value if known else None,
        limit=LEVEL,
        interval=(found.low, found.high) if known else None,
        n=found.n,
        detail=detail,
        evidence="by_quarter",
    )


def _estimates(overall: Mapping[str, Estimate]) -> dict[str, dict[str, float | int | None]]:
    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        name: {"value": number(e.value), "low": number(e.low), "high": number(e.high), "n": e.n}
        for name, e in overall.items()
    }


def _figures(by_slice: SliceMetrics) -> tuple[Figure, ...]:
    return (
        Figure(
            kind="intervals",
            title=f"{by_slice.metric} by slice (test)",
            table="by_slice",
            limit=by_slice.overall,
            alt=f"{by_slice.metric} of each slice with its 95 % interval; the line is the overall "
            "value.",
        ),
        Figure(
            kind="intervals",
            title="Mean error by quarter of the target (test)",
            table="by_quarter",
            limit=0.0,
            alt="Estimated less true of each quarter of the target with its 95 % interval; the "
            "line is no error.",
        ),
    )


def number_summary(found: Finding) -> str:
    """The project's metric and what failed, in one line."""
    metric = found.facts["metric"]
    estimate = found.facts["estimates"][metric]
    failed = sum(c.outcome == "failed" and c.severity != "info" for c in found.checks)
    ends = (estimate["low"], estimate["high"])
    shown = "" if None in ends else f" ({ends[0]:.4g} to {ends[1]:.4g})"
    value = "undefined" if estimate["value"] is None else f"{estimate['value']:.4g}"
    return (
        f"{metric} {value}{shown} on {found.facts['rows']} test rows; {failed} of "
        f"{len(found.checks)} checks failed"
    )
