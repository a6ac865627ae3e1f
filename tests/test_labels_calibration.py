"""Calibration that is right on known truths, and that no row's own label takes part in."""

import numpy as np
import pytest

from tasks.labels.calibration import calibrate, calibrate_each_without_itself, fit_calibration


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


def make_scores(rows):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.5, 0.5, 0.5], rows)
    given = np.where(rng.random(rows) < 0.7, probabilities.argmax(1), rng.integers(0, 3, rows))
    return np.log(np.clip(probabilities, 1e-6, 1)), given


def test_without_itself_is_the_fit_of_the_other_rows():
    logs, given = make_scores(60)
    calibration = fit_calibration(logs, given)
    refitted = np.vstack(
        [
            calibrate(
                logs[[row]],
                fit_calibration(np.delete(logs, row, axis=0), np.delete(given, row)),
            )
            for row in range(60)
        ]
    )
    found = calibrate_each_without_itself(logs, given, calibration)
    assert np.abs(found - refitted).max() < 0.005
    assert np.abs(calibrate(logs, calibration) - refitted).max() > 0.04


def test_a_label_does_not_speak_for_itself():
    logs, given = make_scores(60)
    rows = np.arange(60)
    calibration = fit_calibration(logs, given)
    with_itself = calibrate(logs, calibration)[rows, given]
    without = calibrate_each_without_itself(logs, given, calibration)[rows, given]
    assert (without < with_itself).all()


def test_only_rows_that_were_fitted_on_are_left_out(monkeypatch):
    monkeypatch.setattr("tasks.labels.calibration._ROWS", 30)  # of 60: every second row
    logs, given = make_scores(60)
    calibration = fit_calibration(logs, given)
    without = calibrate_each_without_itself(logs, given, calibration)
    moved = (without != calibrate(logs, calibration)).any(axis=1)
    assert moved.tolist() == [True, False] * 30
