"""How well does one column alone rank the classes?

Guarantees: a row is scored by the class shares of rows with the same value (of near values, where
those are few) outside its split unit, so that neither a copy nor a category seen once can flatter
a column; a ranking of any shape is found, not only a rising one; the result depends on the seed.

The score is the area under the ROC curve; with more than two classes the mean of each class
against the rest. A leak that settles only one of many classes, or only a few rows, hardly moves it:
that is what the search for single values is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from tasks.leakage.columns import is_words

Array = np.ndarray[Any, np.dtype[Any]]

_FOLDS = 3
_MOST_ROWS = 20_000
_CLASS_ROWS = 10
_REPLICATES = 200


@dataclass(frozen=True)
class FeatureScore:
    """How well `column` alone ranks the classes, on `n` rows: 0.5 is not at all, 1 is perfectly."""

    column: str
    auc: float
    n: int


class SingleFeatures:
    """Scores columns one at a time on the same rows and folds.

    At most 20,000 rows are used, drawn by `seed`; classes with fewer than ten of them are left
    out. `n` is 0 where fewer than two classes are left: then nothing can be scored.
    """

    def __init__(self, frame: pd.DataFrame, labels: pd.Series, units: pd.Series, seed: int) -> None:
        self._seed = seed
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(len(frame))[:_MOST_ROWS])
        counts = labels.iloc[chosen].value_counts()
        kept = labels.iloc[chosen].isin(counts.index[counts >= _CLASS_ROWS]).to_numpy()
        chosen = chosen[kept] if (counts >= _CLASS_ROWS).sum() >= 2 else chosen[:0]
        self._frame = frame.iloc[chosen]
        self._classes = np.unique(labels.iloc[chosen])
        self._codes = np.searchsorted(self._classes, labels.iloc[chosen])
        unit_codes, distinct = pd.factorize(units.iloc[chosen], sort=True)
        self._folds = (rng.permutation(len(distinct)) % _FOLDS)[unit_codes]
        self.n = len(chosen)

    def score(self, column: str, *, by_category: bool) -> FeatureScore:
        """Score one column; words that are not taken by category are scored by their length."""
        shares = self._shares(column, by_category=by_category)
        return FeatureScore(column, _mean_auc(shares, self._codes), self.n)

    def interval(self, column: str, *, by_category: bool) -> tuple[float, float]:
        """The 95 % percentile bootstrap interval of `score`, over rows."""
        shares = self._shares(column, by_category=by_category)
        rng = np.random.default_rng(self._seed)
        draws = (rng.integers(0, self.n, self.n) for _ in range(_REPLICATES))
        areas = [_mean_auc(shares[rows], self._codes[rows]) for rows in draws]
        low, high = np.nanpercentile(areas, [2.5, 97.5])
        return float(low), float(high)

    def _shares(self, column: str, *, by_category: bool) -> Array:
        """Out-of-fold class shares, one column a class."""
        values = self._frame[column]
        if by_category:
            return self._by_category(values)
        return self._by_number(_as_numbers(values.str.len() if is_words(values) else values))

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


def _mean_auc(scores: Array, codes: Array) -> float:
    """The area under the ROC curve of each class against the rest, on average over the classes."""
    present = np.unique(codes)
    if len(present) < 2:
        return float("nan")
    # Two classes mirror each other: one is enough.
    chosen = present[1:] if len(present) == 2 else present
    return float(np.mean([_auc(scores[:, code], codes == code) for code in chosen]))


def _auc(scores: Array, positive: Array) -> float:
    """Mann-Whitney's U over the number of pairs; ties count half."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / positives / negatives)
