"""What each metric is: its value for rows that count a given number of times.

Guarantees: the numbers are scikit-learn's with `sample_weight`, except that what is undefined is
NaN here and never 0, and that average_precision takes ties in the mean over their orders (see
`ranking`); many sets of weights are evaluated at once.

With a positive class, precision, recall, f1, average_precision, roc_auc, brier and
calibration_error are those of that class. Without one the first five are macro means (one class
against the rest), brier is the sum over the classes, and calibration_error that of the most
probable class. Macro means and balanced_accuracy (the mean recall) run over the classes that
occur in the labels, so that two models are always averaged over the same classes.

`calibration_noise` is no metric of its own: it tells, for a resample, how far chance moved what
calibration_error is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.metrics.class_counts import CellIndicators, ClassCounts, ClassIndicators
from tasks.metrics.numbers import HIGHER_IS_BETTER as NUMBERS_HIGHER_IS_BETTER
from tasks.metrics.numbers import NumberMetrics
from tasks.metrics.probabilities import (
    CalibrationGaps,
    Losses,
    has_probabilities,
    log_losses,
    probability_of,
    squared_errors,
    told_and_happened,
)
from tasks.metrics.ranking import (
    BinnedRanking,
    Floats,
    Places,
    Ranking,
    Weights,
    ratio,
)

CLASS_METRICS: Mapping[str, bool] = {
    "accuracy": True,
    "balanced_accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "macro_precision": True,
    "macro_recall": True,
    "macro_f1": True,
    "average_precision": True,
    "roc_auc": True,
    "log_loss": False,
    "brier": False,
    "calibration_error": False,
}
SCORE_METRICS = frozenset(
    {"average_precision", "roc_auc", "log_loss", "brier", "calibration_error", "calibration_noise"}
)
_INTERNAL = frozenset({"calibration_noise"})
_RANKED = frozenset({"average_precision", "roc_auc"})
_CALIBRATED = frozenset({"calibration_error", "calibration_noise"})
_MACRO = {
    "balanced_accuracy": "recall",
    "macro_recall": "recall",
    "macro_precision": "precision",
    "macro_f1": "f1",
}
"""Those of classes, and whether higher is better."""
HIGHER_IS_BETTER: Mapping[str, bool] = {**CLASS_METRICS, **NUMBERS_HIGHER_IS_BETTER}


def metric_value(
    name: str, labels: pd.Series, predictions: pd.DataFrame, *, positive_class: str | None
) -> float:
    """The metric of `predictions` against `labels`; NaN where it is undefined.

    `predictions` has the column `predicted` and one column `p:<class>` per class, and the index
    of `labels`. A class without a column has probability 0. Undefined: no rows, a missing label
    or prediction, precision when nothing was predicted, recall and the ranking metrics when a
    class has no rows, the metrics of probabilities when there are none.

    Raises ValueError for an unknown metric, or when the rows are not the same.
    """
    weighted = weighted_metrics((name,), labels, predictions, positive_class=positive_class)
    return float(weighted(np.ones((1, len(labels)), dtype=np.int32))[name][0])


def weighted_metrics(
    names: Sequence[str],
    labels: pd.Series,
    predictions: pd.DataFrame,
    *,
    positive_class: str | None,
    precision_of_silence: float = np.nan,
    score_bins: int | None = None,
    sizes: npt.NDArray[np.int64] | None = None,
) -> WeightedMetrics | NumberMetrics:
    """The metrics for any weights of the rows: of classes, or of numbers where labels are some."""
    if pd.api.types.is_float_dtype(labels.dtype):
        return NumberMetrics(names, labels, predictions)
    return WeightedMetrics(
        names,
        labels,
        predictions,
        positive_class=positive_class,
        precision_of_silence=precision_of_silence,
        score_bins=score_bins,
        sizes=sizes,
    )


class WeightedMetrics:
    """Several metrics of one model's predictions, for any weights of the rows.

    `precision_of_silence` is the precision for a class that is never predicted. With `score_bins`
    rows are ranked by that many quantile bins of the score: for many rows, see `ranking`. `sizes`
    says how many observed rows each row stands for (default: one).
    """

    def __init__(
        self,
        names: Sequence[str],
        labels: pd.Series,
        predictions: pd.DataFrame,
        *,
        positive_class: str | None,
        precision_of_silence: float = np.nan,
        score_bins: int | None = None,
        sizes: npt.NDArray[np.int64] | None = None,
    ) -> None:
        unknown = [name for name in names if name not in {*CLASS_METRICS, *_INTERNAL}]
        if unknown:
            raise ValueError(f"unknown metric '{unknown[0]}'; known: {', '.join(CLASS_METRICS)}")
        if not labels.index.equals(predictions.index):
            raise ValueError("the predictions are not for the rows of the labels")
        self._names = tuple(names)
        self._precision_of_silence = precision_of_silence
        self._usable = not (labels.isna().any() or predictions["predicted"].isna().any())
        occurring = sorted(labels.dropna().unique())
        self._occurring = len(occurring)
        classes, self._positive = occurring, None
        if positive_class is not None:
            # It need not occur in the labels.
            classes = list(dict.fromkeys([*occurring, positive_class]))
            self._positive = classes.index(positive_class)
        self._indicators: ClassIndicators | CellIndicators | None = None
        self._rankings: list[Ranking] | list[BinnedRanking] = []
        self._losses: dict[str, Losses] = {}
        self._calibration: CalibrationGaps | None = None
        if not SCORE_METRICS.issuperset(names):
            places = codes(labels, classes), codes(predictions["predicted"], classes)
            kind = ClassIndicators if score_bins is None else CellIndicators
            self._indicators = kind(*places, len(classes))
        if self._usable and not SCORE_METRICS.isdisjoint(names) and has_probabilities(predictions):
            self._prepare_rankings(labels, predictions, positive_class, score_bins)
            self._prepare_losses(labels, predictions, positive_class, sizes)

    def __call__(self, weights: Weights) -> dict[str, Floats]:
        """Each metric's values under `weights` (replicates, rows): one value a replicate."""
        if not self._usable or weights.shape[1] == 0:
            return dict.fromkeys(self._names, np.full(len(weights), np.nan))
        counts = self._indicators(weights) if self._indicators else None
        return {
            name: self._score_value(name, weights)
            if counts is None or name in SCORE_METRICS
            else self._count_value(name, counts)
            for name in self._names
        }

    def _count_value(self, name: str, counts: ClassCounts) -> Floats:
        if name == "accuracy":
            return ratio(counts.right.sum(axis=1), counts.actual.sum(axis=1))
        by_class: Floats = getattr(counts, _MACRO.get(name, name))()
        if name == "precision":
            by_class = np.where(counts.predicted > 0, by_class, self._precision_of_silence)
        if self._positive is not None and name not in _MACRO:
            return by_class[:, self._positive]
        return self._macro(by_class, counts)

    def _macro(self, by_class: Floats, counts: ClassCounts) -> Floats:
        """Mean over the classes; undefined for a replicate without a row of some class."""
        values = np.where(counts.actual > 0, by_class, np.nan)
        return _mean(values[:, : self._occurring])

    def _score_value(self, name: str, weights: Weights) -> Floats:
        if name in self._losses:
            return self._losses[name](weights)
        if self._rankings and name in _RANKED:
            area = name == "roc_auc"
            by_class = np.stack([rank(weights, area=area) for rank in self._rankings])
            return _mean(by_class.T)
        if self._calibration is not None and name in _CALIBRATED:
            noise = name == "calibration_noise"
            return (self._calibration.noise if noise else self._calibration.error)(weights)
        return np.full(len(weights), np.nan)

    def _prepare_rankings(
        self,
        labels: pd.Series,
        predictions: pd.DataFrame,
        positive_class: str | None,
        score_bins: int | None,
    ) -> None:
        if _RANKED.isdisjoint(self._names):
            return
        of_class = [
            ((labels == name).to_numpy(dtype=bool), probability_of(predictions, name))
            for name in (sorted(labels.unique()) if positive_class is None else [positive_class])
        ]
        self._rankings = (
            [Ranking(*rows) for rows in of_class]
            if score_bins is None
            else [BinnedRanking(*rows, score_bins) for rows in of_class]
        )

    def _prepare_losses(
        self,
        labels: pd.Series,
        predictions: pd.DataFrame,
        positive_class: str | None,
        sizes: npt.NDArray[np.int64] | None,
    ) -> None:
        if "log_loss" in self._names and len(labels):
            self._losses["log_loss"] = Losses(log_losses(labels, predictions))
        if "brier" in self._names:
            self._losses["brier"] = Losses(squared_errors(labels, predictions, positive_class))
        if not _CALIBRATED.isdisjoint(self._names):
            told, happened = told_and_happened(labels, predictions, positive_class)
            self._calibration = CalibrationGaps(told, happened, sizes)


def codes(values: pd.Series, classes: Sequence[str]) -> Places:
    """The place of each value among `classes`; -1 for any other value."""
    return pd.Index(list(classes), dtype="str").get_indexer(pd.Index(values.astype("str")))


def _mean(values: Floats) -> Floats:
    means: Floats = values.mean(axis=1)
    return means
