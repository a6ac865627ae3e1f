"""A stored model as what scores rows, the way it will score them in service.

Guarantees: the model is loaded from its package, with the columns and the threshold that the
package names; nothing is scored by a model that is still in memory from its fitting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from tasks.estimators import predict
from tasks.models import ModelPackage, declared_types, load_model
from tasks.project.roles import Roles
from tasks.project.sections import Project

Score = Callable[[pd.DataFrame], pd.DataFrame]
"""Predictions of rows: column `predicted` and one `p:<class>` a class, indexed as the rows."""


def package_scorer(package: ModelPackage, project: Project, allow_imports: Sequence[str]) -> Score:
    """What scores rows with the packaged model.

    `allow_imports` names the packages whose declared types the stored model may be built of.
    Raises ProjectError when the package holds a type that is neither listed nor declared.
    """
    extra_types = declared_types(project.training.candidates, allow_imports)
    model = load_model(package, extra_types=extra_types)
    served = Roles.from_facts(package.facts["roles"])
    threshold = package.facts["threshold"]
    return lambda rows: predict(model, rows, served, threshold)
