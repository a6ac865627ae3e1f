"""Is a number on the good side of its limit, as far as its interval tells?

Guarantees: one rule for every limit of the audit, of which the project chooses one by `judge`:

* `interval` (the default): passed when the whole 95 % interval is on the good side, failed when
  the whole of it is on the bad side, else `not_applicable` with about how many rows would decide.
  A limit is wrongly failed, and wrongly passed, by chance in at most 2.5 % of cases each, up to
  what the interval itself is off by.
* `point`: the value decides, whatever its interval, and the detail says so. At a true value beyond
  the limit by little it passes nearly as often as not.
* `lower_bound`: the worse end of the interval decides: what is not shown to hold is failed.

A value that equals the limit is not decided by any number of rows. A critical limit whose value is
on the bad side while its interval leaves it open is not judged, and must not ship: unless the
project says `required: false`, its check is required, which makes the verdict inconclusive.

How many rows: for a rate, Wilson's interval ends where the score test rejects, so that at the
observed rate p it clears the limit f from n = z^2 f (1 - f) / (p - f)^2 rows on (Wilson, JASA 22
(1927) 209). For any other number its interval narrows by the root of the rows, a rough guess.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from tasks.checks import Outcome, judged
from tasks.intervals import NORMAL, Estimate, wilson
from tasks.project.fields import Judge, Severity

_Z = NORMAL.inv_cdf(0.975)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The least or the most that a number may be; `name` and `written` tell it to a reader.

    Of `minimum` and `maximum` one is set.
    """

    name: str
    written: Callable[[float], str]
    minimum: float | None = None
    maximum: float | None = None
    judge: Judge = "interval"

    @property
    def value(self) -> float:
        """The number itself."""
        found = self.maximum if self.minimum is None else self.minimum
        if found is None:
            raise ValueError(f"{self.name} has neither a minimum nor a maximum")
        return found

    def holds(self, value: float) -> bool:
        """Whether a value is on the good side."""
        return judged(value, minimum=self.minimum, maximum=self.maximum) == "passed"

    def is_clear(self, estimate: Estimate) -> bool:
        """Whether the whole interval is on the side of the limit that the value is on."""
        good = self.holds(estimate.value)
        return good == self.holds(estimate.low) == self.holds(estimate.high)

    def outcome(self, estimate: Estimate) -> Outcome:
        """What the estimate, whose interval is known, makes of the limit."""
        good: Outcome = "passed" if self.holds(estimate.value) else "failed"
        if self.judge == "point" or self.is_clear(estimate):
            return good
        return "failed" if self.judge == "lower_bound" else "not_applicable"

    def side(self, value: float) -> str:
        """On which side of the limit a value is, in words."""
        limit = f"the {self.name} of {self.written(self.value)}"
        if self.minimum is not None:
            return f"at or above {limit}" if self.holds(value) else f"below {limit}"
        return f"at or below {limit}" if self.holds(value) else f"above {limit}"

    def verdict(self, estimate: Estimate, more: str | None) -> str:
        """What follows the numbers in a sentence: the side, how sure it is, what would decide it.

        `more` says how many rows would decide, such as `about 62 rows`; None where none would.
        """
        side, clear = self.side(estimate.value), self.is_clear(estimate)
        limit = self.written(self.value)
        if self.judge == "point":
            doubt = "" if clear else f", although its interval includes {limit}: it may be chance"
            return f"{side}, judged by the point{doubt}"
        if clear:
            return f"with its whole interval {side}"
        if self.judge == "lower_bound":
            worse = "lower" if self.minimum is not None else "upper"
            but = ", but" if self.holds(estimate.value) else ","
            return f"{side}{but} judged by the {worse} end of its interval, which misses it"
        open_ = f"{side}; but its interval includes {limit}, so it may be chance"
        if more is None:
            return f"{open_}, and more rows at this value will not decide it"
        return f"{open_}; {more} would decide it"


def rate_of_units(estimate: Estimate, units: int) -> Estimate:
    """A rate that is the same in every resample of its units: what so many units tell of it.

    A rate of 0 or 1 would else be certain, however few people it comes from. Any other as it is.
    """
    if estimate.method == "wilson" or estimate.low != estimate.high or units < 1:
        return estimate
    low, high = wilson(estimate.value * units, units)
    return replace(estimate, low=low, high=high)


def further_rows(limit: Limit, estimate: Estimate, rows: int) -> int | None:
    """How many rows beyond `rows` clear the interval of the limit; None where none would."""
    distance = abs(estimate.value - limit.value)
    if distance == 0:
        return None
    if estimate.method == "wilson":
        needed = _Z**2 * limit.value * (1 - limit.value) / distance**2
    else:
        above = estimate.value > limit.value
        half = estimate.value - estimate.low if above else estimate.high - estimate.value
        needed = rows * (half / distance) ** 2
    return max(math.ceil(needed) - rows, 1)


def rows_if_all_right(limit: float) -> int | None:
    """Rows whose rate of 1 has its lower Wilson bound at `limit`; None where no number does."""
    return math.ceil(_Z**2 * limit / (1 - limit)) if limit < 1 else None


def must_be_judged(
    required: bool | None, severity: Severity, outcome: Outcome, *, misses: bool
) -> bool:
    """Whether a check blocks where it is not judged: as the project says, else see the module.

    `misses`: the value is known, and on the bad side of the limit.
    """
    if required is not None:
        return required
    return severity == "critical" and outcome == "not_applicable" and misses
