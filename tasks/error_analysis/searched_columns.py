"""What is a dev row described by when weak slices are searched?

Guarantees: the target, label-side and outcome-only columns, the key, and the group of a split by
group are never among it; columns that are no features are, since a protected attribute that the
model must not see is what one wants to slice by; a tag that repeats a value of a column is not
searched twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.conditions import nearest_column
from tasks.errors import ProjectError
from tasks.project.analysis_sections import SliceSearchSection
from tasks.project.roles import Roles
from tasks.slice_metrics import NamedSlices
from tasks.slice_search import SearchColumn, mask_column, value_column


def searched_columns(
    frame: pd.DataFrame,
    dev: NDArray[np.intp],
    tags: NamedSlices,
    roles: Roles,
    section: SliceSearchSection,
) -> list[SearchColumn]:
    """The dimensions over the dev rows, whose positions in the curated `frame` are `dev`.

    Columns in the order of the frame, then tags. Texts stand by their number of characters. `tags`
    are masks over the dev rows. Raises ProjectError where `exclude` names no column.
    """
    for name in section.exclude:
        if name not in frame.columns:
            where = "error_analysis.search.exclude names the column"
            raise ProjectError(f"{where} '{name}'{nearest_column(name, frame)}")
    never = {roles.target, roles.key, roles.group, *roles.outcome_only, *roles.annotators}
    found = []
    for name in map(str, frame.columns):
        if name in never or name in section.exclude:
            continue
        column, label = frame[name], name
        if name in roles.text:
            column, label = column.str.len(), f"characters of {name}"
        coded = value_column(column, label, name, section.bins, section.max_values)
        found.append(coded.on(dev))
    return found + _tag_columns(tags, found)


def _tag_columns(tags: NamedSlices, columns: Sequence[SearchColumn]) -> list[SearchColumn]:
    """The tags that are neither a value of a column nor a crossing of such values."""
    values = {value: column for column in columns for value in column.values}
    found: list[SearchColumn] = []
    for name, mask in tags.masks.items():
        if all(part in values for part in name.split(" & ")):
            continue
        # Columns that the tag's name speaks of; of a tag in a person's words none is known.
        spoken = tuple(c.columns[0] for c in columns if _speaks_of(name, c.columns[0]))
        found.append(mask_column(name, spoken, mask))
    return found


def _speaks_of(name: str, column: str) -> bool:
    words = "".join(c if c.isalnum() or c == "_" else " " for c in name).split()
    return column in words or f"'{column}'" in name
