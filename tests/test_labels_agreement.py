"""Agreement and consensus against published and hand-worked values."""

import numpy as np
import pandas as pd
import pytest

from tasks.labels.agreement import as_labels, consensus, count_votes, measure_agreement

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: four observers,
# twelve units, missing labels; nominal alpha 0.743.
OBSERVERS = {
    "a": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "b": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "c": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "d": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}


def votes_of(columns):
    frame = pd.DataFrame(columns)
    return count_votes(frame, list(frame.columns))


def test_alpha_of_the_textbook_example():
    found = measure_agreement(votes_of(OBSERVERS), seed=0)
    assert found.alpha == pytest.approx(0.743, abs=0.0005)
    assert found.items == 11
    assert found.low < found.alpha < found.high <= 1


def test_alpha_by_hand():
    # Labels xx, xy, yy: n = 6, three of each. Observed disagreement 2 of 6, expected
    # 2 * 3 * 3 / (6 * 5) = 0.6: alpha = 1 - (1/3) / 0.6 = 4/9. Two of three pairs agree.
    found = measure_agreement(votes_of({"a": ["x", "x", "y"], "b": ["x", "y", "y"]}), seed=0)
    assert found.alpha == pytest.approx(4 / 9)
    assert found.percent_agreement == pytest.approx(2 / 3)


def test_full_agreement_is_one_with_no_width():
    found = measure_agreement(votes_of({"a": ["x", "y"] * 9, "b": ["x", "y"] * 9}), seed=0)
    assert (found.alpha, found.low, found.high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "columns",
    [
        {"a": ["x", "y"], "b": [None, None]},
        {"a": ["x", "x"], "b": ["x", "x"]},
        {"a": [None], "b": [None]},
    ],
    ids=["one label an item", "one class", "no label"],
)
def test_alpha_is_undefined_without_variety(columns):
    frame = pd.DataFrame(columns, dtype="str")
    assert np.isnan(measure_agreement(count_votes(frame, ["a", "b"]), seed=0).alpha)


def test_the_same_seed_gives_the_same_interval():
    votes = votes_of(OBSERVERS)
    first, second = measure_agreement(votes, seed=3), measure_agreement(votes, seed=3)
    assert (first.low, first.high) == (second.low, second.high)


def test_consensus_shows_ties_and_does_not_break_them():
    frame = pd.DataFrame(
        {
            "a": ["x", "x", None, None],
            "b": ["x", "y", "y", None],
            "c": ["y", None, None, None],
        },
        dtype="str",
    )
    found = consensus(count_votes(frame, ["a", "b", "c"]))
    assert found["consensus"].fillna("-").tolist() == ["x", "-", "y", "-"]
    assert found["tied"].tolist() == [False, True, False, False]
    assert found["labels"].tolist() == [3, 2, 1, 0]
    assert found["share"].fillna(-1).tolist() == [pytest.approx(2 / 3), 0.5, 1.0, -1]


def test_whole_numbers_read_the_same_with_and_without_missing_ones():
    assert as_labels(pd.Series([1.0, np.nan, -1.0])).fillna("-").tolist() == ["1", "-", "-1"]
    assert as_labels(pd.Series([1, 2])).tolist() == ["1", "2"]
    assert as_labels(pd.Series([0.5, 1.0])).tolist() == ["0.5", "1.0"]
    assert as_labels(pd.Series(["yes", None], dtype="str")).isna().tolist() == [False, True]
