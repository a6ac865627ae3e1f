"""What is wrong on dev, over all rows, by class and by slice of the project."""

from __future__ import annotations

import math

import pandas as pd

from tasks.checks import Figure, Finding, Table
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.findings import errors_check, recall_checks, skew_check
from tasks.metrics import class_report, confusion_counts, metric_value
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import NamedSlices, ScoredRows, SliceMetrics, measure_slices

MAX_REPLICATES = 400
"""The intervals here decide nothing: this many replicates give them two steady digits."""


def chosen_metric(project: Project, roles: Roles) -> str:
    """The metric that the project names, else the default for its target."""
    if roles.regression:
        return project.training.metric or "mae"
    default = "average_precision" if roles.positive_class is not None else "macro_f1"
    return project.training.metric or default


def measure_errors(
    errors: DevErrors, slices: NamedSlices, roles: Roles, project: Project
) -> Finding:
    """The errors counted and measured; `slices` are those of the project over the dev rows."""
    if roles.regression:
        return _measure_numbers(errors, slices, roles, project)
    metric = chosen_metric(project, roles)
    min_rows = project.error_analysis.min_rows
    scored = _scored(errors, roles, project)
    by_slice = measure_slices(metric, slices, scored, min_rows)
    report = class_report(
        scored.labels,
        scored.predictions,
        errors.classes,
        replicates=scored.replicates,
        seed=scored.seed,
        groups=scored.groups,
    )
    wrong, n = int(errors.wrong.sum()), len(errors.wrong)
    return Finding(
        summary=f"{wrong} of {n} dev rows wrong ({errors.rate:.1%})",
        checks=(
            errors_check(errors),
            skew_check(errors, "accuracy" in (project.training.metric, project.gate.metric)),
            *recall_checks(report, errors, min_rows),
        ),
        metrics=_metrics(scored, report, metric, by_slice),
        facts={"rows": n, "errors": wrong},
        tables={
            "confusion": Table(
                title="What was predicted for each class (dev)",
                frame=confusion_counts(errors.labels, errors.predictions, errors.classes),
            ),
            "class_report": Table(title="Precision, recall and F1 by class (dev)", frame=report),
            "by_slice": Table(
                title=f"{by_slice.metric} by slice (dev)",
                frame=by_slice.table,
                note=by_slice.note(),
            ),
        },
        figures=_figures(by_slice),
    )


def _measure_numbers(
    errors: DevErrors, slices: NamedSlices, roles: Roles, project: Project
) -> Finding:
    metric = chosen_metric(project, roles)
    scored = _scored(errors, roles, project)
    by_slice = measure_slices(metric, slices, scored, project.error_analysis.min_rows)
    found = scored.estimate(("mae", "rmse", "r2", metric))
    values = {name: estimate.value for name, estimate in found.items()} | by_slice.by_name()
    wrong, n = int(errors.wrong.sum()), len(errors.wrong)
    return Finding(
        summary=f"{wrong} of {n} dev rows off by more than {errors.tolerance:.4g} "
        f"({errors.rate:.1%})",
        checks=(errors_check(errors),),
        metrics={f"dev.{name}": value for name, value in values.items() if math.isfinite(value)},
        facts={"rows": n, "errors": wrong, "tolerance": errors.tolerance},
        tables={
            "by_slice": Table(
                title=f"{metric} by slice (dev)", frame=by_slice.table, note=by_slice.note()
            )
        },
        figures=_figures(by_slice)[1:],
    )


def _scored(errors: DevErrors, roles: Roles, project: Project) -> ScoredRows:
    return ScoredRows(
        labels=errors.labels,
        predictions=errors.predictions,
        positive_class=roles.positive_class,
        replicates=min(project.gate.replicates, MAX_REPLICATES),
        seed=project.seed,
        groups=errors.units,
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
            kind="intervals",
            title=f"{by_slice.metric} by slice (dev)",
            table="by_slice",
            limit=by_slice.overall,
            alt=f"{by_slice.metric} of each slice with its 95 % interval; the line is the overall "
            "value.",
        ),
    )
