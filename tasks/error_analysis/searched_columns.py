"""What is a dev row described by when weak slices are searched?

Guarantees: the target, label-side and outcome-only columns, the key, and the group of a split by
group are never among it; other columns that are no features are, since a protected attribute that
the model must not see is what one wants to slice by, but not those that give the target away, nor
a tag whose rule asks for one: that the model errs where the outcome is so is no finding; a tag that
repeats a value of a column is not searched twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.conditions import nearest_column
from tasks.errors import ProjectFileError
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import NamedSlices
from tasks.slice_search import SearchColumn, mask_column, value_column


def searched_columns(
    frame: pd.DataFrame,
    dev: NDArray[np.intp],
    tags: NamedSlices,
    roles: Roles,
    project: Project,
    leaks: Collection[str] = (),
) -> list[SearchColumn]:
    """The dimensions over the dev rows, whose positions in the curated `frame` are `dev`.

    Columns in the order of the frame, then tags. Texts stand by their number of characters. `tags`
    are masks over the dev rows; `leaks` are the columns found to give the target away.

    Raises ProjectFileError where `exclude` names no column.
    """
    section = project.error_analysis.search
    for name in section.exclude:
        if name not in frame.columns:
            where = "error_analysis.search.exclude names the column"
            raise ProjectFileError(f"{where} '{name}'{nearest_column(name, frame)}")
    telling = {*roles.outcome_only, *(set(leaks) - set(roles.features))}
    never = {roles.target, roles.key, roles.group, *telling, *roles.annotators}
    found = []
    for name in map(str, frame.columns):
        if name in never or name in section.exclude:
            continue
        column, label = frame[name], name
        if name in roles.text:
            column, label = column.str.len(), f"characters of {name}"
        coded = value_column(column, label, name, section.bins, section.max_values)
        found.append(coded.on(dev))
    return found + _tag_columns(_untelling(tags, telling, project), found)


def _untelling(tags: NamedSlices, telling: Collection[str], project: Project) -> NamedSlices:
    """The tags without those whose rule, or name, speaks of a column that gives the target away."""
    rules = {one.name: f"{one.condition}" for one in project.slices}
    for tag in project.error_analysis.tags:
        rules[tag.name] = f"{tag.condition} '{tag.column}'"
    kept = {
        name: mask
        for name, mask in tags.masks.items()
        if not any(_speaks_of(rules.get(name, name), column) for column in telling)
    }
    return replace(tags, masks=kept)


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
