"""Are the chosen family's probabilities calibrated, and does a calibrator make them better?

Guarantees: everything is measured out of fold on train: each row is scored by a model that saw
neither it nor a row of its split unit, and a calibrator is judged on rows that it was not fitted
on; dev and test rows are not looked at. `auto` calibrates only where the log-loss is surely lower.

Methods are tried from the fewest parameters on: none, temperature, sigmoid, isotonic. One takes the
place of the one before where the 95 % interval of the gain in log-loss over it is above 0 (normal,
by split unit). In that comparison probabilities are kept off 0 and 1 by half a row, 1 / (2 n): what
is rarer than that cannot be seen in n rows, and one row that was told 0 would decide alone.
Isotonic regression is tried from `ISOTONIC_ROWS` rows on: it is a step function, so
that it makes ties, and with few rows it tells probabilities of 0.

Bounded: the best setting is fitted again in as many folds as give `ENOUGH_ROWS` scored rows, which
of many rows is one fit; and of those at most `MOST_ROWS` are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV

from tasks.errors import UserError
from tasks.estimators import build_pipeline, convergence_messages, fit_pipeline
from tasks.estimators.calibrated import (
    CalibrationRefusedError,
    Scores,
    base_estimator,
    calibrated_probabilities,
    fit_calibrator,
    raw_scores,
    with_calibrator,
)
from tasks.intervals import NORMAL
from tasks.training.folds import make_folds
from tasks.training.search import FittedFamily, TrainRows

METHODS = ("temperature", "sigmoid", "isotonic")
NONE = "none"
ENOUGH_ROWS = 20_000
MOST_ROWS = 50_000
ISOTONIC_ROWS = 1_000
PARTS = 5
_RARE = "a class has too few rows for every fold"
_SURE = NORMAL.inv_cdf(0.975)


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How much lower a log-loss is than another on the same rows, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What was measured on train: log-losses out of fold by method, and the method applied.

    `losses` has `none`, the model's own probabilities; `gains` those over `none`. `best` is the
    method that is surely better than those before it (`none` where none is); `constant` is the
    log-loss of always telling the classes' shares. `reason` says why nothing was measured
    (`broken`: an error did that), and
    `refused` by method why it could not be fitted.
    """

    asked: str
    applied: str = NONE
    best: str = NONE
    losses: Mapping[str, float] = field(default_factory=dict)
    gains: Mapping[str, Gain] = field(default_factory=dict)
    constant: float = math.nan
    n: int = 0
    reason: str = ""
    broken: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _OutOfFold:
    """Scores of train rows by models that did not see them, with their own probabilities."""

    scores: Scores
    told: Scores
    margins: bool
    classes: tuple[str, ...]
    labels: pd.Series
    units: pd.Series
    weights: NDArray[np.float64] | None

    def at(self, places: NDArray[np.intp]) -> _OutOfFold:
        return replace(
            self,
            scores=self.scores[places],
            told=self.told[places],
            labels=self.labels.iloc[places],
            units=self.units.iloc[places],
            weights=None if self.weights is None else self.weights[places],
        )


def calibrate(fitted: FittedFamily, rows: TrainRows) -> FittedFamily:
    """The family with its model calibrated as `training.calibration` says, and what was measured.

    A family of regression as it is. Raises ProjectFileError where the candidate cannot be built.
    """
    if rows.roles.regression:
        return fitted
    asked = rows.section.calibration
    try:
        with convergence_messages():
            scored = _score_out_of_fold(fitted, rows)
            found = _measure(scored, asked, rows.seed)
            if found.applied == NONE:
                return replace(fitted, calibration=found)
            calibrator = _fit(scored, found.applied)
    except UserError:
        raise
    except CalibrationRefusedError as few:
        return replace(fitted, calibration=Calibration(asked=asked, reason=str(few)))
    except Exception as failure:  # an estimator may fail in any way on some rows
        reason = (str(failure).strip() or type(failure).__name__).splitlines()[0].rstrip(". ")
        return replace(fitted, calibration=Calibration(asked=asked, reason=reason, broken=True))
    model = with_calibrator(fitted.model, calibrator)
    return replace(fitted, model=model, calibration=found)


def _score_out_of_fold(fitted: FittedFamily, rows: TrainRows) -> _OutOfFold:
    """The scores of as many folds as give enough rows.

    Raises CalibrationRefusedError where there is no fold, or a fold without a class.
    """
    if not rows.folds:
        raise CalibrationRefusedError("train has too few rows to score some of them out of fold")
    parts: list[_OutOfFold] = []
    for learn, score in rows.folds:
        if sum(len(part.labels) for part in parts) >= ENOUGH_ROWS:
            break
        parts.append(_score_fold(fitted, rows, learn, score))
    whole = replace(
        parts[0],
        scores=np.concatenate([part.scores for part in parts]),
        told=np.concatenate([part.told for part in parts]),
        labels=pd.concat([part.labels for part in parts]),
        units=pd.concat([part.units for part in parts]),
        weights=None if rows.suspicion is None else np.concatenate([p.weights for p in parts]),
    )
    if len(whole.labels) <= MOST_ROWS:
        return whole
    drawn = np.random.default_rng(rows.seed).permutation(len(whole.labels))[:MOST_ROWS]
    return whole.at(np.sort(drawn))


