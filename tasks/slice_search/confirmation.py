"""Is a slice's excess of errors real, judged on rows that did not suggest it?

Guarantees: no randomness; a p value is one-sided (more errors than expected), and 1 where the rows
cannot tell.

**One slice.** Within each stratum (all rows are one, where none are given) the errors are as many
as they are; under "a row's chance to be wrong does not hang on the slice" the slice's share of them
is hypergeometric. The p value is the exact probability of at least as many errors as the slice has,
summed over the strata (Fisher's exact test; over strata Birch, J. Roy. Statist. Soc. B 26 (1964)
313, the exact form of Mantel and Haenszel).

**Rows that are not independent**, because they share a unit (a group, or equal features): the same
statistic with the variance of its sums by unit, against Student's t with one degree of freedom
fewer than units in the slice (a score test, robust to clusters). The larger of the two p values
counts, so that clusters can only cost evidence. Few large units are what it fits worst.

**Many slices.** `false_discovery_adjusted` is the procedure of Benjamini and Hochberg (J. Roy.
Statist. Soc. B 57 (1995) 289), with the weights of Genovese, Roeder and Wasserman (Biometrika 93
(2006) 509): fixed before the p values are seen, mean 1. It bounds the expected share of false
discoveries for independent tests and for the positive dependence of overlapping slices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtr

from tasks.conditions import Mask

_Numbers = NDArray[np.float64]
_Codes = NDArray[np.intp]
_NEGLIGIBLE = 1e-30


def excess_p(
    members: Mask, wrong: Mask, strata: _Codes | None = None, units: _Codes | None = None
) -> float:
    """The p value of "the slice has more errors than the other rows of its strata lead to expect".

    `strata` and `units` number the stratum and the unit of each row; without `units` the rows are
    taken as independent.
    """
    if strata is None:
        strata = np.zeros(len(wrong), dtype=np.intp)
    counted = [np.bincount(strata[rows]) for rows in (members & wrong, members, wrong)]
    total = np.bincount(strata)
    errors, size, all_errors = (np.pad(c, (0, len(total) - len(c))) for c in counted)
    p = _exact_p(errors, size, all_errors, total)
    if units is None:
        return p
    return max(p, _cluster_p(members, wrong, strata, units))


def excess_score(members: Mask, wrong: Mask, strata: _Codes) -> float:
    """Errors of the slice beyond those expected within the strata, in standard deviations.

    The statistic of Mantel and Haenszel (J. National Cancer Inst. 22 (1959) 719): it still ranks
    slices whose p values are too small to be told from 0. 0 where the rows cannot tell.
    """
    total = np.maximum(np.bincount(strata), 1)
    size, errors = (np.bincount(strata, weights=rows) for rows in (members, wrong))
    found = np.bincount(strata, weights=members & wrong)
    spread = size * (total - size) * errors * (total - errors)
    variance = float((spread / total / total / np.maximum(total - 1, 1)).sum())
    excess = float((found - size * errors / total).sum())
    return excess / variance**0.5 if variance > 0 else 0.0


def false_discovery_adjusted(
    p_values: Sequence[float], weights: Sequence[float] | None = None
) -> list[float]:
    """Adjusted p values in the order given, by Benjamini and Hochberg, with weights of mean 1.

    Those at or below a level are the discoveries at that false discovery rate. Raises ValueError
    for a p value outside [0, 1] and a weight that is not positive.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p values must lie in [0, 1]: {list(p_values)}")
    if not p_values:
        return []
    given = np.ones(len(p_values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (given > 0).all():
        raise ValueError(f"weights must be positive: {given.tolist()}")
    weighted = np.asarray(p_values) / (given / given.mean())
    order = np.argsort(weighted, kind="stable")
    ranked = weighted[order] * len(weighted) / np.arange(1, len(weighted) + 1)
    lowest_from_here = np.minimum.accumulate(ranked[::-1])[::-1]
    adjusted = np.empty(len(weighted))
    adjusted[order] = np.minimum(lowest_from_here, 1.0)
    return [float(p) for p in adjusted]


def _exact_p(errors: _Codes, size: _Codes, all_errors: _Codes, total: _Codes) -> float:
    """The tail of a sum of independent hypergeometric counts, one a stratum."""
    informative = (size > 0) & (size < total) & (all_errors > 0) & (all_errors < total)
    if not informative.any():
        return 1.0
    lowest, chances = 0, np.ones(1)
    for stratum in np.flatnonzero(informative):
        low, own = _hypergeometric(
            int(size[stratum]), int(all_errors[stratum]), int(total[stratum])
        )
        lowest, chances = lowest + low, np.convolve(chances, own)
    observed = int(errors[informative].sum())
    tail = chances[max(observed - lowest, 0) :].sum() / chances.sum()
    return float(min(max(tail, 0.0), 1.0))


def _hypergeometric(size: int, all_errors: int, total: int) -> tuple[int, _Numbers]:
    """The chance of each number of errors in the slice from the lowest that is not negligible."""
    low, high = max(0, size + all_errors - total), min(size, all_errors)
    counts = np.arange(low, high + 1, dtype=np.float64)
    logs = -(
        gammaln(counts + 1)
        + gammaln(size - counts + 1)
        + gammaln(all_errors - counts + 1)
        + gammaln(total - size - all_errors + counts + 1)
    )
    chances = np.exp(logs - logs.max())
    kept = np.flatnonzero(chances > _NEGLIGIBLE)
    return low + int(kept[0]), chances[kept[0] : kept[-1] + 1] / chances.sum()


def _cluster_p(members: Mask, wrong: Mask, strata: _Codes, units: _Codes) -> float:
    rows = np.bincount(strata)
    inside = members - (np.bincount(strata, weights=members) / np.maximum(rows, 1))[strata]
    excess = wrong - (np.bincount(strata, weights=wrong) / np.maximum(rows, 1))[strata]
    by_unit = np.bincount(units, weights=inside * excess)
    present = int((np.bincount(units) > 0).sum())
    in_slice = len(np.unique(units[members & (inside != 0)]))
    if in_slice < 2 or present < 3:
        return 1.0
    spread = float(np.sqrt((by_unit**2).sum() * present / (present - 1)))
    if spread == 0:
        return 1.0
    return float(stdtr(in_slice - 1, -by_unit.sum() / spread))


def effective_rows(members: Mask, wrong: Mask, units: _Codes) -> float:
    """How many independent rows tell the slice's error rate as well as its own do; at most those.

    Rows over the design effect (Kish 1965): the variance of the rate by units over that by rows.
    """
    size = int(members.sum())
    rate = float(wrong[members].mean()) if size else 0.0
    present, own = np.unique(units[members], return_inverse=True)
    if len(present) < 2 or not 0 < rate < 1:
        return float(len(present))
    sums = np.bincount(own, weights=wrong[members] - rate)
    by_units = float((sums**2).sum()) * len(present) / (len(present) - 1)
    return size / max(by_units / (size * rate * (1 - rate)), 1.0)
