"""The audit on test rows, put together: what must hold before the model may ship.

Guarantees: what is judged are the predictions of the model as loaded back from its package, on
test rows alone; each limit of the project gives a check with its numbers; what is too small to
judge says so; an audit in which nothing about the predictions was judged blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tasks.checks import Check, Finding, StageResult
from tasks.drawn_units import drawn_units
from tasks.metrics.undefined import interval_words
from tasks.models import ModelPackage
from tasks.performance_audit.calibration import calibration_check
from tasks.performance_audit.cost import judge_cost, load_with_memory
from tasks.performance_audit.important import judge_important
from tasks.performance_audit.numbers import judge_numbers, number_summary
from tasks.performance_audit.offer import Trained, offer_mitigation
from tasks.performance_audit.quality import (
    Quality,
    measure_quality,
    quality_metrics,
    quality_tables,
)
from tasks.performance_audit.robustness_finding import judge_robustness
from tasks.performance_audit.sanity import (
    judged_check,
    nothing_to_audit,
    output_check,
    reloaded_check,
    undeclared_checks,
)
from tasks.performance_audit.wording import STAGE
from tasks.project.dataset import Dataset
from tasks.project.sections import Project
from tasks.scoring import package_scorer
from tasks.slice_metrics import ScoredRows, named_slices


def audit_performance(
    dataset: Dataset,
    project: Project,
    package: ModelPackage,
    allow_imports: Sequence[str] = (),
    trained: Trained | None = None,
) -> StageResult:
    """Judge the packaged model on the test rows by everything that the project declares.

    `allow_imports` names the packages whose declared types the stored model may be built of.
    `trained` is what training left about dev, from which a mitigated candidate is offered where a
    gap is refused. `outputs["test_predictions"]` holds the predictions that were judged.

    Raises ProjectFileError when a slice or gap names what the data does not have, or when the
    package holds a type that is neither listed nor declared.
    """
    frame, split, roles = dataset.frame, dataset.split, dataset.roles
    named_slices(project.slices, frame)
    test = dataset.mask("test")
    if not test.any():
        return nothing_to_audit()
    rows = frame[test]
    score, memory = load_with_memory(lambda: package_scorer(package, project, allow_imports), rows)
    scored = ScoredRows(
        labels=roles.labels(rows),
        predictions=score(rows),
        positive_class=roles.positive_class,
        replicates=project.gate.replicates,
        seed=project.seed,
        groups=drawn_units(rows, split, roles),
    )
    before = None if trained is None else trained.dev_predictions
    reloaded = Finding(checks=(reloaded_check(score(dataset.dev), before),))
    cost = judge_cost(score, rows, len(package.skops), memory, project.audit)
    if roles.regression:
        facts = {"interval": package.facts.get("interval"), "size_bytes": len(package.skops)}
        numbers = judge_numbers(frame, test, scored, roles, project, facts)
        return StageResult.of(STAGE, number_summary(numbers), (reloaded, numbers, cost))
    units = drawn_units(frame, split, roles)
    quality = measure_quality(frame, test, scored, roles, project, units)
    findings = (
        reloaded,
        _judge_quality(quality, package, project),
        judge_robustness(frame, test, scored, score, roles, project, quality.metric),
        judge_important(project.audit, frame, test, scored, quality.metric),
        cost,
    )
    checks = [check for finding in findings for check in finding.checks]
    offer = Finding()
    if trained is not None:
        offer = offer_mitigation(checks, dataset, project, trained)
    return StageResult.of(STAGE, _summary(quality, checks), (*findings, offer))


def _judge_quality(quality: Quality, package: ModelPackage, project: Project) -> Finding:
    """What the predictions are worth, and whether that is enough."""
    rows, audit = len(quality.scored), project.audit
    of_predictions = (
        output_check(quality.scored, package.facts["classes"], len(package.skops)),
        *quality.floors,
        *quality.gaps.checks,
        *quality.rare,
    )
    tables, figures = quality_tables(quality, project.target, audit.min_support)
    return Finding(
        checks=(
            judged_check(of_predictions, rows),
            *of_predictions,
            *undeclared_checks(audit),
            calibration_check(quality.calibration, quality.scored, audit.min_support),
        ),
        metrics=quality_metrics(quality),
        facts=_facts(quality, package),
        tables=tables,
        figures=figures,
        outputs={"test_predictions": quality.scored.predictions},
    )


def _facts(quality: Quality, package: ModelPackage) -> dict[str, Any]:
    """What the gate and the page read: JSON values, None for what is not defined."""

    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        "metric": quality.metric,
        "rows": len(quality.scored),
        "threshold": package.facts["threshold"],
        "size_bytes": len(package.skops),
        "estimates": {
            name: {
                "value": number(estimate.value),
                "low": number(estimate.low),
                "high": number(estimate.high),
                "n": estimate.n,
            }
            for name, estimate in quality.overall.items()
        },
    }


def _summary(quality: Quality, checks: Sequence[Check]) -> str:
    estimate = quality.overall[quality.metric]
    # A measured time is no part of what is hashed, and the summary is.
    lasting = [check for check in checks if not check.measured]
    failed = sum(c.outcome == "failed" and c.severity != "info" for c in lasting)
    small = sum(c.outcome == "not_applicable" and c.severity != "info" for c in lasting)
    value = "without a value" if math.isnan(estimate.value) else f"{estimate.value:.3f}"
    return (
        f"{quality.metric} {value}{interval_words(estimate.low, estimate.high, '.3f')} on "
        f"{len(quality.scored)} test rows; {failed} of {len(lasting)} checks failed, "
        f"{small} too small to judge"
    )
