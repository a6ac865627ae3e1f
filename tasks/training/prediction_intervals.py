"""How far from the estimate the true number may lie, from the errors on dev.

Guarantees: nothing is assumed of the errors but that rows are exchangeable: for rows like those of
dev the interval covers the stated share of targets in the long run, whatever the model.

Split conformal prediction with signed errors: the ends are the order statistics of the dev errors
that leave half of what is not covered on either side, one rank wider than plain quantiles for the
finite sample (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Linusson,
Johansson and Lofstrom 2014 for signed errors). One width for all rows: rows that are harder than
the rest are covered less often, which the audit shows by slice. Choosing the family on the same
dev rows narrows it slightly; the audit measures the coverage on test.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

LEVEL = 0.8
"""Share of targets that the interval is made to cover."""


def prediction_interval(
    labels: pd.Series, estimated: pd.Series, level: float = LEVEL
) -> tuple[float, float] | None:
    """What to add to an estimate for the lower and the upper end; None with too few rows.

    Both in units of the target. Too few: an end would lie beyond the largest error seen.
    """
    errors = np.sort((labels - estimated).to_numpy(dtype=np.float64))
    n, tail = len(errors), (1 - level) / 2
    below = math.floor(tail * (n + 1) + 1e-9)  # a tenth of ten rows is one, not 0.999
    if below < 1:
        return None
    return float(errors[below - 1]), float(errors[n - below])
