"""How sure a ratio of two sums over rows is: precision, recall, F1, a rate, a mean cost.

Guarantees: no model or class is known here; the same numbers and seed give the same interval.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.intervals import Estimate, wilson
from tasks.percentiles import percentiles
from tasks.unit_intervals import unit_rate

MOSTLY_ALONE = 2 / 3
"""With so many units for each row a rate needs no bootstrap, which is poor near 0 and 1."""


def ratio_estimate(
    above: NDArray[np.float64],
    below: NDArray[np.float64],
    *,
    replicates: int,
    seed: int,
    groups: pd.Series | None = None,
) -> Estimate:
    """Sum of `above` over sum of `below`, with its 95 % interval; `n` is the sum of `below`.

    A rate (each row counts 0 or 1, above only where below) of rows without groups has Wilson's
    interval, and at the effective number of rows where few rows share a group. All else has the
    percentile bootstrap of rows, or of whole groups (Efron and Tibshirani 1993, chapter 13), which
    is not reliable for a handful of either; NaN where more than 1 % of the replicates are
    undefined.
    """
    total = float(below.sum())
    value = float(above.sum()) / total if total else math.nan
    n = int(total)
    if _is_rate(above, below):
        if groups is None:
            low, high = wilson(float(above.sum()), total)
            return Estimate(value=value, low=low, high=high, n=n, method="wilson")
        counted, units = below > 0, pd.factorize(groups, use_na_sentinel=False)[0]
        if counted.any() and len(np.unique(units)) >= MOSTLY_ALONE * len(units):
            low, high = unit_rate(above[counted] > 0, units[counted])
            return Estimate(value=value, low=low, high=high, n=n, method="wilson")
    method = "bootstrap" if groups is None else "group bootstrap"
    units = np.column_stack([above, below])
    if groups is not None:
        codes = pd.factorize(groups, use_na_sentinel=False)[0]
        units = np.column_stack([np.bincount(codes, above), np.bincount(codes, below)])
    # Units that say the same are drawn together: how many of each is multinomial.
    kinds, counts = np.unique(units, axis=0, return_counts=True)
    draw = np.random.default_rng(seed)
    sums = draw.multinomial(len(units), counts / len(units), size=replicates) @ kinds
    draws = np.full(len(sums), math.nan)
    np.divide(sums[:, 0], sums[:, 1], out=draws, where=sums[:, 1] > 0)
    (low, high), undefined = percentiles(draws)
    if len(units) < 2:
        low = high = math.nan
    return Estimate(
        value=value,
        low=low,
        high=high,
        n=n,
        undefined_share=undefined,
        method=method,
    )


def _is_rate(above: NDArray[np.float64], below: NDArray[np.float64]) -> bool:
    inside = (below == 0) | (below == 1)
    return bool(inside.all() and ((above == 0) | (above == below)).all())
