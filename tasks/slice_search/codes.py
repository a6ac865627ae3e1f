"""Which values of a column are searched, and which of them does each row have?

Guarantees: a row has one code, in a byte; numbers and times are cut at quantiles and named as the
project's slices are; missing is a value of its own; of too many values the most frequent ones are
searched, and a sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.conditions import Mask
from tasks.slices import column_levels

Codes = NDArray[np.uint8]
MAX_VALUES = 250
"""More would not fit into a byte beside the code of the values that are not searched."""


@dataclass(frozen=True)
class SearchColumn:
    """One dimension of the search.

    A row with code i has the value named `values[i]`; code `len(values)` is any other value, which
    is not searched. `columns` are the columns of the data behind it: none is known of some tags.
    """

    name: str
    columns: tuple[str, ...]
    values: tuple[str, ...]
    codes: Codes
    left_out: str = ""

    @property
    def size(self) -> int:
        """The number of codes, that of the other values included."""
        return len(self.values) + 1

    def on(self, rows: Mask | NDArray[np.intp]) -> SearchColumn:
        """The same dimension over other rows, by mask or position."""
        return SearchColumn(self.name, self.columns, self.values, self.codes[rows], self.left_out)


def value_column(
    column: pd.Series[Any], name: str, source: str, bins: int, max_values: int
) -> SearchColumn:
    """The column's values; numbers and times with more than 10 of them in `bins` quantile bins.

    `name` stands before the values, `source` is the column of the data that they come from. Hand in
    the column of all rows, so that the edges of the bins are the same on every side.
    """
    names, codes = column_levels(column, name, bins)
    kept = min(max_values, MAX_VALUES)
    if len(names) <= kept:
        return SearchColumn(name, (source,), tuple(names), codes.astype(np.uint8))
    rows = np.bincount(codes, minlength=len(names))
    largest = np.sort(np.argsort(-rows, kind="stable")[:kept])
    place = np.full(len(names), kept, dtype=np.uint8)
    place[largest] = np.arange(kept, dtype=np.uint8)
    sentence = f"{name} has {len(names):,} values: the {kept} with the most rows are searched"
    values = tuple(names[level] for level in largest)
    return SearchColumn(name, (source,), values, place[codes], sentence)


def mask_column(name: str, columns: tuple[str, ...], mask: Mask) -> SearchColumn:
    """The rows that `mask` marks as one value; the others are not searched."""
    return SearchColumn(name, columns, (name,), np.where(mask, 0, 1).astype(np.uint8))
