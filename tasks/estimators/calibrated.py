"""A fitted classifier whose scores are turned into probabilities by a calibrator.

Guarantees: the classifier is not fitted again; the result is scikit-learn's own
`CalibratedClassifierCV` as with `ensemble=False`, so that it is stored without pickle and served
like any other; a calibrator that would turn the order of the scores round is refused.

scikit-learn fits a calibrator on scores only together with the classifier that gives them. Here the
scores are there already: out of fold, with the columns prepared anew in each fold, copies of a row
kept in one fold, and the weights of rows as the project has them. `_Margins` and `_Chances` stand
in for the classifier: they give back the scores that they are given.

Methods: `sigmoid` (Platt 1999), `isotonic` (Zadrozny and Elkan 2002), and `temperature` (Guo et al.
2017), which has one parameter for all classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline

from tasks.estimators.fitting import few_threads

Scores = NDArray[np.float64]


class CalibrationRefusedError(ValueError):
    """A calibrator does not suit the scores, or the rows do not suffice for one."""


def raw_scores(estimator: Any, matrix: Any) -> Scores:
    """What a calibrator reads: rows by classes; of two classes one column, of the second.

    The decision function, and the probabilities of an estimator without one.
    """
    with few_threads(matrix.shape[0] * matrix.shape[1]):
        if hasattr(estimator, "decision_function"):
            found = np.asarray(estimator.decision_function(matrix), dtype=np.float64)
            return found.reshape(len(found), -1)
        told = np.asarray(estimator.predict_proba(matrix), dtype=np.float64)
    return told[:, 1:] if told.shape[1] == 2 else told


def fit_calibrator(
    scores: Scores,
    outcomes: NDArray[np.str_],
    method: str,
    *,
    margins: bool,
    weights: NDArray[np.float64] | None = None,
) -> CalibratedClassifierCV:
    """A calibrator whose `predict_proba` takes scores as `raw_scores` gives them.

    `margins`: the scores are those of a decision function. Raises CalibrationRefusedError where the
    order of the scores would be turned round.
    """
    told = scores
    if not margins and scores.shape[1] == 1:
        told = np.hstack([1 - scores, scores])
    every = np.arange(len(scores))
    found = CalibratedClassifierCV(
        _Margins() if margins else _Chances(), method=method, cv=[(every, every)], ensemble=False
    )
    found.fit(told, outcomes, sample_weight=weights)
    for one in found.calibrated_classifiers_[0].calibrators:
        if getattr(one, "a_", -1.0) >= 0:
            raise CalibrationRefusedError(
                "the scores would be turned round, which chance alone asks for"
            )
        if hasattr(one, "beta_"):
            one.beta_ = float(one.beta_)
    return found.set_params(cv=None)


def calibrated_probabilities(calibrator: CalibratedClassifierCV, scores: Scores) -> Scores:
    """The probabilities that a calibrator makes of scores, rows by classes."""
    margins = isinstance(calibrator.calibrated_classifiers_[0].estimator, _Margins)
    if not margins and scores.shape[1] == 1:
        scores = np.hstack([1 - scores, scores])
    return np.asarray(calibrator.predict_proba(scores), dtype=np.float64)


def with_calibrator(model: Pipeline, calibrator: CalibratedClassifierCV) -> Pipeline:
    """The fitted pipeline with the calibrator after its estimator; `calibrator` is used up."""
    estimator = model.named_steps["estimator"]
    calibrator.set_params(estimator=estimator)
    calibrator.calibrated_classifiers_[0].estimator = estimator
    return Pipeline([("prepare", model.named_steps["prepare"]), ("estimator", calibrator)])


def base_estimator(model: Pipeline) -> Any:
    """The estimator of a pipeline, below its calibrator where it has one."""
    estimator = model.named_steps["estimator"]
    if isinstance(estimator, CalibratedClassifierCV) and hasattr(
        estimator, "calibrated_classifiers_"
    ):
        return estimator.calibrated_classifiers_[0].estimator
    return estimator


class _GivesBack(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, scores: Scores, outcomes: NDArray[np.str_], sample_weight: Any = None) -> Any:
        self.classes_ = np.unique(outcomes)
        return self

    def predict(self, scores: Scores) -> Any:
        """Asked for by scikit-learn, which never calls it."""
        raise NotImplementedError


class _Margins(_GivesBack):
    def decision_function(self, scores: Scores) -> Scores:
        return scores[:, 0] if scores.shape[1] == 1 else scores


class _Chances(_GivesBack):
    def predict_proba(self, scores: Scores) -> Scores:
        return scores
