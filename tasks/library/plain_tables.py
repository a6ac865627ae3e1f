"""A frame as a notebook holds it, typed and with roles as a run would give them.

Guarantees: columns are typed by the code that reads a Parquet file, so that a column has the kind
here that it has in a run; rows without a target are left out, and the others keep their order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.conditions import nearest_column
from tasks.ingestion.cell_types import type_column
from tasks.ingestion.cells import as_series
from tasks.ingestion.counters import find_counters
from tasks.ingestion.reading import typed_source
from tasks.ingestion.role_resolution import resolve_roles
from tasks.library.plain_arrays import plain_settings, row_names
from tasks.project.data_sections import SourceSection
from tasks.project.roles import ColumnKind, Roles
from tasks.project.sections import Project
from tasks.splitting.copies import example_codes
from tasks.splitting.units import (
    base_units,
    cluster_units,
    group_units,
    joined_units,
    twin_codes,
)

TRUTH = "y_true"
"""What a column of labels is called that comes beside the table."""


@dataclass(frozen=True, eq=False)
class PlainTable:
    """Typed rows named by their place; `index` is what the user's frame calls them.

    `split` puts all rows on train, with the unit of each as a run has it: its group, or its copies.
    """

    frame: pd.DataFrame
    roles: Roles
    index: pd.Index
    project: Project
    split: pd.DataFrame


def plain_table(frame: Any, target: str | Roles, seed: int = 0, **sections: Any) -> PlainTable:
    """The frame with the roles of its columns; `sections` are those of a project file.

    With the name of the target the other columns have the kinds that a run would find; with
    `Roles` they are as declared, and columns that these do not name are left out. Raises ValueError
    for a frame or a column that cannot be meant.
    """
    asked = target if isinstance(target, Roles) else Roles(target=target)
    frame = _checked(frame, asked, whole=isinstance(target, str))
    project = plain_settings(
        Project,
        name="library",
        source=SourceSection(path="-"),
        target=asked.target,
        positive_class=asked.positive_class,
        task="regression" if asked.regression else "classification",
        seed=seed,
        **sections,
    )
    labelled = frame[asked.target].notna().to_numpy()
    typed, roles = _typed(frame[labelled], asked, project, declared=isinstance(target, Roles))
    units = _units(typed, roles)
    split = pd.DataFrame({"unit": units, "side": "train"}, index=typed.index)
    return PlainTable(typed, roles, frame.index[labelled], project, split)


def _checked(frame: Any, roles: Roles, *, whole: bool) -> pd.DataFrame:
    """The columns that are asked for, named by words."""
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"the table is a {type(frame).__name__}, and a pandas DataFrame is needed")
    frame = frame.rename(columns=str)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ValueError(f"the table has two columns named '{twice[0]}'; rename one of them")
    special = (roles.group, roles.time, roles.key)
    named = [
        *roles.features,
        *roles.outcome_only,
        *(name for name in special if name),
        *roles.excluded,
    ]
    for name in (roles.target, *named):
        if name not in frame.columns:
            raise ValueError(f"the table is asked for '{name}'{nearest_column(name, frame)}")
    if not frame[roles.target].notna().any():
        raise ValueError(f"no row of the table has a value in '{roles.target}'")
    kept = list(frame.columns) if whole else list(dict.fromkeys([*named, roles.target]))
    chosen: pd.DataFrame = frame[kept]
    return chosen


def _typed(
    frame: pd.DataFrame, asked: Roles, project: Project, *, declared: bool
) -> tuple[pd.DataFrame, Roles]:
    kinds: dict[str, ColumnKind] = {
        **dict.fromkeys(asked.numeric, "numeric"),
        **dict.fromkeys(asked.categorical, "categorical"),
        **dict.fromkeys(asked.text, "text"),
        asked.target: "numeric" if asked.regression else "categorical",
    }
    raw = typed_source(pa.table({name: _arrow(frame[name]) for name in frame.columns}))
    columns = {
        name: type_column(raw, name, kinds.get(name), project.source) for name in raw.columns
    }
    typed = pd.DataFrame({name: as_series(column.values) for name, column in columns.items()})
    typed.index = row_names(len(typed))
    if declared:
        return typed, replace(asked, key=None)
    found = {name: column.kind for name, column in columns.items()}
    reasons = {name: one.no_feature for name, one in columns.items() if one.no_feature is not None}
    return typed, resolve_roles(project, found, find_counters(columns) | reasons)


def _arrow(column: pd.Series) -> pa.ChunkedArray:
    try:
        return pa.Table.from_pandas(column.to_frame(), preserve_index=False).column(0)
    except (pa.ArrowException, TypeError) as failure:
        name, reason = column.name, str(failure).splitlines()[0]
        raise ValueError(
            f"the cells of column '{name}' are of several types ({reason}); make them one, for "
            f"example by frame['{name}'].astype(str)"
        ) from None


def _units(typed: pd.DataFrame, roles: Roles) -> pd.Series:
    if roles.group is not None:
        return group_units(typed, roles)
    twins = twin_codes(typed, roles.features)
    exact = cluster_units(typed, roles, base_units(typed, roles), twins)
    codes = example_codes(typed, roles, twins)
    return joined_units(exact, codes, pd.Series(False, index=typed.index))


def with_features(table: PlainTable) -> PlainTable:
    """The table itself. Raises ValueError where none of its columns is a feature."""
    if not table.roles.features:
        left = [f"'{name}': {why}" for name, why in table.roles.excluded.items()]
        raise ValueError(
            f"no column is a feature ({'; '.join(left) or 'there is none but the target'}); name "
            "those that are in Roles(target=..., numeric=..., categorical=..., text=...)"
        )
    return table


def as_given(table: PlainTable, values: pd.DataFrame | pd.Series) -> Any:
    """Values of the table's rows, called as the user's frame calls them."""
    places = np.asarray(table.frame.index.get_indexer(values.index))
    return values.set_axis(table.index[places], axis=0)
