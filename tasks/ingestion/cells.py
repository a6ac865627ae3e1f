"""Which cells fit the kind of their column, and what are their values?

Guarantees: a cell is never turned into a missing one without being counted and remembered with its
text; infinity and NaN are no numbers here; a whole number beyond 2**53 is kept to the last digit,
and what a double or a microsecond cannot hold of a cell is kept beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.ingestion.date_forms import read_dates
from tasks.ingestion.number_forms import PLAIN, NumberForm, plain_numbers
from tasks.project.roles import ColumnKind

EXACT_WHOLE = 2.0**53
_EXACT_DIGITS = 15  # two decimals of so many digits are two doubles
_MICROS = 1_000_000
_TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": _MICROS, "ns": 1_000_000_000}
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True)
class TypedColumn:
    """A column of one kind.

    `values` is int64, uint64, double, large_string or timestamp[us] with nulls for missing cells;
    `exact` holds the cells, as words, of which `values` keeps less than the file says (null
    elsewhere; None where there is none). `misfits` are the positions of the cells that did not fit
    and were blanked, `misfit_texts` their texts. `no_feature` says why the column cannot be a
    feature unless declared; `numeric_share` is the share of its cells that are numbers, where that
    was looked at.
    """

    name: str
    kind: ColumnKind
    values: pa.ChunkedArray
    misfits: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    misfit_texts: tuple[str, ...] = ()
    exact: pa.ChunkedArray | None = None
    no_feature: str | None = None
    numeric_share: float | None = None


def as_series(values: pa.ChunkedArray) -> pd.Series:
    """Whole numbers stay whole beside missing cells, of which doubles would lose digits."""
    whole = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}.get(values.type)
    if whole is None or not values.null_count:
        series: pd.Series = values.to_pandas()
        return series
    missing = values.is_null().to_numpy()
    cells = values.fill_null(0).to_numpy()
    return pd.Series(pd.arrays.IntegerArray(cells.copy(), missing.astype(np.bool_)))


def as_words(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells as text: whole numbers without a decimal point, truth values as `true`, `false`."""
    if pa.types.is_floating(raw.type):
        known = raw.drop_null()
        whole = known.filter(pc.is_finite(known))
        if pc.all(pc.equal(whole, pc.floor(whole))).as_py() is not False and len(whole):
            small = pc.less(pc.max(pc.abs(whole)), EXACT_WHOLE).as_py()
            if small and len(whole) == len(known):
                return raw.cast(pa.int64()).cast(pa.large_string())
    if pa.types.is_timestamp(raw.type) and raw.type.tz is not None:
        raw = raw.cast(pa.timestamp(raw.type.unit))  # UTC; a file may name an unknown zone
    return raw.cast(pa.large_string())


def blank(words: pa.ChunkedArray, null_values: Sequence[str]) -> pa.ChunkedArray:
    """Null where the cell is one of `null_values`."""
    wanted = pa.array(list(null_values), type=pa.large_string())
    return pc.if_else(pc.is_in(words, value_set=wanted), pa.scalar(None, pa.large_string()), words)


def finite_numbers(name: str, raw: pa.ChunkedArray) -> TypedColumn:
    """A numeric column of the file: NaN is missing, infinity does not fit."""
    if pa.types.is_integer(raw.type):
        return TypedColumn(name, "numeric", _whole_numbers(raw))
    if pa.types.is_decimal(raw.type):
        return _decimals(name, raw)
    cells = _as_numpy(raw.cast(pa.float64()))
    misfits = np.flatnonzero(np.isinf(cells))
    texts = tuple(str(cells[i]) for i in misfits)
    return TypedColumn(name, "numeric", _from_numpy(cells), misfits, texts)


