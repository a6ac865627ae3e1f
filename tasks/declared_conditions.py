"""The conditions of a project file: do they fit the columns, and does any row meet them?

Guarantees: a condition that the columns cannot answer is told as soon as the columns are known,
before any work; a condition that decides over a model, and that no row of the whole table meets, is
refused as a mistake of the project file before anything is fitted: what is written for nobody
would never be judged, and so protect nobody. A condition that only the test rows lack is no
mistake: its check says that it has too few rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from tasks.conditions import Mask, parse_condition
from tasks.errors import ProjectFileError
from tasks.project.fields import SliceSpec
from tasks.project.sections import Project


def met_condition(place: str, condition: str, frame: pd.DataFrame) -> Mask:
    """The rows of `frame`, the whole table, that meet the condition; there is at least one.

    Raises ProjectFileError, naming the `place` in the project file, when no row does, and as
    `Condition.mask`.
    """
    mask = parse_condition(condition).mask(frame)
    if not mask.any():
        raise ProjectFileError(
            f'{place}: none of the {len(frame):,} rows of the table meets "{condition}", so that '
            "nothing would ever be judged by it; correct the condition or take the entry out"
        )
    return mask


def refuse_unmet_conditions(project: Project, frame: pd.DataFrame) -> None:
    """Try every condition that decides over a model on the whole table.

    Raises ProjectFileError as `met_condition`.
    """
    for place, condition in deciding_conditions(project):
        met_condition(place, condition, frame)


def deciding_conditions(project: Project) -> Iterator[tuple[str, str]]:
    """The place in the project file and the text of each condition that decides over a model."""
    audit = project.audit
    for at, floor in enumerate(audit.floors):
        if floor.slice is not None and floor.slice.condition is not None:
            yield f"audit.floors[{at}]", floor.slice.condition
    for at, one in enumerate(audit.important):
        if one.condition is not None:
            yield f"audit.important[{at}]", one.condition
    for at, spec in enumerate(project.gate.guard_slices):
        if spec.condition is not None:
            yield f"gate.guard_slices[{at}]", spec.condition


def refuse_impossible_conditions(project: Project, schema: Mapping[str, str]) -> None:
    """Hold every condition against the columns, whose dtypes the `schema` names.

    Raises ProjectFileError for the first that names no column, or compares what can never match.
    """
    for place, condition in _all_conditions(project):
        problem = parse_condition(condition).problem(schema)
        if problem is not None:
            raise ProjectFileError(f"{place}: {problem}")


def _all_conditions(project: Project) -> Iterator[tuple[str, str]]:
    """Every condition, also those that only inform."""
    yield from deciding_conditions(project)
    listed: dict[str, Iterable[SliceSpec]] = {
        "slices": project.slices,
        "error_analysis.tags": project.error_analysis.tags,
    }
    for section, specs in listed.items():
        for at, spec in enumerate(specs):
            if spec.condition is not None:
                yield f"{section}[{at}]", spec.condition
    for at, rule in enumerate(project.validation.expectations):
        condition = rule.kwargs.get("row_condition")
        if isinstance(condition, str):
            yield f"validation.expectations[{at}]", condition
