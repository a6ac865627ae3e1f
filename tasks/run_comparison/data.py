"""What changed in the data between two runs: rows, labels, features, columns, sides.

Guarantees: counts are of curated rows and by side, a removed row by its side before and any other
by its side after; a row is relabelled, changed or moved only where it is in both runs; comparing
the other way round gives the mirror image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tasks.run_comparison.rows import LEFT_OUT, Pairing, RunRows, key_problem, pair_rows

SIDES = ("train", "dev", "test", LEFT_OUT)


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Rows that went from one value (a label, a side, a type) to another."""

    before: str
    after: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class ColumnShift:
    """A column that has another type."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class DataChanges:
    """What changed. Counts by side map train, dev, test and, where there are any, `left out`.

    `problem` says why rows could not be matched; their changes are then all empty. `changed`
    counts rows of which a cell besides the label is another, `changed_columns` those rows by
    column. `classes_*` count rows by label.
    """

    rows_before: Mapping[str, int]
    rows_after: Mapping[str, int]
    classes_before: Mapping[str, int]
    classes_after: Mapping[str, int]
    problem: str = ""
    added: Mapping[str, int] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    relabelled: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    added_classes: Mapping[str, int] = field(default_factory=dict)
    removed_classes: Mapping[str, int] = field(default_factory=dict)
    label_pairs: tuple[Shift, ...] = ()
    moved: tuple[Shift, ...] = ()
    changed_columns: Mapping[str, int] = field(default_factory=dict)
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    columns_retyped: tuple[ColumnShift, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """Whether both runs had the same rows, labels, cells, columns and sides."""
        counts = (self.added, self.removed, self.relabelled, self.changed)
        columns = (self.columns_added, self.columns_removed, self.columns_retyped)
        return not (self.problem or self.moved or any(columns) or any(map(total, counts)))


def total(counts: Mapping[str, int]) -> int:
    """All rows of counts by side or by class."""
    return sum(counts.values())


def compare_data(before: RunRows, after: RunRows, pairing: Pairing | None = None) -> DataChanges:
    """What changed from `before` to `after`; cells are compared in columns that both frames have.

    `pairing` spares pairing the rows again. Rows cannot be matched where the keys are made of
    other columns; the changes then say so in `problem`.
    """
    sizes: dict[str, Any] = {
        "rows_before": _by_side(before.placed),
        "rows_after": _by_side(after.placed),
        "classes_before": _by_class(before),
        "classes_after": _by_class(after),
    }
    columns = _columns(before.types, after.types)
    problem = key_problem(before, after)
    if problem:
        return DataChanges(**sizes, **columns, problem=problem)
    found = pairing or pair_rows(before, after)
    added, removed = after.frame.index.isin(found.added), before.frame.index.isin(found.removed)
    cells = _changed_cells(before, after, found)
    relabelled, label_pairs, notes = _labels(before, after, found)
    remade = before.roles.key is None and added.any() and removed.any()
    note = "Without a declared key, a row with a corrected feature is one removed and one added."
    return DataChanges(
        **sizes,
        **columns,
        added=_by_side(after.placed[added]),
        removed=_by_side(before.placed[removed]),
        relabelled=relabelled,
        changed=_by_side(after.placed.loc[found.pairs["after"]][cells.any(axis=1).to_numpy()]),
        added_classes=_by_class(after, added),
        removed_classes=_by_class(before, removed),
        label_pairs=label_pairs,
        moved=_shifts(
            before.placed.loc[found.pairs["before"]], after.placed.loc[found.pairs["after"]]
        ),
        changed_columns={str(name): int(n) for name, n in cells.sum().items() if n},
        notes=(*notes, *((note,) if remade else ())),
    )


def _by_side(sides: pd.Series) -> dict[str, int]:
    counts = {side: int((sides == side).sum()) for side in SIDES}
    return {side: n for side, n in counts.items() if n or side != LEFT_OUT}


def _by_class(rows: RunRows, marked: np.ndarray | None = None) -> dict[str, int]:
    labels = rows.roles.strata(rows.frame)
    counts = (labels if marked is None else labels[marked]).value_counts().sort_index()
    return {str(name): int(n) for name, n in counts.items()}


def _columns(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    return {
        "columns_added": tuple(name for name in new if name not in old),
        "columns_removed": tuple(name for name in old if name not in new),
        "columns_retyped": tuple(
            ColumnShift(name=name, before=old[name], after=new[name])
            for name in old
            if name in new and old[name] != new[name]
        ),
    }


def _labels(
    before: RunRows, after: RunRows, found: Pairing
) -> tuple[dict[str, int], tuple[Shift, ...], tuple[str, ...]]:
    if before.roles.target != after.roles.target:
        note = (
            f"The target is {before.roles.target} in A and {after.roles.target} in B: labels are "
            "not compared."
        )
        return _by_side(after.placed[:0]), (), (note,)
    if before.roles.regression != after.roles.regression:
        note = "The target is a class in one run and a number in the other: it is not compared."
        return _by_side(after.placed[:0]), (), (note,)
    old = before.roles.labels(before.frame).loc[found.pairs["before"]]
    new = after.roles.labels(after.frame).loc[found.pairs["after"]]
    differ = old.to_numpy() != new.to_numpy()
    sides = after.placed.loc[found.pairs["after"]][differ]
    # Pairs of numbers say little, and there may be as many as rows.
    pairs = () if after.roles.regression else _shifts(old, new)
    return _by_side(sides), pairs, ()


def _changed_cells(before: RunRows, after: RunRows, found: Pairing) -> pd.DataFrame:
    """For each pair and each column that both have in one type, whether the cell is another."""
    old, new = before.frame.loc[found.pairs["before"]], after.frame.loc[found.pairs["after"]]
    targets = {before.roles.target, after.roles.target}
    shared = [
        name
        for name in old.columns
        if name not in targets and name in new.columns and old[name].dtype == new[name].dtype
    ]
    differ = {}
    for name in shared:
        first, second = old[name].reset_index(drop=True), new[name].reset_index(drop=True)
        equal = (first == second).fillna(False) | (first.isna() & second.isna())
        differ[name] = ~equal.to_numpy(dtype=bool)
    return pd.DataFrame(differ, index=range(len(found.pairs)))


def _shifts(old: pd.Series, new: pd.Series) -> tuple[Shift, ...]:
    """How many rows went from which value to which, the most frequent first."""
    table = pd.DataFrame({"before": old.to_numpy(), "after": new.to_numpy()})
    counts = table[table["before"] != table["after"]].value_counts().reset_index(name="rows")
    ordered = counts.sort_values(["rows", "before", "after"], ascending=[False, True, True])
    return tuple(
        Shift(before=str(was), after=str(now), rows=int(rows))
        for was, now, rows in ordered.itertuples(index=False)
    )
