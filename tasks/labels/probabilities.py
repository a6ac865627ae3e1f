"""How probable each class is for each row, by models that have not seen the row, calibrated.

Guarantees: two model families of different kinds, each calibrated, then averaged, so that a suspect
is not one family's blind spot; within train the probabilities are out-of-fold, and no split unit
has rows in two folds; dev and test rows are scored by models fitted on train, and their labels are
not read; no label takes part in its own calibration. Every row is scored; of many train rows each
model learns from a sample, which `sampled` tells.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    fit_columns,
    fit_estimator,
    preparation_of,
)
from tasks.labels.calibration import (
    calibrate,
    calibrate_each_without_itself,
    calibrated_rows,
    fit_calibration,
)
from tasks.project.dataset import Dataset
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.row_samples import rarest_classes, sample_rows

_SMALLEST = 1e-6
_LEAST_UNITS = 3

Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelProbabilities:
    """`matrix` is rows of the frame by `classes`, the mean over the `families` (names).

    `too_rare` gives, for each class that is left out, the split units that train has of it, of
    `units_needed`. `sampled` says in sentences what was not done with all rows.
    Where nothing could be computed `matrix` is None and `reason` says why; `broken` tells a
    failure of the model from data that are too few.
    """

    classes: tuple[str, ...] = ()
    matrix: Matrix | None = None
    families: tuple[str, ...] = ()
    too_rare: Mapping[str, int] = field(default_factory=dict)
    units_needed: int = 0
    sampled: str = ""
    reason: str = ""
    broken: bool = False


def label_probabilities(
    dataset: Dataset,
    project: Project,
    allow_imports: Sequence[str] = (),
) -> LabelProbabilities:
    """Mean calibrated probabilities of the families of `choose_families`.

    Without class weights, which would distort probabilities. A class needs three split units in
    train, so that each of them is judged by models of two others; rarer ones are left out. Raises
    ProjectFileError for a candidate that cannot be built.
    """
    folds = project.labels.folds
    frame, split, roles = dataset.frame, dataset.split, dataset.roles
    labels, train = dataset.labels(), dataset.mask("train")
    units = split["unit"].loc[train].groupby(labels[train]).nunique()
    needed = min(folds, _LEAST_UNITS)
    classes = tuple(sorted(str(name) for name in units.index[units >= needed]))
    rare = {str(name): int(units.get(name, 0)) for name in sorted(set(labels) - set(classes))}
    found = LabelProbabilities(classes=classes, too_rare=rare, units_needed=needed)
    if len(classes) < 2:
        reason = f"fewer than two classes have {needed} independent train rows"
        return replace(found, reason=reason)
    families = choose_families(roles, project)
    models = [
        _Model(family, roles, project.seed, tuple(allow_imports), classes) for family in families
    ]
    for model in models:
        model.build()
    learned = train & labels.isin(classes).to_numpy()
    rows = _Rows(
        features=feature_frame(frame, roles),
        labels=labels,
        units=split["unit"],
        fold=_folds_of(labels, split["unit"], learned, folds),
        folds=folds,
        most=project.labels.fit_rows,
        seed=project.seed,
    )
    try:
        matrix = _out_of_sample(models, rows)
    except _FitError as failure:
        return replace(found, reason=str(failure), broken=True)
    names = tuple(family.name for family in families)
    return replace(found, matrix=matrix, families=names, sampled=_sampled(rows))


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
    codes, hashes = pd.factorize(units, sort=True)
    rarest, _ = rarest_classes(labels, codes.astype(np.int64), len(hashes))
    order = np.lexsort((np.arange(len(hashes)), rarest))
    fold_of_unit = np.empty(len(hashes), dtype=np.int64)
    fold_of_unit[order] = np.arange(len(hashes)) % folds
    return fold_of_unit[codes]


def _folds_of(labels: pd.Series, units: pd.Series, learned: Mask, folds: int) -> Codes:
    """The fold of each row that is learned from; -1 for the others."""
    fold = np.full(len(labels), -1, dtype=np.int64)
    fold[learned] = assign_folds(labels[learned], units[learned], folds)
    return fold


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rows:
    """All rows, row by row; `fold` is -1 where the label is not learned from."""

    features: pd.DataFrame
    labels: pd.Series
    units: pd.Series
    fold: Codes
    folds: int
    most: int
    seed: int

    @property
    def learned(self) -> Mask:
        """Train rows of the classes that are judged."""
        return self.fold >= 0

    def sample(self, rows: Mask) -> Codes:
        """Positions of those among `rows` that a model learns from."""
        places = np.flatnonzero(rows)
        drawn = sample_rows(self.labels[rows], self.units[rows], self.most, self.seed)
        return places[drawn]


def _out_of_sample(models: Sequence[_Model], rows: _Rows) -> Matrix:
    learned, fold = rows.learned, rows.fold
    classes = models[0].classes
    scores = np.zeros((len(models), len(fold), len(classes)))
    parts = [(fold == number, learned & (fold != number)) for number in range(rows.folds)]
    for held, rest in [*parts, (~learned, learned)]:
        if held.any():
            scores[:, held] = _fit_and_score(models, rows, rows.sample(rest), held)
    given = pd.Index(classes, dtype="str").get_indexer(pd.Index(rows.labels[learned]))
    given = given.astype(np.int64)
    mean = np.zeros(scores.shape[1:])
    for family in scores:
        own = family[learned]
        calibration = fit_calibration(own, given)
        matrix = calibrate(family, calibration)
        matrix[learned] = calibrate_each_without_itself(own, given, calibration)
        mean += matrix / len(scores)
    return mean


def _fit_and_score(
    models: Sequence[_Model], rows: _Rows, sample: Codes, held: Mask
) -> list[Matrix]:
    """Log probabilities of the rows `held` by each model fitted on the rows of `sample`."""
    outcomes = as_outcomes(rows.labels.iloc[sample])
    prepared: dict[Preparation, tuple[Any, Any]] = {}  # shared by families of one form
    found = []
    for model in models:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # convergence shows in the probabilities
                form, prepare, estimator = model.build()
                if form not in prepared:
                    learned = fit_columns(prepare, rows.features.iloc[sample])
                    prepared[form] = learned, prepare.transform(rows.features[held])
                learned, scored = prepared[form]
                found.append(model.log_probabilities(estimator, learned, outcomes, scored))
        except Exception as failure:  # an estimator of the project may fail in any way
            line = (str(failure).strip().splitlines() or [type(failure).__name__])[0][:200]
            name = model.candidate.name
            raise _FitError(f"the model '{name}' could not be fitted: {line}") from failure
    return found


def _sampled(rows: _Rows) -> str:
    """What was not done with all rows, in sentences; empty where all were used."""
    learned = int(rows.learned.sum())
    drawn = len(rows.sample(rows.learned))
    said = []
    if drawn < learned:
        said.append(
            f"Each model learned from a sample of {drawn:,} of {learned:,} train rows "
            f"(labels.fit_rows), and of as many in each of {rows.folds} folds; all rows are judged."
        )
    calibrated = calibrated_rows(learned)
    if calibrated < learned:
        said.append(f"Probabilities were calibrated on {calibrated:,} of these {learned:,} rows.")
    return " ".join(said)


def _kind(candidate: Candidate) -> str:
    return candidate.estimator.rpartition(".")[0]
