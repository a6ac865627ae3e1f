"""What each column of the source is for, resolved once from the project and the typed columns.

Guarantees: a column has one role; the target, label-side, outcome-only and excluded columns are
never features; labels are strings everywhere after this point, and of a regression float64.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

ROW_KEY = "row_key"
ColumnKind = Literal["numeric", "categorical", "text", "time"]


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Columns by role. `excluded` maps a column to the reason why it is no feature.

    `key_columns` are those whose values make the row's key where `key` is None; `time` and
    `group` are the split's. Frames that are passed with roles are indexed by `ROW_KEY`.
    """

    target: str
    positive_class: str | None = None
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)
    outcome_only: tuple[str, ...] = ()
    annotators: tuple[str, ...] = ()
    key: str | None = None
    key_columns: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    regression: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """Feature columns: numeric, then categorical, then text."""
        return (*self.numeric, *self.categorical, *self.text)

    def labels(self, frame: pd.DataFrame) -> pd.Series:
        """The target, indexed as `frame`: strings (dtype `str`), or float64 of a regression."""
        return frame[self.target].astype("float64" if self.regression else "str")

    def strata(self, frame: pd.DataFrame) -> pd.Series:
        """The classes, or the quarters of a target that is a number, by which rows are counted.

        The quarters are those of the rows of `frame`, by name (`price in [10, 25)`), dtype `str`.
        """
        return quarters(self.labels(frame)) if self.regression else self.labels(frame)

    def to_facts(self) -> dict[str, Any]:
        """A JSON value that `from_facts` reads back."""
        facts = asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in facts.items()}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Roles:
        """The roles that `to_facts` wrote."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in facts.items()
        }
        return cls(**values)


def quarters(values: pd.Series) -> pd.Series:
    """Each number's quarter by name; equal quartiles make fewer than four of them."""
    edges = np.unique(np.quantile(values.dropna(), [0, 0.25, 0.5, 0.75, 1], method="lower"))
    if len(edges) < 2:
        return pd.Series(str(values.name), index=values.index, dtype="str")
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    ends = [f"{edge:.6g}" for edge in edges]
    names = [f"{values.name} from {low} to {high}" for low, high in itertools.pairwise(ends)]
    return pd.Series(np.asarray(names, dtype=object)[place], index=values.index, dtype="str")
