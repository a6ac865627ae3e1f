"""Which rows share a property: a slice of the project file as a boolean mask over a frame.

Guarantees:

* every row is in exactly one slice of a `columns` specification (of those that are kept, where
  there are too many); missing is a slice of its own;
* an unknown column is refused with the nearest known one;
* names and order depend on the values alone. Hand in the whole curated frame and cut the masks
  to a side afterwards, and the bins of a numeric column have the same edges on every side.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.conditions import Mask, column_kind, nearest_column, parse_condition
from tasks.errors import ProjectFileError
from tasks.project.fields import SliceSpec

MAX_VALUES = 50
MAX_DISTINCT_NUMBERS = 10
MISSING = "(missing)"


def slice_masks(spec: SliceSpec, frame: pd.DataFrame) -> list[tuple[str, Mask]]:
    """The slices of `spec` by name, each with a mask over the rows of `frame`.

    A condition is one slice, named by `spec.name` or the condition itself, even where no row
    meets it. A column gives one slice a value (`black=yes`), a crossing one a combination that
    occurs (`black=yes & single=no`). A numeric or time column with more than 10 distinct values
    is cut at its quartiles (`lvr in [0.65, 0.78)`; the last bin holds its upper edge). Of more
    than 50 slices the 50 with the most rows are kept; `values_left_out` says so. A name given to
    a `columns` specification stands before the names of its slices.

    Raises ProjectFileError when a column is absent or a condition cannot be understood.
    """
    if spec.condition is not None:
        return [(spec.name or spec.condition, parse_condition(spec.condition).mask(frame))]
    names, codes = _levels_of_crossing(spec.columns, frame)
    kept = _largest(codes, len(names))
    prefix = f"{spec.name}: " if spec.name else ""
    return [(prefix + names[level], codes == level) for level in kept]


def values_left_out(spec: SliceSpec, frame: pd.DataFrame) -> str:
    """One sentence when `slice_masks` keeps only the largest slices of `spec`; else empty."""
    if spec.condition is not None:
        return ""
    names, _ = _levels_of_crossing(spec.columns, frame)
    if len(names) <= MAX_VALUES:
        return ""
    subject = " & ".join(spec.columns)
    return f"{subject} has {len(names)} values: the {MAX_VALUES} with the most rows are kept"


def _levels_of_crossing(columns: Sequence[str], frame: pd.DataFrame) -> tuple[list[str], Any]:
    """Names of the combinations that occur, in order, and each row's position among them."""
    for column in columns:
        if column not in frame.columns:
            raise ProjectFileError(
                f"a slice names the column '{column}'{nearest_column(column, frame)}"
            )
    names: list[str] = [""]
    codes: Any = np.zeros(len(frame), dtype=np.int64)
    for column in columns:
        own_names, own_codes = column_levels(frame[column], column)
        crossed = codes * max(len(own_names), 1) + own_codes
        present, codes = np.unique(crossed, return_inverse=True)
        pairs = [divmod(int(level), max(len(own_names), 1)) for level in present]
        names = [f"{names[a]} & {own_names[b]}" if names[a] else own_names[b] for a, b in pairs]
    return names, codes


def column_levels(column: pd.Series[Any], name: str, bins: int = 4) -> tuple[list[str], Any]:
    """Names of a column's slices in order of value, missing last, and each row's position.

    A numeric or time column with more than 10 distinct values is cut into `bins` at its quantiles.
    """
    missing = column.isna().to_numpy()
    values = column[~missing]
    kind = column_kind(column)
    levels: list[str]
    if kind != "word" and values.nunique() > MAX_DISTINCT_NUMBERS:
        levels, inner = _quantile_bins(values, name, bins)
    else:
        inner, distinct = pd.factorize(values, sort=True)
        levels = [f"{name}={_written(value)}" for value in distinct]
    codes = np.full(len(column), len(levels), dtype=np.int64)
    codes[~missing] = inner
    return ([*levels, f"{name}={MISSING}"] if missing.any() else levels), codes


def _quantile_bins(values: pd.Series[Any], name: str, bins: int) -> tuple[list[str], Any]:
    """Bins between the distinct quantiles, closed on the left and the last on both sides."""
    cuts = np.linspace(0, 1, bins + 1)
    edges = np.unique(np.quantile(values.to_numpy(), cuts, method="lower"))
    codes = np.searchsorted(edges[1:-1], values.to_numpy(), side="right")
    written = _distinctly_written(edges)
    last = len(written) - 2
    names = [
        f"{name} in [{low}, {high}{']' if place == last else ')'}"
        for place, (low, high) in enumerate(itertools.pairwise(written))
    ]
    return names, codes


def _distinctly_written(edges: Any) -> list[str]:
    """The edges with as few digits, from three on, as keep them apart; whole numbers in full."""
    if np.issubdtype(edges.dtype, np.datetime64):
        days = [str(edge)[:10] for edge in edges]
        return days if len(set(days)) == len(days) else [str(pd.Timestamp(e)) for e in edges]
    for digits in range(3, 17):
        written = [_rounded(float(edge), digits) for edge in edges]
        if len(set(written)) == len(written):
            return written
    return [repr(float(edge)) for edge in edges]


def _rounded(edge: float, digits: int) -> str:
    if edge.is_integer() and abs(edge) < 1e15:
        return str(int(edge))
    if not 1e-4 <= abs(edge) < 1e15:
        return f"{edge:.{digits}g}"
    return np.format_float_positional(edge, precision=digits, fractional=False, trim="-")


def _written(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _largest(codes: Any, levels: int) -> list[int]:
    """Positions of the levels to keep, in their own order."""
    if levels <= MAX_VALUES:
        return list(range(levels))
    rows = np.bincount(codes, minlength=levels)
    return sorted(int(level) for level in np.argsort(-rows, kind="stable")[:MAX_VALUES])
