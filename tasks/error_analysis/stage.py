"""The evidence of error analysis, put together: what went wrong on dev, where, and how often.

Guarantees: dev rows alone are looked at; every rate carries its interval and its rows; a tag with
too few rows is shown as too small and not ranked; no finding here blocks a model, since error
analysis says what to work on and the audit judges.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from tasks.checks import Check, Finding, StageResult
from tasks.drawn_units import drawn_units
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.differences import contrast_errors, contrast_slices
from tasks.error_analysis.evidence import TrainSide
from tasks.error_analysis.examples import find_examples
from tasks.error_analysis.findings import STAGE
from tasks.error_analysis.importance import measure_importance
from tasks.error_analysis.number_examples import find_largest
from tasks.error_analysis.overview import measure_errors
from tasks.error_analysis.priorities import people_by_tag
from tasks.error_analysis.tagged import WorkEvidence, rank_work
from tasks.error_analysis.tags import tags_of_target
from tasks.error_analysis.weak_slices import find_weak_slices
from tasks.project.dataset import Dataset
from tasks.project.sections import Project
from tasks.scoring import Score
from tasks.slice_metrics import NamedSlices, named_slices
from tasks.tagging.findings import find_hand_tags
from tasks.tagging.hand_tags import TaggedRows
from tasks.tagging.rules import rule_tags
from tasks.tagging.said import tags_of
from tasks.tagging.sources import TagSources


def analyse_errors(  # noqa: PLR0913, PLR0917 - all that it looks at is named
    dataset: Dataset,
    project: Project,
    predictions: pd.DataFrame,
    ladder: Sequence[Mapping[str, Any]],
    people: pd.DataFrame | None = None,
    score: Score | None = None,
    quality: pd.DataFrame | None = None,
    given: TagSources | None = None,
    leaks: Collection[str] = (),
) -> StageResult:
    """What the model gets wrong on dev, by class, slice and tag, and what to work on first.

    `predictions` are those of the dev rows; `ladder` is the baselines' list of rungs (name,
    metric, value, kind); `people` human-level performance as label consistency measured it, by
    class and slice; `score` is the packaged model; `quality` the frame `label_quality` of label
    consistency; `given` are the tags that people gave and the packages that tags may import;
    `leaks` are the columns that give the target away.
    `facts["priorities"]` lists the tags most worth working on: gain_points with low and high in
    points of overall accuracy, room and share in [0, 1], and the advice.

    Raises ProjectFileError when a slice or tag of the project cannot be understood.
    """
    given, frame, roles = given or TagSources(), dataset.frame, dataset.roles
    slices = named_slices(project.slices, frame)
    declared = rule_tags(project, frame, given.allow_imports)
    dev = dataset.mask("dev")
    if not dev.any():
        return _nothing_to_analyse()
    errors = DevErrors.of(frame[dev], dataset, predictions, project.error_analysis.tolerance)
    tags = declared.on(dev)
    said = _said(given, (*tags.masks, *tags_of_target(errors.rows, roles)), errors)
    evidence = WorkEvidence(
        people=people_by_tag(people, project) if people is not None else {},
        train=_train_side(dataset, declared, errors, project, score),
        quality=None if roles.regression else quality,
        hand_tags=tags_of(given.hand.said) if given.hand else (),
    )
    units = dataset.split["unit"].loc[errors.rows.index]
    weak, found = find_weak_slices(errors, frame, tags, roles, project, units, leaks)
    findings = (
        measure_errors(errors, slices.on(dev), roles, project),
        rank_work(errors, tags, roles, project, ladder, evidence, said.tags),
        find_hand_tags(said),
        weak,
        contrast_slices(found, errors, roles),
        find_largest(errors, roles)
        if roles.regression
        else find_examples(errors, dataset, project.seed),
        measure_importance(errors, roles, project, score),
        contrast_errors(errors, roles),
    )
    summary = "; ".join(finding.summary for finding in findings if finding.summary)
    return StageResult.of(STAGE, summary, findings)


def _said(given: TagSources, taken: Iterable[str], errors: DevErrors) -> TaggedRows:
    """The tags that people gave, under names that are not taken."""
    return given.hand.on(errors.rows.index, tuple(taken)) if given.hand else TaggedRows()


def _train_side(
    dataset: Dataset,
    declared: NamedSlices,
    errors: DevErrors,
    project: Project,
    score: Score | None,
) -> TrainSide | None:
    """The train rows scored; None without a model."""
    if score is None:
        return None
    rows, roles = dataset.train, dataset.roles
    masks = declared.on(dataset.mask("train")).masks
    units = drawn_units(rows, dataset.split, roles)
    return TrainSide.of(rows, masks, roles, project, score, errors.tolerance, units)


def _nothing_to_analyse() -> StageResult:
    detail = "There is no dev row to look at; give split.dev a larger share or add data."
    check = Check(
        id=f"{STAGE}.errors",
        stage=STAGE,
        title="Share of dev rows predicted wrongly",
        severity="info",
        outcome="not_applicable",
        n=0,
        detail=detail,
    )
    return StageResult.of(STAGE, "no dev rows", (Finding(checks=(check,)),))
