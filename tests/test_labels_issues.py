"""Confident learning on cases worked by hand; folds and calibration that cannot leak."""

import numpy as np
import pandas as pd
import pytest

from tasks.labels.issues import class_thresholds, find_issues
from tasks.labels.probabilities import assign_folds, calibrate, fit_calibration


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


def test_calibration_finds_a_temperature_and_an_offset():
    # Odds that are squared, and shifted by e to the favour of class 1: what turns them back is
    # slope 0.5 and a difference of offsets of -0.5.
    rng = np.random.default_rng(0)
    logit = rng.normal(size=20_000)
    given = (rng.random(20_000) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    stated = 1 / (1 + np.exp(-(2 * logit + 1)))
    logs = np.log(np.column_stack([1 - stated, stated]))
    slope, *offsets = fit_calibration(logs, given)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert offsets[1] - offsets[0] == pytest.approx(-0.5, abs=0.06)
    assert calibrate(logs, np.array([1.0, 0.0, 0.0])) == pytest.approx(np.exp(logs))


def test_separable_classes_keep_a_finite_calibration():
    logs = np.log(np.array([[0.9, 0.1]] * 20 + [[0.1, 0.9]] * 20))
    values = fit_calibration(logs, np.array([0] * 20 + [1] * 20))
    assert np.isfinite(values).all()
    assert 1 < values[0] < 20
