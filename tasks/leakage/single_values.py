"""Does one value of a category nearly settle the target?

Guarantees: a value counts only by the lower Wilson bound of its rate, so that few rows say
little; a class that most rows have anyway is never "settled", because the bound has to exceed the
class's share of all rows several times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.intervals import wilson
from tasks.project.sections import LeakageSection

_MISSING = "(missing)"


@dataclass(frozen=True)
class SettledValue:
    """`hits` of the `rows` with `value` in `column` have the class `label`.

    `low` and `high` are the Wilson interval of that rate; `base_rate` is the share of the class in
    all `total` rows.
    """

    column: str
    value: str
    label: str
    hits: int
    rows: int
    total: int
    low: float
    high: float
    base_rate: float

    @property
    def rate(self) -> float:
        """The share of the class within the value."""
        return self.hits / self.rows

    @property
    def lift(self) -> float:
        """The lower bound over the share of the class in all rows."""
        return self.low / self.base_rate


@dataclass(frozen=True)
class ValueSearch:
    """What was found, the strongest first within a column, and how many values were looked at."""

    found: tuple[SettledValue, ...]
    values: int


def settled_values(
    frame: pd.DataFrame, labels: pd.Series, columns: Sequence[str], section: LeakageSection
) -> ValueSearch:
    """Look at each value with `min_value_rows` rows or more; a missing cell is a value too."""
    found: list[SettledValue] = []
    looked_at = 0
    shares = {str(label): int(n) / len(labels) for label, n in labels.value_counts().items()}
    for column in columns:
        words = frame[column].astype("str").fillna(_MISSING)
        counts = pd.crosstab(words, labels)
        counts = counts[counts.sum(axis=1) >= section.min_value_rows]
        looked_at += len(counts)
        in_column = [
            _settled(column, str(value), str(label), int(hits), int(row.sum()), shares, len(frame))
            for value, row in counts.iterrows()
            for label, hits in row.items()
        ]
        strong = [
            value
            for value in in_column
            if value.low >= section.min_value_rate and value.lift >= section.min_value_lift
        ]
        found += sorted(strong, key=lambda value: (-value.low, value.value))
    return ValueSearch(tuple(found), looked_at)


def suspects_table(found: Sequence[SettledValue], uses: Mapping[str, str]) -> pd.DataFrame:
    """One row a settled value; `uses` says what each column is used for."""
    return pd.DataFrame(
        {
            "column": [s.column for s in found],
            "use": [uses[s.column] for s in found],
            "value": [s.value for s in found],
            "rows": [s.rows for s in found],
            "class": [s.label for s in found],
            "rows_of_class": [s.hits for s in found],
            "rate": [s.rate for s in found],
            "low": [s.low for s in found],
            "base_rate": [s.base_rate for s in found],
            "lift": [s.lift for s in found],
        }
    )


def _settled(
    column: str,
    value: str,
    label: str,
    hits: int,
    rows: int,
    shares: Mapping[str, float],
    total: int,
) -> SettledValue:
    low, high = wilson(hits, rows)
    return SettledValue(column, value, label, hits, rows, total, low, high, shares[label])
