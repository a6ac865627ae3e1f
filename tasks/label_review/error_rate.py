"""How many labels are wrong, and how many flags are right, estimated from a reviewed queue.

Guarantees: each stratum counts by its number of rows and not by how many of it were reviewed; an
answer is a random part of its stratum, because queues are asked in random order; a stratum without
an answer is unknown, and with it the rate; what was reviewed is counted, not estimated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.stats import hypergeom

from tasks.label_review.reviews import UNSURE

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class ErrorRate:
    """A share of `rows` rows with its 95 % interval; NaN, and [0, 1], where it is not known.

    `reviewed` rows were answered, `wrong` of them had another label than the answer, and `unsure`
    rows were given up. `unknown` counts the rows of strata that have no answer.
    """

    rate: float
    low: float
    high: float
    rows: int
    reviewed: int
    wrong: int
    unsure: int
    unknown: int


@dataclass(frozen=True)
class _Stratum:
    """`size` rows, of which `reviewed` were answered and `wrong` had another label; `still` have
    it today."""

    size: int
    reviewed: int
    wrong: int
    still: int


def error_rate_before(reviews: pd.DataFrame, sides: Sequence[str]) -> ErrorRate:
    """The share of wrong labels on `sides` as the queue met them.

    `reviews` are the answers to one queue, as `as_frame` gives them.
    """
    there = reviews[reviews["side"].isin(sides)]
    strata = _strata(there, there["given"])
    return _combined(strata, [one.wrong for one in strata], there, *_rows(there, strata))


def error_rate_now(reviews: pd.DataFrame, sides: Sequence[str], labels: pd.Series) -> ErrorRate:
    """The share of wrong labels on `sides` today, when `labels` (by row key) are what they are.

    Reviewed rows count by their label of today; the rest of each stratum by its answers. Rows that
    came since are not counted.
    """
    there = reviews[reviews["side"].isin(sides)]
    strata = _strata(there, there["key"].map(labels.astype("str")).fillna(there["answer"]))
    return _combined(strata, [one.still for one in strata], there, *_rows(there, strata))


def flag_precision(reviews: pd.DataFrame) -> ErrorRate:
    """The share of the suspects of train and dev whose label was wrong, in strata with answers.

    Test has no stratum of suspects: its rows are drawn whatever a model says of them.
    """
    there = reviews[reviews["flagged"] & (reviews["side"] != "test")]
    strata = _strata(there, there["given"])
    rows = sum(one.size for one in strata)
    return _combined(strata, [one.wrong for one in strata], there, rows, 0)


def finite_interval(wrong: int, reviewed: int, size: int, level: float = LEVEL) -> tuple[int, int]:
    """How many of `size` rows are wrong, when `wrong` of `reviewed` drawn at random are.

    Clopper and Pearson's interval for a sample without replacement, from the hypergeometric
    distribution (Buonaccorsi 1987, "A note on confidence intervals for proportions in finite
    populations", The American Statistician 41): it covers at its level or more, and has no width
    where everything was reviewed.
    """
    tail = (1 - level) / 2
    fewest, most = wrong, size - (reviewed - wrong)

    def too_few(errors: int) -> bool:
        return bool(hypergeom.sf(wrong - 1, size, errors, reviewed) <= tail)

    def too_many(errors: int) -> bool:
        return bool(hypergeom.cdf(wrong, size, errors, reviewed) <= tail)

    low = _first(lambda errors: not too_few(errors), fewest, most)
    high = _first(too_many, fewest, most + 1) - 1
    return low, max(high, low)


def reviews_for(limit: float, level: float = LEVEL) -> int:
    """How many random rows, all found right, show that fewer than `limit` are wrong."""
    if limit <= 0:
        return 0
    return 1 if limit >= 1 else math.ceil(math.log((1 - level) / 2) / math.log(1 - limit))


def _rows(there: pd.DataFrame, strata: Sequence[_Stratum]) -> tuple[int, int]:
    """All rows of the sides, and those of strata from which no line is there."""
    sides = there.drop_duplicates("side")
    rows, known = int(sides["side_rows"].sum()), int(sides["known_rows"].sum())
    return rows, rows - known - sum(one.size for one in strata)


def _strata(there: pd.DataFrame, today: pd.Series) -> list[_Stratum]:
    """The strata that have a line in `there`; `today` is each line's label of today."""
    found = []
    for _, rows in there.groupby(["side", "stratum"], sort=True):
        settled = rows[rows["answer"] != UNSURE]
        found.append(
            _Stratum(
                size=int(rows["stratum_rows"].iloc[0]),
                reviewed=len(settled),
                wrong=int((settled["given"] != settled["answer"]).sum()),
                still=int((today[settled.index] != settled["answer"]).sum()),
            )
        )
    return found


def _combined(
    strata: Sequence[_Stratum],
    found: Sequence[int],
    there: pd.DataFrame,
    rows: int,
    absent: int,
) -> ErrorRate:
    """The errors of all strata over `rows`; `found` are those among each one's reviewed rows.

    Limits of the strata are combined by the method of variance estimates recovery (Zou, Huang,
    Zhang 2009, "A note on confidence interval estimation for a linear function of binomial
    proportions", Computational Statistics & Data Analysis 53), each of them exact, so that the
    whole errs to the wide side.
    """
    counts = {
        "rows": rows,
        "reviewed": sum(one.reviewed for one in strata),
        "wrong": sum(one.wrong for one in strata),
        "unsure": int((there["answer"] == UNSURE).sum()),
        "unknown": absent + sum(one.size for one in strata if not one.reviewed),
    }
    if counts["unknown"] or not rows:
        return ErrorRate(rate=math.nan, low=0.0, high=1.0, **counts)
    errors, below, above = 0.0, 0.0, 0.0
    for stratum, certain in zip(strata, found, strict=True):
        rest = (stratum.size - stratum.reviewed) * stratum.wrong / stratum.reviewed
        low, high = finite_interval(stratum.wrong, stratum.reviewed, stratum.size)
        errors += certain + rest
        below += (rest - (low - stratum.wrong)) ** 2
        above += (high - stratum.wrong - rest) ** 2
    return ErrorRate(
        rate=errors / rows,
        low=max(0.0, (errors - math.sqrt(below)) / rows),
        high=min(1.0, (errors + math.sqrt(above)) / rows),
        **counts,
    )


def _first(holds: Callable[[int], bool], start: int, end: int) -> int:
    """The first number from `start` on for which `holds`, which then holds on; `end` if none."""
    while start < end:
        middle = (start + end) // 2
        if holds(middle):
            end = middle
        else:
            start = middle + 1
    return start
