"""Bootstrap weights of things that come in units: whole units are drawn, never their parts.

Guarantees: what is in one unit is drawn together, so that copies of one thing are no evidence of
their own; units that look alike are drawn as one count, which is the same as drawing each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Codes = NDArray[np.int64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Units:
    """Kinds of units: how many units are of each kind, and what one of a kind holds.

    `holds` is kinds by patterns, None where each unit is one thing, whose pattern is its kind.
    """

    times: Codes
    holds: csr_array | None

    @classmethod
    def of(cls, pattern: Codes, patterns: int, units: Codes | None) -> Units:
        """The units of things whose patterns are `pattern`; without `units` each is its own."""
        if units is None or len(np.unique(units)) == len(units):
            return cls(np.bincount(pattern, minlength=patterns).astype(np.int64), None)
        _, unit, size = np.unique(units, return_inverse=True, return_counts=True)
        alone = size[unit] == 1
        # A unit of one thing is told by its pattern, one of several is a kind of its own.
        name = np.where(alone, pattern, patterns + unit)
        _, first, kind = np.unique(name, return_index=True, return_inverse=True)
        times = np.bincount(kind)
        times[~alone[first]] = 1
        kept = ~alone | (np.arange(len(pattern)) == first[kind])
        cells = (kind[kept], pattern[kept])
        holds = csr_array((np.ones(int(kept.sum())), cells), shape=(len(first), patterns))
        return cls(times.astype(np.int64), holds)

    def draws(
        self, rng: np.random.Generator, replicates: int, chunk_cells: int, width: int
    ) -> Iterator[Matrix]:
        """Weights of the patterns, replicates by patterns, in parts of about `chunk_cells`."""
        units = int(self.times.sum())
        step = max(1, chunk_cells // max(width, len(self.times)))
        for start in range(0, replicates, step):
            size = min(step, replicates - start)
            drawn = rng.multinomial(units, self.times / units, size=size).astype(np.float64)
            yield drawn if self.holds is None else drawn @ self.holds
