"""Read the source into a typed, keyed, fingerprinted table, and judge it.

Guarantees: every row of the file is in the snapshot or among the quarantined rows with its line
and reason; every cell that was blanked is counted; bad data gives failed checks, never an
exception. Where a critical failure leaves no table to go on with, the snapshot is empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.checks import Check, StageResult
from tasks.fingerprints import fingerprint_frame
from tasks.ingestion import judging_columns, judging_labels, judging_notations, judging_rows
from tasks.ingestion.cell_types import type_column
from tasks.ingestion.cells import TypedColumn, as_series
from tasks.ingestion.counters import find_counters
from tasks.ingestion.evidence import evidence_tables, quarantined_frame
from tasks.ingestion.labels import rare_classes, with_classes
from tasks.ingestion.notations import Notation
from tasks.ingestion.reading import read_source
from tasks.ingestion.role_resolution import declared_kinds, default_key_columns, resolve_roles
from tasks.ingestion.row_keys import hashed_keys
from tasks.ingestion.rows import Rows, choose_rows, ledger_step
from tasks.ingestion.sources import RawSource
from tasks.ingestion.wording import STAGE
from tasks.project.roles import ROW_KEY, Roles
from tasks.project.sections import Project


def ingest(
    source: Path, project: Project, frozen_key_columns: tuple[str, ...] | None = None
) -> StageResult:
    """Read `source` as `project` says.

    `frozen_key_columns` are the columns that made the row's key in the project's first run; the
    project's own `key` and `key_columns` go before them. The result's output `snapshot` is indexed
    by row key; its facts say how the columns are used and how many rows came in and were kept.

    Raises ProjectFileError when the file is not there or cannot be opened.
    """
    raw = read_source(source, project.source)
    checks = [judging_columns.judge_readable(raw)]
    if raw.problem is not None:
        return _refused(raw, checks)
    checks += [
        judging_columns.judge_rows(raw),
        *judging_columns.judge_inner_headers(raw),
        *judging_columns.judge_header(raw, project, frozen_key_columns),
    ]
    if any(check.blocks for check in checks):
        return _refused(raw, checks)
    written = _type_columns(raw, project)
    rare = rare_classes(written[project.target].values, project)
    columns = with_classes(written, rare, project)
    key_columns = _key_columns(project, raw, frozen_key_columns)
    kinds = {name: column.kind for name, column in columns.items()}
    reasons = {name: c.no_feature for name, c in columns.items() if c.no_feature is not None}
    roles = resolve_roles(project, kinds, find_counters(columns) | reasons, key_columns)
    aside = rare if project.labels.rare_classes == "set_aside" else {}
    rows = choose_rows(raw, columns, project, tuple(aside))
    keys = _keys(columns, roles, raw.table.num_rows)
    frame = _frame(columns, rows.keep)
    key_check = judging_rows.judge_key(keys[rows.keep], raw.lines[rows.keep].tolist(), roles)
    hidden, settings = judging_notations.notations_of(raw, columns, project)
    checks += [
        judging_columns.judge_columns(roles, columns, hidden),
        key_check,
        *judging_labels.judge_labels(raw, written[project.target], rare, project),
        judging_rows.judge_target(frame[project.target], rows.unlabelled, project),
        *_misfit_checks(columns, raw, project, hidden, settings),
        *_notation_checks(raw, columns, project, hidden, settings),
        *_row_checks(raw, rows, len(frame), project),
    ]
    if key_check.blocks:
        return _refused(raw, checks, rows, columns, roles)
    frame.index = pd.Index(keys[rows.keep].to_numpy(), dtype="str", name=ROW_KEY)
    return _result(frame, raw, checks, rows, columns, roles)


def _type_columns(raw: RawSource, project: Project) -> dict[str, TypedColumn]:
    declared = declared_kinds(project)
    return {
        name: type_column(raw, name, declared.get(name), project.source) for name in raw.columns
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


def _frame(columns: Mapping[str, TypedColumn], keep: NDArray[np.bool_]) -> pd.DataFrame:
    series = {name: as_series(column.values) for name, column in columns.items()}
    return pd.DataFrame(series)[keep]


def _misfit_checks(
    columns: Mapping[str, TypedColumn],
    raw: RawSource,
    project: Project,
    hidden: Mapping[str, Sequence[Notation]],
    settings: Mapping[str, Any],
) -> list[Check]:
    checks = []
    for name, column in columns.items():
        if column.kind in ("numeric", "time"):
            lines = raw.lines[column.misfits[:3]].tolist()
            told = judging_notations.told_as_mended(hidden.get(name, ()), settings)
            checks.append(judging_columns.judge_misfits(column, lines, project, told))
    return checks


def _notation_checks(
    raw: RawSource,
    columns: Mapping[str, TypedColumn],
    project: Project,
    hidden: Mapping[str, Sequence[Notation]],
    settings: Mapping[str, Any],
) -> list[Check]:
    """What is hidden in columns, save where their misfits tell it already."""
    left = {name: told for name, told in hidden.items() if not len(columns[name].misfits)}
    return [
        *judging_notations.judge_notations(left, settings, columns),
        *judging_notations.judge_names(raw, columns),
        *judging_notations.judge_zones(raw, columns, project),
        *judging_notations.judge_units(raw, columns, project),
    ]


def _row_checks(raw: RawSource, rows: Rows, kept: int, project: Project) -> list[Check]:
    rows_in = raw.table.num_rows + len(raw.bad_rows)
    limit = project.source.max_quarantined_share
    return [
        judging_rows.judge_ledger(rows.ledger, rows_in, kept, len(rows.bad_rows)),
        judging_rows.judge_quarantined(rows_in, rows.reasons, limit),
    ]


def _refused(
    raw: RawSource,
    checks: Sequence[Check],
    rows: Rows | None = None,
    columns: Mapping[str, TypedColumn] | None = None,
    roles: Roles | None = None,
) -> StageResult:
    """The result where there is no table to go on with."""
    if rows is None:
        count = raw.table.num_rows
        step = ledger_step("reading", count + len(raw.bad_rows), count, raw.bad_rows)
        rows = Rows(np.ones(count, dtype=np.bool_), raw.bad_rows, (step,))
    empty = pd.DataFrame(index=pd.Index([], dtype="str", name=ROW_KEY))
    return _result(empty, raw, checks, rows, columns or {}, roles)


def _result(
    frame: pd.DataFrame,
    raw: RawSource,
    checks: Sequence[Check],
    rows: Rows,
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
