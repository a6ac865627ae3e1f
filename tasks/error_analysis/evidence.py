"""What speaks for one remedy or another: the train rows with a tag, and the labels of its errors.

Guarantees: train is scored once, by the packaged model; a tag that is known of dev rows only is
never looked for on train; test rows are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tasks.conditions import Mask
from tasks.error_analysis.advice import BY_HEART, SuspectedLabels, TrainErrors
from tasks.error_analysis.dev_errors import DevErrors, wrong_rows
from tasks.error_analysis.tag_estimates import Floats, Resamples
from tasks.error_analysis.tag_rows import TagRows
from tasks.error_analysis.tags import class_tags, measure_tags
from tasks.intervals import Estimate
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.scoring import Score

FEWEST_OTHERS = 10
"""Fewer errors without a tag say nothing of those with it."""


@dataclass(frozen=True)
class TrainSide:
    """The train rows: which are predicted wrongly, and which have a tag that a rule gives."""

    wrong: Mask
    masks: Mapping[str, Mask]
    resamples: Resamples

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        masks: Mapping[str, Mask],
        roles: Roles,
        project: Project,
        score: Score,
        tolerance: float | None = None,
        units: pd.Series | None = None,
    ) -> TrainSide | None:
        """The train `rows` scored; `masks` are over them. None where there are none.

        `tolerance` is that of `DevErrors`. The quarters of a number are those of the dev rows.
        """
        if rows.empty:
            return None
        labels = roles.labels(rows)
        own = {} if roles.regression else class_tags(roles.target, labels)
        return cls(
            wrong=wrong_rows(score(rows)["predicted"], labels, tolerance),
            masks={**own, **masks},
            resamples=Resamples.of(units, project),
        )

    def errors_with(self, tag: TagRows) -> TrainErrors | None:
        """Errors among the train rows with the tag; None where no rule gives it, or no row has it.

        A tag by hand may have the name of a rule: it is known of some dev rows only.
        """
        mask = self.masks.get(tag.name)
        if mask is None or not tag.known.all() or not mask.any():
            return None
        (found,) = measure_tags([TagRows.of_all(tag.name, mask)], self.wrong, self.resamples)
        by_heart = float(self.wrong.mean()) < BY_HEART
        return TrainErrors(found.error_rate, found.share.value, by_heart)


def suspected_labels(
    tag: TagRows, errors: DevErrors, suspected: Mask, resamples: Resamples
) -> SuspectedLabels | None:
    """How many of the errors with the tag, and of the others, have a suspected label.

    Compared are wrong predictions of one true class, the commonest of the errors with the tag: the
    labels of errors, and those of a rare class, look wrong more often whatever the tag. Where the
    tag leaves fewer than `FEWEST_OTHERS` of them (it is the class), the errors of other classes are
    compared, or all of their rows where those hardly err. None where there is nothing to compare.
    Rows in groups are drawn in groups.
    """
    has = tag.known & tag.has & errors.wrong
    if not has.any():
        return None
    of_class = str(errors.labels[has].value_counts().sort_index().idxmax())
    same: Mask = (errors.labels == of_class).to_numpy(dtype=bool)

    def shares(rows: Mask) -> tuple[Estimate, Estimate]:
        """Of the errors of the class with the tag, and of the other `rows`, all of both known."""
        on = _Errors(tag.known[rows], tag.weights[rows], suspected[rows], resamples.among(rows))
        mine = (tag.has & same)[rows]
        return on.share(mine), on.share(~mine)

    of_errors = shares(errors.wrong & same)
    if of_errors[0].n and of_errors[1].n >= FEWEST_OTHERS:
        return SuspectedLabels(*of_errors, of_class)
    for others, words in (
        (errors.wrong & ~same, "errors of other classes"),
        (~same, "rows of other classes"),
    ):
        within, elsewhere = shares(others | (has & same))
        if within.n and elsewhere.n >= FEWEST_OTHERS:
            return SuspectedLabels(within, elsewhere, of_class, words, whole_class=True)
    return SuspectedLabels(*of_errors, of_class) if all(one.n for one in of_errors) else None


@dataclass(frozen=True)
class _Errors:
    """Rows predicted wrongly: where a tag is known, and whose label is suspected."""

    known: Mask
    weights: Floats
    suspected: Mask
    resamples: Resamples

    def share(self, has: Mask) -> Estimate:
        """The share of suspected labels among the rows that `has` marks."""
        rows = TagRows("", has, self.known, self.weights)
        (found,) = measure_tags([rows], self.suspected, self.resamples)
        return found.error_rate
