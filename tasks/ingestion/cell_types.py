"""What kind is each column?

Guarantees: a declared kind wins, and the type that a Parquet file gives goes before a guess.

How the kind of an undeclared CSV column is found, from its cells that are not missing:

* numeric: at least 90 % are plain decimal numbers, none has a leading zero (a postcode) and none
  is beyond 2**53, from where on whole numbers are names rather than quantities;
* time: all are ISO 8601 dates or times;
* text: more than 20 different values, more than half of the cells differ, and at least half
  hold several words;
* else categorical. More than 20 different values of which nine in ten cells differ look like an
  identifier: noted, and no feature unless declared.

A Parquet column has the type that the file gives it, and only its words are sorted into
categorical and text.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tasks.ingestion.cells import (
    EXACT_WHOLE,
    TypedColumn,
    as_utc,
    as_words,
    blank,
    digests,
    finite_numbers,
    numeric_share,
    parsed_numbers,
    parsed_times,
)
from tasks.project.roles import ColumnKind

MIN_NUMERIC_SHARE = 0.9
MIXED_NUMERIC_SHARE = 0.5
MAX_CATEGORIES = 20
TEXT_DISTINCT_SHARE = 0.5
IDENTIFIER_DISTINCT_SHARE = 0.9

_LEADING_ZERO = r"^[+-]?0[0-9]"
_ISO_TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)


def type_column(
    name: str,
    raw: pa.ChunkedArray,
    declared: ColumnKind | None,
    null_values: Sequence[str],
    *,
    from_text: bool,
) -> TypedColumn:
    """Type one column; `declared` None means: find the kind.

    `null_values` are the texts that mean "missing"; for text only the empty cell does. `from_text`
    says that the file has no types, so that words may turn out to be numbers or dates.
    """
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    native = _native_kind(raw.type)
    if native == "opaque":
        reason = f"cells of type {raw.type} are kept as their SHA-256"
        return TypedColumn(name, "categorical", digests(raw), no_feature=reason)
    if declared is None and raw.null_count == len(raw):
        filled = pa.chunked_array([pa.nulls(len(raw), pa.large_string())])
        return TypedColumn(name, "categorical", filled, no_feature="every cell is missing")
    if native == "numeric" and declared in (None, "numeric"):
        return finite_numbers(name, raw)
    if native == "time" and declared in (None, "time"):
        return TypedColumn(name, "time", as_utc(raw), no_feature="a date or time")
    words = as_words(raw)
    filled = blank(words, null_values)
    if declared is None:
        return _inferred(name, words, filled, from_text=from_text)
    if declared == "text":
        filled = blank(words, ("",))
    return _declared(name, filled, declared)


def _declared(name: str, filled: pa.ChunkedArray, kind: ColumnKind) -> TypedColumn:
    if kind == "numeric":
        return parsed_numbers(name, filled)
    if kind == "time":
        return parsed_times(name, filled)
    return TypedColumn(name, kind, filled)


def _native_kind(kind: pa.DataType) -> str:
    types = pa.types
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numeric"
    if types.is_timestamp(kind) or types.is_date(kind):
        return "time"
    opaque = types.is_nested(kind) or types.is_duration(kind)
    binary = types.is_binary(kind) or types.is_large_binary(kind) or kind == pa.binary_view()
    if opaque or binary or types.is_fixed_size_binary(kind):
        return "opaque"
    return "words"


def _inferred(
    name: str, words: pa.ChunkedArray, filled: pa.ChunkedArray, *, from_text: bool
) -> TypedColumn:
    known = filled.drop_null()
    if len(known) == 0:
        return TypedColumn(name, "categorical", filled, no_feature="every cell is missing")
    share = numeric_share(known) if from_text else 0.0
    if share >= MIN_NUMERIC_SHARE and not _are_names(known):
        column = parsed_numbers(name, filled, share)
        largest = pc.max(pc.abs(column.values.cast(pa.float64(), safe=False))).as_py() or 0.0
        if largest <= EXACT_WHOLE:
            return column
    distinct = known.unique()
    if from_text and pc.all(pc.match_substring_regex(distinct, _ISO_TIME)).as_py():
        return _dates(name, filled)
    if len(distinct) > MAX_CATEGORIES:
        different = len(distinct) / len(known)
        several = pc.match_substring_regex(pc.utf8_trim_whitespace(known), r"\s")
        if different > TEXT_DISTINCT_SHARE and pc.mean(several).as_py() >= 0.5:
            return TypedColumn(name, "text", blank(words, ("",)), numeric_share=share)
        if different > IDENTIFIER_DISTINCT_SHARE:
            reason = f"looks like an identifier: {len(distinct):,} values in {len(known):,} cells"
            return TypedColumn(name, "categorical", filled, no_feature=reason)
    return TypedColumn(name, "categorical", filled, numeric_share=share)


def _are_names(known: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring_regex(known, _LEADING_ZERO)).as_py())


def _dates(name: str, filled: pa.ChunkedArray) -> TypedColumn:
    column = parsed_times(name, filled)
    if len(column.misfits):  # 2024-02-31 is written like a date and is none
        return TypedColumn(name, "categorical", filled)
    reason = "a date or time; name it in features.categorical to use it as words"
    return TypedColumn(name, "time", column.values, no_feature=reason)
