"""The evidence of error analysis, put together: what went wrong on dev, where, and how often.

Guarantees: dev rows alone are looked at; every rate carries its interval and its rows; a tag with
too few rows is shown as too small and not ranked; no finding here blocks a model, since error
analysis says what to work on and the audit judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tasks.checks import Check, Finding, StageResult
from tasks.conditions import Mask
from tasks.error_analysis.examples import DevErrors, find_examples
from tasks.error_analysis.findings import STAGE
from tasks.error_analysis.overview import measure_errors
from tasks.error_analysis.priorities import people_by_tag
from tasks.error_analysis.tagged import rank_work
from tasks.error_analysis.weak_slices import find_weak_slices
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.scoring import Score
from tasks.slice_metrics import named_slices


def analyse_errors(
    frame: pd.DataFrame,
    split: pd.DataFrame,
    roles: Roles,
    project: Project,
    predictions: pd.DataFrame,
    ladder: Sequence[Mapping[str, Any]],
    people: pd.DataFrame | None = None,
    score: Score | None = None,
) -> StageResult:
    """What the model gets wrong on dev, by class, slice and tag, and what to work on first.

    `predictions` are those of the dev rows; `ladder` is the baselines' list of rungs (name,
    metric, value, kind); `people` human-level performance as label consistency measured it, by
    class and slice; `score` is the packaged model. `facts["priorities"]` lists the tags most worth
    working on: gain_points with low and high in points of overall accuracy, room and share in
    [0, 1].

    Raises ProjectError when a slice or tag of the project cannot be understood.
    """
    slices = named_slices(project.slices, frame)
    declared = named_slices((*project.slices, *project.error_analysis.tags), frame)
    dev: Mask = (split["side"].reindex(frame.index) == "dev").to_numpy(dtype=bool)
    if not dev.any():
        return _nothing_to_analyse()
    errors = DevErrors.of(frame[dev], frame, split, roles, predictions)
    by_tag = {}
    if people is not None:
        by_tag = people_by_tag(people, project, project.error_analysis.min_rows)
    work = rank_work(errors, declared.on(dev), roles, project, ladder, by_tag)
    units = split["unit"].loc[errors.rows.index]
    weak, _ = find_weak_slices(errors, frame, declared.on(dev), roles, project, units)
    findings = (
        measure_errors(errors, slices.on(dev), roles, project),
        work,
        weak,
        find_examples(errors, roles),
    )
    summary = "; ".join(finding.summary for finding in findings if finding.summary)
    return StageResult.of(STAGE, summary, findings)


def _nothing_to_analyse() -> StageResult:
    detail = "There is no dev row to look at; give split.dev a larger share or add data."
    check = Check(
        id=f"{STAGE}.errors",
        stage=STAGE,
        title="Share of dev rows predicted wrongly",
        severity="info",
        outcome="not_applicable",
        n=0,
        detail=detail,
    )
    return StageResult.of(STAGE, "no dev rows", (Finding(checks=(check,)),))
