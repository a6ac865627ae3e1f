"""Which cells fit the kind of their column, and what are their values?

Guarantees: a cell is never turned into a missing one without being counted and remembered with its
text; infinity and NaN are no numbers here; a whole number beyond 2**53 is kept to the last digit
where its column has no missing cell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.project.roles import ColumnKind

EXACT_WHOLE = 2.0**53
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True)
class TypedColumn:
    """A column of one kind.

    `values` is int64, double, large_string or timestamp[us] with nulls for missing cells;
    `misfits` are the positions of the cells that did not fit and were blanked, `misfit_texts`
    their texts. `no_feature` says why the column cannot be a feature unless declared;
    `numeric_share` is the share of its cells that are numbers, where that was looked at.
    """

    name: str
    kind: ColumnKind
    values: pa.ChunkedArray
    misfits: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    misfit_texts: tuple[str, ...] = ()
    no_feature: str | None = None
    numeric_share: float | None = None


def as_words(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells as text: whole numbers without a decimal point, truth values as `true`, `false`."""
    if pa.types.is_floating(raw.type):
        known = raw.drop_null()
        whole = known.filter(pc.is_finite(known))
        if pc.all(pc.equal(whole, pc.floor(whole))).as_py() is not False and len(whole):
            small = pc.less(pc.max(pc.abs(whole)), EXACT_WHOLE).as_py()
            if small and len(whole) == len(known):
                return raw.cast(pa.int64()).cast(pa.large_string())
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    return raw.cast(pa.large_string())


def blank(words: pa.ChunkedArray, null_values: Sequence[str]) -> pa.ChunkedArray:
    """Null where the cell is one of `null_values`."""
    wanted = pa.array(list(null_values), type=pa.large_string())
    return pc.if_else(pc.is_in(words, value_set=wanted), pa.scalar(None, pa.large_string()), words)


def digests(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """The SHA-256 of each cell, for types that are neither numbers, words nor times."""

    def digest(cell: object) -> str:
        data = cell if isinstance(cell, bytes) else repr(cell).encode()
        return hashlib.sha256(data).hexdigest()

    cells = [None if cell is None else digest(cell) for cell in raw.to_pylist()]
    return pa.chunked_array([pa.array(cells, type=pa.large_string())])


def as_utc(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """Microseconds in UTC, without a zone."""
    return raw.cast(pa.timestamp("us"), safe=False)


def finite_numbers(name: str, raw: pa.ChunkedArray) -> TypedColumn:
    """A numeric column of the file: NaN is missing, infinity does not fit."""
    if pa.types.is_integer(raw.type) and raw.null_count == 0 and raw.type != pa.uint64():
        return TypedColumn(name, "numeric", raw.cast(pa.int64()))
    values = raw.cast(pa.float64(), safe=False)
    cells = _as_numpy(values)
    misfits = np.flatnonzero(np.isinf(cells))
    texts = tuple(str(cells[i]) for i in misfits)
    return TypedColumn(name, "numeric", _from_numpy(cells), misfits, texts)


def _as_numpy(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """A copy with NaN for null."""
    cells: npt.NDArray[np.float64] = values.to_numpy().astype(np.float64)
    return cells


def _from_numpy(cells: npt.NDArray[np.float64]) -> pa.ChunkedArray:
    missing = ~np.isfinite(cells)
    return pa.chunked_array([pa.array(np.where(missing, 0.0, cells), mask=missing)])


def parsed_numbers(name: str, filled: pa.ChunkedArray, share: float | None = None) -> TypedColumn:
    """Parse text cells; those that are no finite decimal number are misfits."""
    trimmed = pc.utf8_trim_whitespace(filled)
    values = _all_finite(trimmed)
    if values is None:
        fits = pc.fill_null(pc.match_substring_regex(trimmed, _NUMBER), False)
        values = pc.if_else(fits, trimmed, pa.scalar(None, pa.large_string())).cast(pa.float64())
    cells = _as_numpy(values)
    present = ~np.asarray(filled.is_null().to_numpy(), dtype=np.bool_)
    misfits = np.flatnonzero(present & ~np.isfinite(cells))
    texts = tuple(filled.take(pa.array(misfits)).to_pylist())
    exact = _whole(trimmed) if present.all() and not len(misfits) else None
    numbers = _from_numpy(cells) if exact is None else exact
    return TypedColumn(name, "numeric", numbers, misfits, texts, numeric_share=share)


def _whole(trimmed: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The cells as int64 where all of them are written as whole numbers."""
    try:
        return trimmed.cast(pa.int64())
    except pa.ArrowInvalid:
        return None


def parsed_times(name: str, filled: pa.ChunkedArray) -> TypedColumn:
    """Parse ISO 8601; a column that is all whole numbers (a day's index, a year) stays numeric."""
    known = filled.drop_null()
    if len(known) and pc.all(pc.match_substring_regex(known, _NUMBER)).as_py():
        return parsed_numbers(name, filled)
    cells = filled.to_pandas()
    parsed = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True)
    values = parsed.dt.tz_localize(None).astype("datetime64[us]")
    misfits = np.flatnonzero((parsed.isna() & cells.notna()).to_numpy())
    texts = tuple(str(cells.iloc[i]) for i in misfits)
    array = pa.chunked_array([pa.array(values, from_pandas=True)])
    return TypedColumn(name, "time", array, misfits, texts)


def numeric_share(known: pa.ChunkedArray) -> float:
    """Share of text cells that are plain decimal numbers."""
    trimmed = pc.utf8_trim_whitespace(known)
    if _all_finite(trimmed) is not None:
        return 1.0
    return float(pc.mean(pc.match_substring_regex(trimmed, _NUMBER)).as_py())


def _all_finite(trimmed: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The cells as doubles, or None when one of them is no finite number: much the faster way."""
    try:
        values = trimmed.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return None if pc.all(pc.is_finite(values)).as_py() is False else values
