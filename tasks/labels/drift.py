"""How much the shares of the classes change over time, or from batch to batch.

For each class a chi-square test of "the same share in every group" (Pearson 1900), adjusted for the
number of classes by Holm, and beside it the size of the change: Cramer's V (Cohen's w) without what
chance alone gives, its interval by the noncentral chi-square distribution (Smithson 2003,
"Confidence Intervals"). Size and chance are told apart, so that many rows alone are no
alarm.

Where several rows are of one unit, the statistic is divided by the mean design effect of the
groups' shares (the first-order correction of Rao and Scott 1981, "The Analysis of Categorical Data
From Complex Sample Surveys", JASA 76, 221-230), at least 1, taken from how the units of a group
differ, and is judged by F with the freedom of the units (Thomas and Rao 1987, JASA 82, 630-636).

Guarantee: numbers in, numbers out; rows of one unit are never counted as independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc, chndtrinc, fdtrc

from tasks.intervals import holm

LEAST_ROWS = 30
LEAST_EXPECTED = 5
MOST_GROUPS = 50
_MOST_VALUES = 20
_REST = "(smaller groups)"
_MISSING = "(missing)"

Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """How the share of the class `name` changes over the groups.

    `rows` of the class; `effect` in [0, 1], the size of the change, with its 95 % interval; the p
    value before and after Holm's adjustment.
    """

    name: str
    rows: int
    effect: float
    low: float
    high: float
    p: float
    p_holm: float = math.nan


def group_rows(column: pd.Series, windows: int) -> pd.Series:
    """The group of each row: an ordered categorical of words.

    A time, or a number with more than 20 values, is cut into `windows` of about equal size, equal
    values together. Other values are groups in their order; those with fewer than 30 rows, and all
    beyond the 50 largest, are one group. Missing values are a group of their own.
    """
    is_time = pd.api.types.is_datetime64_any_dtype(column)
    is_number = pd.api.types.is_float_dtype(column) or pd.api.types.is_integer_dtype(column)
    if not column.notna().any():
        groups, names = np.zeros(len(column), dtype=np.int64), list[str]()
    elif is_time:
        groups, names = _windows(column, windows, is_time=True)
    elif is_number and column.nunique() > _MOST_VALUES:
        groups, names = _windows(column.astype("float64"), windows, is_time=False)
    else:
        groups, names = _values(column)
    missing = column.isna().to_numpy()
    if missing.any():
        groups, names = _collect(groups, names, missing, _MISSING)
    found = pd.Categorical.from_codes(
        groups.tolist(), categories=pd.Index(names, dtype="str"), ordered=True
    )
    return pd.Series(found.remove_unused_categories(), index=column.index)


def measure_changes(
    counts: pd.DataFrame, positive_class: str | None, by_unit: pd.DataFrame | None = None
) -> list[Change]:
    """The change of each class that can be judged; of two classes one is enough.

    `counts` are rows by group (index) and class. Groups with fewer than 30 rows are left out; a
    class is not judged where fewer than 5 of its rows, or of the others, are expected in a group.
    `by_unit` are the same rows by group and unit (index) and class: units of several rows count
    for as many independent rows as their design effect leaves, and a group needs two of them.
    """
    table = counts[counts.sum(axis=1) >= LEAST_ROWS]
    table = table.loc[:, table.sum(axis=0) > 0]
    names = [str(name) for name in table.columns]
    if len(table) < 2 or len(names) < 2:
        return []
    if len(names) == 2:
        names = [positive_class if positive_class in names else str(table.sum().idxmin())]
    sizes = table.sum(axis=1).to_numpy(dtype=np.float64)
    part = None if by_unit is None else by_unit[by_unit.index.get_level_values(0).isin(table.index)]
    changes = [
        _change(name, table[name].to_numpy(dtype=np.float64), sizes, _spread(name, table, part))
        for name in names
    ]
    known = [change for change in changes if change is not None]
    adjusted = holm([change.p for change in known])
    return [replace(change, p_holm=p) for change, p in zip(known, adjusted, strict=True)]


def _windows(column: pd.Series, windows: int, *, is_time: bool) -> tuple[Codes, list[str]]:
    """The window of each row (anything where missing), and their names."""
    known = np.sort(column.dropna().to_numpy())
    # The last value of each window but one; a window holds what is above the cut before it.
    cuts = np.unique(
        known[[max(0, len(known) * step // windows - 1) for step in range(1, windows)]]
    )
    cuts = cuts[cuts < known[-1]]
    groups = np.searchsorted(cuts, column.to_numpy(), side="left").astype(np.int64)
    begin = np.concatenate([[0], np.searchsorted(known, cuts, side="right")])
    ends = list(zip(known[begin], [*cuts, known[-1]], strict=True))
    for form in ("D", "m", "s", "ns") if is_time else (".12g", ".17g"):
        names = [f"{_shown(low, form)} to {_shown(high, form)}" for low, high in ends]
        if len(set(names)) == len(names):
            break
    return groups, names


def _shown(value: Any, form: Any) -> str:
    is_time = isinstance(value, np.datetime64)
    return str(np.datetime_as_string(value, unit=form)) if is_time else f"{value:{form}}"


def _values(column: pd.Series) -> tuple[Codes, list[str]]:
    """The group of each row by its value (anything where missing), and their names."""
    sizes = column.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    kept = sizes[sizes >= LEAST_ROWS].index[:MOST_GROUPS].sort_values()
    groups = kept.get_indexer(pd.Index(column)).astype(np.int64)
    names = [str(value) for value in kept]
    if len(kept) == len(sizes):
        return groups, names
    return _collect(groups, names, groups < 0, _REST)


def _collect(
    groups: Codes, names: list[str], rows: NDArray[np.bool_], name: str
) -> tuple[Codes, list[str]]:
    """Put `rows` into the group `name`, the last unless a value is called so."""
    names = names if name in names else [*names, name]
    return np.where(rows, names.index(name), groups), names


@dataclass(frozen=True, slots=True)
class _Spread:
    """The design effect of a class's shares, and the freedom of the units that it is known by."""

    effect: float
    freedom: float


