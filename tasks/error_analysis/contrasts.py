"""In which features some dev rows differ most from others: wrong from right, a slice from the rest.

The size of a difference lies in [0, 1] and is the largest difference of shares that one cut can
show: for numbers the Kolmogorov-Smirnov distance (over `value <= x`), for categories the total
variation (over any set of them). A missing cell is a category of its own, and for a number the
lowest value; of a text the number of characters is compared.

Numbers are tested by the Kolmogorov-Smirnov test in its limiting form, which is conservative for
values that repeat; categories by Pearson's chi-squared, those that are expected fewer than five
times on either side put together. All p of one table are corrected by Holm. Where rows are grouped,
the number of groups stands for that of the rows, which is conservative. A difference is no cause:
of features that go together each differs.

Guarantees: one pass over a column a contrast, and no randomness; fewer than ten rows on either side
are not compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc, kolmogorov

from tasks.conditions import Mask
from tasks.intervals import holm
from tasks.project.roles import Roles

FEWEST_ROWS = 10
LEVEL = 0.05
_FEWEST_EXPECTED = 5
_MISSING = "(missing)"

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Contrast:
    """The rows marked by `rows` against all others of the same frame.

    `name` and `others` name the two in a sentence; the columns `without` are not compared.
    """

    name: str
    rows: Mask
    others: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """How far two sets of rows differ in a feature: `size` in [0, 1], `p` as yet uncorrected."""

    contrast: Contrast
    feature: str
    measure: str
    size: float
    p: float
    n: int
    n_others: int
    told: str


def contrast_rows(
    contrasts: Iterable[Contrast],
    rows: pd.DataFrame,
    roles: Roles,
    most: int | None = None,
    units: pd.Series | None = None,
) -> pd.DataFrame:
    """A row a contrast and feature, the largest difference first; at most `most` a contrast.

    Columns: rows (the contrast's name), feature, measure, size, p (corrected over all of them,
    those not listed too), n, n_others, sentence. Empty where nothing can be compared.
    """
    columns = [_Column.of(name, rows[name], roles) for name in roles.features]
    groups = None if units is None else pd.factorize(units)[0]
    found = [
        difference
        for contrast in contrasts
        for difference in _differences(contrast, columns, groups)
    ]
    corrected = holm([one.p for one in found])
    names = ["rows", "feature", "measure", "size", "p", "n", "n_others", "sentence"]
    table = pd.DataFrame(
        [
            (
                one.contrast.name, one.feature, one.measure, one.size, p, one.n, one.n_others,
                _sentence(one, p),
            )
            for one, p in zip(found, corrected, strict=True)
        ],
        columns=names,
    )  # fmt: skip
    order = pd.factorize(table["rows"])[0]
    table = table.assign(order=order).sort_values("feature", kind="stable")
    table = table.sort_values(["order", "size"], ascending=[True, False], kind="stable")
    listed = table if most is None else table.groupby("order").head(most)
    return listed[names].reset_index(drop=True)


@dataclass(frozen=True)
class _Column:
    """A feature as codes in order of value; code 0 is a missing cell, `values` begin at code 1."""

    source: str
    name: str
    numeric: bool
    codes: Counts
    values: NDArray[np.object_] | NDArray[np.float64]

    @classmethod
    def of(cls, name: str, column: pd.Series, roles: Roles) -> _Column:
        label, numeric = name, name not in roles.categorical
        if name in roles.text:
            label, column = f"length of {name}", column.astype("str").str.len()
        if numeric:
            column = column.astype("float64")
        codes, values = pd.factorize(column, sort=True)
        return cls(name, label, numeric, codes.astype(np.int64) + 1, np.asarray(values))

    def counts(self, rows: Mask) -> Counts:
        return np.bincount(self.codes[rows], minlength=len(self.values) + 1)

    def written(self, code: int) -> str:
        if code == 0:
            return _MISSING
        value = self.values[code - 1]
        return f"{value:.4g}" if self.numeric else str(value)


def _differences(
    contrast: Contrast, columns: Sequence[_Column], groups: Counts | None
) -> list[Difference]:
    rows = contrast.rows
    n, others = int(rows.sum()), int((~rows).sum())
    if min(n, others) < FEWEST_ROWS:
        return []
    independent = (_units(rows, groups), _units(~rows, groups))
    found = []
    for column in columns:
        if column.source in contrast.without:
            continue
        one, other = column.counts(rows), column.counts(~rows)
        if np.count_nonzero(one + other) < 2:
            continue  # the same value everywhere, or nothing at all
        compare = _compare_numbers if column.numeric else _compare_categories
        measure, size, p, told = compare(column, one, other, independent)
        found.append(Difference(contrast, column.name, measure, size, p, n, others, told))
    return found


def _units(rows: Mask, groups: Counts | None) -> int:
    """The number of independent rows: that of their groups; a row without one stands alone."""
    if groups is None:
        return int(rows.sum())
    of_rows = groups[rows]
    return len(np.unique(of_rows[of_rows >= 0])) + int((of_rows < 0).sum())


def _compare_numbers(
    column: _Column, one: Counts, other: Counts, units: tuple[int, int]
) -> tuple[str, float, float, str]:
    """Kolmogorov-Smirnov distance with its p, and the difference in words."""
    apart = np.cumsum(one) / one.sum() - np.cumsum(other) / other.sum()
    place = int(np.abs(apart).argmax())
    size = float(abs(apart[place]))
    p = float(kolmogorov(math.sqrt(units[0] * units[1] / sum(units)) * size))
    medians = _median(column, one), _median(column, other)
    higher = apart[place] < 0
    agree = medians[0] > medians[1] if higher else medians[0] < medians[1]
    if place and agree:
        word = "higher" if higher else "lower"
        told = f"have {word} {column.name}: median {medians[0]:.4g} against {medians[1]:.4g}"
        return "Kolmogorov-Smirnov", size, p, told
    shares = one[: place + 1].sum() / one.sum(), other[: place + 1].sum() / other.sum()
    cut = f"{column.name} at most {column.written(place)}" if place else f"no {column.name}"
    often = "less" if higher else "more"
    told = f"have {often} often {cut}: {shares[0]:.1%} against {shares[1]:.1%}"
    return "Kolmogorov-Smirnov", size, p, told


def _median(column: _Column, counts: Counts) -> float:
    """The (lower) median of the cells that are not missing; NaN where there are none."""
    present = counts[1:]
    if not present.sum():
        return math.nan
    place = int(np.searchsorted(np.cumsum(present), (present.sum() + 1) // 2))
    return float(column.values[place])


def _compare_categories(
    column: _Column, one: Counts, other: Counts, units: tuple[int, int]
) -> tuple[str, float, float, str]:
    """Total variation with the p of Pearson's chi-squared, and the difference in words."""
    shares = one / one.sum(), other / other.sum()
    apart = shares[0] - shares[1]
    size = float(np.abs(apart).sum() / 2)
    # Of equally far categories the one that is more frequent is told.
    rises = apart.max() >= -apart.min() - 1e-12
    place = int(apart.argmax() if rises else apart.argmin())
    often = "more" if rises else "less"
    told = (
        f"have {often} often {column.name}={column.written(place)}: {shares[0][place]:.1%} "
        f"against {shares[1][place]:.1%}"
    )
    scale = min(units[0] / one.sum(), units[1] / other.sum())
    return "total variation", size, _chi_squared(one, other, scale), told


def _chi_squared(one: Counts, other: Counts, scale: float) -> float:
    """The p of "both have the same shares", for `scale` independent rows a row."""
    both = one + other
    smaller = min(one.sum(), other.sum()) / both.sum() * scale
    rare = both * smaller < _FEWEST_EXPECTED
    table = np.stack([one, other]).astype(np.float64)
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum()) * scale
    freedom = table.shape[1] - 1
    return float(chdtrc(freedom, statistic)) if freedom else 1.0


def _sentence(found: Difference, p: float) -> str:
    if p > LEVEL:
        return f"{found.feature} is not shown to differ."
    names = found.contrast
    return f"{names.name[:1].upper()}{names.name[1:]} {found.told} in {names.others}."
