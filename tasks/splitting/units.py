"""Which rows must stay on one side together?

Guarantees:

* a unit never depends on the label, so that a corrected label moves no row;
* rows that are equal in all feature columns have one unit, whatever the width of the columns'
  types and the order of columns and rows; without such a twin a row's unit is its key without the
  occurrence number, so that with a declared key a corrected feature moves no row either;
* a unit is a SHA-256 in hex: it can be stored beside a model without giving the data away.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.project.roles import Roles

_OCCURRENCE = re.compile(r"-\d+$")


def twin_codes(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """A number for each row, the same for two rows if and only if all `columns` are equal.

    Missing equals missing, 1 equals 1.0, -0.0 equals 0.0. Without columns every row is alone.
    """
    if not columns:
        return pd.Series(np.arange(len(frame)), index=frame.index)
    canonical = _canonical(frame, columns)
    return canonical.groupby(list(canonical.columns), dropna=False, sort=False).ngroup()


def base_units(frame: pd.DataFrame, roles: Roles) -> pd.Series:
    """Each row's unit by its key alone: a declared key as it is, a made one without occurrence."""
    keys = pd.Series(frame.index.astype("str"), index=frame.index)
    if roles.key is None:
        keys = keys.str.replace(_OCCURRENCE, "", regex=True)
    return _hashed("key", keys)


def row_units(frame: pd.DataFrame) -> pd.Series:
    """A unit for each row, by its whole key."""
    return _hashed("row", pd.Series(frame.index.astype("str"), index=frame.index))


def group_units(frame: pd.DataFrame, roles: Roles) -> pd.Series:
    """The unit of each row's group; rows without a group are units by their key."""
    groups = frame[str(roles.group)]
    if pd.api.types.is_numeric_dtype(groups.dtype):
        groups = groups.astype("float64")
    units = _hashed("group", groups.astype("str"))
    return units.where(groups.notna(), base_units(frame, roles))


def cluster_units(
    frame: pd.DataFrame, roles: Roles, base: pd.Series, twins: pd.Series
) -> pd.Series:
    """`base`, except that rows with the same code in `twins` share one unit.

    A cluster's unit is made from the canonical feature values, columns in order of their names.
    """
    together = twins.duplicated(keep=False)
    if not together.any():
        return base
    first = ~twins.duplicated() & together
    canonical = _canonical(frame.loc[first], sorted(roles.features))
    names = list(canonical.columns)
    texts = [
        json.dumps(list(zip(names, (_word(value) for value in row), strict=True)))
        for row in canonical.itertuples(index=False)
    ]
    clusters = pd.Series([_sha256("features", text) for text in texts], index=twins[first])
    return base.where(~together, twins.map(clusters))


def joined_units(units: pd.Series, codes: pd.Series, known: pd.Series) -> pd.Series:
    """One unit for all rows with the same code: the first by name of those that are `known`.

    Where none is known (a side was never stored for it), the first of all. So a unit keeps its name
    when copies of its rows arrive later.
    """
    order = pd.DataFrame({"code": codes, "new": ~known, "unit": units})
    names = order.sort_values(["code", "new", "unit"]).drop_duplicates("code")
    joined = codes.map(names.set_index("code")["unit"]).astype("str")
    return joined.rename(None)


def _canonical(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Numbers as float64 without a negative zero, times in microseconds (UTC), else words."""
    canonical: dict[str, pd.Series] = {}
    for column in columns:
        values = frame[column]
        if pd.api.types.is_datetime64_any_dtype(values.dtype):
            if isinstance(values.dtype, pd.DatetimeTZDtype):
                values = values.dt.tz_convert(None)
            canonical[column] = values.astype("datetime64[us]")
        elif pd.api.types.is_numeric_dtype(values.dtype):
            canonical[column] = values.astype("float64") + 0.0
        else:
            canonical[column] = values.astype("str")
    return pd.DataFrame(canonical, index=frame.index)


def _word(value: object) -> str | None:
    return None if pd.isna(value) else str(value)  # type: ignore[call-overload]


def _hashed(kind: str, values: pd.Series) -> pd.Series:
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    hashes = np.array([_sha256(kind, str(value)) for value in distinct.tolist()], dtype=object)
    return pd.Series(hashes[codes], index=values.index, dtype="str")


def _sha256(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()
