"""Read the source into a typed, keyed, fingerprinted table, and judge it.

Guarantees: every row of the file is in the snapshot or among the quarantined rows with its line
and reason; every cell that was blanked is counted; bad data gives failed checks, never an
exception. Where a critical failure leaves no table to go on with, the snapshot is empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.checks import Check, StageResult
from tasks.fingerprints import fingerprint_frame
from tasks.ingestion import judging_columns, judging_rows
from tasks.ingestion.cell_types import type_column
from tasks.ingestion.cells import TypedColumn
from tasks.ingestion.evidence import evidence_tables, quarantined_frame
from tasks.ingestion.reading import read_source
from tasks.ingestion.role_resolution import declared_kinds, default_key_columns, resolve_roles
from tasks.ingestion.row_keys import hashed_keys
from tasks.ingestion.sources import BadRow, RawSource
from tasks.ingestion.wording import STAGE
from tasks.project.roles import ROW_KEY, Roles
from tasks.project.sections import Project
from tasks.snapshots import RowLedger

LABEL_MISSING = "label missing"


def ingest(
    source: Path, project: Project, frozen_key_columns: tuple[str, ...] | None = None
) -> StageResult:
    """Read `source` as `project` says.

    `frozen_key_columns` are the columns that made the row's key in the project's first run; the
    project's own `key` and `key_columns` go before them. The result's output `snapshot` is indexed
    by row key; its facts say how the columns are used and how many rows came in and were kept.

    Raises ProjectError when the file is not there or cannot be opened.
    """
    raw = read_source(source, project.source)
    checks = [judging_columns.judge_readable(raw)]
    if raw.problem is not None:
        return _refused(raw, checks)
    checks += [
        judging_columns.judge_rows(raw),
        *judging_columns.judge_header(raw, project, frozen_key_columns),
    ]
    if any(check.blocks for check in checks):
        return _refused(raw, checks)
    columns = _type_columns(raw, project)
    key_columns = _key_columns(project, raw, frozen_key_columns)
    kinds = {name: column.kind for name, column in columns.items()}
    reasons = {name: c.no_feature for name, c in columns.items() if c.no_feature is not None}
    roles = resolve_roles(project, kinds, reasons, key_columns)
    rows = _choose_rows(raw, columns, project)
    keys = _keys(columns, roles, raw.table.num_rows)
    frame = _frame(columns, rows.keep)
    key_check = judging_rows.judge_key(keys[rows.keep], raw.lines[rows.keep].tolist(), roles)
    checks += [
        judging_columns.judge_columns(roles, columns),
        key_check,
        judging_rows.judge_target(frame[project.target], rows.unlabelled, project),
        *_misfit_checks(columns, raw, project),
        *_row_checks(raw, rows, len(frame), project),
    ]
    if key_check.blocks:
        return _refused(raw, checks, rows, columns, roles)
    frame.index = pd.Index(keys[rows.keep].to_numpy(), dtype="str", name=ROW_KEY)
    return _result(frame, raw, checks, rows, columns, roles)


@dataclass(frozen=True)
class _Rows:
    """Which rows of the table are kept, those set aside, and the ledger of it."""

    keep: npt.NDArray[np.bool_]
    bad_rows: tuple[BadRow, ...]
    ledger: tuple[RowLedger, ...]
    unlabelled: int = 0

    @property
    def reasons(self) -> dict[str, int]:
        """Rows set aside by reason."""
        return dict(sorted(Counter(row.reason for row in self.bad_rows).items()))


def _type_columns(raw: RawSource, project: Project) -> dict[str, TypedColumn]:
    declared = declared_kinds(project)
    null_values = project.source.null_values
    return {
        name: type_column(
            name, raw.table[name], declared.get(name), null_values, from_text=not raw.typed
        )
        for name in raw.columns
    }


def _key_columns(
    project: Project, raw: RawSource, frozen: tuple[str, ...] | None
) -> tuple[str, ...]:
    if frozen and project.key is None and not project.key_columns:
        return frozen
    return default_key_columns(project, raw.columns)


def _keys(columns: Mapping[str, TypedColumn], roles: Roles, rows: int) -> pd.Series:
    """Keys of all readable rows: a row that is set aside today keeps its place in the count."""
    if roles.key is not None:
        keys: pd.Series = columns[roles.key].values.to_pandas().astype("str")
        return keys
    return hashed_keys([columns[name] for name in roles.key_columns], rows)


def _frame(columns: Mapping[str, TypedColumn], keep: npt.NDArray[np.bool_]) -> pd.DataFrame:
    series = {name: column.values.to_pandas() for name, column in columns.items()}
    return pd.DataFrame(series)[keep]


def _choose_rows(raw: RawSource, columns: Mapping[str, TypedColumn], project: Project) -> _Rows:
    """Set aside the rows with a misfit, where the project says so, and those without a label."""
    rows = raw.table.num_rows
    keep = np.ones(rows, dtype=np.bool_)
    bad = list(raw.bad_rows)
    ledger = [_step("reading", rows + len(bad), rows, bad)]
    if project.source.on_misfit == "quarantine":
        misfits = _first_misfits(columns)
        keep[list(misfits)] = False
        aside = _set_aside(raw, misfits)
        ledger.append(_step("typing", rows, int(keep.sum()), aside))
        bad += aside
    before = int(keep.sum())
    unlabelled = np.flatnonzero(keep & columns[project.target].values.is_null().to_numpy())
    keep[unlabelled] = False
    missing = f"no '{project.target}'"
    aside = _set_aside(raw, {int(row): (LABEL_MISSING, missing) for row in unlabelled})
    ledger.append(_step("labels", before, int(keep.sum()), aside))
    bad = sorted(bad + aside, key=lambda row: row.line)
    return _Rows(keep, tuple(bad), tuple(ledger), len(aside))


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


def _step(name: str, rows_in: int, rows_out: int, aside: Sequence[BadRow]) -> RowLedger:
    counts = Counter(row.reason for row in aside)
    return RowLedger(name, rows_in, rows_out, dict(sorted(counts.items())))


def _misfit_checks(
    columns: Mapping[str, TypedColumn], raw: RawSource, project: Project
) -> list[Check]:
    return [
        judging_columns.judge_misfits(column, raw.lines[column.misfits[:3]].tolist(), project)
        for column in columns.values()
        if column.kind in ("numeric", "time")
    ]


def _row_checks(raw: RawSource, rows: _Rows, kept: int, project: Project) -> list[Check]:
    rows_in = raw.table.num_rows + len(raw.bad_rows)
    limit = project.source.max_quarantined_share
    return [
        judging_rows.judge_ledger(rows.ledger, rows_in, kept, len(rows.bad_rows)),
        judging_rows.judge_quarantined(rows_in, rows.reasons, limit),
    ]


def _refused(
    raw: RawSource,
    checks: Sequence[Check],
    rows: _Rows | None = None,
    columns: Mapping[str, TypedColumn] | None = None,
    roles: Roles | None = None,
) -> StageResult:
    """The result where there is no table to go on with."""
    if rows is None:
        count = raw.table.num_rows
        step = _step("reading", count + len(raw.bad_rows), count, raw.bad_rows)
        rows = _Rows(np.ones(count, dtype=np.bool_), raw.bad_rows, (step,))
    empty = pd.DataFrame(index=pd.Index([], dtype="str", name=ROW_KEY))
    return _result(empty, raw, checks, rows, columns or {}, roles)


def _result(
    frame: pd.DataFrame,
    raw: RawSource,
    checks: Sequence[Check],
    rows: _Rows,
    columns: Mapping[str, TypedColumn],
    roles: Roles | None,
) -> StageResult:
    rows_in = raw.table.num_rows + len(raw.bad_rows)
    kept, set_aside = int(rows.keep.sum()), len(rows.bad_rows)
    misfits = sum(len(column.misfits) for column in columns.values())
    facts: dict[str, Any] = {
        "roles": None if roles is None else roles.to_facts(),
        "key_columns": [] if roles is None else list(roles.key_columns),
        "fingerprint": fingerprint_frame(frame).total if len(frame.columns) else None,
        "rows_in": rows_in,
        "rows_kept": kept,
        "rows_quarantined": set_aside,
        "row_ledger": [step.to_facts() for step in rows.ledger],
        "schema": {str(name): str(dtype) for name, dtype in frame.dtypes.items()},
        "kinds": {name: column.kind for name, column in columns.items()},
    }
    failed = next((check for check in checks if check.blocks), None)
    summary = f"{rows_in:,} rows in, {kept:,} kept, {set_aside:,} set aside, {misfits:,} misfits"
    return StageResult(
        stage=STAGE,
        summary=summary if failed is None else failed.detail,
        checks=tuple(checks),
        metrics={
            "ingestion.rows_in": float(rows_in),
            "ingestion.rows_kept": float(kept),
            "ingestion.rows_quarantined": float(set_aside),
            "ingestion.misfit_cells": float(misfits),
        },
        facts=facts,
        tables=evidence_tables(columns, roles, rows.bad_rows, rows.ledger, raw.lines),
        outputs={"snapshot": frame, "quarantined": quarantined_frame(rows.bad_rows)},
    )
