"""What several people said about one item: agreement, annotators, consensus, human level.

Guarantees: all four speak of the same ratings; where there are none, each says what is needed or
is silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.labels.agreement_findings import MOST_CLASSES, judge_agreement
from tasks.labels.annotator_findings import judge_annotators
from tasks.labels.consensus_findings import agree_on_labels, judge_consensus
from tasks.labels.findings import LabelFinding
from tasks.labels.human_level_findings import judge_human_level
from tasks.labels.probabilities import LabelProbabilities
from tasks.labels.rated_rows import find_ratings
from tasks.project.dataset import Dataset
from tasks.project.sections import Project


def judge_ratings(
    dataset: Dataset,
    project: Project,
    probabilities: LabelProbabilities,
    path: Path | None,
    allow_imports: Sequence[str] = (),
) -> tuple[LabelFinding, ...]:
    """The findings about ratings, of the file at `path` or of the annotators' columns."""
    rated = find_ratings(dataset, project, path)
    rows = rated.rows
    few = rows if rows is not None and len(rows.classes) <= MOST_CLASSES else None
    agreed = agree_on_labels(few, probabilities)
    return (
        rated.finding,
        judge_agreement(rows, project),
        judge_annotators(few),
        judge_consensus(few, agreed, project),
        judge_human_level(rows, agreed.get("majority"), project, allow_imports),
    )
