"""A preparation is fitted as scikit-learn fits it, and without its loop over every cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.utils import _encode

from tasks.estimators import Preparation, fit_columns
from tasks.estimators.pipelines import build_preparation
from tasks.project.roles import Roles

ROLES = Roles(
    target="y",
    positive_class=None,
    numeric=("n",),
    categorical=("few", "tied", "many"),
    text=(),
    excluded={},
    outcome_only=(),
    annotators=(),
    key=None,
    key_columns=(),
    group=None,
    time=None,
)


def frame(rows: int = 600) -> pd.DataFrame:
    """Three words, six equally frequent ones, 40 of which some are rare; none in order."""
    random = np.random.default_rng(3)
    columns = {
        "n": random.normal(size=rows),
        "few": random.choice(["b", "a", "Ä"], size=rows, p=[0.2, 0.7, 0.1]),
        "tied": random.permutation(np.resize(list("fedcba"), rows)),
        "many": [f"{int(40 * value**2)}" for value in random.random(rows)],
    }
    return pd.DataFrame(columns).astype(dict.fromkeys(ROLES.categorical, "str"))


def dense(matrix: object) -> np.ndarray:
    return matrix.toarray() if issparse(matrix) else np.asarray(matrix)


def same(one: object, other: object) -> bool:
    """Whether two fitted values are equal, arrays in lists included."""
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and (one == other or one != one)


@pytest.mark.parametrize("form", ["native", "sparse", "dense"])
@pytest.mark.parametrize("most", [2, 3, 5, 6, 7, 40, 100])
def test_the_fitted_state_is_that_of_scikit_learn(form: str, most: int) -> None:
    rows, later = frame(), frame(50).replace({"few": {"b": "never seen"}})
    own = build_preparation(ROLES, Preparation(form, most))
    theirs = clone(own)
    assert np.array_equal(
        dense(fit_columns(own, rows)), dense(theirs.fit_transform(rows)), equal_nan=True
    )
    assert np.array_equal(
        dense(own.transform(later)), dense(theirs.transform(later)), equal_nan=True
    )
    mine, other = (one.named_transformers_["categorical"] for one in (own, theirs))
    assert type(mine) is type(other) is (OrdinalEncoder if form == "native" else OneHotEncoder)
    assert vars(mine).keys() == vars(other).keys()
    assert [name for name in vars(mine) if not same(vars(mine)[name], vars(other)[name])] == []
    assert [type(step) for _, step, _ in own.transformers] == [
        type(step) for _, step, _ in theirs.transformers
    ]


def test_cells_are_not_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    count = _encode._get_counts

    def count_and_tell(values: np.ndarray, uniques: np.ndarray) -> np.ndarray:
        counted.append(len(values))
        return count(values, uniques)

    monkeypatch.setattr(_encode, "_get_counts", count_and_tell)
    fit_columns(build_preparation(ROLES, Preparation("sparse", 5)), frame())
    # 40 words, and 4 of them twice
    assert counted == [44, 44, 44]


def test_a_missing_cell_is_fitted_as_scikit_learn_does() -> None:
    rows = frame()
    rows.loc[::7, "many"] = np.nan
    own = build_preparation(ROLES, Preparation("dense", 5))
    theirs = clone(own)
    assert np.array_equal(fit_columns(own, rows), theirs.fit_transform(rows))


def test_a_failed_fit_leaves_the_declared_steps() -> None:
    prepare = build_preparation(ROLES, Preparation("sparse", 5))
    with pytest.raises(ValueError, match="0 sample"):
        fit_columns(prepare, frame().iloc[:0])
    assert [type(step) for _, step, _ in prepare.transformers][1] is OneHotEncoder
