"""What each metric is: its value for rows that count a given number of times.

Guarantees: the numbers are scikit-learn's with `sample_weight`, except that what is undefined is
NaN here and never 0; many sets of weights are evaluated at once.

With a positive class, precision, recall, f1, average_precision and roc_auc are those of that
class. Without one they are macro means (one class against the rest). Macro means and
balanced_accuracy run over the classes that occur in the labels, so that two models are always
averaged over the same classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
# How often each row counts: whole numbers, because their running sums are exact and several times
# faster than those of floats. Rows of unequal importance count 0 or, in floats, 1 and more.
Weights = npt.NDArray[np.int32]

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "accuracy": True,
    "balanced_accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "macro_f1": True,
    "average_precision": True,
    "roc_auc": True,
    "log_loss": False,
}
SCORE_METRICS = frozenset({"average_precision", "roc_auc", "log_loss"})


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
    weighted = WeightedMetrics((name,), labels, predictions, positive_class=positive_class)
    return float(weighted(np.ones((1, len(labels)), dtype=np.int32))[name][0])


@dataclass(frozen=True)
class ClassCounts:
    """Weights by class, each of shape (replicates, classes)."""

    right: Floats
    predicted: Floats
    actual: Floats

    def precision(self) -> Floats:
        """Share of the rows predicted as the class that are of it."""
        return ratio(self.right, self.predicted)

    def recall(self) -> Floats:
        """Share of the rows of the class that were predicted as it."""
        return ratio(self.right, self.actual)

    def f1(self) -> Floats:
        """Harmonic mean of the two; undefined where the class neither occurs nor is predicted."""
        return ratio(2 * self.right, self.predicted + self.actual)


class ClassIndicators:
    """Which rows are of, and predicted as, each class: counts for any weights of the rows."""

    def __init__(self, actual: Places, predicted: Places, classes: int) -> None:
        of_class, as_class = actual[:, None], predicted[:, None]
        places = np.arange(classes)
        self._classes = classes
        self._matrix = np.hstack(
            [
                (of_class == places) & (as_class == places),
                as_class == places,
                of_class == places,
            ]
        ).astype(np.float64)

    def __call__(self, weights: Weights) -> ClassCounts:
        """Counts under `weights`, of shape (replicates, rows)."""
        sums = weights.astype(np.float64) @ self._matrix
        first, second = self._classes, 2 * self._classes
        return ClassCounts(sums[:, :first], sums[:, first:second], sums[:, second:])


class Ranking:
    """One class against the rest, by score: sorted once, evaluated for any weights.

    Rows of equal score form one threshold. `average_precision` is the sum of precision times the
    rise in recall over the thresholds; `roc_auc` the share of pairs in the right order, a tie
    counting half.
    """

    def __init__(self, positive: npt.NDArray[np.bool_], scores: Floats) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._positives = np.flatnonzero(positive[self._order])
        # For each positive row: where the rows of its score begin and end, among all rows ...
        own = ordered[self._positives]
        self._start = np.searchsorted(-ordered, -own, side="left")
        self._end = np.searchsorted(-ordered, -own, side="right")
        # ... and among the positive rows.
        self._positive_start = np.searchsorted(self._positives, self._start, side="left")
        self._positive_end = np.searchsorted(self._positives, self._end, side="left")

    def __call__(self, weights: Weights, *, area: bool) -> Floats:
        """roc_auc where `area`, else average_precision; NaN where a class has no weight."""
        ordered = np.take(weights, self._order, axis=1)
        own = np.take(ordered, self._positives, axis=1)
        up_to, positive_up_to = _running_sum(ordered), _running_sum(own)
        positive = positive_up_to[:, -1].astype(np.float64)
        at_end = np.take(up_to, self._end, axis=1)
        positive_at_end = np.take(positive_up_to, self._positive_end, axis=1)
        if not area:
            # Where no row counts up to a threshold, neither does its own positive row.
            precision = positive_at_end / np.maximum(at_end, 1)
            return ratio((own * precision).sum(axis=1), positive)
        negative = up_to[:, -1] - positive
        above = at_end - positive_at_end
        above += np.take(up_to, self._start, axis=1)
        above -= np.take(positive_up_to, self._positive_start, axis=1)
        pairs = (own * (negative[:, None] - above / 2)).sum(axis=1)
        return ratio(pairs, positive * negative)


class WeightedMetrics:
    """Several metrics of one model's predictions, for any weights of the rows.

    `precision_of_silence` is the precision for a class that is never predicted.
    """

    def __init__(
        self,
        names: Sequence[str],
        labels: pd.Series,
        predictions: pd.DataFrame,
        *,
        positive_class: str | None,
        precision_of_silence: float = np.nan,
    ) -> None:
        unknown = [name for name in names if name not in HIGHER_IS_BETTER]
        if unknown:
            raise ValueError(f"unknown metric '{unknown[0]}'; known: {', '.join(HIGHER_IS_BETTER)}")
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
        self._indicators: ClassIndicators | None = None
        self._rankings: list[Ranking] = []
        self._losses: Floats | None = None
        if not SCORE_METRICS.issuperset(names):
            places = codes(labels, classes), codes(predictions["predicted"], classes)
            self._indicators = ClassIndicators(*places, len(classes))
        if not SCORE_METRICS.isdisjoint(names) and self._usable:
            ranked = occurring if positive_class is None else [positive_class]
            self._prepare_scores(labels, predictions, occurring, ranked)

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
        if name == "balanced_accuracy":
            return self._macro(counts.recall(), counts)
        if name == "macro_f1":
            return self._macro(counts.f1(), counts)
        by_class: Floats = getattr(counts, name)()
        if name == "precision":
            by_class = np.where(counts.predicted > 0, by_class, self._precision_of_silence)
        if self._positive is not None:
            return by_class[:, self._positive]
        return self._macro(by_class, counts)

    def _macro(self, by_class: Floats, counts: ClassCounts) -> Floats:
        """Mean over the classes; undefined for a replicate without a row of some class."""
        values = np.where(counts.actual > 0, by_class, np.nan)
        return _mean(values[:, : self._occurring])

    def _score_value(self, name: str, weights: Weights) -> Floats:
        if self._losses is not None and name == "log_loss":
            return ratio(weights @ self._losses, weights.sum(axis=1).astype(np.float64))
        if self._rankings and name != "log_loss":
            area = name == "roc_auc"
            by_class = np.stack([rank(weights, area=area) for rank in self._rankings])
            return _mean(by_class.T)
        return np.full(len(weights), np.nan)

    def _prepare_scores(
        self, labels: pd.Series, predictions: pd.DataFrame, classes: list[str], ranked: list[str]
    ) -> None:
        columns = [column for column in predictions.columns if str(column).startswith("p:")]
        if not columns or predictions[columns].isna().to_numpy().any():
            return
        nothing = np.zeros(len(predictions))

        def scores(name: str) -> Floats:
            column = f"p:{name}"
            return predictions[column].to_numpy(np.float64) if column in predictions else nothing

        if {"average_precision", "roc_auc"}.intersection(self._names):
            self._rankings = [
                Ranking((labels == name).to_numpy(dtype=bool), scores(name)) for name in ranked
            ]
        if "log_loss" in self._names and classes:
            table = np.column_stack([scores(name) for name in classes])
            own = table[np.arange(len(table)), codes(labels, classes)]
            smallest = np.finfo(np.float64).eps
            self._losses = -np.log(np.clip(own, smallest, 1 - smallest))


def codes(values: pd.Series, classes: Sequence[str]) -> Places:
    """The place of each value among `classes`; -1 for any other value."""
    return pd.Index(list(classes), dtype="str").get_indexer(pd.Index(values.astype("str")))


def ratio(above: Floats, below: Floats) -> Floats:
    """`above` / `below`, and NaN where `below` is 0."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _mean(values: Floats) -> Floats:
    means: Floats = values.mean(axis=1)
    return means


def _running_sum(weights: Weights) -> Weights:
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1), dtype=weights.dtype)
    np.cumsum(weights, axis=1, dtype=weights.dtype, out=sums[:, 1:])
    return sums
