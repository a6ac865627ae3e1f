"""Which labels a model that has not seen the row finds hard to believe.

Confident learning (Northcutt, Jiang, Chuang 2021, "Confident Learning: Estimating Uncertainty in
Dataset Labels", JAIR 70). Guarantees: pure arithmetic on labels and probabilities, in chunks, so
that memory beside the input stays at some 20 bytes a row; thresholds come from the rows that the
caller names and from no others; the given label is never an issue where the model holds no other
class for more probable.

The ranking is the self-confidence of calibrated probabilities, one for all data. On three sets of
labels that people checked it is not significantly worse than the best of the three usual rankings
(tests/benchmarks/label_rankings.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-6
_CHUNK_CELLS = 1 << 18


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelIssues:
    """For each row: `issue`, the most credible class by its position (`likely`), and `quality`
    in [0, 1], low is bad."""

    issue: NDArray[np.bool_]
    likely: NDArray[np.int64]
    quality: NDArray[np.float64]

    def ranked(self) -> NDArray[np.int64]:
        """Positions of the issues, the lowest quality first; equal ones in the order of rows."""
        rows = np.flatnonzero(self.issue)
        return rows[np.argsort(self.quality[rows], kind="stable")]


def class_thresholds(
    given: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """For each class the mean probability of it among the rows labelled so; NaN without rows.

    `given` holds positions of classes, `probabilities` is rows by classes.
    """
    classes = probabilities.shape[1]
    rows = np.bincount(given, minlength=classes)
    total = np.zeros(classes)
    for part in _chunks(probabilities):
        own = probabilities[part][np.arange(len(given[part])), given[part]]
        total += np.bincount(given[part], weights=own, minlength=classes)
    means: NDArray[np.float64] = np.full(classes, np.nan)
    np.divide(total, rows, out=means, where=rows > 0)
    return means


def find_issues(
    given: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    thresholds: NDArray[np.float64],
) -> LabelIssues:
    """Compare each given label with the most probable class among those above their threshold.

    An issue: that class is not the given one and is more probable than it. A class without a
    threshold (NaN) is never above it. `likely` is that class, or the most probable of all where
    none is above. The quality is the self-confidence, the probability of the given label.
    """
    rows = len(given)
    issue = np.zeros(rows, dtype=bool)
    likely = np.zeros(rows, dtype=np.int64)
    quality = np.zeros(rows)
    for part in _chunks(probabilities):
        _find_in_chunk(
            given[part], probabilities[part], thresholds, issue[part], likely[part], quality[part]
        )
    return LabelIssues(issue=issue, likely=likely, quality=quality)


def _chunks(probabilities: NDArray[np.float64]) -> list[slice]:
    """Runs of rows whose cells stay in the processor's cache."""
    rows, classes = probabilities.shape
    step = max(1, _CHUNK_CELLS // max(1, classes))
    return [slice(start, start + step) for start in range(0, rows, step)]


def _find_in_chunk(
    given: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    issue: NDArray[np.bool_],
    likely: NDArray[np.int64],
    quality: NDArray[np.float64],
) -> None:
    """Fill the last three arrays."""
    rows = np.arange(len(given))
    credible = np.where(probabilities >= thresholds - _ROUNDING, probabilities, -1.0)
    likely[:] = credible.argmax(axis=1)
    best = credible[rows, likely]
    quality[:] = probabilities[rows, given]
    issue[:] = (likely != given) & (best > quality + _ROUNDING)
    unsure = np.flatnonzero(best < 0)
    likely[unsure] = probabilities[unsure].argmax(axis=1)
