"""The pipeline of a candidate: the preparation of the columns, then the estimator.

Guarantees: one preparation suits every family; a category first met after training is encoded as
unknown; the seed is set wherever the estimator has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from tasks.errors import ProjectError
from tasks.estimators.candidates import build_estimator
from tasks.project.roles import Roles
from tasks.project.sections import Candidate

MISSING_CATEGORY = "(missing)"
MAX_CATEGORIES = 100
"""Categories of one column that get a column each; the rarest beyond them share one."""
MAX_WORDS = 50_000
MAX_WORDS_DENSE = 500
"""Words of one text column where the estimator takes dense input only."""


def build_pipeline(
    candidate: Candidate,
    roles: Roles,
    *,
    class_weight: str,
    seed: int,
    allow_imports: Sequence[str] = (),
) -> Pipeline:
    """An unfitted pipeline of steps `prepare` and `estimator` that takes a `feature_frame`.

    `class_weight` is "balanced" or "none"; it is set where the estimator has that parameter and
    the candidate does not set it (`fit_pipeline` weighs the rows where it has not). Raises
    ProjectError for what `resolve_estimator` refuses, for an unknown parameter, in `params` or in
    `search`, and for an estimator that cannot tell probabilities as configured.
    """
    if not roles.features:
        raise ProjectError("no feature column is left; declare or exclude fewer columns")
    estimator = build_estimator(candidate, allow_imports, regression=roles.regression)
    known = estimator.get_params(deep=False)
    settings: dict[str, Any] = {}
    if "random_state" in known and "random_state" not in candidate.params:
        settings["random_state"] = seed
    if class_weight == "balanced" and "class_weight" in known:
        settings["class_weight"] = candidate.params.get("class_weight", "balanced")
    estimator.set_params(**settings)
    takes_sparse = bool(get_tags(estimator).input_tags.sparse)
    return Pipeline([("prepare", build_preparation(roles, takes_sparse)), ("estimator", estimator)])


def build_preparation(roles: Roles, takes_sparse: bool) -> ColumnTransformer:
    """The columns' preparation; sparse output only for text and where the estimator takes it.

    Numbers: median for missing, with a column that says so, then standardised (trees do not
    mind). Categories: one column each. Text: tf-idf of words and word pairs seen in two rows.
    """
    numbers = Pipeline(
        [
            (
                "fill",
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            ),
            ("scale", StandardScaler()),
        ]
    )
    categories = OneHotEncoder(
        handle_unknown="ignore", max_categories=MAX_CATEGORIES, sparse_output=False
    )
    parts: list[tuple[str, Any, Any]] = []
    if roles.numeric:
        parts.append(("numeric", numbers, list(roles.numeric)))
    if roles.categorical:
        parts.append(("categorical", categories, list(roles.categorical)))
    for position, column in enumerate(roles.text):
        words = TfidfVectorizer(
            sublinear_tf=True,
            min_df=2,
            ngram_range=(1, 2),
            strip_accents="unicode",
            max_features=MAX_WORDS if takes_sparse else MAX_WORDS_DENSE,
        )
        parts.append((f"text_{position}", words, column))
    return ColumnTransformer(parts, sparse_threshold=1.0 if takes_sparse and roles.text else 0.0)


def feature_frame(frame: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """The feature columns in the order of `roles.features`, as the pipeline takes them.

    Numbers as float64 with NaN where missing; categories and text as `str`, a missing category as
    a category of its own and a missing text as the empty one.
    """
    columns: dict[str, pd.Series] = {n: frame[n].astype("float64") for n in roles.numeric}
    for name in roles.categorical:
        columns[name] = frame[name].astype("str").fillna(MISSING_CATEGORY)
    for name in roles.text:
        columns[name] = frame[name].astype("str").fillna("")
    return pd.DataFrame(columns, index=frame.index)
