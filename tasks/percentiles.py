"""The ends of a bootstrap's interval: the percentiles of its replicates.

Guarantee: there are none where more than 1 % of the replicates are undefined, so that no interval
is that of the replicates alone in which a metric could be computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_UNDEFINED_SHARE = 0.01
ENDS = (0.025, 0.975)


def percentiles(
    draws: NDArray[np.float64], cuts: Sequence[float] = ENDS
) -> tuple[tuple[float, ...], float]:
    """The percentiles of the finite draws, NaN where too few are; and the undefined share."""
    defined = draws[np.isfinite(draws)]
    missing = len(draws) - len(defined)
    share = 1 - len(defined) / len(draws) if len(draws) else 1.0
    if not len(defined) or missing > MAX_UNDEFINED_SHARE * len(draws):
        return (math.nan,) * len(cuts), share
    return tuple(float(cut) for cut in np.quantile(defined, cuts)), share
