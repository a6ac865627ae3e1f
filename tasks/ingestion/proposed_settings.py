"""With which settings of `source` is a file read as it is meant?

Guarantees: with what is proposed a column's cells are what they look like; a mark that may be
either of two (1.234) is not decided here, and neither is a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.ingestion.cell_types import type_column
from tasks.ingestion.cells import TypedColumn
from tasks.ingestion.judging_notations import notations_of
from tasks.ingestion.notations import NUMBERS, Notation
from tasks.ingestion.sources import RawSource
from tasks.project.data_sections import SourceSection
from tasks.project.sections import Project

_NO_TARGET = "\0"


def proposed_settings(raw: RawSource, source: SourceSection) -> dict[str, Any]:
    """Options of `source` with their values; empty where the file is read as it is meant."""
    columns = {name: type_column(raw, name, None, source) for name in raw.columns}
    project = Project(name="proposed", source=source, target=_NO_TARGET)
    found, settings = notations_of(raw, columns, project)
    open_ = {name for name, told in found.items() if _is_open(columns[name], told)}
    if open_:
        clear = {name: column for name, column in columns.items() if name not in open_}
        _, settings = notations_of(raw, clear, project)
    return settings


def _is_open(column: TypedColumn, told: Sequence[Notation]) -> bool:
    """Whether the cells may be something else, so that a person has to say."""
    read = column.kind == "numeric" and not len(column.misfits)
    return any(one.otherwise or (read and one.what == NUMBERS) for one in told)
