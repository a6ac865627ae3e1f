"""What a reader looks at: columns, rows set aside, cells that do not fit, the row ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc

from tasks.checks import Table
from tasks.ingestion.cells import TypedColumn
from tasks.ingestion.sources import BadRow
from tasks.project.roles import Roles
from tasks.snapshots import RowLedger

_MAX_ROWS = 200
_MAX_TEXT = 200


def evidence_tables(
    columns: Mapping[str, TypedColumn],
    roles: Roles | None,
    bad_rows: Sequence[BadRow],
    ledger: Sequence[RowLedger],
    lines: npt.NDArray[np.int64],
) -> dict[str, Table]:
    """Tables `columns`, `quarantined_rows`, `misfit_cells` and `row_ledger`.

    `lines` maps a row's position to its line in the file. Long tables show their first 200 rows.
    """
    return {
        "columns": _columns_table(columns, roles),
        "quarantined_rows": _quarantined_table(bad_rows),
        "misfit_cells": _misfit_table(columns, lines),
        "row_ledger": _ledger_table(ledger),
    }


def _columns_table(columns: Mapping[str, TypedColumn], roles: Roles | None) -> Table:
    names = ["column", "kind", "role", "missing", "distinct", "example"]
    rows = []
    for column in list(columns.values())[:_MAX_ROWS]:
        known = column.values.drop_null()
        example = _shortened(str(known[0].as_py())) if len(known) else ""
        role = "" if roles is None else _role(column.name, roles)
        distinct = pc.count_distinct(column.values).as_py()
        rows.append((column.name, column.kind, role, column.values.null_count, distinct, example))
    return Table(title="Columns of the source", frame=pd.DataFrame(rows, columns=names))


def _role(name: str, roles: Roles) -> str:
    named = {roles.target: "target", roles.key: "key"}
    named |= dict.fromkeys(roles.annotators, "annotator")
    named |= dict.fromkeys(roles.outcome_only, "known only after the outcome")
    if name in named:
        return named[name]
    if name in roles.features:
        return "feature"
    if name in (roles.group, roles.time):
        return "split"
    return f"excluded: {roles.excluded.get(name, '')}"


def quarantined_frame(bad_rows: Sequence[BadRow]) -> pd.DataFrame:
    """All rows set aside: line, reason, detail and raw text."""
    rows = [(row.line, row.reason, row.detail, row.text) for row in bad_rows]
    return pd.DataFrame(rows, columns=["line", "reason", "detail", "text"])


def _quarantined_table(bad_rows: Sequence[BadRow]) -> Table:
    frame = quarantined_frame(bad_rows[:_MAX_ROWS])
    frame["text"] = [_shortened(text) for text in frame["text"]]
    return Table(title="Rows set aside", frame=frame, note=_note(len(bad_rows)))


def _misfit_table(columns: Mapping[str, TypedColumn], lines: npt.NDArray[np.int64]) -> Table:
    """The misfits of each column, as many of each as fit."""
    total = sum(len(column.misfits) for column in columns.values())
    with_misfits = sum(len(column.misfits) > 0 for column in columns.values())
    share = max(1, _MAX_ROWS // with_misfits) if with_misfits else _MAX_ROWS
    rows = [
        (int(lines[row]), column.name, _shortened(text))
        for column in columns.values()
        for row, text in zip(column.misfits[:share], column.misfit_texts, strict=False)
    ]
    frame = pd.DataFrame(sorted(rows)[:_MAX_ROWS], columns=["line", "column", "text"])
    return Table(title="Cells that do not fit their column", frame=frame, note=_note(total))


def _ledger_table(ledger: Sequence[RowLedger]) -> Table:
    rows = [
        (
            step.step,
            step.rows_in,
            step.rows_out,
            sum(step.quarantined.values()),
            "; ".join(f"{reason}: {count}" for reason, count in step.quarantined.items()),
        )
        for step in ledger
    ]
    names = ["step", "rows_in", "rows_out", "quarantined", "reasons"]
    return Table(title="Row ledger", frame=pd.DataFrame(rows, columns=names))


def _note(total: int) -> str:
    return f"The first {_MAX_ROWS} of {total:,}." if total > _MAX_ROWS else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
