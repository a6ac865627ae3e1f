"""The rows with what people said about them: columns of the data, or a file of ratings.

Guarantees: a label that is none of the classes is set aside and counted, in either form; rows are
told apart by the split's units, so that what is not independent is not counted as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.checks import Check, judged
from tasks.labels.findings import LabelFinding
from tasks.labels.ratings import Codes, Ratings, Votes, as_labels, find_classes, wide_ratings
from tasks.labels.ratings_file import ratings_check, read_ratings
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project


@dataclass(frozen=True, kw_only=True)
class RatedRows:
    """Ratings, and the rows of the data that they are about.

    `votes` is rows by classes of the ratings; `target` the position of each row's label among
    those classes, -1 where it is none of them; `units` numbers the split's units.
    """

    frame: pd.DataFrame
    sides: pd.Series
    roles: Roles
    project: Project
    ratings: Ratings
    votes: Votes
    target: Codes
    units: Codes

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the ratings; on an ordinal scale in their order."""
        return self.ratings.classes

    @property
    def judged(self) -> Codes:
        """Positions of the train and dev rows."""
        return np.flatnonzero((self.sides != "test").to_numpy())

    @property
    def several(self) -> int:
        """The number of items with two labels or more."""
        return int((self.votes.sum(axis=1) >= 2).sum())

    @property
    def comparable(self) -> bool:
        """Whether the ratings speak of the target's classes."""
        return bool((self.target >= 0).any())


@dataclass(frozen=True, kw_only=True)
class FoundRatings:
    """The rated rows (None where there are none) and whether the ratings can be used."""

    rows: RatedRows | None = None
    finding: LabelFinding = field(default_factory=lambda: LabelFinding(checks=()))


def find_ratings(dataset: Dataset, project: Project, path: Path | None) -> FoundRatings:
    """The ratings of the project: those of the file at `path`, else of the annotators' columns.

    None with fewer than two annotators' columns and no file. Raises ProjectFileError where there is
    no such file.
    """
    frame, split, roles = dataset.frame, dataset.split, dataset.roles
    labels = project.labels
    classes = _classes(dataset.labels(), project)
    if labels.ratings is not None and path is not None:
        read = read_ratings(path, labels, _names(frame, labels.ratings.matches), classes)
        ratings = read.ratings
        tables = {} if read.unusable is None else {"unusable_ratings": read.unusable}
        facts = {"ratings": read.facts}
        finding = LabelFinding(checks=(read.check,), tables=tables, facts=facts)
    elif len(roles.annotators) >= 2:
        anonymous = labels.anonymous
        ratings, outside = wide_ratings(frame, roles.annotators, classes, anonymous=anonymous)
        finding = LabelFinding(checks=_outside_checks(outside, len(ratings.item), project))
    else:
        return FoundRatings()
    if ratings is None:
        return FoundRatings(finding=finding)
    rows = RatedRows(
        frame=frame,
        sides=split["side"],
        roles=roles,
        project=project,
        ratings=ratings,
        votes=ratings.votes(),
        target=find_classes(roles.labels(frame), ratings.classes),
        units=np.asarray(pd.factorize(split["unit"])[0], dtype=np.int64),
    )
    return FoundRatings(rows=rows, finding=finding)


def _classes(labels: pd.Series, project: Project) -> Sequence[str] | None:
    """The classes that a rating may be: as declared, else the target's; any number for interval."""
    if project.labels.order:
        return project.labels.order
    if project.labels.scale == "interval":
        return None
    return sorted(str(name) for name in labels.unique())


def _names(frame: pd.DataFrame, column: str | None) -> pd.Series:
    """What a rating's item names: the row key, or a column of the data."""
    return frame.index.to_series() if column is None else as_labels(frame[column])


def _outside_checks(outside: pd.Series, used: int, project: Project) -> tuple[Check, ...]:
    """A check where columns of annotators hold labels that are none of the classes."""
    count = int(outside.sum())
    if not count:
        return ()
    limit = project.labels.max_unusable_ratings
    share = count / (count + used)
    shown = ", ".join(f"'{name}' {number:,}" for name, number in outside.head(5).items())
    detail = (
        f"{count:,} of {count + used:,} labels of the annotators are none of the classes and were "
        f"set aside: {shown}; correct them, or name every class in labels.order."
    )
    outcome = judged(share, maximum=limit)
    return (ratings_check(outcome, detail, value=share, limit=limit, n=count + used),)
