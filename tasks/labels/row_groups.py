"""Which rows have the same values: a group number for each row.

Guarantees: exact, although rows are first told apart by hashes; missing equals missing; 0 equals
-0; groups are numbered from 0 in order of appearance. Numbers are hashed first, and only rows that
agree in all of them are looked at further, because words cost ten times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Words = NDArray[np.uint64]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MISSING = np.uint64(0x7FF8000000000000)
_SHIFT = np.uint64(29)
_CHUNK = 1 << 15


def group_equal_rows(frame: pd.DataFrame, columns: Sequence[str]) -> Codes:
    """Rows of `frame` that are equal in all `columns` get one number."""
    numbers = [name for name in columns if frame[name].dtype == np.float64]
    rows = np.arange(len(frame))
    if numbers:
        rows = _repeated(_hash((_words(frame[name]) for name in numbers), len(frame)))
    alike = frame if len(rows) == len(frame) else frame[list(columns)].take(rows)
    exact = _group_words([_words(alike[name]) for name in columns], len(rows))
    first = np.arange(len(frame))
    first[rows] = rows[first_rows(exact)[exact]]
    number: Codes = np.cumsum(first == np.arange(len(frame))) - 1
    return number[first]


def group_codes(columns: Iterable[Codes], rows: int) -> Codes:
    """Rows equal in all `columns` of codes get one number; codes are at most the rows' number."""
    groups = np.zeros(rows, dtype=np.int64)
    for codes in columns:
        # Both factors are at most the number of rows plus one, so the product fits.
        crossed = groups * (int(codes.max(initial=0)) + 1) + codes
        groups = np.asarray(pd.factorize(crossed)[0], dtype=np.int64)
        if rows and int(groups.max()) + 1 == rows:
            break
    return groups


def codes_of(column: pd.Series) -> Codes:
    """A number for each distinct value from 1 on, 0 for missing."""
    return np.asarray(pd.factorize(column)[0], dtype=np.int64) + 1


def first_rows(groups: Codes) -> Codes:
    """The position of the first row of each group."""
    first = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.int64)
    first[groups[::-1]] = np.arange(len(groups))[::-1]
    return first


def _words(column: pd.Series) -> Words:
    """64 bits a row, the same where the values are."""
    if column.dtype != np.float64:
        return codes_of(column).view(np.uint64)
    numbers = column.to_numpy() + 0.0  # which turns -0 into 0
    words = numbers.view(np.uint64)
    words[np.isnan(numbers)] = _MISSING
    return words


def _hash(columns: Iterable[Words], rows: int) -> Words:
    """One word a row for its words in all columns (multiply and shift, as MurmurHash ends)."""
    hashes = np.zeros(rows, dtype=np.uint64)
    for words in columns:
        for start in range(0, rows, _CHUNK):
            part = hashes[start : start + _CHUNK]
            part ^= words[start : start + _CHUNK]
            part *= _SPREAD
            part ^= part >> _SHIFT
    return hashes


def _group_words(columns: Sequence[Words], rows: int) -> Codes:
    """Rows with the same words in all columns get one number."""
    groups = np.asarray(pd.factorize(_hash(columns, rows))[0], dtype=np.int64)
    first = first_rows(groups)[groups]
    repeats = np.flatnonzero(first != np.arange(rows))
    if all(np.array_equal(words[repeats], words[first[repeats]]) for words in columns):
        return groups
    return group_codes((codes_of(pd.Series(words)) for words in columns), rows)


def _repeated(hashes: Words) -> Codes:
    """Positions, in order, of the rows whose hash another row shares; a few others may be among.

    The position takes the place of the hash's low bits, so that one sort of whole numbers finds
    them.
    """
    low = np.uint64((1 << len(hashes).bit_length()) - 1)
    keys = hashes & ~low
    keys |= np.arange(len(hashes), dtype=np.uint64)
    keys.sort()
    same = (keys[1:] ^ keys[:-1]) <= low
    shared = np.zeros(len(hashes), dtype=bool)
    shared[1:] = same
    shared[:-1] |= same
    return np.sort((keys[shared] & low).astype(np.int64))
