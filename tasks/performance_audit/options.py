"""A way to fit or to threshold a model, and what it makes of the declared gaps on dev."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from tasks.intervals import Estimate


@dataclass(frozen=True)
class GapValue:
    """A declared limit of a gap and the value on dev; None where too few rows are there."""

    name: str
    estimate: Estimate | None
    limit: float
    met: bool
    critical: bool


@dataclass(frozen=True, kw_only=True)
class Option:
    """Predictions of dev rows by one fit and one threshold.

    `strength` is that of the weights of groups (0: none), `max_selection_rate` the share of rows to
    which the threshold was raised, None where it is the one that training chose. `value` is the
    metric by which options are told apart, `floors_missed` names the project's critical floors that
    the dev rows do not reach.
    """

    strength: float
    predictions: pd.DataFrame
    max_selection_rate: float | None = None
    gaps: tuple[GapValue, ...] = ()
    floors_missed: tuple[str, ...] = ()
    value: float = float("nan")

    @property
    def misses(self) -> tuple[int, int]:
        """How many critical limits and floors are not met, and how many in all."""
        missed = [gap for gap in self.gaps if not gap.met]
        floors = len(self.floors_missed)
        return sum(gap.critical for gap in missed) + floors, len(missed) + floors
