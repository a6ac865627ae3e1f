"""Groups of equal rows: exact, in order of appearance, whatever the hashes do."""

import numpy as np
import pandas as pd
import pytest

from tasks.labels import row_groups
from tasks.labels.row_groups import first_rows, group_equal_rows


def groups(**columns):
    frame = pd.DataFrame(columns)
    return group_equal_rows(frame, list(frame.columns)).tolist()


def test_groups_are_numbered_in_order_of_appearance():
    assert groups(a=[5.0, 3.0, 5.0, 1.0, 3.0]) == [0, 1, 0, 2, 1]


def test_every_column_counts():
    assert groups(a=[1.0, 1.0, 1.0], b=["x", "y", "x"]) == [0, 1, 0]
    assert groups(a=[1.0, 2.0, 1.0], b=["x", "x", "x"]) == [0, 1, 0]


def test_missing_equals_missing_of_whatever_bits():
    other = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)[0]
    assert groups(a=[np.nan, other, 0.0]) == [0, 0, 1]
    assert groups(b=pd.Series(["x", None, None], dtype="str")) == [0, 1, 1]


def test_zero_equals_minus_zero_and_infinities_differ():
    assert groups(a=[0.0, -0.0, np.inf, -np.inf]) == [0, 0, 1, 2]


def test_words_alone_and_no_rows():
    assert groups(b=["x", "y", "x"]) == [0, 1, 0]
    assert groups(a=np.empty(0)) == []
    assert groups(b=pd.Series([], dtype="str")) == []


@pytest.mark.parametrize("collide", [False, True])
def test_the_same_groups_as_pandas_even_if_all_hashes_are_one(monkeypatch, collide):
    if collide:
        monkeypatch.setattr(
            row_groups, "_hash", lambda columns, rows: np.zeros(rows, dtype=np.uint64)
        )
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": rng.integers(0, 4, 300).astype(float),
            "b": np.where(rng.random(300) < 0.2, np.nan, rng.integers(0, 3, 300)),
            "c": rng.choice(["x", "y", "z"], 300),
            "d": rng.integers(0, 2, 300),
        }
    )
    expected = frame.groupby(list(frame.columns), dropna=False, sort=False).ngroup()
    assert group_equal_rows(frame, list(frame.columns)).tolist() == expected.tolist()


def test_first_rows_of_groups():
    assert first_rows(np.array([0, 1, 0, 2, 1])).tolist() == [0, 1, 3]
