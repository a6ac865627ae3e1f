"""Is a metric on the good side of its limit, by its value or by its whole interval?

Guarantees: judged by the value, a limit is failed when the value is on its bad side, and the
detail says when the interval reaches across, so that the outcome is not certain. Judged by the
bound, it is passed when the whole 95 % interval is on the good side, failed when the whole of it
is on the bad side, and else `not_applicable` with the number of further rows that would decide.

How many further rows: for a rate, Wilson's interval ends where the score test rejects, so that at
the observed rate p it clears the limit f from n = z^2 f (1 - f) / (p - f)^2 rows on (Wilson, JASA
22 (1927) 209). For any other metric its interval narrows by the root of the rows, which is a rough
guess. A value that equals the limit is not decided by any number of rows.
"""

from __future__ import annotations

import math

from tasks.checks import Outcome, judged
from tasks.intervals import NORMAL, Estimate
from tasks.performance_audit.wording import shown
from tasks.project.sections import Floor

_Z = NORMAL.inv_cdf(0.975)


def judge_value(floor: Floor, what: str, estimate: Estimate, rows: int) -> tuple[Outcome, str]:
    """Judged by the value, whatever the interval; `what` names the metric in words."""
    outcome = judged(estimate.value, minimum=floor.minimum, maximum=floor.maximum)
    verdict, certain = _side(floor, estimate), _clears(floor, estimate)
    reached = "below" if (outcome == "passed") == (floor.minimum is not None) else "above"
    doubt = "" if certain else f"; the interval reaches {reached} it, so this is not certain"
    return outcome, f"{_measured(floor, what, estimate, rows)}, {verdict}{doubt}."


def judge_bound(
    floor: Floor, what: str, counted: str, estimate: Estimate, rows: int
) -> tuple[Outcome, str]:
    """Judged by the whole interval; `counted` names the rows that the value hangs on."""
    start = _measured(floor, what, estimate, rows)
    if _clears(floor, estimate):
        good = _is_good(floor, estimate)
        side: Outcome = "passed" if good else "failed"
        return side, f"{start}, with its whole interval {_side(floor, estimate)}."
    limit = f"{_name(floor)} of {shown(floor.metric, floor.limit)}"
    more = further_rows(floor, estimate, rows)
    if more is None:
        return "not_applicable", (
            f"{start}, which is the {limit} itself: more rows at this value will not decide it."
        )
    shows = "meets" if _is_good(floor, estimate) else "misses"
    return "not_applicable", (
        f"{start}: too few to judge against the {limit}. At this value about {more:,} further "
        f"{counted} would show that it {shows} it."
    )


def further_rows(floor: Floor, estimate: Estimate, rows: int) -> int | None:
    """How many rows beyond `rows` clear the interval of the limit; None where none would."""
    distance = abs(estimate.value - floor.limit)
    if distance == 0:
        return None
    if estimate.method == "wilson":
        needed = _Z**2 * floor.limit * (1 - floor.limit) / distance**2
    else:
        above = estimate.value > floor.limit
        half = estimate.value - estimate.low if above else estimate.high - estimate.value
        needed = rows * (half / distance) ** 2
    return max(math.ceil(needed) - rows, 1)


def rows_if_all_right(limit: float) -> int | None:
    """Rows whose rate of 1 has its lower Wilson bound at `limit`; None where no number does."""
    return math.ceil(_Z**2 * limit / (1 - limit)) if limit < 1 else None


def _is_good(floor: Floor, estimate: Estimate) -> bool:
    """Whether the value itself is on the good side."""
    limits = {"minimum": floor.minimum, "maximum": floor.maximum}
    return judged(estimate.value, **limits) == "passed"


def _clears(floor: Floor, estimate: Estimate) -> bool:
    """Whether the whole interval is on the side of the limit that the value is on."""
    limit = floor.limit
    if floor.minimum is not None:
        return estimate.low >= limit or (estimate.high < limit and estimate.value < limit)
    return estimate.high <= limit or (estimate.low > limit and estimate.value > limit)


def _name(floor: Floor) -> str:
    return "floor" if floor.minimum is not None else "highest allowed value"


def _side(floor: Floor, estimate: Estimate) -> str:
    limit = f"the {_name(floor)} of {shown(floor.metric, floor.limit)}"
    good = _is_good(floor, estimate)
    if floor.minimum is not None:
        return f"at or above {limit}" if good else f"below {limit}"
    return f"at or below {limit}" if good else f"above {limit}"


def _measured(floor: Floor, what: str, estimate: Estimate, rows: int) -> str:
    value, low, high = (
        shown(floor.metric, number) for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"The {what} is {value} (95 % interval {low} to {high}, n={rows})"
