"""How many labels are wrong, and how many flags are right, estimated from a reviewed queue.

Guarantees: each stratum counts by its number of rows and not by how many of it were reviewed; an
answer is a random part of its stratum, because queues are asked in random order; a stratum or a
side without an answer is unknown, and with it the rate; what was reviewed is counted, not
estimated; the upper end of an interval counts the rows that nobody could tell as wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.stats import hypergeom

from tasks.label_review.reviews import UNSURE

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class ErrorRate:
    """A share of `rows` rows with its 95 % interval; NaN, and [0, 1], where it is not known.

    `reviewed` rows were answered, `wrong` of them had another label than the answer, and `unsure`
    rows were given up: `rate` leaves them aside, `worst` and `high` count them as wrong and `low`
    counts them as right. `unknown` counts the rows of strata and sides that have no answer.
    """

    rate: float
    worst: float
    low: float
    high: float
    rows: int
    reviewed: int
    wrong: int
    unsure: int
    unknown: int


@dataclass(frozen=True)
class Known:
    """Rows of one side that other queues asked about; `wrong` still have another label today."""

    rows: int = 0
    wrong: int = 0


@dataclass(frozen=True)
class _Stratum:
    """`size` rows, of which `reviewed` were answered and `wrong` had another label; `still` have
    it today, and `unsure` more were given up."""

    size: int
    reviewed: int
    wrong: int
    still: int
    unsure: int


@dataclass(frozen=True)
class _Whole:
    """All `rows` of the sides: those that no line tells of, and those known to be wrong."""

    rows: int
    absent: int = 0
    wrong: int = 0


def error_rate_before(
    reviews: pd.DataFrame, sides: Mapping[str, int], known: Mapping[str, Known] | None = None
) -> ErrorRate:
    """The share of wrong labels on `sides` as the queue met them.

    `reviews` are the answers to one queue, as `as_frame` gives them; `sides` has the number of rows
    of each side, for those without an answer; `known` what other queues tell of each side.
    """
    there = reviews[reviews["side"].isin(list(sides))]
    strata = _strata(there, there["given"])
    whole = _whole(there, strata, sides, known or {})
    return _combined(strata, [one.wrong for one in strata], whole)


def error_rate_now(
    reviews: pd.DataFrame,
    sides: Mapping[str, int],
    labels: pd.Series,
    known: Mapping[str, Known] | None = None,
) -> ErrorRate:
    """The share of wrong labels on `sides` today, when `labels` (by row key) are what they are.

    Reviewed rows count by their label of today; the rest of each stratum by its answers. Rows that
    came since are not counted.
    """
    there = reviews[reviews["side"].isin(list(sides))]
    strata = _strata(there, there["key"].map(labels.astype("str")).fillna(there["answer"]))
    whole = _whole(there, strata, sides, known or {})
    return _combined(strata, [one.still for one in strata], whole)


def flag_precision(reviews: pd.DataFrame) -> ErrorRate:
    """The share of the suspects of train and dev whose label was wrong, in strata with answers.

    Test has no stratum of suspects: its rows are drawn whatever a model says of them.
    """
    there = reviews[reviews["flagged"] & (reviews["side"] != "test")]
    strata = _strata(there, there["given"])
    rows = sum(one.size for one in strata)
    return _combined(strata, [one.wrong for one in strata], _Whole(rows))


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


def reviews_for(limit: float, rows: int, level: float = LEVEL) -> int:
    """How many random rows of `rows`, all found right, show that fewer than `limit` are wrong.

    All of them where the limit is 0: a sample never shows that no row is wrong.
    """
    if limit <= 0:
        return rows
    return 1 if limit >= 1 else math.ceil(math.log((1 - level) / 2) / math.log(1 - limit))


def _whole(
    there: pd.DataFrame,
    strata: Sequence[_Stratum],
    sides: Mapping[str, int],
    known: Mapping[str, Known],
) -> _Whole:
    """The rows of the sides, of which those that neither a line nor another queue tells of."""
    lines = there.drop_duplicates("side").set_index("side")
    rows, wrong = 0, 0
    absent = -sum(one.size for one in strata)
    for side, today in sides.items():
        found = known.get(side, Known())
        # A queue that never asked about a side tells nothing of it, not even its size.
        size = int(lines["side_rows"][side]) if side in lines.index else today
        most = int(lines["known_rows"][side]) if side in lines.index else today
        rows += size
        absent += size - min(found.rows, most)
        wrong += min(found.wrong, most)
    return _Whole(rows, absent, wrong)


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
                unsure=len(rows) - len(settled),
            )
        )
    return found


def _combined(strata: Sequence[_Stratum], found: Sequence[int], whole: _Whole) -> ErrorRate:
    """The errors of all strata; `found` are those among each one's reviewed rows.

    Limits of the strata are combined by the method of variance estimates recovery (Zou, Huang,
    Zhang 2009, "A note on confidence interval estimation for a linear function of binomial
    proportions", Computational Statistics & Data Analysis 53), each of them exact, so that the
    whole errs to the wide side. Unsure rows are no matter of chance: each end starts from what it
    makes of them.
    """
    counts = {
        "rows": whole.rows,
        "reviewed": sum(one.reviewed for one in strata),
        "wrong": sum(one.wrong for one in strata),
        "unsure": sum(one.unsure for one in strata),
        "unknown": whole.absent + sum(one.size for one in strata if not one.reviewed),
    }
    if counts["unknown"] or not whole.rows:
        return ErrorRate(rate=math.nan, worst=math.nan, low=0.0, high=1.0, **counts)
    errors = worst = best = float(whole.wrong)
    below, above = 0.0, 0.0
    for one, certain in zip(strata, found, strict=True):
        asked, doubtful = one.reviewed + one.unsure, one.wrong + one.unsure
        rest = one.size - asked
        low, _ = finite_interval(one.wrong, asked, one.size)
        _, high = finite_interval(doubtful, asked, one.size)
        errors += certain + (one.size - one.reviewed) * one.wrong / one.reviewed
        best += certain + rest * one.wrong / asked
        worst += certain + one.unsure + rest * doubtful / asked
        below += (rest * one.wrong / asked - (low - one.wrong)) ** 2
        above += (high - doubtful - rest * doubtful / asked) ** 2
    return ErrorRate(
        rate=errors / whole.rows,
        worst=worst / whole.rows,
        low=max(0.0, (best - math.sqrt(below)) / whole.rows),
        high=min(1.0, (worst + math.sqrt(above)) / whole.rows),
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
