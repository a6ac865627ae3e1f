"""Which row of one run is which row of another?

Guarantees: a row is paired with one row at most; among rows that share a key (copies without a
declared key) those with equal labels are paired first, so that copies in another order, or one
copy less, are never taken for a corrected label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tasks.project.roles import Roles

LEFT_OUT = "left out"
"""The side of a row that the split gave none."""


@dataclass(frozen=True, kw_only=True)
class RunRows:
    """The curated rows of a run: `frame` indexed by row key, and the side of each row.

    `units` names the split unit of each row, indexed as `sides`; rows that the split left out are
    in neither. `schema` maps every column to its type where `frame` holds only some of them.
    """

    frame: pd.DataFrame
    sides: pd.Series
    roles: Roles
    units: pd.Series | None = None
    schema: Mapping[str, str] | None = None

    @property
    def types(self) -> Mapping[str, str]:
        """The type of each column."""
        if self.schema is not None:
            return self.schema
        return {str(name): str(dtype) for name, dtype in self.frame.dtypes.items()}

    @property
    def placed(self) -> pd.Series:
        """The side of every row, `left out` included."""
        return self.sides.astype("str").reindex(self.frame.index).fillna(LEFT_OUT)

    @property
    def names(self) -> pd.Series:
        """What names each row: its key, without the occurrence number where the key was made."""
        keys = pd.Series(self.frame.index.astype("str"), index=self.frame.index)
        return keys if self.roles.key is not None else keys.str.rsplit("-", n=1).str[0]


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Rows of two runs: `pairs` has the keys `before` and `after` of each row that is in both."""

    pairs: pd.DataFrame
    added: pd.Index
    removed: pd.Index

    def mirrored(self) -> Pairing:
        """The same pairs, seen from the other run."""
        exchanged = {"before": self.pairs["after"], "after": self.pairs["before"]}
        return Pairing(pairs=pd.DataFrame(exchanged), added=self.removed, removed=self.added)


def key_problem(before: RunRows, after: RunRows) -> str:
    """Why the rows of two runs cannot be paired, as a sentence; empty where they can."""
    old, new = before.roles, after.roles
    if (old.key, set(old.key_columns)) == (new.key, set(new.key_columns)):
        return ""
    if old.key is not None and old.key == new.key:
        return ""
    return (
        f"The rows cannot be matched one by one: A names a row by {_named_by(old)}, and B by "
        f"{_named_by(new)}."
    )


def pair_rows(before: RunRows, after: RunRows) -> Pairing:
    """Pair the rows of two runs whose keys are made alike, equal labels first."""
    old, new = _labelled(before), _labelled(after)
    same = _joined(old, new, ["name", "label"])
    rest = _joined(
        old[~old["key"].isin(same["before"])], new[~new["key"].isin(same["after"])], ["name"]
    )
    pairs = pd.concat([same, rest], ignore_index=True)
    return Pairing(
        pairs=pairs,
        added=after.frame.index[~after.frame.index.isin(pairs["after"])],
        removed=before.frame.index[~before.frame.index.isin(pairs["before"])],
    )


def _labelled(rows: RunRows) -> pd.DataFrame:
    table = {"key": rows.frame.index, "name": rows.names.to_numpy()}
    return pd.DataFrame({**table, "label": rows.roles.labels(rows.frame).to_numpy()})


def _joined(old: pd.DataFrame, new: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Pairs of rows equal in `columns`, in order where several are."""
    old = old.assign(place=old.groupby(columns, dropna=False).cumcount())
    new = new.assign(place=new.groupby(columns, dropna=False).cumcount())
    joined = old.merge(new, on=[*columns, "place"], suffixes=("_before", "_after"))
    return joined[["key_before", "key_after"]].set_axis(["before", "after"], axis=1)


def _named_by(roles: Roles) -> str:
    if roles.key is not None:
        return f"the column {roles.key}"
    listed = ", ".join(sorted(roles.key_columns)[:5])
    more = len(roles.key_columns) - 5
    return f"the values of {listed}" + (f" and {more} more columns" if more > 0 else "")
