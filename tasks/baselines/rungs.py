"""The ladder of baselines: who stands on it, and what each is worth on dev.

Guarantees: all rungs that are models are measured on the same dev rows with the same resamples;
a number that somebody declared is never dressed up with an interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from sklearn.pipeline import Pipeline

from tasks.estimators import (
    build_pipeline,
    convergence_messages,
    feature_frame,
    fit_pipeline,
)
from tasks.metrics import Estimate, estimate_metrics
from tasks.project.model_sections import Candidate, DeclaredBaseline
from tasks.project.roles import Roles

Kind = Literal["constant", "quick", "champion", "hlp", "declared"]
HALF = 0.5
PEOPLE = "one person against the others"
REPLICATES = 1000


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One number to compare with; `low`, `high` and `n` are None where somebody declared it."""

    name: str
    kind: Kind
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, where there are any."""
        if self.low is None or self.high is None or math.isnan(self.low):
            return None
        return self.low, self.high

    def to_facts(self) -> dict[str, Any]:
        """A JSON value; what is undefined is None."""
        return {
            "name": self.name,
            "kind": self.kind,
            "metric": self.metric,
            "value": _or_none(self.value),
            "low": _or_none(self.low),
            "high": _or_none(self.high),
            "n": self.n,
        }


def quick_candidate(roles: Roles) -> Candidate:
    """A tree of one question; of three levels where one could not name the classes.

    One rule is a strong baseline on many data sets (Holte, Machine Learning 11 (1993) 63). More
    than two classes, or text, where a single word settles little, get three levels.
    """
    depth = 3 if roles.positive_class is None or roles.text else 1
    kind = "Regressor" if roles.regression else "Classifier"
    return Candidate(
        name="quick",
        estimator=f"sklearn.tree.DecisionTree{kind}",
        params={"max_depth": depth, "min_samples_leaf": 5},
    )


def fit_quick(train: pd.DataFrame, roles: Roles, *, class_weight: str, seed: int) -> Pipeline:
    """The quick model, fitted on train rows with the candidates' own preparation."""
    model = build_pipeline(quick_candidate(roles), roles, class_weight=class_weight, seed=seed)
    with convergence_messages():
        return fit_pipeline(
            model, feature_frame(train, roles), roles.labels(train), class_weight=class_weight
        )


def measured_rungs(name: str, kind: Kind, estimates: Mapping[str, Estimate]) -> list[Rung]:
    """A rung for each metric."""
    return [
        Rung(
            name=name,
            kind=kind,
            metric=metric,
            value=found.value,
            low=found.low,
            high=found.high,
            n=found.n,
        )
        for metric, found in estimates.items()
    ]


def people_rungs(people: pd.DataFrame, metrics: Sequence[str]) -> list[Rung]:
    """A rung for each metric of `metrics` that people were measured by, overall.

    `people` is the frame `human_level` of label consistency: of, metric, value, low, high, n.
    """
    overall = people[people["of"] == "overall"]
    return [
        Rung(
            name=PEOPLE,
            kind="hlp",
            metric=row["metric"],
            value=float(row["value"]),
            low=float(row["low"]),
            high=float(row["high"]),
            n=int(row["n"]),
        )
        for row in overall.to_dict("records")
        if row["metric"] in metrics
    ]


def declared_rungs(hlp: DeclaredBaseline | None, others: Iterable[DeclaredBaseline]) -> list[Rung]:
    """A rung for human-level performance, where declared, and for each declared number."""
    rungs = [] if hlp is None else [_declared(hlp, "hlp")]
    return rungs + [_declared(baseline, "declared") for baseline in others]


def measure(
    metrics: Sequence[str],
    predictions: pd.DataFrame,
    rows: pd.DataFrame,
    roles: Roles,
    seed: int,
    units: pd.Series | None = None,
) -> dict[str, Estimate]:
    """Each metric of the predictions on `rows`, with its interval; `units` are drawn as a whole."""
    return estimate_metrics(
        metrics,
        roles.labels(rows),
        predictions,
        positive_class=roles.positive_class,
        replicates=REPLICATES,
        seed=seed,
        groups=units,
    )


def _declared(baseline: DeclaredBaseline, kind: Kind) -> Rung:
    return Rung(name=baseline.name, kind=kind, metric=baseline.metric, value=baseline.value)


def _or_none(number: float | None) -> float | None:
    return None if number is None or math.isnan(number) else number
