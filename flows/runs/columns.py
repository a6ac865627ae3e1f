"""Whether the data have what the project file speaks of, as soon as their columns are known.

Guarantee: a column that is not there, and a condition that can never be met, end the run before any
work is done on the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.runs.context import RunContext
from tasks.declared_conditions import refuse_impossible_conditions
from tasks.errors import ProjectFileError
from tasks.ingestion import unknown_columns
from tasks.project.loading import LoadedProject
from tasks.project.roles import ROW_KEY
from tasks.steps import Ingested


def freeze_key_columns(context: RunContext, ingested: Ingested) -> None:
    """Keep the key columns of the first run that could be read.

    Raises ProjectFileError as `require_columns`.
    """
    facts = context.store.facts(*ingested.place)
    require_columns(context.loaded, facts)
    if context.project.key is None:
        context.given.earlier.freeze_key_columns(tuple(facts["key_columns"]))


def require_columns(loaded: LoadedProject, ingested: Mapping[str, Any]) -> None:
    """Hold what the project names against the columns; `ingested` are the facts of ingestion.

    Raises ProjectFileError when the project names a column anywhere that the data do not have, or
    asks of one what its kind cannot answer: each stage sees its own section only, and a later one
    would say so late.
    """
    names = list(ingested.get("kinds", {}))
    if not names:
        return
    unknown = unknown_columns(loaded.project, [*names, ROW_KEY])
    if unknown:
        raise ProjectFileError(
            f"{loaded.path.name} names {unknown[0]}, which is no column of the data"
            + (f" ({len(unknown) - 1} more)" if len(unknown) > 1 else "")
        )
    if "schema" in ingested:
        refuse_impossible_conditions(loaded.project, ingested["schema"])
