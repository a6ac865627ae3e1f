"""Rows of a file as a stored model reads and answers them.

Guarantees: a column is read as ingestion read it for training, by the project's `source`; the
target may be absent and is not looked at; each readable row has one answer, in the order of the
file; rows that cannot be read, and cells that were blanked because they do not fit, are counted and
named, never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.errors import RefusedDataError
from tasks.ingestion.cell_types import type_column
from tasks.ingestion.cells import TypedColumn
from tasks.ingestion.reading import read_source
from tasks.ingestion.sources import RawSource
from tasks.models import ModelPackage, load_model
from tasks.project.data_sections import SourceSection
from tasks.project.roles import ColumnKind, Roles
from tasks.scoring import served_predictions

_NAMED = 3


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to a file, and what it left unanswered.

    `frame` has the key where the file has it, else the `line`; then `prediction` and `p_CLASS`, or
    of a number `low` and `high`. `notes` are sentences about rows and cells that did not fit.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]


def predict_file(
    path: Path, source: SourceSection, package: ModelPackage, extra_types: Sequence[str] = ()
) -> Answers:
    """The answers of the model in `package` to the rows of a file.

    Raises RefusedDataError where the file cannot be read, or lacks a column that the model needs;
    ProjectFileError and UnavailableError as `load_model`.
    """
    raw = read_source(path, source)
    if raw.problem is not None:
        raise RefusedDataError(f"{path}: {raw.problem}")
    roles = Roles.from_facts(package.facts["roles"])
    _require_columns(path, raw, roles)
    kinds: dict[ColumnKind, tuple[str, ...]] = {
        "numeric": roles.numeric,
        "categorical": roles.categorical,
        "text": roles.text,
    }
    columns = {
        name: type_column(raw, name, kind, source)
        for kind, names in kinds.items()
        for name in names
    }
    rows = pd.DataFrame({name: column.values.to_pandas() for name, column in columns.items()})
    model = load_model(package, extra_types=extra_types)
    predicted = served_predictions(model, package.facts, rows)
    named = {"predicted": "prediction"} | {
        column: f"p_{column[2:]}" for column in predicted.columns if column.startswith("p:")
    }
    frame = predicted.rename(columns=named)
    name, values = _row_names(raw, roles, source)
    frame.insert(0, name, values, allow_duplicates=True)
    return Answers(frame, tuple(_notes(raw, columns)))


def _require_columns(path: Path, raw: RawSource, roles: Roles) -> None:
    missing = [name for name in roles.features if name not in raw.columns]
    twice = [name for name in roles.features if raw.columns.count(name) > 1]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise RefusedDataError(
            f"{path} has no column '{missing[0]}'{more}, which the model needs; it has "
            f"{len(raw.columns)} columns: export it with those of the training data"
        )
    if twice:
        raise RefusedDataError(f"{path} has two columns '{twice[0]}'; rename one of them")


def _row_names(raw: RawSource, roles: Roles, source: SourceSection) -> tuple[str, Any]:
    """What tells the rows apart: the project's key, else the line in the file."""
    if roles.key is not None and raw.columns.count(roles.key) == 1:
        key = type_column(raw, roles.key, None, source)
        return roles.key, key.values.to_pandas().to_numpy()
    return "line", raw.lines


def _notes(raw: RawSource, columns: Mapping[str, TypedColumn]) -> list[str]:
    notes = []
    if raw.bad_rows:
        lines = ", ".join(str(row.line) for row in raw.bad_rows[:_NAMED])
        notes.append(f"{len(raw.bad_rows):,} rows cannot be read and have no answer: line {lines}")
    for name, column in columns.items():
        if len(column.misfits):
            lines = ", ".join(str(raw.lines[place]) for place in column.misfits[:_NAMED])
            notes.append(
                f"{len(column.misfits):,} cells of '{name}' are no numbers and count as missing: "
                f"line {lines}"
            )
    return notes
