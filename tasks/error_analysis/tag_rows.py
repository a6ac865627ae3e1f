"""One tag over the dev rows: who has it, of whom that is known, and what each known row stands for.

Guarantees: a row that nobody looked at is unknown, never "without the tag"; a rule knows every row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.conditions import Mask


@dataclass(frozen=True)
class TagRows:
    """Three arrays over the same dev rows.

    `has` counts where `known`; `weights` are 1 / (the probability that the row was asked about),
    1 for every row where all are known.
    """

    name: str
    has: Mask
    known: Mask
    weights: NDArray[np.float64]

    @classmethod
    def of_all(cls, name: str, has: Mask) -> TagRows:
        """A tag that is known of every row."""
        return cls(name, has, np.ones(len(has), dtype=bool), np.ones(len(has)))
