"""How well does one column alone rank the classes, and how rarely is it wrong about them?

Two numbers say it. The area under the ROC curve of the class that the column ranks best against the
rest (of two classes that is the area): a leak may settle one class of many. And the errors of
always answering the class that the column makes most likely, as a share of the errors of always
answering the commonest class: of two columns with the same area, a copy of the label with noise
errs far less than an honest number.

Guarantees: a row is scored by the class shares of rows with the same value (of near values, where
those are few) outside its split unit, so that neither a copy nor a category seen once can flatter
a column; a ranking of any shape is found, not only a rising one; intervals count units, not rows;
the result depends on the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.leakage.telling_words import score_words
from tasks.unit_intervals import (
    area,
    corrected_level,
    proven_area,
    unit_area,
    unit_rate,
)

Array = np.ndarray[Any, np.dtype[Any]]
Kind = Literal["category", "number", "text"]

_FOLDS = 3
_MOST_ROWS = 20_000
_CLASS_ROWS = 10


@dataclass(frozen=True)
class FeatureScore:
    """How well `column` alone ranks the classes, on `n` rows.

    `auc` is the area of the class `label` against the rest, the best ranked one, with its 95 %
    interval; `mean_auc` the mean over the classes, and of the quarters of a number its interval, if
    they stood and fell together; `proven_auc` what `auc` is at least, corrected for the number of
    classes (0.5 is not at all, 1 is perfectly). `errors` is the share of the constant's errors that
    are left, with its 95 % interval (1 is all, 0 none).

    Of a text these are the numbers of its few most telling words, `words`, and `all_words_auc` is
    the area of all its words together.
    """

    column: str
    label: str
    classes: int
    auc: float
    interval: tuple[float, float]
    mean_auc: float
    mean_interval: tuple[float, float] | None
    proven_auc: float
    errors: float
    errors_interval: tuple[float, float]
    n: int
    words: tuple[str, ...] = ()
    all_words_auc: float | None = None
    all_words_interval: tuple[float, float] | None = None


class SingleFeatures:
    """Scores columns one at a time on the same rows and folds.

    At most 20,000 rows are used, drawn by `seed`; classes with fewer than ten of them are left
    out. `n` is 0 where fewer than two classes are left: then nothing can be scored. `quarters` says
    that the labels are those of a number.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        labels: pd.Series,
        units: pd.Series,
        seed: int,
        *,
        quarters: bool = False,
    ) -> None:
        self._seed, self._quarters = seed, quarters
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(len(frame))[:_MOST_ROWS])
        counts = labels.iloc[chosen].value_counts()
        kept = labels.iloc[chosen].isin(counts.index[counts >= _CLASS_ROWS]).to_numpy()
        chosen = chosen[kept] if (counts >= _CLASS_ROWS).sum() >= 2 else chosen[:0]
        self._frame = frame.iloc[chosen]
        self._classes = np.unique(labels.iloc[chosen])
        self._codes = np.searchsorted(self._classes, labels.iloc[chosen])
        self._units, distinct = pd.factorize(units.iloc[chosen], sort=True)
        self._folds = (rng.permutation(len(distinct)) % _FOLDS)[self._units]
        self.n = len(chosen)

    def score(self, column: str, kind: Kind) -> FeatureScore | None:
        """Score one column; None for a text without a word that is met often enough."""
        values = self._frame[column]
        if kind != "text":
            shares = self.shares(column, kind)
            return self._score(column, shares)
        found = score_words(values, self._codes, len(self._classes), self._folds, self._seed)
        if found is None:
            return None
        few, every = self._score(column, found.by_few), self._score(column, found.by_all)
        return replace(
            few,
            words=found.telling,
            all_words_auc=every.auc,
            all_words_interval=every.interval,
        )

    def shares(self, column: str, kind: Kind) -> Array:
        """Out-of-fold class shares of a category or a number, one column a class."""
        values = self._frame[column]
        if kind == "category":
            return self._by_category(values)
        return self._by_number(_as_numbers(values))

    def _score(self, column: str, scores: Array) -> FeatureScore:
        areas = [area(scores[:, code], self._codes == code) for code in range(len(self._classes))]
        if len(areas) == 2:  # they mirror each other: one is enough
            areas[0] = areas[1]
        best = len(areas) - 1 - int(np.argmax(areas[::-1]))
        positive = self._codes == best
        level = corrected_level(len(areas) if len(areas) > 2 else 1)
        wrong = scores.argmax(axis=1) != self._codes
        constant = 1 - np.bincount(self._codes).max() / self.n
        low, high = unit_rate(wrong, self._units)
        return FeatureScore(
            column=column,
            label=str(self._classes[best]),
            classes=len(areas),
            auc=areas[best],
            interval=unit_area(scores[:, best], positive, self._units),
            mean_auc=float(np.mean(areas)),
            mean_interval=self._mean_interval(scores) if self._quarters else None,
            proven_auc=proven_area(scores[:, best], positive, self._units, level),
            errors=float(wrong.mean() / constant),
            errors_interval=(low / constant, high / constant),
            n=self.n,
        )

    def _mean_interval(self, scores: Array) -> tuple[float, float]:
        ends = [
            unit_area(scores[:, code], self._codes == code, self._units)
            for code in range(len(self._classes))[-1 if len(self._classes) == 2 else 0 :]
        ]
        low, high = np.mean(ends, axis=0)
        return float(low), float(high)

    def _by_number(self, values: Array) -> Array:
        """Out-of-fold class shares among the nearest values, so that any shape may rank."""
        scores = np.zeros((self.n, len(self._classes)))
        classes = np.eye(len(self._classes))[self._codes]
        for fold in range(_FOLDS):
            inside, outside = self._folds != fold, self._folds == fold
            scores[outside] = _neighbour_shares(values[inside], classes[inside], values[outside])
        return scores

    def _by_category(self, values: pd.Series) -> Array:
        """Out-of-fold class shares of each category, with one row of the average added."""
        codes, distinct = pd.factorize(values, use_na_sentinel=False)
        scores = np.zeros((self.n, len(self._classes)))
        for fold in range(_FOLDS):
            inside, outside = self._folds != fold, self._folds == fold
            counts = np.zeros((len(distinct), len(self._classes)))
            np.add.at(counts, (codes[inside], self._codes[inside]), 1)
            average = counts.sum(axis=0) / max(counts.sum(), 1)
            shares = (counts + average) / (counts.sum(axis=1, keepdims=True) + 1)
            scores[outside] = shares[codes[outside]]
        return scores


def _neighbour_shares(known: Array, classes: Array, asked: Array) -> Array:
    """Class shares among the known rows with the same value, or near it where those are few.

    Few is less than the root of the number of known rows; then as many on either side are added.
    A missing value is near to missing values only.
    """
    missing = np.isnan(known)
    order = np.argsort(known[~missing], kind="stable")
    ranked = known[~missing][order]
    sums = np.vstack([np.zeros(classes.shape[1]), classes[~missing][order].cumsum(axis=0)])
    few = int(np.sqrt(len(ranked)))
    low, high = np.searchsorted(ranked, asked, "left"), np.searchsorted(ranked, asked, "right")
    widened = np.where(high - low < few, few, 0)
    low, high = np.maximum(low - widened, 0), np.minimum(high + widened, len(ranked))
    counts = sums[high] - sums[low]
    counts[np.isnan(asked)] = classes[missing].sum(axis=0)
    average = classes.mean(axis=0) if len(classes) else 0.0
    shares: Array = (counts + average) / (counts.sum(axis=1, keepdims=True) + 1)
    return shares


def _as_numbers(values: pd.Series) -> Array:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = (values - values.min()).dt.total_seconds()
    numbers: Array = values.to_numpy(dtype="float64", na_value=np.nan)
    return numbers
