"""What the threshold was chosen for, whether dev could meet it, and the curve that shows it.

Guarantees: the objective's value stands with its interval and its rows; an objective that no
threshold on dev meets is a failed critical check that tells the best that can be reached, and
what was taken in its place; dev without a row of the positive class is `not_applicable`.

The value is that of the rows on which the threshold was chosen, so that it is flattered; the audit
measures the same on test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.checks import Check, Figure, Finding, Outcome, Table
from tasks.intervals import Estimate
from tasks.metrics import estimate_metrics
from tasks.project.model_sections import ErrorCosts, ThresholdRule
from tasks.ratio_estimates import ratio_estimate
from tasks.training.threshold import Choice, Objective, objective_of, shown_curve, threshold_curve

STAGE = "training"
POINTS = 14
"""Thresholds that the figure shows, besides the chosen one."""

_WORDS = {
    "f1": "F1",
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "cost": "cost a row",
    "selection_rate": "share of rows predicted positive",
    "false_positive_rate": "false positive rate",
}
_SHORT = {
    "precision": "precision",
    "recall": "recall",
    "selection_rate": "selected",
    "false_positive_rate": "false positives",
}


_OF_BOTH_CLASSES = frozenset({"macro_f1", "balanced_accuracy"})
"""Means over both classes, which are no ratio of two sums."""
_WORDS_OF = np.array(["rest", "positive"], dtype=object)


@dataclass(frozen=True)
class DevScores:
    """Dev rows: which are positive, their probability of it, and how intervals are drawn."""

    positive_class: str
    positive: NDArray[np.bool_]
    scores: NDArray[np.float64]
    replicates: int
    seed: int
    groups: pd.Series | None = None

    def estimate(self, name: str, threshold: float, costs: ErrorCosts | None) -> Estimate:
        """A column of the threshold curve at one threshold, with its 95 % interval."""
        told, true = self.scores >= threshold, self.positive
        if name in _OF_BOTH_CLASSES:
            return self._of_both_classes(name, told)
        sums: dict[str, tuple[Any, Any]] = {
            "precision": (told & true, told),
            "recall": (told & true, true),
            "f1": (2.0 * (told & true), told.astype(float) + true),
            "accuracy": (told == true, np.ones(len(true))),
            "selection_rate": (told, np.ones(len(true))),
            "false_positive_rate": (told & ~true, ~true),
        }
        if costs is not None:
            cost = costs.false_positive * (told & ~true) + costs.false_negative * (~told & true)
            sums["cost"] = (cost, np.ones(len(true)))
        above, below = (np.asarray(part, dtype=float) for part in sums[name])
        found = ratio_estimate(
            above, below, replicates=self.replicates, seed=self.seed, groups=self.groups
        )
        return replace(found, n=len(true)) if name == "f1" else found

    def _of_both_classes(self, name: str, told: NDArray[np.bool_]) -> Estimate:
        index = None if self.groups is None else self.groups.index
        labels = pd.Series(_WORDS_OF[self.positive.astype(int)], index=index, dtype="str")
        predicted = pd.Series(_WORDS_OF[told.astype(int)], index=labels.index, dtype="str")
        return estimate_metrics(
            [name],
            labels,
            pd.DataFrame({"predicted": predicted}),
            positive_class=None,
            replicates=self.replicates,
            seed=self.seed,
            groups=self.groups,
        )[name]


def report_threshold(rule: ThresholdRule, choice: Choice, dev: DevScores) -> Finding:
    """The choice as a check, with the facts that go with the model, the curve and its figure."""
    objective = objective_of(rule)
    constraint, costs = objective.constraint, rule.cost
    goal = dev.estimate(objective.goal, choice.threshold, costs)
    kept = dev.estimate(constraint.column, choice.threshold, costs) if constraint else None
    facts = {
        "objective": rule.model_dump(exclude_none=True),
        "threshold": choice.threshold,
        "met": choice.met,
        objective.goal: _numbers(goal),
        **({constraint.column: _numbers(kept)} if constraint and kept else {}),
    }
    check = _check(rule, objective, choice, goal, kept, dev)
    if choice.met is None:
        return Finding(checks=(check,), facts={"threshold_choice": facts})
    silence = objective.goal == "accuracy"
    curve = threshold_curve(dev.positive, dev.scores, costs, silence=silence)
    return Finding(
        checks=(check,),
        facts={"threshold_choice": facts},
        tables={
            "threshold": Table(
                title="Threshold on dev",
                frame=shown_curve(curve, choice.threshold),
                note=f"'{dev.positive_class}' is predicted from the threshold on; chosen: "
                f"{choice.threshold:.4g}",
            ),
            "threshold_curve": _curve_table(curve, objective, choice, dev, costs),
        },
        figures=(_figure(objective),),
    )


def not_for_more_classes(rule: ThresholdRule) -> Check:
    """The check where a threshold is asked for and there is no positive class."""
    return Check(
        id=f"{STAGE}.threshold",
        stage=STAGE,
        title="Threshold chosen on dev",
        severity="warning",
        outcome="not_applicable",
        n=0,
        detail=f"training.threshold asks for {_asked(rule)}, which needs a positive class: with "
        "more than two classes the most probable one is predicted.",
    )


def _check(
    rule: ThresholdRule,
    objective: Objective,
    choice: Choice,
    goal: Estimate,
    kept: Estimate | None,
    dev: DevScores,
) -> Check:
    outcome: Outcome = "passed" if choice.met else "failed"
    constraint = objective.constraint
    reached = f"{_WORDS[objective.goal]} {_written(objective.goal, goal)}"
    if constraint is not None and kept is not None:
        reached += f" at a {_WORDS[constraint.column]} of {_written(constraint.column, kept)}"
    start = f"'{dev.positive_class}' is predicted from a probability of {choice.threshold:.4g} on"
    if choice.met is None:
        outcome = "not_applicable"
        detail = (
            f"{start}, for want of dev rows of that class: {_asked(rule)} needs some to choose by."
        )
    elif choice.met:
        silent = not (dev.scores >= choice.threshold).any()
        detail = f"{start}, chosen on dev for {_asked(rule)}: {reached}" + (
            "; it predicts no dev row as positive." if silent else "."
        )
    else:
        detail = (
            f"No threshold on dev gives {_asked(rule)}. The nearest was taken: {start}, with "
            f"{reached}. Ask for less, or find a better model."
        )
    # The number that decides: the constraint, where there is one that is not met.
    name, shown, limit = objective.goal, goal, None
    if choice.met is False and constraint is not None and kept is not None:
        name, shown, limit = constraint.column, kept, constraint.limit
    if outcome == "passed" and math.isnan(shown.value):
        outcome = "not_applicable"
    return Check(
        id=f"{STAGE}.threshold",
        stage=STAGE,
        title=f"Threshold chosen on dev: its {_WORDS[name]}",
        severity="critical" if constraint is not None else "info",
        required=constraint is not None,
        outcome=outcome,
        value=None if math.isnan(shown.value) else shown.value,
        limit=limit,
        interval=None if math.isnan(shown.low) else (shown.low, shown.high),
        n=shown.n,
        detail=detail,
        evidence=None if choice.met is None else "threshold",
    )


def _asked(rule: ThresholdRule) -> str:
    """What the project asks for, in words."""
    if rule.cost is not None:
        false_positive, false_negative = rule.cost.false_positive, rule.cost.false_negative
        return (
            f"the least cost, where a false positive costs {false_positive:g} and a false "
            f"negative {false_negative:g}"
        )
    constraint = objective_of(rule).constraint
    if constraint is None:
        return (
            "one half" if rule.kind == "half" else f"the highest {_WORDS[objective_of(rule).goal]}"
        )
    goal = _WORDS[objective_of(rule).goal]
    bound = "at least" if constraint.floor else "at most"
    return f"the highest {goal} with a {_WORDS[constraint.column]} of {bound} {constraint.limit:g}"


def _written(name: str, estimate: Estimate) -> str:
    def number(value: float) -> str:
        return f"{value:.3f}" if name in ("f1", "macro_f1", "cost") else f"{value:.1%}"

    if math.isnan(estimate.value):
        return "undefined"
    if math.isnan(estimate.low):
        return f"{number(estimate.value)} (n={estimate.n}, too few for an interval)"
    low, high = number(estimate.low), number(estimate.high)
    return f"{number(estimate.value)} (95 % interval {low} to {high}, n={estimate.n})"


def _numbers(estimate: Estimate) -> dict[str, Any]:
    """A JSON value, None for what is not defined."""
    values = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    known = {name: None if math.isnan(value) else value for name, value in values.items()}
    return {**known, "n": estimate.n}


def _curve_table(
    curve: pd.DataFrame,
    objective: Objective,
    choice: Choice,
    dev: DevScores,
    costs: ErrorCosts | None,
) -> Table:
    """The goal along the curve, by threshold; each with its interval."""
    thresholds = shown_curve(curve, choice.threshold, POINTS)["threshold"].tolist()
    if choice.threshold not in thresholds:  # one half, which no row's probability suggests
        thresholds = sorted([*thresholds, choice.threshold])
    rows = []
    for threshold in thresholds:
        estimate = dev.estimate(objective.goal, threshold, costs)
        label = f"{threshold:.3g}"
        if objective.constraint is not None:
            column = objective.constraint.column
            kept = dev.estimate(column, threshold, costs)
            label += f", {_SHORT[column]} {kept.value:.0%}"
        label += " (chosen)" if threshold == choice.threshold else ""
        rows.append((label, estimate.value, estimate.low, estimate.high, estimate.n))
    return Table(
        title=f"{_WORDS[objective.goal]} by threshold (dev)",
        frame=pd.DataFrame(rows, columns=["label", "value", "low", "high", "n"]),
        note="low and high are 95 % intervals at a threshold that is given; the chosen one is "
        "read from the same rows, so that its value is flattered.",
    )


def _figure(objective: Objective) -> Figure:
    goal = _WORDS[objective.goal]
    return Figure(
        kind="intervals",
        title=f"{goal[0].upper()}{goal[1:]} by threshold (dev)",
        table="threshold_curve",
        unit=goal,
        alt=f"The {goal} at thresholds from the lowest to the highest, each with its 95 % "
        "interval; the chosen one is marked.",
    )
