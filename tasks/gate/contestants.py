"""The models that meet on the test rows: candidate, champion, quick and constant baseline.

Guarantees: a champion that cannot score today's rows is a contestant with a reason, not an
exception; rows whose unit the champion was fitted or tuned on are left out of the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.baselines import constant_predictions
from tasks.checks import Check, StageResult
from tasks.errors import AssaylineError
from tasks.estimators import predict
from tasks.gate.stage import judge
from tasks.models import (
    Champion,
    ModelPackage,
    champion_problem,
    declared_types,
    load_model,
)
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.training import candidates_of, training_metric

EXPECTED_STAGES = ("leakage", "baselines", "training", "error_analysis", "performance_audit")


def judge_candidate(  # noqa: PLR0913, PLR0917 - every contestant is named
    frame: pd.DataFrame,
    split: pd.DataFrame,
    roles: Roles,
    project: Project,
    candidate: pd.DataFrame,
    quick: ModelPackage | None,
    class_shares: Mapping[str, float],
    champion: Champion | None,
    absolute: Sequence[Check],
    allow_imports: Sequence[str] = (),
) -> StageResult:
    """The gate's verdict on `candidate`, the predictions of the model under test for test rows.

    `class_shares` are the shares of the classes in train, which the constant baseline answers
    with; `absolute` are the checks of the stages before the gate.
    """
    rows = frame.loc[candidate.index]
    labels = roles.labels(rows)
    units = split.loc[candidate.index, "unit"]
    scored, problem = _champion(champion, rows, roles, project, allow_imports)
    return judge(
        labels=labels,
        candidate=candidate,
        champion=scored,
        constant=constant_predictions(class_shares, candidate.index),
        quick=_score(quick, rows, ()) if quick else None,
        metric=project.gate.metric or training_metric(project, roles),
        absolute=absolute,
        project=project,
        roles=roles,
        comparable=~units.isin(champion.units).to_numpy() if champion else None,
        champion_version=champion.version if champion else None,
        champion_problem=problem,
        groups=rows[roles.group] if roles.group is not None else None,
        frame=frame,
        expected_stages=EXPECTED_STAGES,
    )


def _champion(
    champion: Champion | None,
    rows: pd.DataFrame,
    roles: Roles,
    project: Project,
    allow_imports: Sequence[str],
) -> tuple[pd.DataFrame | None, str | None]:
    """The champion's predictions, or why there are none."""
    if champion is None:
        return None, None
    problem = champion_problem(champion, rows, roles)
    if problem is not None:
        return None, problem
    try:
        extra_types = declared_types(candidates_of(project, roles), allow_imports)
        return _score(champion.package, rows, extra_types), None
    except (AssaylineError, ValueError, KeyError, TypeError, AttributeError) as failure:
        return None, str(failure).strip().rstrip(".")


def _score(package: ModelPackage, rows: pd.DataFrame, extra_types: Sequence[str]) -> pd.DataFrame:
    model = load_model(package, extra_types=extra_types)
    own_roles = Roles.from_facts(package.facts["roles"])
    return predict(model, rows, own_roles, package.facts["threshold"])
