"""Weak slices: properties whose dev rows are wrong more often than the rest, found by machine.

Guarantees: a slice was found on one half of the dev rows and confirmed on the other, and its error
rate is that of the confirming half; where nothing was found, what could have been is said.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Check, Figure, Finding, Table
from tasks.conditions import Mask
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.searched_columns import searched_columns
from tasks.error_analysis.weak_slice_findings import (
    errors_of,
    measured,
    not_searched,
    search_check,
    sentence,
    slice_table,
)
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import NamedSlices
from tasks.slice_search import Found, Search, SearchPlan, search_slices

MIN_ERRORS = 20
EXAMPLES = 5


@dataclass(frozen=True)
class WeakSlice:
    """A slice that was confirmed: its name, the columns that define it, its rows among dev's."""

    name: str
    columns: tuple[str, ...]
    rows: Mask


def find_weak_slices(
    errors: DevErrors,
    frame: pd.DataFrame,
    tags: NamedSlices,
    roles: Roles,
    project: Project,
    units: pd.Series,
    leaks: Collection[str] = (),
) -> tuple[Finding, tuple[WeakSlice, ...]]:
    """The slices of the dev rows that are weak beyond chance, the most certain first.

    `frame` is the curated table, whose rows settle the edges of bins; `tags` are masks over the dev
    rows, any besides columns that should be searched; `units` names what must stay in one half
    (`split["unit"]`), over the dev rows; `leaks` are columns that give the target away.

    Raises ProjectFileError where the section excludes a column that there is not.
    """
    section = project.error_analysis.search
    dev = frame.index.get_indexer(errors.rows.index)
    columns = searched_columns(frame, dev, tags, roles, project, leaks)
    wrong, right = int(errors.wrong.sum()), int((~errors.wrong).sum())
    if min(wrong, right) < MIN_ERRORS or len(errors.wrong) < 2 * section.min_rows:
        least = 2 * section.min_rows
        return Finding(checks=(not_searched(errors, MIN_ERRORS, least),)), ()
    plan = SearchPlan(
        max_order=section.max_order,
        carried=section.candidates,
        min_rows=section.min_rows,
        false_discovery_rate=section.false_discovery_rate,
        seed=project.seed,
    )
    search = search_slices(columns, errors.wrong, units, plan)
    left_out = [column.left_out for column in columns if column.left_out]
    return _finding(errors, search, plan, left_out), tuple(
        WeakSlice(found.name, found.columns, found.members) for found in search.reported
    )


def _finding(errors: DevErrors, search: Search, plan: SearchPlan, left_out: list[str]) -> Finding:
    rows = [measured(found, search, errors) for found in search.reported]
    check: Check = search_check(errors, search, plan, rows)
    tables = {"weak_slices": slice_table(rows, search, plan, left_out)}
    figures: tuple[Figure, ...] = ()
    if rows:
        tables["weak_slice_rows"] = _examples(errors, search)
        figures = (
            Figure(
                kind="intervals",
                title="Error rate of the weak slices (confirming half of dev)",
                table="weak_slices",
                limit=errors_of(search, errors).rate,
                alt="Share of rows predicted wrongly in each weak slice with its 95 % interval; "
                "the line is the share over the whole confirming half.",
            ),
        )
    summary = f"{len(rows)} weak {'slice' if len(rows) == 1 else 'slices'}"
    return Finding(
        summary=f"{summary}, first {rows[0]['label']}" if rows else summary,
        checks=(check,),
        facts={
            "weak_slices": [
                _fact(row, found) for row, found in zip(rows, search.reported, strict=True)
            ]
        },
        tables=tables,
        figures=figures,
    )


def _fact(row: dict[str, Any], found: Found) -> dict[str, Any]:
    return {
        "name": found.name,
        "columns": list(found.columns),
        "n": row["n"],
        "dev_rows": row["dev_rows"],
        "share": row["share"],
        "error_rate": row["value"],
        "low": row["low"],
        "high": row["high"],
        "lift": row["lift"],
        "p_adjusted": row["p_adjusted"],
        "sentence": sentence(row),
    }


def _examples(errors: DevErrors, search: Search) -> Table:
    """Of each slice the wrong rows that the model was surest of."""
    labels, predicted = errors.labels.to_numpy(), errors.predictions["predicted"].to_numpy()
    sure = np.zeros(len(labels))
    for name in errors.classes:
        if f"p:{name}" in errors.predictions:
            chosen = predicted == name
            sure[chosen] = errors.predictions[f"p:{name}"].to_numpy()[chosen]
    shown = []
    for found in search.reported:
        places = np.flatnonzero(found.members & errors.wrong)
        first = places[np.argsort(-sure[places], kind="stable")[:EXAMPLES]]
        shown += [(found.name, place) for place in first]
    at = [place for _, place in shown]
    frame = pd.DataFrame(
        {
            "slice": [name for name, _ in shown],
            "row_key": errors.rows.index.to_numpy()[at],
            "true_label": labels[at],
            "predicted_label": predicted[at],
            "probability": sure[at],
        }
    )
    note = f"Of each slice the {EXAMPLES} errors that the model was surest of, from all of dev."
    return Table(title="Errors of the weak slices (dev)", frame=frame, note=note)
