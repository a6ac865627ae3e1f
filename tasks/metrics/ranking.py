"""One class against the rest by its score: the metrics that only the order of the scores decides.

Guarantees: the order of rows of equal score in the table is nothing; a model gains nothing by
breaking ties at random; what is undefined is NaN; sums of weights are exact.

`average_precision` is the mean, over the positive rows, of the precision down to that row. Where
scores are equal it is the expected value over every order of the tied rows (McSherry and Najork,
Computing information retrieval performance measures efficiently in the presence of tied scores,
ECIR 2008). Without ties it is scikit-learn's number. With ties scikit-learn's gives every positive
row of a tie the precision at the end of the tie, which is less than the same scores get in the
mean once noise has broken the tie: noise would then beat a constant, and a stump.

For many rows the scores may be cut into quantile bins first: rows within a bin count as ties. With
4,096 bins neither metric moves by 1e-3 (`tests/benchmarks/audit_at_scale.py`).
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
# How often each row counts: whole numbers, because their running sums are exact and several times
# faster than those of floats.
Weights = npt.NDArray[np.int32]


class Cells:
    """Rows that are alike put together: `first` has one row of each cell, in order of code."""

    def __init__(self, codes: npt.NDArray[np.int64]) -> None:
        self._order = np.argsort(codes, kind="stable")
        ordered = codes[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.first: Places = self._order[self._starts]

    def __call__(self, weights: Weights) -> Weights:
        """Weights of rows (replicates, rows) summed over the rows of each cell."""
        ordered = np.take(weights, self._order, axis=1)
        return np.add.reduceat(ordered, self._starts, axis=1, dtype=weights.dtype)


class Ranking:
    """One class against the rest, by score: sorted once, evaluated for any weights.

    `average_precision` is its mean over all orders of tied rows; `roc_auc` the share of pairs in
    the right order, a tie counting half. A weight of two is two rows that tie with each other.
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
        # Ties (a row alone is one, too) that hold a positive row, by their first of those.
        _, self._ties = np.unique(self._start, return_index=True)

    def __call__(self, weights: Weights, *, area: bool) -> Floats:
        """roc_auc where `area`, else average_precision; NaN where a class has no weight."""
        ordered = np.take(weights, self._order, axis=1)
        own = np.take(ordered, self._positives, axis=1)
        up_to, positive_up_to = _running_sum(ordered), _running_sum(own)
        positive = positive_up_to[:, -1].astype(np.float64)
        if not area and np.issubdtype(up_to.dtype, np.integer):
            return ratio(self._precisions(up_to, positive_up_to), positive)
        at_end = np.take(up_to, self._end, axis=1)
        positive_at_end = np.take(positive_up_to, self._positive_end, axis=1)
        if not area:  # weights that are no counts have no orders: scikit-learn's steps
            share = np.divide(positive_at_end, at_end, out=np.zeros_like(at_end), where=at_end > 0)
            return ratio((own * share).sum(axis=1), positive)
        negative = up_to[:, -1] - positive
        above = at_end - positive_at_end
        above += np.take(up_to, self._start, axis=1)
        above -= np.take(positive_up_to, self._positive_start, axis=1)
        pairs = (own * (negative[:, None] - above / 2)).sum(axis=1)
        return ratio(pairs, positive * negative)

    def _precisions(self, up_to: Weights, positive_up_to: Weights) -> Floats:
        """The precisions at the positive rows, summed; in the mean over the orders of ties.

        Of a tie of n rows, k of them positive, after a rows with p positive, the j-th is positive
        in k/n of the orders, and (j - 1) (k - 1) / (n - 1) of those before it in the tie then are:
        the sum over j of k/n (p + 1 + (j - 1) (k - 1) / (n - 1)) / (a + j), by harmonic numbers.
        """
        ties = self._ties
        before, to_end = (np.take(up_to, place[ties], axis=1) for place in (self._start, self._end))
        positive_before = np.take(positive_up_to, self._positive_start[ties], axis=1)
        positive = np.take(positive_up_to, self._positive_end[ties], axis=1) - positive_before
        rows = to_end - before
        harmonic = _harmonic_numbers(int(up_to[:, -1].max(initial=0)))
        steps = np.take(harmonic, to_end) - np.take(harmonic, before)
        rate = np.maximum(positive - 1, 0) / np.maximum(rows - 1, 1)
        summed = rate * rows + (positive_before + 1 - rate * (before + 1)) * steps
        found: Floats = (summed * (positive / np.maximum(rows, 1))).sum(axis=1)
        return found


class BinnedRanking:
    """`Ranking` by quantile bins of the score: fast for any number of rows."""

    def __init__(self, positive: npt.NDArray[np.bool_], scores: Floats, bins: int) -> None:
        places = quantile_bins(scores, bins)
        self._cells = Cells(2 * places + positive)
        first = self._cells.first
        self._ranking = Ranking(positive[first], places[first].astype(np.float64))

    def __call__(self, weights: Weights, *, area: bool) -> Floats:
        """As `Ranking`, for weights of all rows."""
        return self._ranking(self._cells(weights), area=area)


def quantile_bins(scores: Floats, bins: int) -> npt.NDArray[np.int64]:
    """The bin of each score, from low to high; equal scores share a bin.

    Of no more than `bins` distinct scores each is a bin of its own.
    """
    if not len(scores):
        return np.zeros(0, dtype=np.int64)
    distinct, places = np.unique(scores, return_inverse=True)
    if len(distinct) <= bins:
        return places.astype(np.int64)
    quantiles = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(scores, quantiles, method="lower"))
    return np.searchsorted(edges, scores, side="right").astype(np.int64)


def ratio(above: Floats, below: Floats) -> Floats:
    """`above` / `below`, and NaN where `below` is 0."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _running_sum(weights: Weights) -> Weights:
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1), dtype=weights.dtype)
    np.cumsum(weights, axis=1, dtype=weights.dtype, out=sums[:, 1:])
    return sums


@functools.lru_cache(maxsize=2)
def _harmonic_numbers(largest: int) -> Floats:
    """1 + 1/2 + ... + 1/n for n from 0 to `largest`."""
    return np.concatenate([[0.0], np.cumsum(1 / np.arange(1, largest + 1))])
