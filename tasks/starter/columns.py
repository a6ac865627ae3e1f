"""What does each column of a file hold, as far as a starter project has to know?

Guarantee: kinds and missing cells are those that a run finds, because the file is read and typed by
ingestion itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import UsageError
from tasks.ingestion.cell_types import type_column
from tasks.ingestion.cells import TypedColumn
from tasks.ingestion.proposed_settings import proposed_settings
from tasks.ingestion.reading import read_source
from tasks.ingestion.sources import RawSource
from tasks.project.data_sections import SourceSection
from tasks.project.roles import ROW_KEY, ColumnKind

_DELIMITERS = (";", "\t", "|")
_KEPT_VALUES = 50


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """One column: `values` are its most frequent ones with their rows, the most frequent first.

    `distinct` counts the values that are not missing, `low` and `high` are the 5 % and the 95 %
    quantile of a numeric column and `spread` its standard deviation, `whole` says that all its
    numbers are whole, `counts_rows` that they go up by one from row to row, `blocks` that equal
    values stand together in the file. `no_feature` is why ingestion would not use it.
    """

    name: str
    kind: ColumnKind
    rows: int
    missing: int
    distinct: int
    values: tuple[tuple[str, int], ...]
    low: float
    high: float
    spread: float
    whole: bool
    counts_rows: bool
    blocks: bool
    no_feature: str | None

    @property
    def known(self) -> int:
        """Cells that are not missing."""
        return self.rows - self.missing

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.missing == 0 and self.distinct == self.rows > 1


@dataclass(frozen=True)
class FileProfile:
    """A file's columns in their order, its readable rows, and those that are not.

    `settings` are the options of `source` with which it is read; `source` is the section of them.
    """

    columns: Mapping[str, ColumnProfile]
    rows: int
    unreadable: int
    settings: Mapping[str, Any]
    source: SourceSection
    raw: RawSource


def profile_file(path: Path) -> FileProfile:
    """Read and type a CSV or Parquet file.

    Of CSV the delimiter is found where the header is a single name with `;`, a tab or `|` in it,
    and numbers, dates and missing words in another notation are read as what they are.
    Raises UsageError, with one sentence, when there is no such file, nothing in it can be read,
    it has no row, a column name stands twice or is reserved.
    """
    source = SourceSection(path=path.name)
    raw = read_source(path, source)
    if raw.problem is None and len(raw.columns) == 1 and not raw.typed:
        header = raw.columns[0]
        found = next((mark for mark in _DELIMITERS if mark in header), None)
        if found is not None:
            source = SourceSection(path=path.name, delimiter=found)
            raw = read_source(path, source)
    _require_usable(path, raw)
    settings = proposed_settings(raw, source)
    if raw.delimiter != ",":
        settings = {"delimiter": raw.delimiter, **settings}
    source = SourceSection.model_validate({"path": path.name, **settings})
    columns = {name: profile_column(type_column(raw, name, None, source)) for name in raw.columns}
    return FileProfile(columns, raw.table.num_rows, len(raw.bad_rows), settings, source, raw)


def profile_column(column: TypedColumn) -> ColumnProfile:
    """What a typed column holds."""
    values = column.values
    known = values.drop_null()
    numeric = column.kind == "numeric"
    low, high = _ends(known) if numeric else (math.nan, math.nan)
    counts = pc.value_counts(known)
    return ColumnProfile(
        name=column.name,
        kind=column.kind,
        rows=len(values),
        missing=values.null_count,
        distinct=len(counts),
        values=_most_frequent(counts),
        low=low,
        high=high,
        spread=float(pc.stddev(known).as_py() or 0.0) if numeric else math.nan,
        whole=numeric
        and bool(len(known))
        and bool(pc.all(pc.equal(known, pc.floor(known))).as_py()),
        counts_rows=numeric and values.null_count == 0 and _counts_rows(known),
        blocks=_stands_in_blocks(values, len(counts)),
        no_feature=column.no_feature,
    )


def labels_of(raw: RawSource, name: str, source: SourceSection) -> dict[str, int]:
    """The labels that a run would find in column `name`, with their rows, in order of name."""
    column = type_column(raw, name, "categorical", source)
    counts = pc.value_counts(column.values.drop_null())
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return {str(label): int(rows) for label, rows in sorted(pairs)}


def _require_usable(path: Path, raw: RawSource) -> None:
    if raw.problem is not None:
        raise UsageError(f"{path}: {raw.problem}")
    names = raw.columns
    if not raw.table.num_rows:
        bad = len(raw.bad_rows)
        what = f"none of its {bad:,} rows can be read" if bad else "it has a header and no row"
        raise UsageError(f"{path} cannot be profiled: {what}; export it again with its rows")
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise UsageError(
            f"{path}: the column name {twice!r} stands more than once; rename the columns"
        )
    if ROW_KEY in names:
        raise UsageError(
            f"{path}: the column name '{ROW_KEY}' is reserved for the row's key; rename the column"
        )


def _ends(known: pa.ChunkedArray) -> tuple[float, float]:
    if not len(known):
        return math.nan, math.nan
    ends = pc.quantile(known, q=[0.05, 0.95], interpolation="lower").to_pylist()
    return float(ends[0]), float(ends[1])


def _most_frequent(counts: pa.StructArray) -> tuple[tuple[str, int], ...]:
    """The most frequent values, those of equal number in order of their text."""
    order = pc.array_sort_indices(counts.field("counts"), order="descending")
    if len(order) > _KEPT_VALUES:
        # All values as frequent as the last that is kept, so that ties are cut by text.
        least = counts.field("counts")[order[_KEPT_VALUES - 1].as_py()]
        counts = counts.filter(pc.greater_equal(counts.field("counts"), least))
        if len(counts) > 100 * _KEPT_VALUES:  # mostly names that occur once: which is no matter
            counts = counts.filter(pc.greater(counts.field("counts"), least))
    pairs = [(str(pair["values"]), int(pair["counts"])) for pair in counts.to_pylist()]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:_KEPT_VALUES])


def _stands_in_blocks(values: pa.ChunkedArray, distinct: int) -> bool:
    """Whether each value has its rows side by side, as the visits of a patient are written down.

    A column of numbers in order of size says no more than that the file was sorted by it.
    """
    if values.null_count or not 1 < distinct <= len(values) / 2:
        return False
    whole = values.combine_chunks()
    changes = pc.sum(pc.not_equal(whole[1:], whole[:-1])).as_py()
    if changes != distinct - 1:
        return False
    is_number = pa.types.is_floating(whole.type) or pa.types.is_integer(whole.type)
    return not (is_number and pc.all(pc.greater_equal(whole[1:], whole[:-1])).as_py())


def _counts_rows(known: pa.ChunkedArray) -> bool:
    if len(known) < 2:
        return False
    numbers = known.combine_chunks()
    steps = pc.subtract(numbers[1:], numbers[:-1])
    return bool(pc.all(pc.equal(steps, 1)).as_py())