def _spread(name: str, table: pd.DataFrame, by_unit: pd.DataFrame | None) -> _Spread | None:
    """None where each unit is one row; an effect of NaN where a group has too few units."""
    if by_unit is None or (by_unit.sum(axis=1) <= 1).all():
        return None
    size = by_unit.sum(axis=1)
    group = table.index.get_indexer(by_unit.index.get_level_values(0))
    units = np.bincount(group, minlength=len(table)).astype(np.float64)
    if (units < 2).any():
        return _Spread(math.nan, 0.0)
    sizes = table.sum(axis=1).to_numpy(dtype=np.float64)
    own = table[name].to_numpy(dtype=np.float64)
    share = own.sum() / sizes.sum()
    apart = by_unit[name].to_numpy() - (own / sizes)[group] * size.to_numpy()
    squares = np.bincount(group, weights=apart**2, minlength=len(table)) * units / (units - 1)
    effects = squares / (sizes * share * (1 - share))
    mean = float(((1 - sizes / sizes.sum()) * effects).sum() / (len(table) - 1))
    return _Spread(max(1.0, mean), float((units - 1).sum()))


def _change(
    name: str, rows: NDArray[np.float64], sizes: NDArray[np.float64], spread: _Spread | None
) -> Change | None:
    effect = 1.0 if spread is None else spread.effect
    total, share = float(sizes.sum()) / effect, float(rows.sum() / sizes.sum())
    expected = float(sizes.min()) / effect * min(share, 1 - share)
    if not expected >= LEAST_EXPECTED:
        return None
    squares = (rows - share * sizes) ** 2 / (share * (1 - share) * sizes)
    statistic = float(squares.sum()) / effect
    freedom = len(sizes) - 1
    p = float(chdtrc(freedom, statistic))
    if spread is not None:
        p = float(fdtrc(freedom, freedom * spread.freedom, statistic / freedom))
    ends = [  # 0 where even no change at all would often give as much
        math.sqrt(float(chndtrinc(statistic, freedom, 1 - tail)) / total) if p < tail else 0.0
        for tail in (0.025, 0.975)
    ]
    return Change(
        name=name,
        rows=int(rows.sum()),
        effect=math.sqrt(max(0.0, statistic - freedom) / total),
        low=ends[0],
        high=min(1.0, ends[1]),
        p=p,
    )
