"""What each column of the source is for, resolved once from the project and the typed columns.

Guarantees: a column has one role; the target, label-side, outcome-only and excluded columns are
never features; labels are strings everywhere after this point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

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
    positive_class: str | None
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    text: tuple[str, ...]
    excluded: Mapping[str, str]
    outcome_only: tuple[str, ...]
    annotators: tuple[str, ...]
    key: str | None
    key_columns: tuple[str, ...]
    group: str | None
    time: str | None

    @property
    def features(self) -> tuple[str, ...]:
        """Feature columns: numeric, then categorical, then text."""
        return (*self.numeric, *self.categorical, *self.text)

    def labels(self, frame: pd.DataFrame) -> pd.Series:
        """The target as strings (dtype `str`), indexed as `frame`."""
        return frame[self.target].astype("str")

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
