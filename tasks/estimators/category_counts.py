"""Fitting a preparation without a Python loop over every cell.

Guarantees: the fitted preparation and its matrix are those of scikit-learn's own `fit_transform`,
bit for bit; what stays fitted is of scikit-learn's own types.

Scikit-learn's encoders count the categories of text cells one by one in Python as soon as they have
`max_categories`, which costs more than many a fit. All that they keep of the counts is which
categories are rare, so that a frame of few rows with the same rare categories is as good.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder


def fit_columns(prepare: ColumnTransformer, features: pd.DataFrame) -> Any:
    """Fit the preparation in place on a `feature_frame`; its matrix, rows by columns."""
    declared = prepare.transformers
    quick = {OneHotEncoder: _OneHot, OrdinalEncoder: _Ordinal}
    prepare.transformers = [
        (name, quick[type(step)](**step.get_params()) if type(step) in quick else step, columns)
        for name, step, columns in declared
    ]
    try:
        matrix = prepare.fit_transform(features)
    finally:
        prepare.transformers = declared
    own = {mine: theirs for theirs, mine in quick.items()}
    for _, step, _ in prepare.transformers_:
        if type(step) in own:
            step.__class__ = own[type(step)]  # so that only scikit-learn's types are stored
    return matrix


class _CountedOnce:
    """Fitted on few rows that have the same rare categories; comes before an encoder."""

    max_categories: int

    def fit(self, features: pd.DataFrame, outcomes: Any = None) -> Self:
        fitted: Self = super().fit(  # type: ignore[misc]
            _with_same_rare_categories(features, self.max_categories), outcomes
        )
        return fitted

    def fit_transform(self, features: pd.DataFrame, outcomes: Any = None) -> Any:
        return self.fit(features, outcomes).transform(features)  # type: ignore[attr-defined]


class _OneHot(_CountedOnce, OneHotEncoder):  # type: ignore[misc]
    pass


class _Ordinal(_CountedOnce, OrdinalEncoder):  # type: ignore[misc]
    pass


def _with_same_rare_categories(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """Each category once, and the `most - 1` that are kept apart once more.

    `frame` itself where it has missing cells, or where it is no larger.
    """
    columns = {}
    for name in frame.columns:
        codes, found = pd.factorize(frame[name])
        if (codes < 0).any() or not len(codes):
            return frame
        names = np.asarray(found, dtype=object)
        order = np.argsort(names, kind="stable")
        counts = np.bincount(codes, minlength=len(names))[order]
        # Scikit-learn's rule: of equally frequent ones the last in order stay apart.
        frequent = np.argsort(counts, kind="stable")[len(names) - min(most - 1, len(names)) :]
        columns[name] = np.concatenate([names, names[order][frequent]])
    rows = max(map(len, columns.values()))
    if rows >= len(frame):
        return frame
    # What fills a column up is a category that is kept apart anyway.
    filled = {
        name: np.concatenate([values, np.repeat(values[-1:], rows - len(values))])
        for name, values in columns.items()
    }
    return pd.DataFrame(filled, columns=frame.columns).astype(frame.dtypes)
