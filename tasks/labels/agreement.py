"""How far several people agree on one item, and what most of them say.

Guarantees: items with fewer than two labels carry no weight; a missing label is no label; a tie
is shown as a tie and never broken; agreement is NaN where every label is the same, because it is
not defined there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

REPLICATES = 1000
_CHUNK_CELLS = 4_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """`alpha` with its 95 % interval over items, the mean share of agreeing pairs of labels of
    an item, and the number of items with two labels or more."""

    alpha: float
    low: float
    high: float
    percent_agreement: float
    items: int


def as_labels(column: pd.Series) -> pd.Series:
    """Labels as strings, NaN where missing; whole numbers are written without a point."""
    if pd.api.types.is_float_dtype(column):
        present = column.dropna()
        if (present == present.round()).all():
            column = column.astype("Int64")
    missing = column.isna()
    return column.astype("str").where(~missing).astype("str")


def count_votes(frame: pd.DataFrame, annotators: Sequence[str]) -> pd.DataFrame:
    """Number of labels of each item (row) for each class (column, sorted)."""
    columns = [as_labels(frame[name]) for name in annotators]
    classes = sorted({str(value) for column in columns for value in column.dropna().unique()})
    votes = np.zeros((len(frame), len(classes)), dtype=np.int64)
    for column in columns:
        codes = pd.Index(classes, dtype="str").get_indexer(pd.Index(column))
        rows = np.flatnonzero(codes >= 0)
        votes[rows, codes[rows]] += 1
    return pd.DataFrame(votes, index=frame.index, columns=classes)


def measure_agreement(votes: pd.DataFrame, seed: int) -> Agreement:
    """Krippendorff's alpha for nominal labels, in [-1, 1]; 1 is full agreement, 0 is chance.

    Any number of labels an item (Krippendorff 2011, "Computing Krippendorff's
    Alpha-Reliability"). The interval is a percentile bootstrap over items, drawn as counts of
    the distinct vote patterns, which is the same as drawing items; replicates in which alpha is
    undefined are left out. Not for ordered or numeric scales: there a near miss counts as much
    as a far one.
    """
    counts = votes.to_numpy()
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return Agreement(alpha=np.nan, low=np.nan, high=np.nan, percent_agreement=np.nan, items=0)
    patterns, times = np.unique(counts, axis=0, return_counts=True)
    alpha = float(_alpha(times[None, :].astype(np.float64), patterns)[0])
    low, high = _bootstrap(patterns, times, seed)
    size = patterns.sum(axis=1)
    agreeing = (patterns * (patterns - 1)).sum(axis=1) / (size * (size - 1))
    return Agreement(
        alpha=alpha,
        low=low,
        high=high,
        percent_agreement=float(np.average(agreeing, weights=times)),
        items=len(counts),
    )


def consensus(votes: pd.DataFrame) -> pd.DataFrame:
    """The label most annotators gave, by item.

    Columns: `consensus` (str, NaN for a tie or no label), `labels` (their number), `share` (of
    the labels that the most frequent class has; NaN without labels) and `tied`.
    """
    counts = votes.to_numpy()
    total = counts.sum(axis=1)
    most = counts.max(axis=1, initial=0)
    tied = ((counts == most[:, None]).sum(axis=1) > 1) & (total > 0)
    names = np.append(votes.columns.to_numpy(dtype=object), "")
    best = counts.argmax(axis=1) if counts.shape[1] else np.full(len(counts), -1)
    agreed = pd.Series(names[best], index=votes.index, dtype="str")
    return pd.DataFrame(
        {
            "consensus": agreed.where((total > 0) & ~tied),
            "labels": total,
            "share": np.divide(most, total, out=np.full(len(total), np.nan), where=total > 0),
            "tied": tied,
        },
        index=votes.index,
    )


def _alpha(weights: NDArray[np.float64], patterns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Alpha of each row of `weights`, which says how often each vote pattern occurs."""
    size = patterns.sum(axis=1)
    apart = (size**2 - (patterns**2).sum(axis=1)) / (size - 1)
    total = weights @ size
    by_class = weights @ patterns
    expected = (total**2 - (by_class**2).sum(axis=1)) / (total - 1)
    observed = weights @ apart
    ratio: NDArray[np.float64] = np.full(len(weights), np.nan)
    np.divide(observed, expected, out=ratio, where=expected > 0)
    return 1.0 - ratio


def _bootstrap(
    patterns: NDArray[np.int64], times: NDArray[np.int64], seed: int
) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    items = int(times.sum())
    step = max(1, _CHUNK_CELLS // len(patterns))
    draws = [
        _alpha(
            rng.multinomial(items, times / items, size=min(step, REPLICATES - start)).astype(
                np.float64
            ),
            patterns,
        )
        for start in range(0, REPLICATES, step)
    ]
    defined = np.concatenate(draws)
    defined = defined[~np.isnan(defined)]
    if not len(defined):
        return np.nan, np.nan
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)
