"""The evidence of error analysis, put together: what went wrong on dev, where, and how often.

Guarantees: dev rows alone are looked at; every rate carries its interval and its rows; a tag with
too few rows is shown as too small and not ranked; no finding here blocks a model, since error
analysis says what to work on and the audit judges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tasks.checks import Check, Figure, StageResult, Table
from tasks.conditions import Mask
from tasks.error_analysis.examples import DevErrors, confident_errors
from tasks.error_analysis.findings import (
    STAGE,
    errors_check,
    recall_checks,
    skew_check,
    tags_check,
)
from tasks.error_analysis.priorities import (
    Priority,
    choose_reference,
    people_by_tag,
    priorities_table,
    rank_tags,
    to_fact,
)
from tasks.error_analysis.tags import class_tags, count_tags, tags_table
from tasks.metrics import class_report, confusion_counts, metric_value
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows, SliceMetrics, measure_slices, named_slices

MAX_REPLICATES = 400
"""The intervals here decide nothing: this many replicates give them two steady digits."""
TOP_PRIORITIES = 5


def analyse_errors(
    frame: pd.DataFrame,
    split: pd.DataFrame,
    roles: Roles,
    project: Project,
    predictions: pd.DataFrame,
    ladder: Sequence[Mapping[str, Any]],
    people: pd.DataFrame | None = None,
) -> StageResult:
    """What the model gets wrong on dev, by class, slice and tag, and what to work on first.

    `predictions` are those of the dev rows; `ladder` is the baselines' list of rungs (name,
    metric, value, kind); `people` human-level performance as label consistency measured it, by
    class and slice. `facts["priorities"]` lists the tags most worth working on: gain_points
    with low and high in points of overall accuracy, room and share in [0, 1].

    Raises ProjectError when a slice or tag of the project cannot be understood.
    """
    slices = named_slices(project.slices, frame)
    declared = named_slices((*project.slices, *project.error_analysis.tags), frame)
    dev: Mask = (split["side"].reindex(frame.index) == "dev").to_numpy(dtype=bool)
    if not dev.any():
        return _nothing_to_analyse()
    errors = DevErrors.of(frame[dev], frame, split, roles, predictions)
    tags = declared.on(dev)
    counted = count_tags(class_tags(roles.target, errors.labels) | tags.masks, errors.wrong)
    min_rows = project.error_analysis.min_rows
    by_tag = {} if people is None else people_by_tag(people, project, min_rows)
    reference = choose_reference(project, ladder, 1 - errors.rate)
    ranked = rank_tags(counted, reference, min_rows, by_tag)
    worth = [found for found in ranked if found.gain_points > 0][:TOP_PRIORITIES]
    metric = project.training.metric or _default_metric(roles)
    scored = _scored(errors, roles, project)
    by_slice = measure_slices(metric, slices.on(dev), scored, min_rows)
    report = class_report(
        scored.labels,
        scored.predictions,
        errors.classes,
        replicates=scored.replicates,
        seed=scored.seed,
        groups=scored.groups,
    )
    checks = (
        errors_check(errors),
        skew_check(errors),
        *recall_checks(report, errors, min_rows),
        tags_check(tags, counted, min_rows),
    )
    tables = {
        "confusion": Table(
            title="What was predicted for each class (dev)",
            frame=confusion_counts(errors.labels, errors.predictions, errors.classes),
        ),
        "class_report": Table(title="Precision, recall and F1 by class (dev)", frame=report),
        "tags": tags_table(counted, {p.tag.name: p.room for p in ranked}, min_rows, tags.left_out),
        "priorities": priorities_table(ranked, reference),
        "by_slice": Table(
            title=f"{by_slice.metric} by slice (dev)", frame=by_slice.table, note=by_slice.note()
        ),
        "confident_errors": confident_errors(errors, roles),
    }
    return StageResult(
        stage=STAGE,
        summary=_summary(errors, worth),
        checks=checks,
        metrics=_metrics(scored, report, metric, by_slice),
        facts={
            "priorities": [to_fact(found) for found in worth],
            "reference": {"accuracy": reference.accuracy, "name": reference.name},
            "rows": len(errors.labels),
            "errors": int(errors.wrong.sum()),
        },
        tables=tables,
        figures=_figures(by_slice),
    )


def _default_metric(roles: Roles) -> str:
    return "average_precision" if roles.positive_class is not None else "macro_f1"


def _scored(errors: DevErrors, roles: Roles, project: Project) -> ScoredRows:
    return ScoredRows(
        labels=errors.labels,
        predictions=errors.predictions,
        positive_class=roles.positive_class,
        replicates=min(project.gate.replicates, MAX_REPLICATES),
        seed=project.seed,
        groups=errors.rows[roles.group] if roles.group is not None else None,
    )


def _metrics(
    scored: ScoredRows, report: pd.DataFrame, metric: str, by_slice: SliceMetrics
) -> dict[str, float]:
    """The numbers by name; what is not defined is left out."""
    found: dict[str, float] = {}
    for name in ("accuracy", metric):
        found[name] = metric_value(
            name, scored.labels, scored.predictions, positive_class=scored.positive_class
        )
    found["error_rate"] = 1 - found["accuracy"]
    for name in ("precision", "recall", "f1"):
        values = zip(report["class"], report[name], strict=True)
        found |= {f"{name}.{of_class}": float(value) for of_class, value in values}
    found |= by_slice.by_name()
    return {f"dev.{name}": value for name, value in found.items() if math.isfinite(value)}


def _figures(by_slice: SliceMetrics) -> tuple[Figure, ...]:
    return (
        Figure(
            kind="confusion",
            title="Predicted against true class (dev)",
            table="confusion",
            alt="Counts of dev rows by true and predicted class.",
        ),
        Figure(
            kind="bars",
            title="What to work on next",
            table="priorities",
            unit="points of accuracy",
            alt="Points of accuracy to win by tag, with 95 % intervals, the most certain first.",
        ),
        Figure(
            kind="intervals",
            title=f"{by_slice.metric} by slice (dev)",
            table="by_slice",
            limit=by_slice.overall,
            alt=f"{by_slice.metric} of each slice with its 95 % interval; the line is the overall "
            "value.",
        ),
    )


def _summary(errors: DevErrors, worth: Sequence[Priority]) -> str:
    start = f"{int(errors.wrong.sum())} of {len(errors.wrong)} dev rows wrong ({errors.rate:.1%})"
    if not worth:
        return f"{start}; no tag stands out"
    best = worth[0]
    return f"{start}; first: {best.tag.name}, worth {best.gain_points:.1f} points"


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
    return StageResult(stage=STAGE, summary="no dev rows", checks=(check,))
