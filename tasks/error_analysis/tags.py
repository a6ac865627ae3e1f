"""How much of the errors does a tag account for: the counts and rates behind the four numbers.

Guarantees: every rate has its interval and the rows that it rests on; a row of which a tag is not
known is never counted as one without it; tags may overlap, so their shares need not add up to one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.checks import Table
from tasks.conditions import Mask
from tasks.error_analysis.tag_estimates import (
    Floats,
    Resamples,
    draw_counts,
    effective_rows,
    estimate_counts,
    percentiles,
)
from tasks.error_analysis.tag_rows import TagRows
from tasks.intervals import Estimate, wilson
from tasks.project.roles import Roles

MAX_TABLE_ROWS = 200
_RANKED = "ranked"


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A property of examples, measured: of `rows` rows `errors` are wrong.

    `n` of the `known` rows have it, and `wrong` of those are wrong; `known_errors` of the known
    rows are. `effective` is how many rows of one weight the `n` are worth. `draws` holds error
    rate and share in each bootstrap replicate; None where the intervals are Wilson's.
    """

    name: str
    n: int
    wrong: int
    known: int
    known_errors: int
    rows: int
    errors: int
    effective: float
    share_of_errors: Estimate
    error_rate: Estimate
    share: Estimate
    draws: Floats | None = field(default=None, compare=False, repr=False)

    @classmethod
    def counted(cls, name: str, *, n: int, wrong: int, rows: int, errors: int) -> Tag:
        """A tag that is known of all rows, which are independent: Wilson's intervals."""
        return cls(
            name=name,
            n=n,
            wrong=wrong,
            known=rows,
            known_errors=errors,
            rows=rows,
            errors=errors,
            effective=float(n),
            share_of_errors=_rate(wrong, errors),
            error_rate=_rate(wrong, n),
            share=_rate(n, rows),
        )

    @property
    def complete(self) -> bool:
        """Whether the tag is known of every row."""
        return self.known == self.rows

    def why_not_ranked(self, min_rows: int) -> str:
        """Why the tag cannot be ranked; empty where it can."""
        if self.complete and self.n == self.rows:
            return "every row has it"
        if self.n < min_rows:
            return "too small to judge"
        others, known_others = self.rows - self.errors, self.known - self.known_errors
        enough = self.known_errors >= min(min_rows, self.errors)
        if not enough or known_others < min(min_rows, others):
            return "too few rows tagged"
        ends = (self.error_rate.low, self.share.low)
        return "" if all(map(math.isfinite, ends)) else "too few rows to tell"


def measure_tags(tags: Iterable[TagRows], wrong: Mask, resamples: Resamples) -> list[Tag]:
    """The tags in their order; `wrong` marks the rows that are predicted wrongly.

    Wilson's intervals where a tag is known of every row and rows are not grouped, else the
    bootstrap of `tag_estimates`.
    """
    return [_measure(tag, wrong, resamples) for tag in tags]


def class_tags(target: str, labels: pd.Series) -> dict[str, Mask]:
    """A tag for each true class, named `<target>=<class>`.

    With two classes the errors among the rare one are often where the work is.
    """
    return {
        f"{target}={name}": np.asarray(labels == name, dtype=bool)
        for name in sorted(labels.unique())
    }


def tags_of_target(rows: pd.DataFrame, roles: Roles) -> dict[str, Mask]:
    """A tag for each true class; for each quarter of a target that is a number."""
    if not roles.regression:
        return class_tags(roles.target, roles.labels(rows))
    strata = roles.strata(rows)
    return {str(n): np.asarray(strata == n, dtype=bool) for n in sorted(strata.unique())}


def tags_table(
    measured: Sequence[Tag],
    rooms: Mapping[str, tuple[float, float, float]],
    statuses: Mapping[str, str],
    left_out: Sequence[str],
) -> Table:
    """The four numbers of every tag, the most errors first.

    `rooms` holds the room for improvement, with its interval, of the tags that are ranked;
    `statuses` says why others are not; `left_out` are sentences about slices that are not here.
    """
    unknown = (math.nan, math.nan, math.nan)
    by_hand = any(not tag.complete for tag in measured)
    rows = [
        _tag_row(tag, rooms.get(tag.name, unknown), statuses.get(tag.name, _RANKED), by_hand)
        for tag in measured
    ]
    rows.sort(key=lambda row: (-int(str(row["errors"])), str(row["tag"])))
    note = "n rows have the tag, of which errors are predicted wrongly. Tags may overlap."
    if by_hand:
        note += (
            " Of a tag given by hand, n and errors count the rows that were looked at (known); the "
            "rates weigh each by how many it stands for, and effective is how many rows of one "
            "weight n is worth."
        )
    if len(rows) > MAX_TABLE_ROWS:
        note += f" The {MAX_TABLE_ROWS} of {len(rows)} tags with the most errors are shown."
    note = " ".join([note, *(f"{sentence}." for sentence in left_out)])
    return Table(title="Errors by tag (dev)", frame=pd.DataFrame(rows[:MAX_TABLE_ROWS]), note=note)


def _measure(tag: TagRows, wrong: Mask, resamples: Resamples) -> Tag:
    has = tag.known & tag.has
    n, mistaken, known = int(has.sum()), int((has & wrong).sum()), int(tag.known.sum())
    rows, errors = len(wrong), int(wrong.sum())
    if known == rows:
        tag = TagRows.of_all(tag.name, tag.has)
        if not resamples.grouped:
            return Tag.counted(tag.name, n=n, wrong=mistaken, rows=rows, errors=errors)
    known_errors = int((tag.known & wrong).sum())
    values, draws = estimate_counts(tag, wrong), draw_counts(tag, wrong, resamples)
    method = "group bootstrap" if resamples.grouped else "bootstrap"
    share_of_errors, error_rate, share = (
        percentiles(value, draws[:, place], count, method)
        for place, (value, count) in enumerate(zip(values, (known_errors, n, known), strict=True))
    )
    return Tag(
        name=tag.name,
        n=n,
        wrong=mistaken,
        known=known,
        known_errors=known_errors,
        rows=rows,
        errors=errors,
        effective=effective_rows(tag.weights[has]),
        share_of_errors=share_of_errors,
        error_rate=error_rate,
        share=share,
        draws=draws[:, 1:],
    )


def _rate(count: int, of: int) -> Estimate:
    """A share with Wilson's interval; NaN where there is nothing to share."""
    if not of:
        return Estimate(value=math.nan, low=math.nan, high=math.nan, n=0, method="wilson")
    low, high = wilson(count, of)
    return Estimate(value=count / of, low=low, high=high, n=of, method="wilson")


def _tag_row(
    tag: Tag, room: tuple[float, float, float], status: str, by_hand: bool
) -> dict[str, object]:
    """The tag as a row of the evidence: four numbers, each with its interval."""
    row: dict[str, object] = {"tag": tag.name, "n": tag.n, "errors": tag.wrong}
    rates = {
        "share_of_errors": tag.share_of_errors,
        "error_rate": tag.error_rate,
        "share_of_data": tag.share,
    }
    for name, one in rates.items():
        row |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    row |= dict(zip(("room", "room_low", "room_high"), room, strict=True))
    if by_hand:
        row |= {"known": tag.known, "effective": tag.effective}
    return {**row, "status": status}
