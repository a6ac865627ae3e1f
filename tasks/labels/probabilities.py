"""How probable each class is for each row, by models that have not seen the row, calibrated.

Guarantees: within train the probabilities are out-of-fold, and no split unit has rows in two
folds; dev and test rows are scored by a model fitted on train, and their labels are not read; the
calibration of a train row is fitted on other folds, that of dev and test rows on train.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from tasks.estimators import build_pipeline, default_candidates, feature_frame, fit_pipeline
from tasks.project.roles import Roles
from tasks.project.sections import Candidate, Project

_CALIBRATION_ROWS = 50_000
_SMALLEST = 1e-12

Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelProbabilities:
    """`matrix` is rows of the frame by `classes`.

    `too_rare` gives, for each class that is left out, the split units that train has of it.
    Where nothing could be computed `matrix` is None and `reason` says why; `broken` tells a
    failure of the model from data that are too few.
    """

    classes: tuple[str, ...] = ()
    matrix: Matrix | None = None
    too_rare: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    broken: bool = False


def label_probabilities(
    frame: pd.DataFrame,
    split: pd.DataFrame,
    roles: Roles,
    project: Project,
    allow_imports: Sequence[str] = (),
) -> LabelProbabilities:
    """Probabilities by the project's first candidate (default: logistic regression).

    Without class weights, which would distort probabilities. A class needs a split unit in train
    for each fold; rarer ones are left out. Raises ProjectError for a candidate that cannot be
    built.
    """
    folds = project.labels.folds
    labels = roles.labels(frame)
    train = (split["side"] == "train").to_numpy()
    units = split["unit"].loc[train].groupby(labels[train]).nunique()
    classes = tuple(sorted(str(name) for name in units.index[units >= folds]))
    rare = {str(name): int(units.get(name, 0)) for name in sorted(set(labels) - set(classes))}
    if len(classes) < 2:
        reason = f"fewer than two classes have {folds} independent train rows, one for each fold"
        return LabelProbabilities(classes=classes, too_rare=rare, reason=reason)
    candidate = (project.training.candidates or default_candidates(roles))[0]
    build_pipeline(candidate, roles, class_weight="none", seed=0, allow_imports=allow_imports)
    model = _Model(candidate, roles, project.seed, tuple(allow_imports), classes)
    learned = train & labels.isin(classes).to_numpy()
    fold = np.full(len(frame), -1, dtype=np.int64)
    fold[learned] = assign_folds(labels[learned], split.loc[learned, "unit"], folds)
    try:
        matrix = _out_of_sample(model, feature_frame(frame, roles), labels, fold, folds)
    except Exception as failure:  # an estimator of the project may fail in any way
        reason = f"the model '{candidate.name}' could not be fitted: {_first_line(failure)}"
        return LabelProbabilities(classes=classes, too_rare=rare, reason=reason, broken=True)
    return LabelProbabilities(classes=classes, matrix=matrix, too_rare=rare)


def assign_folds(labels: pd.Series, units: pd.Series, folds: int) -> Codes:
    """A fold for each row: all rows of a unit in one, each class dealt out evenly.

    Units are sorted by the rarest class among their rows, then by their hash, and dealt out in
    turn.
    """
    frequency = labels.map(labels.value_counts())
    rank = pd.DataFrame({"frequency": frequency, "label": labels}).drop_duplicates()
    rank = rank.sort_values(["frequency", "label"]).reset_index(drop=True)
    place = labels.map(pd.Series(rank.index, index=rank["label"])).to_numpy(dtype=np.int64)
    codes, hashes = pd.factorize(units, sort=True)
    rarest = np.full(len(hashes), len(rank), dtype=np.int64)
    np.minimum.at(rarest, codes, place)
    order = np.lexsort((np.arange(len(hashes)), rarest))
    fold_of_unit = np.empty(len(hashes), dtype=np.int64)
    fold_of_unit[order] = np.arange(len(hashes)) % folds
    return fold_of_unit[codes]


def fit_calibration(log_probabilities: Matrix, given: Codes) -> NDArray[np.float64]:
    """A common slope, then an offset for each class: softmax(slope * log p + offset).

    Temperature scaling (Guo et al. 2017) with the class offsets of vector scaling, so that a
    model that favours a class, as one with class weights does, is corrected too. Least log loss;
    a weak pull to slope 1 and offsets 0 keeps separable classes finite. Never more than 50,000
    rows, evenly spaced.
    """
    step = -(-len(given) // _CALIBRATION_ROWS)
    scores, given = log_probabilities[::step], given[::step]
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
    """Probabilities, rows by classes, under what `fit_calibration` found."""
    scaled = softmax(calibration[0] * log_probabilities + calibration[1:], axis=1)
    return np.asarray(scaled, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Model:
    candidate: Candidate
    roles: Roles
    seed: int
    allow_imports: tuple[str, ...]
    classes: tuple[str, ...]

    def log_probabilities(
        self, features: pd.DataFrame, labels: pd.Series, scored: pd.DataFrame
    ) -> Matrix:
        """Fit on `features` and `labels`, score `scored`; columns in the order of `classes`."""
        pipeline = build_pipeline(
            self.candidate,
            self.roles,
            class_weight="none",
            seed=self.seed,
            allow_imports=self.allow_imports,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # convergence shows in the probabilities
            fit_pipeline(pipeline, features, labels, class_weight="none")
            found = np.asarray(pipeline.predict_proba(scored), dtype=np.float64)
        aligned = np.zeros((len(scored), len(self.classes)))
        positions = [self.classes.index(str(name)) for name in pipeline.classes_]
        aligned[:, positions] = found
        if not np.isfinite(aligned).all():
            raise ValueError("it gave probabilities that are not numbers")
        return np.asarray(np.log(np.clip(aligned, _SMALLEST, 1.0)))


def _out_of_sample(
    model: _Model, features: pd.DataFrame, labels: pd.Series, fold: Codes, folds: int
) -> Matrix:
    learned = fold >= 0
    scores = np.zeros((len(features), len(model.classes)))
    for number in range(folds):
        held, rest = fold == number, learned & (fold != number)
        scores[held] = model.log_probabilities(features[rest], labels[rest], features[held])
    if not learned.all():
        scores[~learned] = model.log_probabilities(
            features[learned], labels[learned], features[~learned]
        )
    given = pd.Index(model.classes, dtype="str").get_indexer(pd.Index(labels)).astype(np.int64)
    matrix = calibrate(scores, fit_calibration(scores[learned], given[learned]))
    for number in range(folds):
        held, rest = fold == number, learned & (fold != number)
        matrix[held] = calibrate(scores[held], fit_calibration(scores[rest], given[rest]))
    return matrix


def _first_line(failure: Exception) -> str:
    return (str(failure).strip().splitlines() or [type(failure).__name__])[0][:200]
