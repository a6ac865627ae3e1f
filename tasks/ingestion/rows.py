"""Which rows go on, which are set aside and why, and does the count of them balance?

Guarantees: every row that came in is kept or set aside with its line, reason and text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.ingestion.cells import TypedColumn
from tasks.ingestion.sources import BadRow, RawSource
from tasks.project.sections import Project
from tasks.snapshots import RowLedger

LABEL_MISSING = "label missing"
RARE_CLASS = "a rare class, as labels.rare_classes says"


@dataclass(frozen=True)
class Rows:
    """Which rows of the table are kept, those set aside, and the ledger of it."""

    keep: npt.NDArray[np.bool_]
    bad_rows: tuple[BadRow, ...]
    ledger: tuple[RowLedger, ...]
    unlabelled: int = 0

    @property
    def reasons(self) -> dict[str, int]:
        """Rows set aside by reason."""
        return dict(sorted(Counter(row.reason for row in self.bad_rows).items()))


def choose_rows(
    raw: RawSource, columns: Mapping[str, TypedColumn], project: Project, rare: Sequence[str]
) -> Rows:
    """Set aside the rows with a misfit, where the project says so, and those without a label.

    `rare` are classes whose rows are set aside as well.
    """
    rows = raw.table.num_rows
    keep = np.ones(rows, dtype=np.bool_)
    bad = list(raw.bad_rows)
    ledger = [ledger_step("reading", rows + len(bad), rows, bad)]
    if project.source.on_misfit == "quarantine":
        misfits = _first_misfits(columns)
        keep[list(misfits)] = False
        aside = _set_aside(raw, misfits)
        ledger.append(ledger_step("typing", rows, int(keep.sum()), aside))
        bad += aside
    before = int(keep.sum())
    unlabelled = np.flatnonzero(keep & columns[project.target].values.is_null().to_numpy())
    keep[unlabelled] = False
    missing = f"no '{project.target}'"
    aside = _set_aside(raw, {int(row): (LABEL_MISSING, missing) for row in unlabelled})
    ledger.append(ledger_step("labels", before, int(keep.sum()), aside))
    bad += aside
    unlabelled_rows = len(aside)
    if rare:
        before = int(keep.sum())
        labels = columns[project.target].values
        of_rare = pc.fill_null(pc.is_in(labels, value_set=pa.array(rare, labels.type)), False)
        found = np.flatnonzero(keep & of_rare.to_numpy())
        keep[found] = False
        told = {int(row): (RARE_CLASS, f"'{labels[int(row)].as_py()}'") for row in found}
        aside = _set_aside(raw, told)
        ledger.append(ledger_step("rare classes", before, int(keep.sum()), aside))
        bad += aside
    bad = sorted(bad, key=lambda row: row.line)
    return Rows(keep, tuple(bad), tuple(ledger), unlabelled_rows)


def _first_misfits(columns: Mapping[str, TypedColumn]) -> dict[int, tuple[str, str]]:
    """Position of each row with a misfit: the reason, by the first such column, and the cell."""
    found: dict[int, tuple[str, str]] = {}
    for column in columns.values():
        reason = f"cell does not fit: {column.name}"
        for row, text in zip(column.misfits, column.misfit_texts, strict=True):
            found.setdefault(int(row), (reason, f"'{text}'"))
    return dict(sorted(found.items()))


def _set_aside(raw: RawSource, why: Mapping[int, tuple[str, str]]) -> list[BadRow]:
    """Rows of the table, by position, as rows set aside for a reason with its detail."""
    taken = raw.table.take(pa.array(list(why), type=pa.int64())).to_pylist()
    return [
        BadRow(
            line=int(raw.lines[row]),
            reason=reason,
            detail=detail,
            text=",".join("" if cell is None else str(cell) for cell in cells.values()),
        )
        for cells, (row, (reason, detail)) in zip(taken, why.items(), strict=True)
    ]


def ledger_step(name: str, rows_in: int, rows_out: int, aside: Sequence[BadRow]) -> RowLedger:
    """One line of the ledger of rows."""
    counts = Counter(row.reason for row in aside)
    return RowLedger(name, rows_in, rows_out, dict(sorted(counts.items())))