def _whole_numbers(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """int64, or uint64 beyond it; doubles where a cell is missing and they are exact."""
    ends = pc.min_max(raw).as_py()
    low, high = ends["min"] or 0, ends["max"] or 0
    if raw.null_count and low >= -EXACT_WHOLE and high <= EXACT_WHOLE:
        return raw.cast(pa.float64())
    return raw if high >= 2**63 else raw.cast(pa.int64())


def _decimals(name: str, raw: pa.ChunkedArray) -> TypedColumn:
    """Decimals as doubles; whole ones beyond 2**53 stay whole, and longer ones keep their words."""
    values = raw.cast(pa.float64())
    beyond = pc.max(pc.abs(values)).as_py() or 0.0
    for whole in (pa.int64(), pa.uint64()) if beyond > EXACT_WHOLE else ():
        try:
            return TypedColumn(name, "numeric", _whole_numbers(raw.cast(whole)))
        except pa.ArrowInvalid:  # a fraction, or too large
            continue
    words = _canonical_decimals(raw)
    digits = pc.utf8_length(pc.replace_substring_regex(words, r"^[-0.]+|[.]|(E.*)$", ""))
    exact = pc.if_else(pc.greater(digits, _EXACT_DIGITS), words, pa.scalar(None, words.type))
    kept = None if exact.null_count == len(exact) else exact
    return TypedColumn(name, "numeric", values, exact=kept)


def _canonical_decimals(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decimals as words without the zeros that their scale adds."""
    words = raw.cast(pa.large_string())
    if raw.type.scale <= 0:
        return words
    return pc.utf8_rtrim(pc.utf8_rtrim(words, "0"), ".")


def utc_times(name: str, raw: pa.ChunkedArray) -> TypedColumn:
    """Dates or times of the file, as microseconds in UTC without a zone.

    A time beyond what these can hold (some 290,000 years) does not fit; nanoseconds are kept
    beside.
    """
    ticks = _ticks(raw)
    per_second = _TICKS_PER_SECOND[raw.type.unit] if pa.types.is_timestamp(raw.type) else 0
    limit = 2**63 // (_MICROS // per_second) - 1 if 0 < per_second < _MICROS else 2**63 - 1
    if pa.types.is_date(raw.type):
        limit = 2**63 // (86_400 * _MICROS if raw.type == pa.date32() else 1_000) - 1
    far = pc.fill_null(pc.or_(pc.greater(ticks, limit), pc.less(ticks, -limit)), False)
    misfits = np.flatnonzero(far.to_numpy())
    texts = tuple(f"{ticks[int(row)].as_py()} {raw.type}" for row in misfits)
    if len(misfits):
        raw = pc.if_else(far, pa.scalar(None, raw.type), raw)
    values = raw.cast(pa.timestamp("us"), safe=False)
    exact = None
    if per_second > _MICROS:
        rest = pc.not_equal(ticks, pc.multiply(pc.divide(ticks, 1_000), 1_000))
        if pc.any(rest).as_py():
            nanos = ticks.cast(pa.large_string())
            exact = pc.if_else(rest, nanos, pa.scalar(None, nanos.type))
    reason = "a date or time"
    return TypedColumn(name, "time", values, misfits, texts, exact=exact, no_feature=reason)


def _ticks(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    if raw.type == pa.date32():
        return raw.cast(pa.int32()).cast(pa.int64())
    return raw.cast(pa.int64())


def _as_numpy(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """A copy with NaN for null."""
    cells: npt.NDArray[np.float64] = values.to_numpy().astype(np.float64)
    return cells


def _from_numpy(cells: npt.NDArray[np.float64]) -> pa.ChunkedArray:
    missing = ~np.isfinite(cells)
    return pa.chunked_array([pa.array(np.where(missing, 0.0, cells), mask=missing)])


def parsed_numbers(
    name: str, filled: pa.ChunkedArray, form: NumberForm = PLAIN, share: float | None = None
) -> TypedColumn:
    """Parse text cells; those that are no finite number of the form are misfits."""
    trimmed = pc.utf8_trim_whitespace(filled)
    values = _all_finite(trimmed) if form.is_plain else None
    if values is None:
        trimmed = plain_numbers(trimmed, form)
        fits = pc.fill_null(pc.match_substring_regex(trimmed, _NUMBER), False)
        trimmed = pc.if_else(fits, trimmed, pa.scalar(None, pa.large_string()))
        values = trimmed.cast(pa.float64())
    cells = _as_numpy(values)
    present = ~np.asarray(filled.is_null().to_numpy(), dtype=np.bool_)
    misfits = np.flatnonzero(present & ~np.isfinite(cells))
    texts = tuple(filled.take(pa.array(misfits)).to_pylist())
    exact = _whole(trimmed, cells)
    numbers = _from_numpy(cells) if exact is None else exact
    return TypedColumn(name, "numeric", numbers, misfits, texts, numeric_share=share)


def _whole(trimmed: pa.ChunkedArray, cells: npt.NDArray[np.float64]) -> pa.ChunkedArray | None:
    """The cells as whole numbers where all are written as such, and doubles would not do."""
    if trimmed.null_count and not np.nanmax(np.abs(cells), initial=0.0) > EXACT_WHOLE:
        return None
    for kind in (pa.int64(), pa.uint64()):
        try:
            return trimmed.cast(kind)
        except pa.ArrowInvalid:
            continue
    return None


def parsed_times(name: str, filled: pa.ChunkedArray, date_format: str | None = None) -> TypedColumn:
    """Parse ISO 8601, or the form given, as UTC.

    A column that is all whole numbers (a day's index, a year) stays numeric without a form.
    """
    known = filled.drop_null()
    numbers = pc.all(pc.match_substring_regex(known, _NUMBER)).as_py()
    if date_format is None and len(known) and numbers:
        return parsed_numbers(name, filled)
    cells = filled.to_pandas()
    parsed = read_dates(cells, date_format)
    values = parsed.dt.tz_localize(None).astype("datetime64[us]")
    misfits = np.flatnonzero((parsed.isna() & cells.notna()).to_numpy())
    texts = tuple(str(cells.iloc[i]) for i in misfits)
    array = pa.chunked_array([pa.array(values, from_pandas=True)])
    return TypedColumn(name, "time", array, misfits, texts)


def numeric_share(known: pa.ChunkedArray, form: NumberForm = PLAIN) -> float:
    """Share of text cells that are numbers of the form."""
    trimmed = pc.utf8_trim_whitespace(known)
    if form.is_plain and _all_finite(trimmed) is not None:
        return 1.0
    fits = pc.match_substring_regex(plain_numbers(trimmed, form), _NUMBER)
    return float(pc.mean(pc.fill_null(fits, False)).as_py())


def _all_finite(trimmed: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The cells as doubles, or None when one of them is no finite number: much the faster way."""
    try:
        values = trimmed.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return None if pc.all(pc.is_finite(values)).as_py() is False else values
