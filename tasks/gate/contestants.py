"""The models that meet on the test rows: candidate, champion, anchor, and two baselines.

Guarantees: a champion or an anchor that cannot score today's rows is an opponent with a reason,
not an exception; rows that it was fitted or tuned on are left out of its comparison, and where
these cannot be told it is not compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from tasks.checks import Check, StageResult
from tasks.constant import constant_estimates, constant_predictions
from tasks.drawn_units import drawn_units
from tasks.errors import UserError
from tasks.estimators.candidates import candidates_of, training_metric
from tasks.gate.contest import Opponent
from tasks.gate.stage import judge
from tasks.models import (
    Champion,
    ModelPackage,
    champion_problem,
    declared_types,
    load_model,
)
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.row_recognition import find_seen
from tasks.scoring import served_predictions
from tasks.wear import Wear

# What a model of other libraries or other data raises; a full disk or memory is not its fault.
_CANNOT_SCORE = (
    UserError, ImportError, LookupError, ArithmeticError, ValueError, TypeError,
    AttributeError, RuntimeError,
)  # fmt: skip


def judge_candidate(  # noqa: PLR0913, PLR0917 - every contestant is named
    dataset: Dataset,
    project: Project,
    candidate: pd.DataFrame,
    quick: ModelPackage | None,
    constant: Mapping[str, Any],
    champion: Champion | None,
    anchor: Champion | None,
    wear: Wear,
    absolute: Sequence[Check],
    expected: Sequence[str],
    allow_imports: Sequence[str] = (),
) -> StageResult:
    """The gate's verdict on `candidate`, the predictions of the model under test for test rows.

    `constant` is what the constant baseline answers with: `shares` of the classes in train, or one
    `number`; `anchor` is the version that the project pins, `wear` the judgements that the test
    rows have seen; `absolute` are the checks of the stages before the gate, `expected` those that
    must have judged something.
    """
    frame, split, roles = dataset.frame, dataset.split, dataset.roles
    rows = frame.loc[candidate.index]
    labels = roles.labels(rows)
    units = split.loc[candidate.index, "unit"]
    enter = partial(
        _enter, rows=rows, units=units, roles=roles, project=project, allow_imports=allow_imports
    )
    return judge(
        labels=labels,
        candidate=candidate,
        champion=enter("champion", champion) if champion else None,
        constant=_constant(constant, candidate.index),
        quick=_score(quick, rows, ()) if quick else None,
        anchor=enter("anchor", anchor) if anchor else None,
        wear=wear,
        metric=project.gate.metric or training_metric(project, roles),
        absolute=absolute,
        project=project,
        roles=roles,
        groups=drawn_units(rows, split, roles),
        frame=frame,
        expected_stages=expected,
    )


def _constant(facts: Mapping[str, Any], index: pd.Index) -> pd.DataFrame:
    if "number" in facts:
        return constant_estimates(facts["number"], index)
    return constant_predictions(facts["shares"], index)


def _enter(
    key: str,
    model: Champion,
    *,
    rows: pd.DataFrame,
    units: pd.Series,
    roles: Roles,
    project: Project,
    allow_imports: Sequence[str],
) -> Opponent:
    """A registered model with its predictions, or with the reason why there are none."""
    predictions, seen = None, units.isin(model.units).to_numpy(dtype=bool)
    problem = champion_problem(model, rows, roles) or ""
    if not problem:
        seen, problem = find_seen(model, rows, units, roles)
    if not problem:
        try:
            extra_types = declared_types(candidates_of(project, roles), allow_imports)
            predictions = _score(model.package, rows, extra_types)
        except _CANNOT_SCORE as failure:
            told = str(failure).strip().rstrip(".")
            known = isinstance(failure, UserError)
            problem = told if known else f"{type(failure).__name__}: {told}"
    return Opponent.of_version(
        key,
        model.version,
        predictions,
        problem=problem,
        comparable=~seen,
    )


def _score(package: ModelPackage, rows: pd.DataFrame, extra_types: Sequence[str]) -> pd.DataFrame:
    model = load_model(package, extra_types=extra_types)
    return served_predictions(model, package.facts, rows)
