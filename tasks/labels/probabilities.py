"""How probable each class is for each row, by models that have not seen the row, calibrated.

Guarantees: two model families of different kinds, each calibrated, then averaged, so that a suspect
is not one family's blind spot; within train the probabilities are out-of-fold, and no split unit
has rows in two folds; dev and test rows are scored by models fitted on train, and their labels are
not read; no label takes part in its own calibration.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.estimators import (
    Preparation,
    as_outcomes,
    build_pipeline,
    default_candidates,
    feature_frame,
    few_threads,
    fit_estimator,
    preparation_of,
)
from tasks.labels.calibration import calibrate, calibrate_each_without_itself, fit_calibration
from tasks.project.roles import Roles
from tasks.project.sections import Candidate, Project

_SMALLEST = 1e-6

Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelProbabilities:
    """`matrix` is rows of the frame by `classes`, the mean over the `families` (names).

    `too_rare` gives, for each class that is left out, the split units that train has of it.
    Where nothing could be computed `matrix` is None and `reason` says why; `broken` tells a
    failure of the model from data that are too few.
    """

    classes: tuple[str, ...] = ()
    matrix: Matrix | None = None
    families: tuple[str, ...] = ()
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
    """Mean calibrated probabilities of the families of `choose_families`.

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
    families = choose_families(roles, project)
    models = [
        _Model(family, roles, project.seed, tuple(allow_imports), classes) for family in families
    ]
    for model in models:
        model.build()
    learned = train & labels.isin(classes).to_numpy()
    fold = np.full(len(frame), -1, dtype=np.int64)
    fold[learned] = assign_folds(labels[learned], split.loc[learned, "unit"], folds)
    try:
        matrix = _out_of_sample(models, feature_frame(frame, roles), labels, fold, folds)
    except _FitError as failure:
        reason = str(failure)
        return LabelProbabilities(classes=classes, too_rare=rare, reason=reason, broken=True)
    names = tuple(family.name for family in families)
    return LabelProbabilities(classes=classes, matrix=matrix, families=names, too_rare=rare)


def choose_families(roles: Roles, project: Project) -> tuple[Candidate, ...]:
    """The project's first candidate, and the next one of another kind.

    The kind is the module of the estimator (`sklearn.linear_model`). Where the project has one
    kind only, the second is the first default candidate of another.
    """
    defaults = default_candidates(roles)
    first, *others = (*project.training.candidates, *defaults)
    return first, next(other for other in others if _kind(other) != _kind(first))


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


class _FitError(Exception):
    """An estimator failed; the message names it."""


@dataclass(frozen=True, slots=True)
class _Model:
    candidate: Candidate
    roles: Roles
    seed: int
    allow_imports: tuple[str, ...]
    classes: tuple[str, ...]

    def build(self) -> tuple[Preparation, Any, Any]:
        """How the columns are prepared, and the unfitted preparation and estimator."""
        pipeline = build_pipeline(
            self.candidate,
            self.roles,
            class_weight="none",
            seed=self.seed,
            allow_imports=self.allow_imports,
        )
        estimator = pipeline.named_steps["estimator"]
        form = preparation_of(estimator, self.candidate)
        return form, pipeline.named_steps["prepare"], estimator

    def log_probabilities(self, estimator: Any, learned: Any, labels: Any, scored: Any) -> Matrix:
        """Fit on prepared features, score others; columns in the order of `classes`."""
        fit_estimator(estimator, learned, labels, class_weight="none")
        with few_threads(scored.shape[0] * scored.shape[1]):
            found = np.asarray(estimator.predict_proba(scored), dtype=np.float64)
        aligned = np.zeros((len(found), len(self.classes)))
        aligned[:, [self.classes.index(str(name)) for name in estimator.classes_]] = found
        if not np.isfinite(aligned).all():
            raise ValueError("it gave probabilities that are not numbers")
        return np.asarray(np.log(np.clip(aligned, _SMALLEST, 1.0)))


def _out_of_sample(
    models: Sequence[_Model], features: pd.DataFrame, labels: pd.Series, fold: Codes, folds: int
) -> Matrix:
    learned = fold >= 0
    classes = models[0].classes
    scores = np.zeros((len(models), len(features), len(classes)))
    parts = [(fold == number, learned & (fold != number)) for number in range(folds)]
    for held, rest in [*parts, (~learned, learned)]:
        if held.any():
            scores[:, held] = _fit_and_score(models, features, labels, rest, held)
    given = pd.Index(classes, dtype="str").get_indexer(pd.Index(labels[learned])).astype(np.int64)
    mean = np.zeros(scores.shape[1:])
    for family in scores:
        own = family[learned]
        calibration = fit_calibration(own, given)
        matrix = calibrate(family, calibration)
        matrix[learned] = calibrate_each_without_itself(own, given, calibration)
        mean += matrix / len(scores)
    return mean


def _fit_and_score(
    models: Sequence[_Model],
    features: pd.DataFrame,
    labels: pd.Series,
    rest: NDArray[np.bool_],
    held: NDArray[np.bool_],
) -> list[Matrix]:
    """Log probabilities of the rows `held` by each model fitted on the rows `rest`."""
    outcomes = as_outcomes(labels[rest])
    prepared: dict[Preparation, tuple[Any, Any]] = {}  # shared by families of one form
    found = []
    for model in models:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # convergence shows in the probabilities
                form, prepare, estimator = model.build()
                if form not in prepared:
                    learned = prepare.fit_transform(features[rest])
                    prepared[form] = learned, prepare.transform(features[held])
                learned, scored = prepared[form]
                found.append(model.log_probabilities(estimator, learned, outcomes, scored))
        except Exception as failure:  # an estimator of the project may fail in any way
            line = (str(failure).strip().splitlines() or [type(failure).__name__])[0][:200]
            name = model.candidate.name
            raise _FitError(f"the model '{name}' could not be fitted: {line}") from failure
    return found


def _kind(candidate: Candidate) -> str:
    return candidate.estimator.rpartition(".")[0]
