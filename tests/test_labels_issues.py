"""Confident learning on cases worked by hand; folds that cannot leak."""

import numpy as np
import pandas as pd
import pytest

from tasks.labels.issues import class_thresholds, find_issues
from tasks.labels.probabilities import assign_folds


def found(given, probabilities, thresholds=None):
    given, probabilities = np.array(given), np.array(probabilities)
    if thresholds is None:
        thresholds = class_thresholds(given, probabilities)
    return find_issues(given, probabilities, np.array(thresholds))


# cleanlab 2.9.0, filter_by="confident_learning", gives the same flags for this case.
GIVEN = [0, 0, 0, 1, 1, 1]
PROBABILITIES = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8], [0.1, 0.9], [0.6, 0.4]]


def test_thresholds_are_mean_self_confidence():
    # (0.9 + 0.8 + 0.3) / 3 and (0.8 + 0.9 + 0.4) / 3.
    thresholds = class_thresholds(np.array(GIVEN), np.array(PROBABILITIES))
    assert thresholds == pytest.approx([2 / 3, 0.7])


def test_an_issue_is_confidently_in_another_class():
    # Row 2 reaches the threshold 0.7 of class 1. Row 5 leans to class 0 with 0.6, below 2/3.
    assert found(GIVEN, PROBABILITIES).issue.tolist() == [False, False, True, False, False, False]


def test_quality_is_the_probability_of_the_given_label():
    assert found(GIVEN, PROBABILITIES).quality.tolist() == [0.9, 0.8, 0.3, 0.8, 0.9, 0.4]


def test_of_several_confident_classes_the_most_probable_counts():
    # Classes 1 and 2 are above their thresholds; 1 is the more probable one.
    result = found([0], [[0.1, 0.5, 0.4]], [0.9, 0.3, 0.3])
    assert (result.issue.tolist(), result.likely.tolist()) == ([True], [1])


def test_a_class_above_its_low_threshold_is_no_issue_while_the_given_one_is_more_probable():
    # A rare class: 0.3 is above its threshold 0.25, but 0.7 for the given label is more.
    result = found([0], [[0.7, 0.3]], [0.9, 0.25])
    assert result.issue.tolist() == [False]


def test_nothing_is_suspected_where_no_class_is_above():
    result = found([0], [[0.2, 0.45, 0.35]], [0.9, 0.9, 0.9])
    assert (result.issue.tolist(), result.likely.tolist()) == ([False], [1])


def test_a_class_without_rows_has_no_threshold_and_is_never_likely_with_confidence():
    thresholds = class_thresholds(np.array([0, 0]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    assert thresholds[0] == pytest.approx(0.55)
    assert np.isnan(thresholds[1])
    assert found([0], [[0.2, 0.8]], thresholds).issue.tolist() == [False]


def test_issues_are_ranked_by_quality_and_equal_ones_by_row():
    given = [0, 0, 0, 0, 1]
    probabilities = [[0.3, 0.7], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]]
    result = found(given, probabilities, [0.5, 0.6])
    assert result.ranked().tolist() == [2, 0, 3]


def test_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.5] * 3, 100)
    given = rng.integers(0, 3, 100)
    whole = found(given, probabilities)
    monkeypatch.setattr("tasks.labels.issues._CHUNK_CELLS", 21)  # seven rows of three classes
    parts = found(given, probabilities)
    assert parts.issue.sum() > 10
    assert parts.issue.tolist() == whole.issue.tolist()
    assert parts.likely.tolist() == whole.likely.tolist()
    assert parts.quality.tolist() == whole.quality.tolist()


def test_folds_keep_units_whole_and_deal_each_class_out():
    labels = pd.Series(["n"] * 8 + ["p"] * 4)
    units = pd.Series(["a", "a", "b", "c", "d", "e", "f", "g", "h", "h", "i", "j"])
    fold = pd.Series(assign_folds(labels, units, 3))
    assert fold.groupby(units).nunique().max() == 1
    assert sorted(set(fold[labels == "p"])) == [0, 1, 2]
    assert sorted(set(fold[labels == "n"])) == [0, 1, 2]


def test_folds_do_not_depend_on_the_order_of_rows():
    labels = pd.Series(["n"] * 6 + ["p"] * 3)
    units = pd.Series(list("abcdefghi"))
    order = np.array([4, 8, 0, 2, 6, 1, 7, 3, 5])
    again = assign_folds(labels.iloc[order], units.iloc[order], 3)
    assert again.tolist() == assign_folds(labels, units, 3)[order].tolist()
