"""Which setting of a family is best, by cross-validation on train alone.

Guarantees: rows of one split unit stay in one fold, so that a repeated row is never scored by a
model that saw its copy; the preparation of the columns is fitted anew within each fold; the same
seed gives the same folds and the same settings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from tasks.drawn_units import drawn_units
from tasks.estimators import (
    as_outcomes,
    as_predictions,
    build_pipeline,
    convergence_messages,
    feature_frame,
    few_threads,
    fit_columns,
    fit_estimator,
    fit_pipeline,
)
from tasks.metrics import HIGHER_IS_BETTER, metric_value
from tasks.project.dataset import Dataset
from tasks.project.model_sections import Candidate, TrainingSection
from tasks.project.roles import Roles
from tasks.training.folds import Fold, make_folds
from tasks.training.mitigation import Reweighing

if TYPE_CHECKING:
    from tasks.training.calibration import Calibration


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One setting of a family: its score in each fold; NaN where the metric is undefined."""

    family: str
    params: Mapping[str, Any]
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the folds with a defined score; NaN where there is none."""
        return float(np.mean(self._defined)) if self._defined else math.nan

    @property
    def std(self) -> float:
        """Standard deviation over those folds."""
        return float(np.std(self._defined)) if self._defined else math.nan

    @property
    def _defined(self) -> list[float]:
        return [score for score in self.scores if not math.isnan(score)]


@dataclass(frozen=True, kw_only=True)
class TrainRows:
    """What a family learns from: train rows alone, with how they are scored."""

    features: pd.DataFrame
    labels: pd.Series
    units: pd.Series
    """The split unit of each row."""
    folds: tuple[Fold, ...]
    roles: Roles
    section: TrainingSection
    metric: str
    seed: int
    allow_imports: tuple[str, ...]
    drawn: pd.Series | None = None
    """What is drawn as a whole, of all rows of all sides; None: every row is alone."""
    weights: NDArray[np.float64] | None = None
    """The weight of each row in a fit; None: all the same."""
    left_out: int = 0
    """Suspected rows that are in no fit."""
    suspicion: NDArray[np.float64] | None = None
    """The part of `weights` that comes from suspected labels; None: no label is suspected."""

    def units_of(self, rows: pd.DataFrame) -> pd.Series | None:
        """What is drawn as a whole among `rows`."""
        return None if self.drawn is None else self.drawn.loc[rows.index]

    @property
    def weighted(self) -> int:
        """Suspected rows that count less than one."""
        return 0 if self.suspicion is None else int((self.suspicion < 1).sum())

    def reweighed(self, found: Reweighing) -> TrainRows:
        """The rows with the weights of groups `found`, on top of those of suspected labels."""
        held = 1.0 if self.suspicion is None else self.suspicion
        return replace(self, weights=found.weights * held)


@dataclass(frozen=True, kw_only=True)
class FittedFamily:
    """A family's best setting, fitted on all train rows."""

    candidate: Candidate
    model: Pipeline
    trials: tuple[Trial, ...]
    best: Trial
    not_converged: tuple[str, ...]
    """What the final fit said if it did not converge."""
    not_converged_in_search: int
    calibration: Calibration | None = None
    """What was found out about its probabilities; None where nobody asked yet."""


def fit_family(candidate: Candidate, rows: TrainRows) -> FittedFamily:
    """Search the family's settings, and fit the best one on train.

    Raises ProjectFileError for a candidate that cannot be built, and whatever the estimator raises.
    """
    settings = settings_to_try(candidate, rows.section.search_trials, rows.seed)
    with convergence_messages() as in_search:
        trials = _score_settings(candidate, settings, rows)
    best = max(trials, key=lambda trial: rank(trial.mean, rows.metric))
    chosen = candidate.model_copy(update={"params": {**candidate.params, **best.params}})
    model = _pipeline(chosen, rows)
    with convergence_messages() as in_fit:
        fit_pipeline(
            model,
            rows.features,
            rows.labels,
            class_weight=rows.section.class_weight,
            weights=rows.weights,
        )
    return FittedFamily(
        candidate=chosen,
        model=model,
        trials=tuple(trials),
        best=best,
        not_converged=tuple(in_fit),
        not_converged_in_search=len(in_search),
    )


def rank(score: float, metric: str) -> float:
    """The score so that higher is better; an undefined one is the worst."""
    if math.isnan(score):
        return -math.inf
    return score if HIGHER_IS_BETTER[metric] else -score


