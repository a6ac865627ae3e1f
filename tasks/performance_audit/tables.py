"""The audit's evidence as tables and figures: what a reader sees behind the checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.checks import Check, Table
from tasks.intervals import Estimate

INTERVALS_NOTE = "low and high are 95 % intervals"


def overall_table(estimates: Mapping[str, Estimate]) -> Table:
    """Every metric over all test rows with its interval; an undefined one is empty."""
    rows = [(name, e.value, e.low, e.high, e.n) for name, e in estimates.items()]
    return Table(
        title="Metrics over all test rows",
        frame=pd.DataFrame(rows, columns=["metric", "value", "low", "high", "n"]),
        note=f"{INTERVALS_NOTE}.",
    )


def floors_table(checks: Sequence[Check]) -> Table:
    """Every floor with its value, in the order of the checks."""
    rows = [
        (check.title, check.outcome, check.value, *(check.interval or (None, None)), check.limit)
        for check in checks
    ]
    columns = ["floor", "outcome", "value", "low", "high", "limit"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["n"] = [check.n for check in checks]
    return Table(title="Floors (test)", frame=frame, note=f"{INTERVALS_NOTE}.")
