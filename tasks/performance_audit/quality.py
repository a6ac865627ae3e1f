"""What are the test predictions worth: overall, by class, by slice, by group.

Guarantees: everything is measured on one set of predictions; a metric that is not defined is left
out of the metrics, never written as a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tasks.checks import Check, Figure, Table
from tasks.conditions import Mask
from tasks.intervals import Estimate
from tasks.metrics import class_report, confusion_counts
from tasks.performance_audit.calibration import (
    Calibration,
    calibration_tables,
    measure_calibration,
    reliability_figure,
)
from tasks.performance_audit.classes import judge_rare_classes
from tasks.performance_audit.floors import judge_floors
from tasks.performance_audit.gap_tables import group_tables
from tasks.performance_audit.groups import AuditedRows, Gaps, compare_groups
from tasks.performance_audit.tables import floors_table, overall_table
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows, SliceMetrics, measure_slices, named_slices

ONE_CLASS = ("precision", "recall", "f1")
OVERALL = (
    "accuracy",
    "balanced_accuracy",
    *ONE_CLASS,
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "average_precision",
    "roc_auc",
    "log_loss",
    "brier",
    "calibration_error",
)


@dataclass(frozen=True)
class Quality:
    """All that was measured and judged on the predictions; `metric` is the project's own."""

    scored: ScoredRows
    classes: tuple[str, ...]
    metric: str
    overall: Mapping[str, Estimate]
    report: pd.DataFrame
    by_slice: SliceMetrics
    floors: tuple[Check, ...]
    gaps: Gaps
    rare: tuple[Check, ...]
    calibration: Calibration


def measure_quality(
    frame: pd.DataFrame,
    test: Mask,
    scored: ScoredRows,
    roles: Roles,
    project: Project,
    units: pd.Series | None = None,
) -> Quality:
    """Measure `scored`, the rows of `frame` that `test` marks, and judge them by the project.

    `units` says which rows of `frame` are no independent evidence of each other.

    Raises ProjectFileError when a slice or gap names what the data does not have.
    """
    audit, labels = project.audit, roles.labels(frame)
    classes = tuple(sorted(str(name) for name in labels.unique()))
    binary = roles.positive_class is not None
    metric = project.training.metric or ("average_precision" if binary else "macro_f1")
    slices = named_slices(project.slices, frame).on(test)
    overall = scored.estimate(OVERALL)
    return Quality(
        scored=scored,
        classes=classes,
        metric=metric,
        overall=overall,
        report=class_report(
            scored.labels,
            scored.predictions,
            classes,
            replicates=scored.replicates,
            seed=scored.seed,
            groups=scored.groups,
        ),
        by_slice=measure_slices(metric, slices, scored, audit.min_support),
        floors=tuple(
            judge_floors(
                audit.floors,
                frame,
                test,
                scored,
                classes,
                audit.min_support,
            )
        ),
        gaps=compare_groups(project, AuditedRows(frame, labels, test, scored, units), classes),
        rare=tuple(judge_rare_classes(labels, scored, audit.rare_class_share, audit.min_support)),
        calibration=measure_calibration(scored, classes, overall),
    )


def quality_metrics(quality: Quality) -> dict[str, float]:
    """The numbers by name: `test.<metric>`, `test.<metric>.<class or slice>`, rates by group."""
    found = {name: estimate.value for name, estimate in quality.overall.items()}
    for name in ONE_CLASS:
        values = zip(quality.report["class"], quality.report[name], strict=True)
        found |= {f"{name}.{of_class}": float(value) for of_class, value in values}
    found |= quality.by_slice.by_name()
    for gap in (*quality.gaps.declared, *quality.gaps.others):
        usual = gap.of_class == quality.scored.positive_class
        rate = gap.metric if usual else f"{gap.metric}.{gap.of_class}"
        found |= {f"{rate}.{group.group}": group.value for group in gap.judgeable}
    return {f"test.{name}": value for name, value in found.items() if math.isfinite(value)}


def quality_tables(
    quality: Quality, target: str, min_support: int
) -> tuple[dict[str, Table], tuple[Figure, ...]]:
    """The evidence, and the figures of it."""
    of_groups, group_figures = group_tables(quality.gaps, target, min_support)
    confusion = confusion_counts(quality.scored.labels, quality.scored.predictions, quality.classes)
    tables = {
        "overall": overall_table(quality.overall),
        "class_report": Table(
            title="Precision, recall and F1 by class (test)", frame=quality.report
        ),
        "confusion": Table(title="What was predicted for each class (test)", frame=confusion),
        "by_slice": Table(
            title=f"{quality.by_slice.metric} by slice (test)",
            frame=quality.by_slice.table,
            note=quality.by_slice.note(),
        ),
        "floors": floors_table(quality.floors),
        **calibration_tables(quality.calibration),
    }
    return tables | of_groups, (
        *_figures(quality),
        reliability_figure(quality.scored.positive_class),
        *group_figures,
    )


def _figures(quality: Quality) -> tuple[Figure, Figure]:
    by_slice = quality.by_slice
    return (
        Figure(
            kind="confusion",
            title="Predicted against true class (test)",
            table="confusion",
            alt="Counts of test rows by true and predicted class.",
        ),
        Figure(
            kind="intervals",
            title=f"{by_slice.metric} by slice (test)",
            table="by_slice",
            limit=by_slice.overall,
            alt=f"{by_slice.metric} of each slice with its 95 % interval; the line is the overall "
            "value.",
        ),
    )
