"""The threshold that selects a given share of rows.

Guarantee: it lies between observed scores, so that rounding does not move a row across it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rate_threshold(scores: NDArray[np.float64], rate: float) -> float:
    """The lowest threshold that at most the share `rate` of the scores reaches.

    Beyond the highest score where even those that share it are more than that.
    """
    levels, rows = np.unique(scores, return_counts=True)
    share = rows[::-1].cumsum()[::-1] / len(scores)
    within = np.flatnonzero(share <= rate)
    if not len(within):
        return float(np.nextafter(levels[-1], np.inf))
    first = int(within[0])
    if first == 0:
        return float(levels[0])
    middle = (levels[first - 1] + levels[first]) / 2
    return float(middle if middle > levels[first - 1] else levels[first])