def settings_to_try(candidate: Candidate, trials: int, seed: int) -> list[dict[str, Any]]:
    """The whole grid of `search` where it has at most `trials` settings, else a random sample.

    A sample has no setting twice and keeps the grid's order (Bergstra and Bengio, JMLR 13 (2012)
    281, for why it does nearly as well). Without a search space: the one empty setting.
    """
    names = list(candidate.search)
    sizes = [len(candidate.search[name]) for name in names]
    total = math.prod(sizes)
    if total == 0:
        return [{}]
    places: Sequence[int] = range(total)
    if total > trials:
        drawn = np.random.default_rng(seed).choice(total, size=trials, replace=False)
        places = sorted(int(place) for place in drawn)
    chosen = (np.unravel_index(place, sizes) if sizes else () for place in places)
    return [
        {name: candidate.search[name][int(at)] for name, at in zip(names, position, strict=True)}
        for position in chosen
    ]


def _score_settings(
    candidate: Candidate, settings: Sequence[Mapping[str, Any]], rows: TrainRows
) -> list[Trial]:
    by_fold = [list(_fold_scores(candidate, settings, rows, fold)) for fold in rows.folds]
    return [
        Trial(
            family=candidate.name,
            params=setting,
            scores=tuple(scores[place] for scores in by_fold),
        )
        for place, setting in enumerate(settings)
    ]


def _fold_scores(
    candidate: Candidate, settings: Sequence[Mapping[str, Any]], rows: TrainRows, fold: Fold
) -> Iterator[float]:
    """The score of every setting in one fold; the columns are prepared once for all of them."""
    learn, score = fold
    pipeline = _pipeline(candidate, rows)
    prepare = pipeline.named_steps["prepare"]
    learned = fit_columns(prepare, rows.features.iloc[learn])
    scored = prepare.transform(rows.features.iloc[score])
    labels = rows.labels.iloc[score]
    outcomes = as_outcomes(rows.labels.iloc[learn])
    weights = None if rows.weights is None else rows.weights[learn]
    class_weight = rows.section.class_weight
    for setting in settings:
        estimator = clone(pipeline.named_steps["estimator"]).set_params(**setting)
        fit_estimator(estimator, learned, outcomes, class_weight=class_weight, weights=weights)
        predictions = _fold_predictions(estimator, scored, labels.index, rows.roles)
        yield metric_value(
            rows.metric, labels, predictions, positive_class=rows.roles.positive_class
        )


def _fold_predictions(estimator: Any, scored: Any, index: pd.Index, roles: Roles) -> pd.DataFrame:
    with few_threads(scored.shape[0] * scored.shape[1]):
        if roles.regression:
            return pd.DataFrame({"predicted": estimator.predict(scored).reshape(-1)}, index=index)
        probabilities = np.asarray(estimator.predict_proba(scored), dtype=np.float64)
    classes = [str(name) for name in estimator.classes_]
    return as_predictions(probabilities, classes, index, roles.positive_class, None)


def _pipeline(candidate: Candidate, rows: TrainRows) -> Pipeline:
    return build_pipeline(
        candidate,
        rows.roles,
        class_weight=rows.section.class_weight,
        seed=rows.seed,
        allow_imports=rows.allow_imports,
    )


def train_rows(
    dataset: Dataset,
    section: TrainingSection,
    *,
    metric: str,
    seed: int,
    allow_imports: tuple[str, ...],
    weights: pd.Series | None = None,
) -> TrainRows:
    """The rows whose side is train.

    `weights`, by row key, are those of suspected rows; a row that weighs nothing is left out.
    """
    frame, split, roles = dataset.frame, dataset.split, dataset.roles
    chosen = dataset.mask("train")
    if weights is not None:
        chosen = chosen & ~frame.index.isin(weights.index[weights <= 0])
    learned = frame.loc[chosen]
    by_row = None
    if weights is not None and (weights > 0).any():
        by_row = weights.reindex(learned.index).fillna(1.0).to_numpy(dtype=np.float64)
    labels, units = roles.labels(learned), split.loc[chosen, "unit"]
    folds = make_folds(labels, units, wanted=section.cv_folds, seed=seed)
    return TrainRows(
        features=feature_frame(learned, roles),
        labels=labels,
        units=units,
        folds=tuple(folds),
        roles=roles,
        section=section,
        metric=metric,
        seed=seed,
        allow_imports=allow_imports,
        drawn=drawn_units(frame, split, roles),
        weights=by_row,
        left_out=len(split) - int((split["side"] != "train").sum()) - len(learned),
        suspicion=by_row,
    )
