"""What is counted in each group of rows, and in resamples of them: all that group metrics need.

Guarantees: the sums are exact; resamples draw rows with replacement over all groups together, not
within each (whole units where rows belong together, such as one person's), and all metrics share
them; time and memory hang on the number of groups, not of rows.

Rows that no metric tells apart are drawn together: how often each pattern of group, label and
prediction occurs in a resample of n rows is multinomial, which is the same distribution as drawing
rows. Probabilities enter in 32 quantile bins, each at its mean, which leaves out less than 1 % of
the variance of a mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.metrics.probabilities import CALIBRATION_BINS, calibration_bins
from tasks.metrics.ranking import Floats, quantile_bins

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
HIT, FALSE_ALARM, MISS, QUIET = range(4)
"""Places of the four counts: of the class and selected, not of it and selected, of the class and
not selected, neither."""
OUTCOMES = 4
MIN_REPLICATES = 2000
_PROBABILITY_BINS = 32
_BLOCK_CELLS = 2_000_000


@dataclass(frozen=True)
class GroupedRows:
    """Rows with their group, and what happened to them with respect to one class.

    `groups` are masks by name, of which each row is in at most one. `told` is the probability of
    the class, None where there is none. `units` names what is drawn as a whole, None for rows.
    """

    groups: Mapping[str, Bools]
    member: Bools
    selected: Bools
    told: Floats | None
    units: npt.NDArray[np.intp] | None
    replicates: int
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """The groups' names, in order."""
        return tuple(self.groups)

    @cached_property
    def sums(self) -> Floats:
        """Sums of shape (groups, 4 or 14): the four counts, then probability less outcome.

        The latter by bins of the probability, as in a calibration error.
        """
        total: Floats = self._shaped(np.asarray(self._matrix.sum(axis=0)).reshape(1, -1))[0]
        return total

    @cached_property
    def resampled(self) -> Floats:
        """The same in each replicate: (replicates, groups, 4 or 14)."""
        blocks = [(self._matrix.T @ weights.T).T for weights in self._draws()]
        return self._shaped(np.concatenate(blocks))

    def units_with(self, places: npt.NDArray[np.bool_]) -> Floats:
        """For each group: the units with a row among the counts that `places` marks."""
        counted = self._matrix.tocsc()
        width = counted.shape[1] // max(len(self.groups), 1)
        found = []
        for group in range(len(self.groups)):
            columns = [group * width + place for place in np.flatnonzero(places)]
            found.append(float(np.count_nonzero(np.asarray(counted[:, columns].sum(axis=1)))))
        return np.array(found)

    @property
    def _width(self) -> int:
        return OUTCOMES if self.told is None else OUTCOMES + CALIBRATION_BINS

    def _shaped(self, flat: Floats) -> Floats:
        return flat.reshape(len(flat), len(self.groups), self._width)

    @cached_property
    def _places(self) -> Integers:
        """The place of each row's group; -1 for none."""
        places = np.full(len(self.member), -1, dtype=np.int64)
        for place, mask in enumerate(self.groups.values()):
            places[mask] = place
        return places

    @cached_property
    def _outcomes(self) -> Integers:
        return np.where(self.member, 0, 1) + np.where(self.selected, 0, 2)

    @cached_property
    def _cells(self) -> Integers:
        """What is drawn together: the row's unit, or its pattern."""
        if self.units is not None:
            return self.units.astype(np.int64)
        cells = self._places * OUTCOMES + np.where(self._places < 0, 0, self._outcomes)
        if self.told is not None:
            fine = quantile_bins(self.told, _PROBABILITY_BINS)
            cells = (cells * CALIBRATION_BINS + calibration_bins(self.told)) * (
                _PROBABILITY_BINS + 1
            ) + fine
        return np.unique(cells, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def _sizes(self) -> Integers:
        return np.bincount(self._cells).astype(np.int64)

    @cached_property
    def _matrix(self) -> Any:
        """Sums by cell and column, sparse."""
        from scipy.sparse import csr_matrix

        inside = self._places >= 0
        cells, first = self._cells[inside], self._places[inside] * self._width
        columns, values = [first + self._outcomes[inside]], [np.ones(len(first))]
        if self.told is not None:
            told = self.told[inside]
            columns.append(first + OUTCOMES + calibration_bins(told))
            values.append(told - self.member[inside])
        shape = (len(self._sizes), len(self.groups) * self._width)
        rows = np.tile(cells, len(columns))
        return csr_matrix((np.concatenate(values), (rows, np.concatenate(columns))), shape=shape)

    def _draws(self) -> Iterator[Floats]:
        """How much of each cell is in each replicate, as a multiple of what was observed."""
        generator = np.random.default_rng(self.seed)
        sizes, total = self._sizes, int(self._sizes.sum())
        replicates = max(self.replicates, MIN_REPLICATES)
        step = max(1, _BLOCK_CELLS // max(len(sizes), 1))
        for start in range(0, replicates, step):
            count = min(step, replicates - start)
            if self.units is None:
                yield generator.multinomial(total, sizes / total, size=count) / sizes
            else:
                even = np.full(len(sizes), 1 / len(sizes))
                yield generator.multinomial(len(sizes), even, size=count).astype(np.float64)
