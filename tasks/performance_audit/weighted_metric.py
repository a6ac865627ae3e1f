"""The project's metric with every row counted by its importance, and its floor.

Guarantees: it stands beside the plain metric, both with intervals; without a declared floor it is
shown and not judged; a weight that is missing or negative makes it an `error`, never a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.checks import Check, Outcome
from tasks.conditions import column_kind, nearest_column
from tasks.errors import ProjectFileError
from tasks.intervals import Estimate
from tasks.metrics.importance import weighted_estimate
from tasks.metrics.ranking import Floats
from tasks.performance_audit.limits import Limit, further_rows, must_be_judged
from tasks.performance_audit.wording import STAGE, declared_by, shown
from tasks.project.audit_sections import AuditSection, ImportantExamples, WeightedFloor
from tasks.slice_metrics import ScoredRows


@dataclass(frozen=True)
class Weighted:
    """The metric plain and weighted; `estimate` is None where `problem` says why.

    The rows come from so many independent `units`.
    """

    metric: str
    plain: Estimate
    estimate: Estimate | None
    problem: str
    units: int


def column_weights(one: ImportantExamples, rows: pd.DataFrame) -> Floats:
    """The weights that a column of `rows` gives; NaN where a cell is missing.

    Raises ProjectFileError when the column is absent or holds no numbers.
    """
    column = one.column or ""
    if column not in rows.columns:
        raise ProjectFileError(
            f"audit.important '{one.name}' names the column '{column}'"
            f"{nearest_column(column, rows)}"
        )
    if column_kind(rows[column]) != "number":
        raise ProjectFileError(
            f"audit.important '{one.name}': '{column}' holds {column_kind(rows[column])}s, and "
            "weights are numbers; use a condition with a weight, or a column of numbers"
        )
    return rows[column].to_numpy(dtype=np.float64, na_value=np.nan)


def measure_weighted(
    audit: AuditSection,
    metric: str,
    weights: Floats,
    scored: ScoredRows,
) -> Weighted:
    """The floor's metric, by default `metric`, with the rows of `scored` counted by `weights`."""
    floor = audit.weighted_floor
    name = floor.metric if floor is not None and floor.metric is not None else metric
    plain = scored.estimate([name])[name]
    unusable = int((~np.isfinite(weights) | (weights < 0)).sum())
    if unusable or not weights.any():
        problem = (
            f"{unusable} of {len(weights)} test rows have no weight, or a negative one"
            if unusable
            else f"all {len(weights)} test rows have the weight 0"
        )
        return Weighted(name, plain, None, problem, scored.units)
    estimate = weighted_estimate(
        name,
        scored.labels,
        scored.predictions,
        weights,
        positive_class=scored.positive_class,
        replicates=scored.replicates,
        seed=scored.seed,
        groups=scored.groups,
    )
    return Weighted(name, plain, estimate, "", scored.units)


def weighted_check(found: Weighted, audit: AuditSection) -> Check:
    """The weighted metric against its floor; information where none is declared."""
    floor, estimate = audit.weighted_floor, found.estimate
    known = estimate is not None and math.isfinite(estimate.low) and math.isfinite(estimate.high)
    outcome: Outcome = "not_applicable"
    misses = False
    if estimate is None:
        outcome = "error"
        detail = f"The weighted {found.metric} cannot be computed: {found.problem}."
    elif math.isnan(estimate.value):
        outcome = "failed" if floor is not None else "not_applicable"
        detail = f"The weighted {found.metric} is not defined on these test rows."
    elif not known:
        detail = (
            f"Too few different rows for an interval of the weighted {found.metric}: "
            f"n={estimate.n}."
        )
    else:
        outcome, detail = _against_floor(found, estimate, floor, audit.min_support)
        misses = floor is not None and estimate.value < floor.minimum
    known = known and estimate is not None and not math.isnan(estimate.value)
    return Check(
        id=f"{STAGE}.weighted_metric",
        stage=STAGE,
        title=f"{found.metric.replace('_', ' ').capitalize()} with rows counted by importance",
        severity="info" if floor is None else floor.severity,
        required=floor is not None
        and must_be_judged(floor.required, floor.severity, outcome, misses=misses),
        outcome=outcome,
        value=estimate.value if known and estimate is not None else None,
        limit=None if floor is None else floor.minimum,
        interval=(estimate.low, estimate.high) if known and estimate is not None else None,
        n=_rows_of(estimate),
        detail=detail + ("" if floor is None else declared_by(floor.owner, floor.reason)),
        evidence="important",
        entry="audit.weighted_floor" if floor is not None else "",
    )


def _against_floor(
    found: Weighted, estimate: Estimate, floor: WeightedFloor | None, min_support: int
) -> tuple[Outcome, str]:
    told = (
        f"With rows counted by importance {found.metric} is {shown(found.metric, estimate.value)} "
        f"(95 % interval {shown(found.metric, estimate.low)} to "
        f"{shown(found.metric, estimate.high)}, n={estimate.n}) against "
        f"{shown(found.metric, found.plain.value)} with all rows alike"
    )
    if floor is None:
        ask = "no limit is declared, so it is not judged; set audit.weighted_floor"
        return "not_applicable", f"{told}; {ask}."
    if found.units < min_support:
        return "not_applicable", f"{told}; too few rows to judge, {min_support} are needed."
    limit = Limit(
        name="floor", written=lambda value: shown(found.metric, value), minimum=floor.minimum,
        judge=floor.judge,
    )  # fmt: skip
    more = further_rows(limit, estimate, estimate.n)
    rows = None if more is None else f"about {more:,} further test rows"
    return limit.outcome(estimate), f"{told}: it is {limit.verdict(estimate, rows)}."


def _rows_of(estimate: Estimate | None) -> int | None:
    return None if estimate is None else estimate.n
