"""What kind is each column?

Guarantees: a declared kind wins, and the type that a Parquet file gives goes before a guess.

How the kind of an undeclared CSV column is found, from its cells that are not missing:

* numeric: at least 90 % are numbers in the form that `source` gives (plain decimal ones without),
  none has a leading zero (a postcode) and none is beyond 2**53, from where on whole numbers are
  names rather than quantities;
* time: all are ISO 8601 dates or times, or dates of the form that `source.date_format` gives;
* text: more than 20 different values, more than half of the cells differ, and at least half
  hold several words;
* else categorical. More than 20 different values of which nine in ten cells differ look like an
  identifier: noted, and no feature unless declared.

A Parquet column has the type that the file gives it, save that whole numbers beyond 2**53 are names
here too; its words are sorted into categorical and text, unless `source` gives the column a form.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tasks.ingestion.arrow_types import bytes_as_words, digests, is_bytes
from tasks.ingestion.cells import (
    EXACT_WHOLE,
    TypedColumn,
    as_words,
    blank,
    finite_numbers,
    numeric_share,
    parsed_numbers,
    parsed_times,
    utc_times,
)
from tasks.ingestion.number_forms import NumberForm, form_of, plain_numbers
from tasks.ingestion.sources import RawSource
from tasks.project.data_sections import SourceSection
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
    raw: RawSource, name: str, declared: ColumnKind | None, source: SourceSection
) -> TypedColumn:
    """Type one column of a source as `source` says; `declared` None means: find the kind."""
    cells, reason = raw.table[name], raw.left_out.get(name)
    if reason is not None:
        return TypedColumn(name, "categorical", cells, no_feature=reason)
    if is_bytes(cells.type):
        words = bytes_as_words(cells) if declared is not None else None
        if words is None:
            reason = f"cells of type {cells.type} are kept as their SHA-256"
            return TypedColumn(name, "categorical", digests(cells), no_feature=reason)
        cells = words
    if declared is None and cells.null_count == len(cells):
        filled = pa.chunked_array([pa.nulls(len(cells), pa.large_string())])
        return TypedColumn(name, "categorical", filled, no_feature="every cell is missing")
    by_form = isinstance(source.date_format, dict) and name in source.date_format
    native = None if by_form else _typed_by_file(name, cells, declared)
    if native is not None:
        return native
    words = as_words(cells)
    filled = blank(words, source.null_values)
    if declared is None:
        # A file without types, or a form that was given, lets words be numbers or dates.
        from_text = not raw.typed or name in source.columns_with_a_form
        return _inferred(name, words, filled, source if from_text else None)
    if declared == "text":
        filled = blank(words, ("",))
    return _declared(name, filled, declared, source)


def _typed_by_file(
    name: str, cells: pa.ChunkedArray, declared: ColumnKind | None
) -> TypedColumn | None:
    """The column as the file's own type has it; None where its words are to be looked at."""
    native = _native_kind(cells.type)
    if native == "numeric" and declared in (None, "numeric"):
        column = finite_numbers(name, cells)
        if declared is None and _beyond_exact(column.values) and not _is_double(cells.type):
            return None
        return column
    if native == "time" and declared in (None, "time"):
        return utc_times(name, cells)
    return None


def _is_double(kind: pa.DataType) -> bool:
    """Whether the file's numbers are quantities, however large."""
    return bool(pa.types.is_floating(kind) or (pa.types.is_decimal(kind) and kind.scale > 0))


def _beyond_exact(values: pa.ChunkedArray) -> bool:
    largest = pc.max(pc.abs(values.cast(pa.float64(), safe=False))).as_py() or 0.0
    return bool(largest > EXACT_WHOLE)


def _declared(
    name: str, filled: pa.ChunkedArray, kind: ColumnKind, source: SourceSection
) -> TypedColumn:
    if kind == "numeric":
        return parsed_numbers(name, filled, form_of(source, name))
    if kind == "time":
        return parsed_times(name, filled, source.date_format_of(name))
    return TypedColumn(name, kind, filled)


def _native_kind(kind: pa.DataType) -> str:
    types = pa.types
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numeric"
    if types.is_timestamp(kind) or types.is_date(kind):
        return "time"
    return "words"


def _inferred(
    name: str, words: pa.ChunkedArray, filled: pa.ChunkedArray, source: SourceSection | None
) -> TypedColumn:
    """The kind by the cells; `source` None means that words stay words."""
    known = filled.drop_null()
    if len(known) == 0:
        return TypedColumn(name, "categorical", filled, no_feature="every cell is missing")
    share = 0.0
    if source is not None:
        share = numeric_share(known, form_of(source, name))
        found = _in_form(name, filled, source, share)
        if found is not None:
            return found
    return _words(name, words, filled, share)


def _in_form(
    name: str, filled: pa.ChunkedArray, source: SourceSection, share: float
) -> TypedColumn | None:
    """The column as dates or numbers of the form that `source` gives; None where it is neither."""
    known = filled.drop_null()
    date_format = source.date_format_of(name)
    if date_format is not None:
        column = _dates(name, filled, date_format)
        if column.kind == "time":
            return column
    form = form_of(source, name)
    if share >= MIN_NUMERIC_SHARE and not _are_names(known, form):
        column = parsed_numbers(name, filled, form, share)
        if not _beyond_exact(column.values):
            return column
    if pc.all(pc.match_substring_regex(known.unique(), _ISO_TIME)).as_py():
        return _dates(name, filled, None)
    return None


def _words(name: str, words: pa.ChunkedArray, filled: pa.ChunkedArray, share: float) -> TypedColumn:
    known = filled.drop_null()
    distinct = known.unique()
    if len(distinct) > MAX_CATEGORIES:
        different = len(distinct) / len(known)
        several = pc.match_substring_regex(pc.utf8_trim_whitespace(known), r"\s")
        if different > TEXT_DISTINCT_SHARE and pc.mean(several).as_py() >= 0.5:
            return TypedColumn(name, "text", blank(words, ("",)), numeric_share=share)
        if different > IDENTIFIER_DISTINCT_SHARE:
            reason = f"looks like an identifier: {len(distinct):,} values in {len(known):,} cells"
            return TypedColumn(name, "categorical", filled, no_feature=reason)
    return TypedColumn(name, "categorical", filled, numeric_share=share)


def _are_names(known: pa.ChunkedArray, form: NumberForm) -> bool:
    plain = plain_numbers(pc.utf8_trim_whitespace(known), form)
    return bool(pc.any(pc.match_substring_regex(plain, _LEADING_ZERO)).as_py())


def _dates(name: str, filled: pa.ChunkedArray, date_format: str | None) -> TypedColumn:
    column = parsed_times(name, filled, date_format)
    if len(column.misfits):  # 2024-02-31 is written like a date and is none
        return TypedColumn(name, "categorical", filled)
    reason = "a date or time; name it in features.categorical to use it as words"
    return TypedColumn(name, "time", column.values, no_feature=reason)
