"""Which queue the share of wrong labels is estimated from, and what the other answers add.

Guarantees: queues stand in the order in which they were drawn, whenever they were answered; a row
of another queue counts by its latest answer and its label of today; a side whose rows moved since
(`split.epoch`) is unknown, because a part of the old side is no random part of the new one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.label_review.error_rate import (
    ErrorRate,
    Known,
    error_rate_before,
    error_rate_now,
    reviews_for,
)
from tasks.label_review.reviews import RANKED, UNSURE, Review, as_frame

JUDGED = ("train", "dev")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one queue tells of train and dev: when it was drawn (`before`), and today (`now`).

    `at_random` rows were answered that were drawn at random; `known` is what other queues tell.
    """

    lines: pd.DataFrame
    known: Mapping[str, Known]
    before: ErrorRate
    now: ErrorRate
    at_random: int
    moved: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether the share could be estimated at all."""
        return not math.isnan(self.now.rate)

    def judges(self, limit: float) -> bool:
        """Whether so many rows were answered that a limit can be judged."""
        return self.is_known and self.at_random >= self.needed(limit)

    def needed(self, limit: float) -> int:
        """How many random answers the limit needs; known rows need no other one."""
        asked_before = sum(one.rows for one in self.known.values())
        ranked = self.now.reviewed - self.at_random
        settled = asked_before + ranked if limit <= 0 else 0
        return max(0, reviews_for(limit, self.now.rows) - settled)


def estimates(
    reviews: Sequence[Review], labels: pd.Series, sides: pd.Series
) -> tuple[Estimate, ...]:
    """One estimate a queue, the first drawn first; `labels` and `sides` are today's by row key."""
    answers = as_frame(reviews)
    first: dict[str, tuple[str, int]] = {}
    for place, one in enumerate(reviews):
        # Run ids sort by time; a late answer to an old queue does not make it new.
        first.setdefault(one.queue, (one.run_id, place))
    names = sorted(first, key=lambda name: first[name])
    return tuple(_estimate(answers, names, at, labels, sides) for at in range(len(names)))


def choose(found: Sequence[Estimate], limit: float | None) -> Estimate:
    """The newest that judges the limit, else the newest that is known, else the newest."""
    able = [one for one in found if one.is_known]
    judging = [one for one in able if limit is not None and one.judges(limit)]
    return (judging or able or list(found))[-1]


def known_wrong(reviews: Sequence[Review], labels: pd.Series, sides: pd.Series) -> int:
    """Rows of train and dev whose latest answer is another label than they have today."""
    latest = _latest(as_frame(reviews))
    latest = latest[latest["key"].map(sides).isin(JUDGED)]
    return int((latest["key"].map(labels) != latest["answer"]).sum())


def is_confirmed(reviews: Sequence[Review], labels: pd.Series) -> pd.Series:
    """For each row whether the latest answer to it is the label that it has today."""
    latest = _latest(as_frame(reviews)).set_index("key")["answer"]
    confirmed: pd.Series = latest.reindex(labels.index) == labels
    return confirmed


def _latest(answers: pd.DataFrame) -> pd.DataFrame:
    """The last answer to each row in the order of the file, unsure ones aside."""
    return answers[answers["answer"] != UNSURE].drop_duplicates("key", keep="last")


def _estimate(
    answers: pd.DataFrame, names: Sequence[str], at: int, labels: pd.Series, sides: pd.Series
) -> Estimate:
    lines = answers[answers["queue"] == names[at]]
    today = lines["key"].map(sides)
    gone = today.notna() & (today != lines["side"])
    moved = {*lines["side"][gone], *today[gone]}
    lines = lines[~lines["side"].isin(moved)]
    others = _latest(answers[~answers["key"].isin(lines["key"])])
    place = others["key"].map(sides).fillna(others["side"])
    wrong = others["key"].map(labels).fillna(others["answer"]) != others["answer"]
    earlier = others["key"].isin(answers["key"][answers["queue"].isin(names[:at])])
    known = {}
    for side in ("train", "dev", "test"):
        # Where this queue has lines, a later queue's rows are among the rows that it stands for.
        mine = place == side if side not in set(lines["side"]) else (place == side) & earlier
        known[side] = Known(rows=int(mine.sum()), wrong=int((mine & wrong).sum()))
    sizes = {side: int((sides == side).sum()) for side in JUDGED}
    ranked = lines["stratum"].isin(RANKED)
    counted = lines["side"].isin(JUDGED) & ~ranked & (lines["answer"] != UNSURE)
    return Estimate(
        lines=lines,
        known=known,
        before=error_rate_before(lines, sizes, known),
        now=error_rate_now(lines, sizes, labels, known),
        at_random=int(counted.sum()),
        moved=tuple(sorted(moved)),
    )
