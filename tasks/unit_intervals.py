"""How sure is a rate, or an area under a curve, of rows that come in units?

Guarantees: rows of one split unit (a person, the copies of one row) count as one observation, as
far as they go together; where every row is a unit of its own, the interval of a rate is Wilson's.
No randomness.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata

from tasks.intervals import NORMAL, wilson

Array = np.ndarray[Any, np.dtype[Any]]

LEVEL = 0.95
_TINY = 1e-12


def corrected_level(looks: int) -> float:
    """The level of each of `looks` two-sided intervals that hold together at 95 % (Bonferroni)."""
    return 1 - (1 - LEVEL) / max(looks, 1)


def unit_rate(hits: Array, units: Array, level: float = LEVEL) -> tuple[float, float]:
    """The interval of the share of `hits` (bool), whose rows share the codes `units`.

    Wilson's at the effective number of rows, which is p (1 - p) over the variance of the sums by
    unit; without spread the number of units. Never more than the rows.
    """
    rate, rows = float(hits.mean()), len(hits)
    sums = np.bincount(units, weights=hits - rate)
    variance = float((sums**2).sum()) / rows**2
    spread = rate * (1 - rate)
    if spread < _TINY or variance < _TINY:
        effective = float(len(np.unique(units)))
    else:
        effective = min(spread / variance, float(rows))
    return wilson(rate * effective, effective, level)


def area(scores: Array, positive: Array) -> float:
    """The area under the ROC curve: Mann-Whitney's U over the pairs; ties count half."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return math.nan
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / positives / negatives)


def unit_area(
    scores: Array, positive: Array, units: Array, level: float = LEVEL
) -> tuple[float, float]:
    """The interval of `area`, on the scale of its log odds; (value, value) where it has no spread.

    The variance is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44 (1988) 837), its
    placements summed by unit (Obuchowski, Biometrics 53 (1997) 567).
    """
    value = area(scores, positive)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores)
    placements = np.empty(len(scores))
    placements[positive] = (ranks[positive] - rankdata(scores[positive])) / negatives
    others = rankdata(scores[~positive])
    placements[~positive] = 1 - (ranks[~positive] - others) / positives
    influence = (placements - value) / np.where(positive, positives, negatives)
    deviation = math.sqrt(float((np.bincount(units, weights=influence) ** 2).sum()))
    if deviation < _TINY or not 0 < value < 1:
        return value, value
    reach = NORMAL.inv_cdf(0.5 + level / 2) * deviation / (value * (1 - value))
    return float(expit(logit(value) - reach)), float(expit(logit(value) + reach))


def proven_area(scores: Array, positive: Array, units: Array, level: float = LEVEL) -> float:
    """What the area is at least, also where hardly a pair is out of order.

    The lower end of `unit_area`, or, if that is less, of the areas at which a share of the smaller
    class is placed anywhere and the rest is in order: a class of few units proves little, however
    well it is ranked.
    """
    low, _ = unit_area(scores, positive, units, level)
    value = area(scores, positive)
    smaller = min(len(np.unique(units[positive])), len(np.unique(units[~positive])))
    misplaced = min(2 * (1 - value), 1.0)
    return min(low, 1 - wilson(misplaced * smaller, smaller, level)[1] / 2)
