"""A stored model as what scores rows, the way it will score them in service.

Guarantees: rows are scored with the columns and the threshold (of a regression: the prediction
interval) that the package names; nothing is scored by a model that is still in memory from its
fitting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from tasks.estimators import predict
from tasks.models import ModelPackage, declared_types, load_model
from tasks.project.roles import Roles
from tasks.project.sections import Project

Score = Callable[[pd.DataFrame], pd.DataFrame]
"""Predictions of rows, indexed as they are, with the columns of `tasks.estimators.predict`."""


def package_scorer(package: ModelPackage, project: Project, allow_imports: Sequence[str]) -> Score:
    """What scores rows with the packaged model.

    `allow_imports` names the packages whose declared types the stored model may be built of.
    Raises ProjectFileError when the package holds a type that is neither listed nor declared.
    """
    extra_types = declared_types(project.training.candidates, allow_imports)
    model = load_model(package, extra_types=extra_types)
    return lambda rows: served_predictions(model, package.facts, rows)


def served_predictions(model: Any, facts: Mapping[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """Predictions of `rows` by a model that was loaded from a package with these `facts`."""
    roles = Roles.from_facts(facts["roles"])
    return predict(model, rows, roles, facts["threshold"], facts.get("interval"))
