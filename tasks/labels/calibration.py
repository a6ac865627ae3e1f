"""Probabilities that mean what they say: a slope and class offsets, fitted by least log loss.

Guarantees: few numbers are fitted (one and one a class), on rows that the model has not seen; the
calibrated probabilities of a row that was fitted on are those of a fit without that row, so that no
label speaks for itself, and without jumps between folds, so that rows stay comparable.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

_ROWS = 50_000
_CHUNK = 100_000

Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]


def fit_calibration(log_probabilities: Matrix, given: Codes) -> NDArray[np.float64]:
    """A common slope, then an offset for each class: softmax(slope * log p + offset).

    Temperature scaling (Guo et al. 2017) with the class offsets of vector scaling, so that a
    model that favours a class, as one with class weights does, is corrected too. Least log loss;
    a weak pull to slope 1 and offsets 0 keeps separable classes finite. Never more than 50,000
    rows, evenly spaced.
    """
    scores, given = _fitted_rows(log_probabilities, given)
    hits = np.zeros_like(scores)
    hits[np.arange(len(given)), given] = 1.0
    start = np.concatenate([[1.0], np.zeros(scores.shape[1])])

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logs = log_softmax(values[0] * scores + values[1:], axis=1)
        pull = values - start
        wrong = np.exp(logs) - hits
        gradient = np.concatenate([[(wrong * scores).sum()], wrong.sum(axis=0)])
        total = -(logs * hits).sum() + 0.5 * (pull**2).sum()
        return total / len(given), (gradient + pull) / len(given)

    bounds = [(0.05, 20.0)] + [(-20.0, 20.0)] * scores.shape[1]
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(fitted.x, dtype=np.float64)


def calibrate(log_probabilities: Matrix, calibration: NDArray[np.float64]) -> Matrix:
    """Probabilities, rows by classes, under what `fit_calibration` found.

    `calibration` is one for all rows, or one a row (rows by one and the classes).
    """
    slope, offsets = calibration[..., :1], calibration[..., 1:]
    return np.asarray(softmax(slope * log_probabilities + offsets, axis=1), dtype=np.float64)


def calibrate_each_without_itself(
    log_probabilities: Matrix, given: Codes, calibration: NDArray[np.float64]
) -> Matrix:
    """Calibrated probabilities of the rows that `calibration` was fitted on, each left out once.

    One Newton step from the fit of all rows to the fit without the row (approximate
    leave-one-out: Beirami et al. 2017, "On Optimal Generalizability in Parametric Learning").
    """
    scores, fitted = _fitted_rows(log_probabilities, given)
    inverse = np.linalg.inv(_curvature(scores, calibration))
    matrix = calibrate(log_probabilities, calibration)
    step = _step(len(given))
    for start in range(0, len(fitted), _CHUNK):
        part = slice(start, start + _CHUNK)
        wrong = calibrate(scores[part], calibration)
        wrong[np.arange(len(wrong)), fitted[part]] -= 1.0
        gradient = np.column_stack([(wrong * scores[part]).sum(axis=1), wrong])
        moved = calibration + gradient @ inverse
        moved[:, 0] = np.clip(moved[:, 0], 0.05, 20.0)
        matrix[::step][part] = calibrate(scores[part], moved)
    return matrix


def _curvature(scores: Matrix, calibration: NDArray[np.float64]) -> Matrix:
    """The Hessian of the log loss with its pull, summed over the rows."""
    chosen = calibrate(scores, calibration)
    centred = chosen * (scores - (chosen * scores).sum(axis=1, keepdims=True))
    size = scores.shape[1] + 1
    found = np.eye(size)
    found[0, 0] += (centred * scores).sum()
    found[0, 1:] += centred.sum(axis=0)
    found[1:, 0] += centred.sum(axis=0)
    found[1:, 1:] += np.diag(chosen.sum(axis=0)) - chosen.T @ chosen
    return found


def _fitted_rows(log_probabilities: Matrix, given: Codes) -> tuple[Matrix, Codes]:
    step = _step(len(given))
    return log_probabilities[::step], given[::step]


def calibrated_rows(rows: int) -> int:
    """How many of so many rows a calibration is fitted on."""
    return -(-rows // _step(rows))


def _step(rows: int) -> int:
    return max(1, -(-rows // _ROWS))
