"""How often does each value of a column go with each class?

Guarantees: what is counted as a value is said here alone. Of words each category is; of a number
with few distinct ones each is, beside its neighbours in order, since the end of a number's range
may honestly settle a class, but then the value next to it nearly does; of any other column that a
cell is there, or is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]

MISSING, PRESENT = "(missing)", "(present)"
MOST_NUMBERS = 20
"""A number with more distinct values is ranked, and not searched for values."""


@dataclass(frozen=True)
class ColumnCounts:
    """`counts` has a row for each value with enough rows, and a column for each class.

    `neighbours` of a number's value are the nearest ones below and above that are counted.
    """

    column: str
    counts: pd.DataFrame
    neighbours: Mapping[str, tuple[str, ...]]
    codes: Array
    values: tuple[str, ...]

    def rows(self, value: str) -> Array:
        """Which rows have `value`."""
        where: Array = self.codes == self.values.index(value)
        return where


def count_values(
    frame: pd.DataFrame,
    labels: pd.Series,
    columns: Sequence[str],
    categorical: Sequence[str],
    min_rows: int,
    *,
    numbers: bool = True,
) -> Iterator[ColumnCounts]:
    """The columns in which a value with `min_rows` rows or more was looked at.

    `numbers`: the values of numbers with few distinct ones, too.
    """
    names, codes = np.unique(labels.to_numpy(dtype=object), return_inverse=True)
    for column in columns:
        words, order = _words(frame[column], column in categorical, numbers)
        if words is None:
            continue
        value, values = pd.factorize(words, sort=True)
        cells = np.bincount(value * len(names) + codes, minlength=len(values) * len(names))
        known = tuple(str(one) for one in values)
        shape = (len(values), len(names))
        counts = pd.DataFrame(cells.reshape(shape), known, [str(name) for name in names])
        counts = counts[counts.sum(axis=1) >= min_rows]
        if len(counts):
            beside = _neighbours(order, set(counts.index))
            yield ColumnCounts(column, counts, beside, value, known)


def _words(
    values: pd.Series, is_category: bool, numbers: bool
) -> tuple[pd.Series | None, list[str]]:
    """The value of each row in a word, and of a number the words in order; None: none to count."""
    if is_category:
        return values.astype("str").fillna(MISSING), []
    if numbers and pd.api.types.is_numeric_dtype(values.dtype):
        distinct = np.sort(values.dropna().unique())
        if 2 <= len(distinct) <= MOST_NUMBERS:
            named = {number: f"{float(number):.6g}" for number in distinct}
            return values.map(named).astype("str").fillna(MISSING), list(named.values())
    missing = values.isna()
    if not missing.any() or missing.all():
        return None, []
    return missing.map({True: MISSING, False: PRESENT}).astype("str"), []


def _neighbours(order: Sequence[str], counted: Collection[str]) -> dict[str, tuple[str, ...]]:
    known = [value for value in order if value in counted]
    return {
        value: (*known[max(place - 1, 0) : place], *known[place + 1 : place + 2])
        for place, value in enumerate(known)
    }
