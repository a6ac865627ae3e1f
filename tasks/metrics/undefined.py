"""Why a metric has no value, or no interval, and how many rows it takes.

Guarantee: what is said names the class that is too small, the rows that it has and those that it
needs.
"""

from __future__ import annotations

import math

import pandas as pd

_ABSENT = 0.01
"""The share of resamples without a class above which a metric of all classes has no interval."""
_NAMED = 3


def explain_undefined(labels: pd.Series) -> str:
    """What the rows lack, in a clause; empty where no class is too small.

    `labels` are those of the rows that were measured.

    A resample of as many rows as there are lacks a class of `n` rows with a probability of nearly
    exp(-n): with three small classes that is 1 % in all where each has six rows.
    """
    counts = labels.value_counts().sort_index(kind="stable").sort_values(kind="stable")
    needed = math.ceil(-math.log(_ABSENT / max(int((counts < 10).sum()), 1)))
    small = counts[counts < needed]
    if len(counts) < 2:
        only = f"'{counts.index[0]}'" if len(counts) else "none"
        return f"the {len(labels):,} rows have one class only, {only}; rows of another are needed"
    if small.empty:
        return ""
    named = [f"'{name}' has {n:,}" for name, n in small.head(_NAMED).items()]
    more = f" and {len(small) - _NAMED} more classes too few" if len(small) > _NAMED else ""
    return (
        f"of {len(labels):,} rows the class {', '.join(named)}{more}, and {needed} of each class "
        "are needed; collect more of them, merge the class into another, or set it aside"
    )


def interval_words(low: float, high: float, form: str) -> str:
    """` (LOW to HIGH)` in a format such as `.3f`; empty where there is no interval."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f" ({low:{form}} to {high:{form}})"
