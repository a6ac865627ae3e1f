"""How much of the errors each tag and slice accounts for, and which to work on first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Figure, Finding
from tasks.error_analysis.advice import UNDECIDED, Advice, advise
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.evidence import TrainSide, suspected_labels
from tasks.error_analysis.findings import tags_check
from tasks.error_analysis.priorities import (
    Priority,
    Reference,
    choose_reference,
    rank_tags,
    require_known,
    to_fact,
)
from tasks.error_analysis.tag_estimates import Resamples
from tasks.error_analysis.tag_rows import TagRows
from tasks.error_analysis.tags import Tag, measure_tags, tags_of_target, tags_table
from tasks.error_analysis.work_table import CHARTED, advice_table, priorities_table
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.slice_metrics import NamedSlices

TOP_PRIORITIES = 5
A_CLASS = "a class, not ranked beside tags"


@dataclass(frozen=True)
class WorkEvidence:
    """What is known besides the dev rows: of people, of the train rows, and of the labels.

    `people` says what people reach on a tag, by its name; `quality` is the frame `label_quality`
    of label consistency, indexed by row key; `hand_tags` names the tags that people ever gave.
    """

    people: Mapping[str, Reference]
    train: TrainSide | None = None
    quality: pd.DataFrame | None = None
    hand_tags: tuple[str, ...] = ()


def rank_work(
    errors: DevErrors,
    declared: NamedSlices,
    roles: Roles,
    project: Project,
    ladder: Sequence[Mapping[str, Any]],
    known: WorkEvidence,
    said: Sequence[TagRows] = (),
) -> Finding:
    """The four numbers of each tag, the tags that are worth most, and what to do about them.

    `declared` are the project's slices and tags over the dev rows, `said` the tags by hand.

    Raises ProjectFileError where work is declared for a tag that there is not.
    """
    section = project.error_analysis
    classes = tags_of_target(errors.rows, roles)
    tags = [*(TagRows.of_all(name, has) for name, has in declared.masks.items()), *said]
    names = {tag.name for tag in tags}
    by_class = [TagRows.of_all(n, has) for n, has in classes.items() if n not in names]
    hand_tags = {*known.hand_tags, *(tag.name for tag in said)}
    absent = require_known(section.work, names | set(classes), hand_tags)
    resamples = Resamples.of(errors.units, project)
    measured = measure_tags([*by_class, *tags], errors.wrong, resamples)
    # A class is what is to be predicted, not why it is missed: tags say more where there are some.
    told_by_tags = {tag.name for tag in by_class} if section.tags or said else set()
    reference = choose_reference(project, ladder, 1 - errors.rate)
    ranked = rank_tags(
        [tag for tag in measured if tag.name not in told_by_tags],
        reference,
        section.min_rows,
        known.people,
        section.work,
    )
    by_name = {tag.name: tag for tag in [*by_class, *tags]}
    advice = {
        found.tag.name: _advice(found, by_name[found.tag.name], errors, resamples, roles, known)
        for found in ranked[:CHARTED]
    }
    worth = [found for found in ranked if found.gain_points > 0][:TOP_PRIORITIES]
    return Finding(
        summary=_summary(worth),
        checks=(tags_check(measured, names, section.min_rows, absent),),
        facts={
            "priorities": [_fact(found, advice[found.tag.name]) for found in worth],
            "reference": {"accuracy": reference.accuracy, "name": reference.name},
        },
        tables={
            "tags": tags_table(
                measured,
                {p.tag.name: (p.room.value, p.room.low, p.room.high) for p in ranked},
                _statuses(measured, told_by_tags, section.min_rows),
                declared.left_out,
            ),
            "priorities": priorities_table(ranked, reference, advice),
            "advice": advice_table(ranked, advice),
        },
        figures=(_priorities_figure(bool(section.work)),),
    )


def _priorities_figure(weighted: bool) -> Figure:
    return Figure(
        kind="bars",
        title="What to work on next",
        table="priorities",
        unit="points of accuracy" + (" x importance" if weighted else ""),
        alt="Points of accuracy to win by tag, with 95 % intervals, the most certain first.",
    )


def _statuses(measured: Sequence[Tag], classes: set[str], min_rows: int) -> dict[str, str]:
    """Why a tag is not ranked, by its name; nothing for those that are."""
    found = {tag.name: tag.why_not_ranked(min_rows) for tag in measured}
    found = {name: why or (A_CLASS if name in classes else "") for name, why in found.items()}
    return {name: why for name, why in found.items() if why}


def _advice(
    found: Priority,
    tag: TagRows,
    errors: DevErrors,
    resamples: Resamples,
    roles: Roles,
    known: WorkEvidence,
) -> Advice:
    train = known.train.errors_with(tag) if known.train is not None else None
    labels = None
    if known.quality is not None:
        issue = known.quality["issue"].reindex(errors.rows.index, fill_value=False)
        labels = suspected_labels(tag, errors, np.asarray(issue, dtype=bool), resamples)
    return advise(found, train, labels, texts=bool(roles.text))


def _fact(found: Priority, advice: Advice) -> dict[str, Any]:
    fact = to_fact(found)
    told = f" Advice: {advice.action}." if advice.action not in UNDECIDED else ""
    return {**fact, "advice": advice.action, "sentence": f"{fact['sentence']}{told}"}


def _summary(worth: Sequence[Priority]) -> str:
    if not worth:
        return "no tag stands out"
    best = worth[0]
    return f"first: {best.tag.name}, worth {best.gain_points:.1f} points"
