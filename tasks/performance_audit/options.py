"""A way to fit or to threshold a model, and what it makes of the declared gaps on dev."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from tasks.intervals import Estimate


@dataclass(frozen=True)
class LimitValue:
    """A declared limit and the value on dev; None where too few rows are there.

    `met` by the value; `sure`: the whole interval is on the side that the value is on.
    """

    name: str
    estimate: Estimate | None
    limit: float
    met: bool
    sure: bool
    critical: bool


@dataclass(frozen=True, kw_only=True)
class Option:
    """Predictions of dev rows by one fit and one threshold.

    `strength` is that of the weights of groups (0: none), `max_selection_rate` the share of rows to
    which the threshold was raised, None where it is the one that training chose. `value` is the
    metric by which options are told apart, `floors` are the project's critical floors that dev has
    rows enough to judge.
    """

    strength: float
    predictions: pd.DataFrame
    max_selection_rate: float | None = None
    gaps: tuple[LimitValue, ...] = ()
    floors: tuple[LimitValue, ...] = ()
    value: float = float("nan")

    @property
    def misses(self) -> tuple[int, int]:
        """How many critical limits and floors are not met, and how many in all."""
        missed = [gap for gap in self.gaps if not gap.met]
        floors = sum(not floor.met for floor in self.floors)
        return sum(gap.critical for gap in missed) + floors, len(missed) + floors
