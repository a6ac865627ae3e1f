"""The search put together: candidates from one half of the rows, confirmed on the other, merged.

Guarantees: deterministic for a seed; what is reported was never looked at, on the confirming rows,
when it was chosen, so that its error rate there is not flattered by the choosing; all that the
correction has to allow for is the number of candidates carried, which is fixed beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.conditions import Mask
from tasks.slice_search.candidates import Candidate, Choice, choose_candidates
from tasks.slice_search.codes import SearchColumn
from tasks.slice_search.confirmation import excess_p, false_discovery_adjusted
from tasks.slice_search.halves import first_half, unit_codes
from tasks.slice_search.merging import Description, simplest_descriptions

_SHARES = (1, 4, 1)
"""Places by order: single values are few, and crossings of three hold few rows."""
_SUREST = 0.1
"""Added to the number that chance would make, so that no weight is without bound."""


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """How to search: orders 1 to `max_order`, `carried` candidates in all, level and seed.

    A slice has at least `min_rows` rows, half of them on the searched half.
    """

    max_order: int = 3
    carried: int = 60
    min_rows: int = 30
    false_discovery_rate: float = 0.1
    seed: int = 0

    @property
    def places(self) -> tuple[int, ...]:
        """Candidates carried of each order."""
        shares = _SHARES[: self.max_order]
        places = [self.carried * share // sum(shares) for share in shares]
        places[len(places) // 2] += self.carried - sum(places)
        return tuple(places)

    @property
    def least(self) -> int:
        """Rows that a slice has on the searched half at least."""
        return max(self.min_rows // 2, 1)


@dataclass(frozen=True)
class Found:
    """A candidate with what the confirming half says: p value, its weight, p adjusted.

    `members` marks its rows among all rows.
    """

    name: str
    columns: tuple[str, ...]
    conditions: int
    members: Mask
    candidate: Candidate
    p_value: float
    weight: float
    p_adjusted: float


@dataclass(frozen=True)
class Search:
    """What was carried, what was confirmed, and what of that is reported, the most certain first.

    `confirming` marks the rows of the confirming half; `units` numbers the unit of each of them
    where some share one, and is None where all are alone.
    """

    choice: Choice
    carried: tuple[Found, ...]
    confirmed: tuple[Found, ...]
    reported: tuple[Found, ...]
    confirming: Mask
    units: NDArray[np.intp] | None


def search_slices(
    columns: Sequence[SearchColumn], wrong: Mask, units: pd.Series, plan: SearchPlan
) -> Search:
    """The slices whose rows are wrong more often than the rest.

    `columns`, `wrong` and `units` (what must stay in one half) are over the same rows.
    """
    searched = first_half(units, plan.seed)
    confirming = ~searched
    usable = [column for column in columns if column.values]
    halved = [column.on(searched) for column in usable]
    choice = choose_candidates(halved, wrong[searched], plan.places, plan.least)
    codes = unit_codes(units[confirming])
    shared = codes if len(codes) and int(codes.max()) + 1 < len(codes) else None
    carried = _tested(choice.candidates, usable, wrong, confirming, shared)
    confirmed = [found for found in carried if found.p_adjusted <= plan.false_discovery_rate]
    bar = plan.false_discovery_rate * len(confirmed) / max(len(carried), 1)
    reported = simplest_descriptions(
        [
            Description(found.members[confirming], found.conditions, bar * found.weight)
            for found in confirmed
        ],
        wrong[confirming],
        shared,
    )
    return Search(
        choice,
        tuple(carried),
        tuple(confirmed),
        tuple(confirmed[at] for at in reported),
        confirming,
        shared,
    )


def _tested(
    candidates: Sequence[Candidate],
    columns: Sequence[SearchColumn],
    wrong: Mask,
    confirming: Mask,
    units: NDArray[np.intp] | None,
) -> list[Found]:
    """Each candidate with its p value on the confirming rows, and with the adjusted one."""
    members = [candidate.members(columns) for candidate in candidates]
    p_values = [excess_p(rows[confirming], wrong[confirming], units=units) for rows in members]
    # The more a candidate stood out where it was found, the less it needs where it is confirmed.
    weights = np.array([1 / (candidate.chance + _SUREST) for candidate in candidates])
    if len(weights):
        weights /= weights.mean()
    adjusted = false_discovery_adjusted(p_values, weights.tolist())
    return [
        Found(
            name=" & ".join(columns[c].values[code] for c, code in candidate.parts),
            columns=_sources(candidate, columns),
            conditions=len(candidate.parts),
            members=rows,
            candidate=candidate,
            p_value=p,
            weight=float(weight),
            p_adjusted=p_adjusted,
        )
        for candidate, rows, p, weight, p_adjusted in zip(
            candidates, members, p_values, weights, adjusted, strict=True
        )
    ]


def _sources(candidate: Candidate, columns: Sequence[SearchColumn]) -> tuple[str, ...]:
    """The columns of the data that define the slice, each once."""
    return tuple(dict.fromkeys(name for c, _ in candidate.parts for name in columns[c].columns))
