"""The pipeline of a candidate: the preparation of the columns, then the estimator.

Guarantees: each family gets the columns as it takes them best, and every family gets all of them; a
category first met after training is encoded as unknown; the seed is set wherever the estimator has
one.

Three forms of preparation, by what the estimator can do:

* `native`, where it has `categorical_features` (histogram gradient boosting): categories as codes,
  numbers as they are, missing ones included;
* `sparse`, where it takes sparse matrices (linear models, forests): one column a category, in a
  sparse matrix wherever that is the smaller one;
* `dense` for all others: the same in a dense matrix.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import get_tags

from tasks.errors import ProjectFileError
from tasks.estimators.candidates import build_estimator
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles

MISSING_CATEGORY = "(missing)"
MAX_CATEGORIES = 100
"""Categories of one column that are told apart; the rarest beyond them count as one."""
FULLEST_SPARSE = 0.3
"""A matrix with a larger share of cells other than 0 is made dense: it is smaller and faster."""
MAX_WORDS = 50_000
MAX_WORDS_DENSE = 500
"""Words of one text column where the estimator takes dense input only."""

Form = Literal["native", "sparse", "dense"]


@dataclass(frozen=True)
class Preparation:
    """How columns are prepared; equal ones make the same matrix of the same rows."""

    form: Form
    max_categories: int = MAX_CATEGORIES


def build_pipeline(
    candidate: Candidate,
    roles: Roles,
    *,
    class_weight: str,
    seed: int,
    allow_imports: Sequence[str] = (),
) -> Pipeline:
    """An unfitted pipeline of steps `prepare` and `estimator` that takes a `feature_frame`.

    `class_weight` is "balanced" or "none"; it is set where the estimator has that parameter and the
    candidate does not set it (`fit_pipeline` weighs the rows where it has not). Raises
    ProjectFileError for what `resolve_estimator` refuses, for an unknown parameter, in `params` or
    in `search`, and for an estimator that cannot tell probabilities as configured.
    """
    if not roles.features:
        raise ProjectFileError("no feature column is left; declare or exclude fewer columns")
    estimator = build_estimator(candidate, allow_imports, regression=roles.regression)
    known = estimator.get_params(deep=False)
    settings: dict[str, Any] = {}
    if "random_state" in known and "random_state" not in candidate.params:
        settings["random_state"] = seed
    if class_weight == "balanced" and "class_weight" in known:
        settings["class_weight"] = candidate.params.get("class_weight", "balanced")
    preparation = preparation_of(estimator, candidate)
    if preparation.form == "native":
        settings["categorical_features"] = list(range(len(roles.categorical))) or None
    estimator.set_params(**settings)
    return Pipeline([("prepare", build_preparation(roles, preparation)), ("estimator", estimator)])


def preparation_of(estimator: Any, candidate: Candidate) -> Preparation:
    """The form that suits the estimator best.

    A native category takes a bin, so that the fewest bins that the estimator or its search has are
    the most categories. A candidate that sets `categorical_features` itself knows the columns by
    another preparation, and gets the dense one.
    """
    known = estimator.get_params(deep=False)
    named = {*candidate.params, *candidate.search}
    if {"categorical_features", "max_bins"} <= set(known) and "categorical_features" not in named:
        bins = [known["max_bins"], *candidate.search.get("max_bins", ())]
        return Preparation("native", max(2, min(MAX_CATEGORIES, *bins)))
    return Preparation("sparse" if get_tags(estimator).input_tags.sparse else "dense")


def build_preparation(roles: Roles, preparation: Preparation) -> ColumnTransformer:
    """The columns' preparation.

    Numbers: median for missing, with a column that says so, then standardised; native: as they are.
    Categories: one column each; native: one column of codes, which come first. Text: tf-idf of
    words and word pairs seen in two rows.
    """
    sparse, native = preparation.form == "sparse", preparation.form == "native"
    most = preparation.max_categories
    numbers: Any = "passthrough" if native else _scaled_numbers()
    categories: Any = (
        OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=most
        )
        if native
        else OneHotEncoder(handle_unknown="ignore", max_categories=most, sparse_output=sparse)
    )
    parts: list[tuple[str, Any, Any]] = []
    if roles.numeric:
        parts.append(("numeric", numbers, list(roles.numeric)))
    if roles.categorical:
        place = 0 if native else len(parts)
        parts.insert(place, ("categorical", categories, list(roles.categorical)))
    parts += _text_parts(roles.text, MAX_WORDS if sparse else MAX_WORDS_DENSE)
    fullest = (1.0 if roles.text else FULLEST_SPARSE) if sparse else 0.0
    return ColumnTransformer(parts, sparse_threshold=fullest)


def _scaled_numbers() -> Pipeline:
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return Pipeline([("fill", fill), ("scale", StandardScaler())])


def _text_parts(columns: Iterable[str], most_words: int) -> list[tuple[str, Any, Any]]:
    return [
        (
            f"text_{position}",
            TfidfVectorizer(
                sublinear_tf=True,
                min_df=2,
                ngram_range=(1, 2),
                strip_accents="unicode",
                max_features=most_words,
            ),
            column,
        )
        for position, column in enumerate(columns)
    ]


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
