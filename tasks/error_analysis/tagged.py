"""How much of the errors each tag and slice accounts for, and which to work on first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.checks import Figure, Finding
from tasks.error_analysis.examples import DevErrors
from tasks.error_analysis.findings import tags_check
from tasks.error_analysis.priorities import (
    Priority,
    Reference,
    choose_reference,
    priorities_table,
    rank_tags,
    to_fact,
)
from tasks.error_analysis.tag_rows import TagRows
from tasks.error_analysis.tags import class_tags, count_tags, tags_table
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import NamedSlices

TOP_PRIORITIES = 5


def rank_work(
    errors: DevErrors,
    tags: NamedSlices,
    roles: Roles,
    project: Project,
    ladder: Sequence[Mapping[str, Any]],
    people: Mapping[str, Reference],
    said: Sequence[TagRows] = (),
) -> Finding:
    """The four numbers of each tag and the tags that are worth most.

    `tags` are the project's slices and tags over the dev rows, `people` what people reach on a
    tag, by its name, `said` the tags that people gave.
    """
    min_rows = project.error_analysis.min_rows
    counted = count_tags(class_tags(roles.target, errors.labels) | tags.masks, errors.wrong)
    reference = choose_reference(project, ladder, 1 - errors.rate)
    ranked = rank_tags(counted, reference, min_rows, people)
    worth = [found for found in ranked if found.gain_points > 0][:TOP_PRIORITIES]
    rooms = {found.tag.name: found.room for found in ranked}
    return Finding(
        summary=_summary(worth),
        checks=(tags_check(tags, counted, min_rows),),
        facts={
            "priorities": [to_fact(found) for found in worth],
            "reference": {"accuracy": reference.accuracy, "name": reference.name},
        },
        tables={
            "tags": tags_table(counted, rooms, min_rows, tags.left_out),
            "priorities": priorities_table(ranked, reference),
        },
        figures=(
            Figure(
                kind="bars",
                title="What to work on next",
                table="priorities",
                unit="points of accuracy",
                alt="Points of accuracy to win by tag, with 95 % intervals, the most certain "
                "first.",
            ),
        ),
    )


def _summary(worth: Sequence[Priority]) -> str:
    if not worth:
        return "no tag stands out"
    best = worth[0]
    return f"first: {best.tag.name}, worth {best.gain_points:.1f} points"
