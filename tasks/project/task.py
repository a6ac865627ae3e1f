"""Does what the project declares go with its task: classes, or a number to be estimated?

Guarantees: what has no meaning for the task is refused, never left aside in silence.
"""

from __future__ import annotations

from collections.abc import Iterable

from tasks.project.fields import REGRESSION_METRICS
from tasks.project.sections import Project

_OF_NUMBERS = REGRESSION_METRICS | {"coverage"}
IN_UNITS = frozenset({"mae", "rmse"})
"""Metrics in units of the target, for which a gain or a margin has no usual size."""


def task_mistake(project: Project) -> str:
    """What does not go with the task, with the next move; empty where all does."""
    regression = project.task == "regression"
    for place, metric in _declared_metrics(project):
        if (metric in _OF_NUMBERS) != regression:
            known = sorted(REGRESSION_METRICS) if regression else ["f1", "macro_f1", "and others"]
            return f"'{place}' is {metric}, and task {project.task} takes {', '.join(known)}"
    if not regression:
        numbers = [gap.metric for gap in project.audit.gaps if gap.metric in GAPS_OF_NUMBERS]
        if numbers:
            return f"'audit.gaps' is of {numbers[0]}, which is for task regression; choose another"
        return _without_two_classes(project)
    for key, why in _of_classes(project):
        return f"'{key}' is for classes, and task regression {why}; leave it out"
    return _missing_limits(project)


def _declared_metrics(project: Project) -> Iterable[tuple[str, str]]:
    baselines = (*([project.baselines.hlp] if project.baselines.hlp else []),)
    weighted = project.audit.weighted_floor
    named = [
        ("training.metric", project.training.metric),
        ("gate.metric", project.gate.metric),
        *(("baselines.hlp.metric", one.metric) for one in baselines),
        *(("baselines.declared.metric", one.metric) for one in project.baselines.declared),
        *(("audit.floors.metric", floor.metric) for floor in project.audit.floors),
        *([("audit.weighted_floor.metric", weighted.metric)] if weighted is not None else []),
    ]
    return [(place, metric) for place, metric in named if metric is not None]


def _of_classes(project: Project) -> Iterable[tuple[str, str]]:
    """What is declared for classes alone, and why a number has no use for it."""
    labels, audit = project.labels, project.audit
    told = (
        (project.positive_class is not None, "positive_class", "has none"),
        (labels.annotators, "labels.annotators", "compares no annotators"),
        (labels.ratings is not None, "labels.ratings", "compares no annotators"),
        (labels.suspects != "keep", "labels.suspects", "suspects no label"),
        (
            labels.max_error_rate is not None,
            "labels.max_error_rate",
            "has labels that are near or far, not right or wrong",
        ),
        (
            project.training.mitigate is not None,
            "training.mitigate",
            "has no class whose rate could differ",
        ),
        (any(f.of_class is not None for f in audit.floors), "audit.floors.class", "has none"),
        (audit.important, "audit.important", "has no right or wrong answers to weigh"),
        (audit.robustness.limits, "audit.robustness.limits", "has no prediction that could flip"),
    )
    yield from ((key, why) for declared, key, why in told if declared)
    for gap in audit.gaps:
        if gap.metric not in GAPS_OF_NUMBERS or gap.of_class is not None:
            yield f"audit.gaps: {gap.metric}", f"takes {' and '.join(sorted(GAPS_OF_NUMBERS))}"


GAPS_OF_NUMBERS = frozenset({"mae", "mean_error"})


def _without_two_classes(project: Project) -> str:
    asked = project.training.mitigate
    if asked is not None and asked.max_selection_rate is not None and not project.positive_class:
        return (
            "'training.mitigate.max_selection_rate' is for two classes, of which 'positive_class' "
            "names one; leave it out"
        )
    return ""


def _missing_limits(project: Project) -> str:
    gate = project.gate
    metric = gate.metric or project.training.metric or "mae"
    wanted = {
        "min_gain": gate.intent == "improve",
        "margin": gate.intent == "refresh" or bool(gate.guard_slices),
        "budget": gate.anchor is not None,
    }
    missing = [name for name, asked in wanted.items() if asked]
    missing = [name for name in missing if name not in gate.model_fields_set]
    if metric not in IN_UNITS or not missing:
        return ""
    needed = missing[0]
    return (
        f"'gate.{needed}' is missing: for {metric} it is in units of '{project.target}', and "
        "no default would fit; say which difference matters, or set gate.metric: r2"
    )