def _score_fold(
    fitted: FittedFamily, rows: TrainRows, learn: NDArray[np.intp], score: NDArray[np.intp]
) -> _OutOfFold:
    pipeline = build_pipeline(
        fitted.candidate,
        rows.roles,
        class_weight=rows.section.class_weight,
        seed=rows.seed,
        allow_imports=rows.allow_imports,
    )
    fit_pipeline(
        pipeline,
        rows.features.iloc[learn],
        rows.labels.iloc[learn],
        class_weight=rows.section.class_weight,
        weights=None if rows.weights is None else rows.weights[learn],
    )
    estimator = base_estimator(pipeline)
    if list(estimator.classes_) != list(fitted.model.classes_):
        raise CalibrationRefusedError(_RARE)
    matrix = pipeline.named_steps["prepare"].transform(rows.features.iloc[score])
    return _OutOfFold(
        scores=raw_scores(estimator, matrix),
        told=np.asarray(estimator.predict_proba(matrix), dtype=np.float64),
        margins=hasattr(estimator, "decision_function"),
        classes=tuple(str(name) for name in estimator.classes_),
        labels=rows.labels.iloc[score],
        units=rows.units.iloc[score],
        weights=None if rows.suspicion is None else rows.suspicion[score],
    )


def _measure(scored: _OutOfFold, asked: str, seed: int) -> Calibration:
    """Every method's log-loss on rows that its calibrator was not fitted on."""
    folds = make_folds(scored.labels, scored.units, wanted=PARTS, seed=seed)
    if not folds:
        raise CalibrationRefusedError(_RARE)
    shares = scored.labels.value_counts(normalize=True).reindex(scored.classes).to_numpy()
    own = {NONE: _losses(scored.told, scored)}
    refused: dict[str, str] = {}
    for method in _methods(asked, len(scored.labels)):
        told = np.empty_like(scored.told)
        try:
            for learn, score in folds:
                told[score] = _told(scored.at(learn), method, scored.scores[score])
            _fit(scored, method)
        except CalibrationRefusedError as failure:
            refused[method] = str(failure)
            continue
        own[method] = _losses(told, scored)
    gains = {name: _gain(own[NONE], own[name], scored) for name in own if name != NONE}
    best = NONE
    for method in gains:
        if _gain(own[best], own[method], scored).low > 0:
            best = method
    applied = best if asked == "auto" else asked
    return Calibration(
        asked=asked,
        applied=applied if applied in own else NONE,
        best=best,
        losses={name: _mean(losses, scored) for name, losses in own.items()},
        gains=gains,
        constant=_mean(_losses(np.tile(shares, (len(scored.told), 1)), scored), scored),
        n=len(scored.labels),
        refused=refused,
    )


def _methods(asked: str, rows: int) -> Iterator[str]:
    for method in METHODS:
        if method != "isotonic" or rows >= ISOTONIC_ROWS or asked == method:
            yield method


def _fit(scored: _OutOfFold, method: str) -> CalibratedClassifierCV:
    if scored.labels.nunique() < len(scored.classes):
        raise CalibrationRefusedError(_RARE)
    return fit_calibrator(
        scored.scores,
        np.asarray(scored.labels, dtype=str),
        method,
        margins=scored.margins,
        weights=scored.weights,
    )


def _told(learn: _OutOfFold, method: str, scores: Scores) -> Scores:
    return calibrated_probabilities(_fit(learn, method), scores)


def _losses(told: Scores, scored: _OutOfFold) -> NDArray[np.float64]:
    """Minus the logarithm of the probability that each row's own class was given."""
    places = pd.Index(scored.classes).get_indexer(pd.Index(scored.labels))
    smallest = 1 / (2 * len(told))
    found: NDArray[np.float64] = -np.log(
        np.clip(told[np.arange(len(told)), places], smallest, 1 - smallest)
    )
    return found


def _mean(losses: NDArray[np.float64], scored: _OutOfFold) -> float:
    return float(np.average(losses, weights=scored.weights))


def _gain(before: NDArray[np.float64], after: NDArray[np.float64], scored: _OutOfFold) -> Gain:
    """How much lower `after` is; the rows of one split unit are one observation."""
    weights = np.ones(len(before)) if scored.weights is None else scored.weights
    value = float(np.average(before - after, weights=weights))
    codes, names = pd.factorize(scored.units)
    of_units = np.bincount(codes, weights * (before - after - value), minlength=len(names))
    units = len(names)
    error = math.sqrt(float((of_units**2).sum()) * units / max(units - 1, 1)) / weights.sum()
    return Gain(value=value, low=float(value - _SURE * error), high=float(value + _SURE * error))
