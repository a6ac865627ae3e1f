"""Does one value of a column nearly settle the target, or leave a class out?

A value settles a class if two bounds of the class's rate among its rows say so: the rate itself is
high (`min_value_rate`), and the odds of the class are `min_value_odds` times those of all rows. The
odds can be judged whatever share of the rows has the class; of a ratio of rates no value of a class
with more than a third could ever be three times that.

A class that most rows have is nearly settled by many an honest value: of a group without risk. It
counts only where the other classes are next to never met among the value's rows. In the same way a
value leaves a class out: it was expected often, and is (next to) never there.

Guarantees: bounds count units rather than rows, so that few of them say little; whether a find is
proven is asked of the bound that is corrected for the number of values looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.intervals import wilson
from tasks.leakage.value_counts import ColumnCounts, count_values
from tasks.project.model_sections import LeakageSection
from tasks.unit_intervals import corrected_level, unit_rate

Array = np.ndarray[Any, np.dtype[Any]]

NEVER = 0.02
"""Next to never: at most this share of the rows expected."""
LEFT_OUT = 0.1
"""The bound of a class's odds over those of all rows, at which a value leaves the class out."""
_MOST = 0.5


@dataclass(frozen=True)
class TellingValue:
    """`hits` of the `rows` with `value` in `column` have the class `label`.

    `low` and `high` are the 95 % interval of that rate; `base_rate` is the share of the class in
    all `total` rows. `odds` is the 95 % bound of the class's odds within the value over those in
    all rows (or beside the value in order, where they are higher): the lower one where the value
    settles the class, the upper one where it leaves the class out; `sure_odds` is the same bound
    corrected for all values looked at. `proven` says that it is beyond the limit too.
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
    odds: float
    sure_odds: float
    proven: bool

    @property
    def rate(self) -> float:
        """The share of the class within the value."""
        return self.hits / self.rows

    @property
    def expected(self) -> float:
        """How many rows of the class the value would have, if it told nothing."""
        return self.base_rate * self.rows


@dataclass(frozen=True)
class ValueSearch:
    """What was found, the strongest first within a column, and how much was looked at.

    `settled` values settle a class; `leaving_out` values are (next to) never met with one, and are
    in columns without a settled value. `values` in `columns` were looked at.
    """

    settled: tuple[TellingValue, ...]
    leaving_out: tuple[TellingValue, ...]
    values: int
    columns: int


def search_values(
    frame: pd.DataFrame,
    labels: pd.Series,
    units: Array,
    columns: Sequence[str],
    categorical: Sequence[str],
    section: LeakageSection,
    *,
    quarters: bool = False,
) -> ValueSearch:
    """Look at each value with `min_value_rows` rows or more; a missing cell is a value too.

    `units` are codes; `quarters` says that the labels are those of a number. Then a number's values
    are not looked at, since honest ones lie in the quarters in order, nor what leaves one out.
    """
    counted = list(
        count_values(
            frame, labels, columns, categorical, section.min_value_rows, numbers=not quarters
        )
    )
    looks = sum(len(column.counts) for column in counted)
    search = _Search(labels, units, section, corrected_level(looks))
    settled: list[TellingValue] = []
    leaving_out: list[TellingValue] = []
    for column in counted:
        found = search.settled(column)
        settled += found
        if not quarters and not found:
            leaving_out += search.leaving_out(column)
    return ValueSearch(tuple(settled), tuple(leaving_out), looks, len(counted))


def suspects_table(search: ValueSearch, uses: Mapping[str, str]) -> pd.DataFrame:
    """One row a value found; `uses` says what each column is used for."""
    found = (*search.settled, *search.leaving_out)
    return pd.DataFrame(
        {
            "column": [s.column for s in found],
            "use": [uses[s.column] for s in found],
            "value": [s.value for s in found],
            "finding": ["settles"] * len(search.settled) + ["leaves out"] * len(search.leaving_out),
            "class": [s.label for s in found],
            "rows": [s.rows for s in found],
            "rows_of_class": [s.hits for s in found],
            "rate": [s.rate for s in found],
            "low": [s.low for s in found],
            "high": [s.high for s in found],
            "base_rate": [s.base_rate for s in found],
            "odds_ratio": [s.odds for s in found],
            "sure_odds_ratio": [s.sure_odds for s in found],
        }
    )


class _Search:
    def __init__(
        self, labels: pd.Series, units: Array, section: LeakageSection, level: float
    ) -> None:
        self._labels = labels.to_numpy(dtype=object)
        self._units, self._section, self._level = units, section, level
        self._shares = {str(name): n / len(labels) for name, n in labels.value_counts().items()}

    def settled(self, column: ColumnCounts) -> list[TellingValue]:
        """The values that settle a class."""
        least, times, found = self._section.min_value_rate, self._section.min_value_odds, []
        rows = _totals(column)
        rates = {(v, label): hits / rows[v] for v, label, hits in _cells(column.counts)}
        for (value, label), rate in rates.items():
            base = self._shares[label]
            # What is next to it in order would do nearly as well, if the column ranks honestly.
            against = max([base, *(rates[n, label] for n in column.neighbours.get(value, ()))])
            never = base > _MOST and 1 - rate > NEVER * (1 - base)
            # Units only widen an interval: what rows do not show need not be looked at closer.
            shown = wilson(rate * rows[value], rows[value])[0]
            if against >= 1 or never or _odds(shown) < times * _odds(against):
                continue
            one = self._measured(column, value, label, against, upper=False)
            if one.low >= least and one.odds >= times:
                found.append(one)
        return sorted(found, key=lambda one: (not one.proven, -one.low, one.value))

    def leaving_out(self, column: ColumnCounts) -> list[TellingValue]:
        """The values that are next to never met with a class that has its share elsewhere."""
        rows, found = _totals(column), []
        for value, label, hits in _cells(column.counts):
            base = self._shares[label]
            shown = wilson(hits, rows[value])[1]
            if hits > NEVER * base * rows[value] or _odds(shown) > LEFT_OUT * _odds(base):
                continue
            one = self._measured(column, value, label, base, upper=True)
            if one.odds <= LEFT_OUT:
                found.append(one)
        return sorted(found, key=lambda one: (-one.expected, one.value))

    def _measured(
        self, column: ColumnCounts, value: str, label: str, against: float, *, upper: bool
    ) -> TellingValue:
        rows = column.rows(value)
        hits, units = self._labels[rows] == label, self._units[rows]
        low, high = unit_rate(hits, units)
        sure = _odds(unit_rate(hits, units, self._level)[upper]) / _odds(against)
        return TellingValue(
            column=column.column,
            value=value,
            label=label,
            hits=int(hits.sum()),
            rows=len(hits),
            total=len(self._labels),
            low=low,
            high=high,
            base_rate=self._shares[label],
            odds=_odds(high if upper else low) / _odds(against),
            sure_odds=sure,
            proven=sure <= LEFT_OUT if upper else sure >= self._section.min_value_odds,
        )


def _totals(column: ColumnCounts) -> dict[str, float]:
    """The rows of each value."""
    totals = column.counts.to_numpy().sum(axis=1)
    return {str(v): float(n) for v, n in zip(column.counts.index, totals, strict=True)}


def _cells(counts: pd.DataFrame) -> list[tuple[str, str, float]]:
    """Value, class and rows of each cell."""
    cells = counts.to_numpy(dtype="float64")
    return [
        (str(value), str(label), float(cells[row, place]))
        for row, value in enumerate(counts.index)
        for place, label in enumerate(counts.columns)
    ]


def _odds(rate: float) -> float:
    return rate / (1 - rate) if rate < 1 else float("inf")
