"""Where does each unit go?

Guarantees: by key or group a unit's side is a hash of the split's epoch and the unit, nothing
else; by time no row of an earlier side is later than one of a later side, unless a stored side
says so; a side that was assigned once stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from tasks.project.data_sections import SplitSection

SIDES = ("train", "dev", "test")
_RANK = {side: rank for rank, side in enumerate(SIDES)}


def drawn_sides(units: pd.Series, split: SplitSection) -> pd.Series:
    """The side of each unit by its hash: uniform on [0, 1), cut at the declared shares."""
    codes, distinct = pd.factorize(units)
    points = np.array([_point(str(unit), split.epoch) for unit in distinct.tolist()])
    cuts = [split.train, split.train + split.dev]
    sides = np.array(SIDES, dtype=object)[np.searchsorted(cuts, points, side="right")]
    return pd.Series(sides[codes], index=units.index, dtype="str")


def sides_by_time(times: pd.Series, split: SplitSection, stored: pd.Series) -> pd.Series:
    """The side of each row by its time: the first share of the rows to train, the next to dev.

    Rows of the same time stay on the earlier side. Where `stored` has sides (missing: none yet),
    the borders are those of the stored rows, so that new rows are placed as the old ones were.
    """
    if times.empty:
        return pd.Series([], index=times.index, dtype="str")
    ordered = times.sort_values(kind="stable")
    known = stored.notna()
    if known.any():
        until_train = times[known & (stored == "train")].max()
        until_dev = times[known & (stored != "test")].max()
    else:
        until_train = ordered.iloc[_last(len(ordered), split.train)]
        until_dev = ordered.iloc[_last(len(ordered), split.train + split.dev)]
    sides = pd.Series("test", index=times.index, dtype="str")
    sides[times <= until_dev] = "dev"
    sides[times <= until_train] = "train"
    return sides


def stored_sides(
    assigned: pd.DataFrame | None, units: pd.Series, aliases: pd.Series | None = None
) -> pd.Series:
    """The side that each row's unit was given earlier; missing where it is new.

    A unit that was not stored itself takes the side under which one of its rows' `aliases` was.
    Where those differ, the first of train, dev, test holds for the whole unit: a row that a model
    may have been fitted on must not be tested on.
    """
    if assigned is None or assigned.empty:
        return pd.Series(np.nan, index=units.index).astype("str")
    known = assigned.assign(rank=assigned["side"].map(_RANK)).groupby("unit")["rank"].min()
    ranks = units.map(known)
    if aliases is not None:
        ranks = ranks.fillna(aliases.map(known).groupby(units).transform("min"))
    return ranks.map(dict(enumerate(SIDES))).astype("str")


def earliest_sides(sides: pd.Series, codes: pd.Series) -> pd.Series:
    """The first of train, dev, test among the rows with the same code; missing where none has."""
    ranks = sides.map(_RANK).groupby(codes).transform("min")
    return ranks.map(dict(enumerate(SIDES))).astype("str")


def later_copies(sides: pd.Series, codes: pd.Series) -> pd.Series:
    """Whether a row with the same code stands on an earlier side (True: leave the row out)."""
    ranks: pd.Series = sides.map(_RANK)
    return ranks > ranks.groupby(codes).transform("min")


def side_counts(sides: pd.Series) -> Mapping[str, int]:
    """Rows by side, in order, with 0 for an empty side."""
    return {side: int((sides == side).sum()) for side in SIDES}


def _point(unit: str, epoch: int) -> float:
    digest = hashlib.sha256(f"{epoch}\0{unit}".encode()).digest()
    # 53 bits, so that the quotient is exact and below 1.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _last(rows: int, share: float) -> int:
    """The position of the last of the first `share` of the rows."""
    return min(max(round(rows * share), 1), rows) - 1
