"""Which labels a model that has not seen the row finds hard to believe.

Confident learning (Northcutt, Jiang, Chuang 2021, "Confident Learning: Estimating Uncertainty in
Dataset Labels", JAIR 70). Guarantees: pure arithmetic on labels and probabilities; thresholds
come from the rows that the caller names and from no others; the given label is never an issue
where the model holds no other class for more probable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelIssues:
    """For each row: `issue`, the most credible class by its position (`likely`), and `quality`
    in [0, 1], low is bad."""

    issue: NDArray[np.bool_]
    likely: NDArray[np.int64]
    quality: NDArray[np.float64]


def class_thresholds(
    given: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """For each class the mean probability of it among the rows labelled so; NaN without rows.

    `given` holds positions of classes, `probabilities` is rows by classes.
    """
    self_confidence = probabilities[np.arange(len(given)), given]
    classes = probabilities.shape[1]
    rows = np.bincount(given, minlength=classes)
    total = np.bincount(given, weights=self_confidence, minlength=classes)
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
    rows = np.arange(len(given))
    above = probabilities >= thresholds - _ROUNDING
    confident = np.where(above, probabilities, -1.0)
    likely = np.where(above.any(axis=1), confident.argmax(axis=1), probabilities.argmax(axis=1))
    own = probabilities[rows, given]
    issue = above.any(axis=1) & (likely != given) & (probabilities[rows, likely] > own)
    return LabelIssues(issue=issue, likely=likely.astype(np.int64), quality=own)
