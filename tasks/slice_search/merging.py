"""Which of the confirmed slices say something of their own, and which is the simplest?

The rule, on the confirming half alone:

1. A slice *holds* beside those reported already if it has more errors than expected among rows that
   are alike in which reported slices they belong to, with a p value at which the correction would
   still have let it through. So a part of a reported slice has to be worse than the rest of it, and
   a slice that contains a reported one has to be weak outside it.
2. Of those that hold, the one with the lowest p value is next, unless one with fewer conditions
   holds as well and explains it (beside that one, it no longer holds): then that one is.
3. This goes on until none holds.

Guarantees: the first is never explained away by what comes later; equal p values go by the size of
the excess in standard deviations, then by fewer conditions, then by order. Two slices that overlap
are both reported only if each holds on rows that the other does not explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.conditions import Mask
from tasks.slice_search.confirmation import excess_p, excess_score

_Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Description:
    """A confirmed slice: its rows among the confirming ones, and how many conditions name it.

    `level` is the largest p value at which the correction would still confirm it.
    """

    members: Mask
    conditions: int
    level: float


def simplest_descriptions(
    slices: Sequence[Description], wrong: Mask, units: _Codes | None = None
) -> list[int]:
    """Positions of the slices to report, the most certain first.

    `wrong` and `units` are those of the confirming rows.
    """
    reported: list[int] = []
    waiting = list(range(len(slices)))
    strata = np.zeros(len(wrong), dtype=np.intp)
    while waiting:
        p_values = {at: excess_p(slices[at].members, wrong, strata, units) for at in waiting}
        # What does not hold now may hold later only by chance: it is dropped for good.
        waiting = [at for at in waiting if p_values[at] <= slices[at].level]
        if not waiting:
            break
        scores = {at: excess_score(slices[at].members, wrong, strata) for at in waiting}
        waiting.sort(key=lambda at: (p_values[at], -scores[at], slices[at].conditions, at))
        chosen = _simplest(waiting, slices, wrong, strata, units)
        reported.append(chosen)
        waiting.remove(chosen)
        strata = _divided(strata, slices[chosen].members)
    return reported


def _simplest(
    holding: Sequence[int],
    slices: Sequence[Description],
    wrong: Mask,
    strata: _Codes,
    units: _Codes | None,
) -> int:
    """The first of `holding`, or the simplest one that explains it."""
    best = holding[0]
    simpler = [at for at in holding if slices[at].conditions < slices[best].conditions]
    for at in sorted(simpler, key=lambda at: slices[at].conditions):
        beside = _divided(strata, slices[at].members)
        if excess_p(slices[best].members, wrong, beside, units) > slices[best].level:
            return at
    return best


def _divided(strata: _Codes, members: Mask) -> _Codes:
    """The strata, each cut in two by the slice."""
    cut = 2 * strata + members
    return np.unique(cut, return_inverse=True)[1].astype(np.intp)
