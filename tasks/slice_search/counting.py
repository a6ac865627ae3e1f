"""How many rows and errors has each crossing of up to three columns?

Guarantees: the counts are exact. Beside its input, counting needs the codes of the wrong rows, the
counts of one crossing and a block of rows, so that memory does not grow with the crossings.

A crossing's codes are put together into one integer a row, in blocks of rows that stay in the
processor's cache, and counted by `numpy.bincount`; errors are counted on the wrong rows alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.conditions import Mask
from tasks.slice_search.codes import Codes, SearchColumn

Counts = NDArray[np.int64]
_BLOCK = 1 << 16


@dataclass(frozen=True)
class CrossingCounts:
    """Rows and errors of all slices of one crossing: an axis a column, an index a code.

    `columns` are positions in the list that was handed in. The last index of an axis is the values
    that are not searched.
    """

    columns: tuple[int, ...]
    rows: Counts
    errors: Counts


def count_slices(
    columns: Sequence[SearchColumn], wrong: Mask, order: int, among: Sequence[int] | None = None
) -> Iterator[CrossingCounts]:
    """The counts of every crossing of `order` (1, 2 or 3) different columns.

    `wrong` marks the errors; `among` are the positions of the columns to cross (default: all).
    """
    places = range(len(columns)) if among is None else sorted(among)
    sizes = [column.size for column in columns]
    everywhere = [column.codes for column in columns]
    mistakes = np.flatnonzero(wrong)
    mistaken = [codes.take(mistakes) for codes in everywhere]
    for prefix in itertools.combinations(places, order - 1):
        for last in places:
            if prefix and last <= prefix[-1]:
                continue
            crossing = (*prefix, last)
            shape = tuple(sizes[place] for place in crossing)
            rows = _count([everywhere[place] for place in crossing], shape)
            errors = _count([mistaken[place] for place in crossing], shape)
            yield CrossingCounts(crossing, rows, errors)


def _count(codes: Sequence[Codes], shape: tuple[int, ...]) -> Counts:
    """How many rows have each combination of codes."""
    cells = int(np.prod(shape))
    # The narrowest integer that holds a combination: the arithmetic costs next to nothing then.
    joint = np.min_scalar_type(cells - 1)
    counts: Counts = np.zeros(cells, dtype=np.int64)
    for start in range(0, len(codes[0]), _BLOCK):
        joined = codes[0][start : start + _BLOCK].astype(joint)
        for own, size in zip(codes[1:], shape[1:], strict=True):
            joined *= joint.type(size)
            joined += own[start : start + _BLOCK]
        counts += np.bincount(joined, minlength=cells)
    return counts.reshape(shape)
