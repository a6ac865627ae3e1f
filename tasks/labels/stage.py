"""The stage `label_consistency`: conflicts, suspected issues, agreement, and what to review.

Guarantees: limits are judged on train and dev rows; test rows are counted apart and choose
nothing (agreement, in which no model takes part, is measured on all rows); labels that are too
few to judge give `not_applicable` with what is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.checks import StageResult
from tasks.labels.drift_findings import judge_drift
from tasks.labels.findings import STAGE, LabelFinding, judge_conflicts, judge_issues
from tasks.labels.issues import class_thresholds, find_issues
from tasks.labels.mixed_classes import judge_mixed_classes
from tasks.labels.neighbours import explain_issues
from tasks.labels.numbers import check_numbers
from tasks.labels.probabilities import LabelProbabilities, label_probabilities
from tasks.labels.rating_findings import judge_ratings
from tasks.labels.review import review_table
from tasks.labels.review_estimates import is_confirmed
from tasks.labels.reviewed import Said, judge_reviews, judge_rules
from tasks.project.dataset import Dataset
from tasks.project.sections import Project


def check_labels(
    dataset: Dataset,
    project: Project,
    allow_imports: tuple[str, ...] = (),
    said: Said | None = None,
    ratings: Path | None = None,
) -> StageResult:
    """Judge whether the labels of the rows agree with each other and with their features.

    Outputs `label_quality`, by row key: side, label, likely_label (missing where not judged),
    quality in [0, 1] (low is bad, NaN where not judged) and issue; `human_level`, how right one
    person is (empty where unknown); and, of items that several labelled, `consensus`. `ratings` is
    the project's file of them. Rows without a label or a side are left out. Raises ProjectFileError
    for a candidate that cannot be built.
    """
    said = said or Said()
    roles, frame = dataset.roles, dataset.frame
    has_side = dataset.split.index.get_indexer(frame.index) >= 0
    frame = frame[frame[roles.target].notna() & has_side]
    split = dataset.split.loc[frame.index]
    dataset = Dataset(frame, split, roles)
    if roles.regression:
        return check_numbers(dataset, project)
    probabilities = label_probabilities(dataset, project, allow_imports)
    labels = roles.labels(frame)
    quality = label_quality(labels, split["side"], probabilities)
    quality["issue"] &= ~is_confirmed(said.reviews, labels)
    found = (
        judge_conflicts(frame, split["side"], roles, project, split["unit"]),
        judge_issues(quality, probabilities, project, split["unit"]),
        explain_issues(quality, frame, split["side"], roles, project.labels.review_rows),
        judge_mixed_classes(frame, split["side"], roles, probabilities),
        judge_drift(frame, split["side"], roles, project, units=split["unit"]),
        *judge_ratings(dataset, project, probabilities, ratings, allow_imports),
        judge_reviews(said.reviews, labels, split["side"], project.labels),
        judge_rules(said.rules, labels),
    )
    reasons = _joined(found, frame.index)
    summary = ", ".join(finding.summary for finding in found if finding.summary)
    rows = LabelFinding(
        tables={"review": review_table(frame, roles, quality, reasons, project.labels.review_rows)},
        outputs={"label_quality": quality[["side", "label", "likely_label", "quality", "issue"]]},
    )
    return StageResult.of(STAGE, summary, (rows, *found))


def label_quality(
    labels: pd.Series, sides: pd.Series, probabilities: LabelProbabilities
) -> pd.DataFrame:
    """The columns of `label_quality`, and the probabilities of the label and of the likely one."""
    likely = np.full(len(labels), "", dtype=object)
    numbers = np.full((3, len(labels)), np.nan)
    issue = np.zeros(len(labels), dtype=bool)
    codes = pd.Index(probabilities.classes, dtype="str").get_indexer(pd.Index(labels))
    known = np.flatnonzero(codes >= 0)
    if probabilities.matrix is not None:
        given, matrix = codes[known], probabilities.matrix[known]
        train = (sides == "train").to_numpy()[known]
        found = find_issues(given, matrix, class_thresholds(given[train], matrix[train]))
        likely[known] = np.asarray(probabilities.classes, dtype=object)[found.likely]
        rows = np.arange(len(known))
        numbers[:, known] = found.quality, matrix[rows, given], matrix[rows, found.likely]
        issue[known] = found.issue
    likely_labels = pd.Series(likely, index=labels.index, dtype="str")
    return pd.DataFrame(
        {
            "side": sides,
            "label": labels,
            "likely_label": likely_labels.where(likely_labels != ""),
            "quality": numbers[0],
            "issue": issue,
            "p_label": numbers[1],
            "p_likely": numbers[2],
        },
        index=labels.index,
    )


def _joined(findings: Sequence[LabelFinding], index: pd.Index) -> pd.Series:
    """What the findings say against each row's label, in one sentence a row."""
    joined = pd.Series("", index=index, dtype="str")
    for finding in findings:
        if finding.reasons is not None:
            both = (joined != "") & (finding.reasons != "")
            joined = joined + pd.Series("; ", index=index).where(both, "") + finding.reasons
    return joined
