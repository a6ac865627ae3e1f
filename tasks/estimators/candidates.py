"""Which estimators may be used, and what they may be given.

Guarantees: nothing outside scikit-learn is imported unless its top-level package is allowed; an
unknown parameter is refused with the nearest known one; a classifier that cannot tell
probabilities is refused, and so is any where a number is to be estimated.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.errors import ProjectFileError, UsageError
from tasks.messages import nearest_name
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles
from tasks.project.sections import Project


def training_metric(project: Project, roles: Roles) -> str:
    """The project's metric; else average_precision for two classes, macro_f1 for more, or mae."""
    if roles.regression:
        return project.training.metric or "mae"
    default = "macro_f1" if roles.positive_class is None else "average_precision"
    return project.training.metric or default


def candidates_of(project: Project, roles: Roles) -> tuple[Candidate, ...]:
    """The project's candidates, or the default ones."""
    return project.training.candidates or default_candidates(roles)


def default_candidates(roles: Roles) -> tuple[Candidate, ...]:
    """Two families that differ in kind: a linear one, and one that suits the feature kinds.

    Without text: histogram gradient boosting. Text alone: complement naive Bayes (Rennie et al.
    2003, made for skewed classes). Text beside other columns: a random forest, which takes the
    sparse words and the signed numbers together. For a number: ridge regression and trees.
    """
    if roles.regression:
        return _default_regressors(roles)
    linear = Candidate(
        name="logistic_regression",
        estimator="sklearn.linear_model.LogisticRegression",
        params={"max_iter": 500},
        search={"C": (0.01, 0.1, 1.0, 10.0)},
    )
    if not roles.text:
        other = Candidate(
            name="boosted_trees",
            estimator="sklearn.ensemble.HistGradientBoostingClassifier",
            params={"max_iter": 60, "max_bins": 31, "early_stopping": False},
            search={"learning_rate": (0.05, 0.15), "max_leaf_nodes": (4, 12)},
        )
    elif not roles.numeric and not roles.categorical:
        other = Candidate(
            name="naive_bayes",
            estimator="sklearn.naive_bayes.ComplementNB",
            search={"alpha": (0.03, 0.1, 0.3, 1.0)},
        )
    else:
        other = Candidate(
            name="random_forest",
            estimator="sklearn.ensemble.RandomForestClassifier",
            params={"n_estimators": 100},
            search={"min_samples_leaf": (1, 3, 10)},
        )
    return (linear, other)


def _default_regressors(roles: Roles) -> tuple[Candidate, ...]:
    linear = Candidate(
        name="ridge",
        estimator="sklearn.linear_model.Ridge",
        search={"alpha": (0.1, 1.0, 10.0, 100.0)},
    )
    if roles.text:
        trees = Candidate(
            name="random_forest",
            estimator="sklearn.ensemble.RandomForestRegressor",
            params={"n_estimators": 100},
            search={"min_samples_leaf": (1, 3, 10)},
        )
    else:
        trees = Candidate(
            name="boosted_trees",
            estimator="sklearn.ensemble.HistGradientBoostingRegressor",
            params={"max_iter": 100, "max_bins": 63, "early_stopping": False},
            search={"learning_rate": (0.05, 0.15), "max_leaf_nodes": (4, 12)},
        )
    return (linear, trees)


def resolve_estimator(path: str, allow_imports: Sequence[str], *, regression: bool = False) -> type:
    """The class at an import path such as `sklearn.linear_model.LogisticRegression`.

    scikit-learn's own are free; for any other path nothing is imported unless its top-level package
    stands in `allow_imports`. Raises ProjectFileError when the import is not allowed, fails, or
    does not give a class that does what the task asks for: to tell probabilities, or a number.
    """
    module_name, _, class_name = path.rpartition(".")
    package = path.partition(".")[0]
    if not module_name or not all(part.isidentifier() for part in path.split(".")):
        raise ProjectFileError(
            f"estimator '{path}' is no import path; write it as package.module.ClassName"
        )
    if package != "sklearn" and package not in allow_imports:
        raise UsageError(
            f"estimator '{path}' would import the package '{package}', which is not allowed; "
            f"allow it with --allow-imports {package}"
        )
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except Exception as failure:  # the import runs foreign code, which may fail in any way
        raise ProjectFileError(f"estimator '{path}' cannot be imported: {failure}") from None
    if not isinstance(found, type):
        raise ProjectFileError(f"estimator '{path}' is not a class")
    if not hasattr(found, "fit") or not hasattr(found, "get_params"):
        raise ProjectFileError(f"estimator '{path}' is not a scikit-learn compatible estimator")
    if regression:
        _require_regressor(path, found)
    elif not hasattr(found, "predict_proba"):
        raise ProjectFileError(
            f"estimator '{path}' has no predict_proba, and a classifier has to tell probabilities"
        )
    return found


def _require_regressor(path: str, found: type) -> None:
    if not hasattr(found, "predict") or hasattr(found, "predict_proba"):
        raise ProjectFileError(
            f"estimator '{path}' is no regressor, and task regression estimates a number; choose "
            "one such as sklearn.linear_model.Ridge"
        )


def build_estimator(
    candidate: Candidate, allow_imports: Sequence[str], *, regression: bool = False
) -> Any:
    """An unfitted estimator with the candidate's `params`; `search` names are checked too.

    Raises ProjectFileError for what `resolve_estimator` refuses, for unknown or unusable
    parameters, and for an estimator that cannot tell probabilities as configured.
    """
    estimator_class = resolve_estimator(candidate.estimator, allow_imports, regression=regression)
    try:
        known = estimator_class().get_params(deep=False)
    except TypeError:
        known = dict.fromkeys(_parameter_names(estimator_class))
    for name in (*candidate.params, *candidate.search):
        _refuse_unknown(name, known, candidate)
    try:
        estimator = estimator_class(**candidate.params)
    except Exception as failure:  # foreign code again: whatever it raises is about its parameters
        raise ProjectFileError(
            f"candidate '{candidate.name}': {candidate.estimator} cannot be made from its "
            f"params: {failure}"
        ) from None
    if not regression and not hasattr(estimator, "predict_proba"):
        raise ProjectFileError(
            f"candidate '{candidate.name}': {candidate.estimator} has no predict_proba with these "
            "params, and a classifier has to tell probabilities; change its params (for example "
            "probability: true, or loss: log_loss) or choose another estimator"
        )
    return estimator


def _parameter_names(estimator_class: Any) -> list[str]:
    names = getattr(estimator_class, "_get_param_names", None)
    return list(names()) if names else []


def _refuse_unknown(name: str, known: Mapping[str, Any], candidate: Candidate) -> None:
    if name in known:
        return
    near = nearest_name(name, known, cutoff=0.0)
    hint = f"; the nearest is '{near}'" if near else ""
    raise ProjectFileError(
        f"candidate '{candidate.name}': {candidate.estimator} has no parameter '{name}'{hint}"
    )
