"""What of a table a reader is shown: readable headers, written numbers, the first rows.

Guarantees: the order of rows is the table's own; a value and its interval stand in one cell; a
hash is cut to its first characters and kept in full beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Table
from tasks.wording import numbers

_HASH = re.compile(r"[0-9a-f]{24,}")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NAMES_OF_NUMBERS = re.compile(r"(^|_)(id|year|line|row|seed|version)$")
_LONGEST_CELL = 400
_LONG_CELL = 60


@dataclass(frozen=True)
class Cell:
    """Text of a cell; `full` is what was too long to show, else empty."""

    text: str
    full: str = ""


@dataclass(frozen=True)
class Column:
    """Header of a column, whether it holds numbers, and whether long lines of text."""

    name: str
    numeric: bool
    long: bool = False


@dataclass(frozen=True)
class ShownTable:
    """The first rows of a table as text, and how many rows it has in all."""

    title: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int


def show_table(table: Table, limit: int) -> ShownTable:
    """The first `limit` rows of the table as text; a named index becomes the first column."""
    frame = table.frame
    if frame.index.name is not None and frame.index.name not in frame.columns:
        frame = frame.reset_index()
    head = frame.head(limit)
    estimates = _estimates([str(name) for name in frame.columns])
    ends = {end for pair in estimates.values() for end in pair}
    columns, cells = [], []
    for position, name in enumerate(map(str, frame.columns)):
        if position in ends:
            continue
        values = head.iloc[:, position]
        numeric = _is_number(values)
        if position in estimates and numeric:
            low, high = (head.iloc[:, end] for end in estimates[position])
            cells.append(_estimate_cells(name, values, low, high))
        else:
            cells.append(_cells(name, values))
        long = any(len(cell.text) > _LONG_CELL for cell in cells[-1])
        columns.append(Column(_header(name), numeric, long))
    rows = tuple(zip(*cells, strict=True)) if cells else ()
    return ShownTable(table.title, table.note, tuple(columns), rows, len(frame))


def _estimates(names: list[str]) -> dict[int, tuple[int, int]]:
    """Positions of values whose interval stands in other columns: `x_low` and `x_high` belong to
    `x`; `low` and `high` to the column before `low`."""
    found = {}
    for position, name in enumerate(names):
        follows = names[position + 1 : position + 3] == ["low", "high"]
        if follows:
            found[position] = (position + 1, position + 2)
        elif f"{name}_low" in names and f"{name}_high" in names:
            found[position] = (names.index(f"{name}_low"), names.index(f"{name}_high"))
    return found


def _header(name: str) -> str:
    return name.replace("_", " ") if _SNAKE.fullmatch(name) else name


def _estimate_cells(name: str, values: Any, low: Any, high: Any) -> list[Cell]:
    triples = [
        tuple(float(end) for end in triple)
        for triple in zip(*(_floats(column) for column in (values, low, high)), strict=True)
    ]
    percent = _are_shares(name, np.array(triples))
    places = numbers.interval_decimals([(a, b) for _, a, b in triples], percent=percent)
    if places is None:
        places = numbers.shared_decimals([value for value, _, _ in triples], percent=percent)
    return [Cell(numbers.estimate(*triple, percent=percent, decimals=places)) for triple in triples]


def _cells(name: str, values: Any) -> list[Cell]:
    write = _writer(name, values)
    missing = values.isna().to_numpy()
    return [
        Cell(numbers.NOTHING) if absent else write(value)
        for value, absent in zip(values, missing, strict=True)
    ]


def _writer(name: str, values: Any) -> Callable[[Hashable], Cell]:
    kind = values.dtype
    if not _is_number(values):
        return _text_cell
    floats = _floats(values)
    finite = floats[np.isfinite(floats)]
    if _NAMES_OF_NUMBERS.search(name):
        return lambda value: Cell(f"{value:.10g}")
    if _are_shares(name, floats) and pd.api.types.is_float_dtype(kind):
        places = min(numbers.shared_decimals(finite, percent=True), 1)
        return lambda value: Cell(numbers.number(float(str(value)), percent=True, decimals=places))
    whole = bool(np.all(finite == np.round(finite)))
    places = 0 if whole else numbers.shared_decimals(finite)
    return lambda value: Cell(numbers.number(float(str(value)), decimals=places))


def _text_cell(value: Hashable) -> Cell:
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no")
    if isinstance(value, float):
        return Cell(numbers.number(value))
    text = str(value)
    if _HASH.match(text):
        return Cell(text[:12] + "…", text)
    if len(text) > _LONGEST_CELL:
        return Cell(text[:_LONGEST_CELL] + "…")
    return Cell(text)


def _are_shares(name: str, values: Any) -> bool:
    finite = values[np.isfinite(values)]
    return numbers.names_share(name) and bool(np.all((finite >= 0) & (finite <= 1)))


def _is_number(values: Any) -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(values) and not types.is_bool_dtype(values)


def _floats(values: Any) -> Any:
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
