"""Which rows hold one example, although nothing declares it?

Guarantees: labels play no part; a repeat that ordinary data make by themselves is none. Three kinds
are found:

* rows that are nearly equal in all features (`near_rows`);
* rows that are equal in all features but one number, and distinctive in the others: copies
  told apart by a counter, a random number, a reading taken twice;
* rows that are equal in all features and distinctive (the other equal rows are repeats, which a
  table of few values has naturally: for a split by key they share a unit all the same).

Distinctive: at least three numeric columns, of many values (10, and 5 % of the rows), hold one that
no other row has. A measurement to its last digit hardly ever comes back in one column, and never in
three at once (two may be functions of each other, as degrees in two scales); a table of few values
repeats all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.labels.row_groups import Codes, codes_of, group_codes
from tasks.project.roles import Roles
from tasks.splitting.near_rows import linked, near_codes

_DISTINCTIVE = 3
_MANY, _VARIED = 10, 0.05
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


@dataclass(frozen=True)
class Examples:
    """Numbers that rows equal in all features (`twins`) or of one example (`codes`) share."""

    twins: pd.Series
    codes: pd.Series


def example_codes(frame: pd.DataFrame, roles: Roles, twins: pd.Series) -> pd.Series:
    """A number for each row, the same where rows are equal or copies of one example of any kind."""
    near = near_codes(frame, roles)
    found = np.concatenate([_chain(near), _chain(twins.to_numpy()), _all_but_one(frame, roles)])
    return pd.Series(linked(found, len(frame)), index=frame.index)


def recurring_codes(frame: pd.DataFrame, roles: Roles, twins: pd.Series) -> pd.Series:
    """A number for each row, the same where rows are copies that cannot have come about twice.

    For a split in which equal rows may be on several sides (by time, by group): rows that are equal
    only as a table of few values repeats itself stay apart, and so do texts, which people repeat.
    """
    near = near_codes(frame, replace(roles, text=()))
    if roles.text:  # equal texts, and numbers that are nearly so
        near = group_codes((near, *(codes_of(frame[name]) for name in roles.text)), len(frame))
    equal = twins.to_numpy()
    vectors = pd.Series(equal).groupby(near).transform("nunique").to_numpy()
    same = np.where(vectors > 1, near, -1)
    kept = _distinctive(equal, _value_codes(frame, roles.numeric)) & (same < 0)
    found = np.concatenate([_chain(same, same >= 0), _chain(equal, kept)])
    return pd.Series(linked(found, len(frame)), index=frame.index)


def _all_but_one(frame: pd.DataFrame, roles: Roles) -> Codes:
    """Pairs of rows that are equal in all features but one number, and distinctive in the rest."""
    values = _value_codes(frame, roles.numeric)
    others = _value_codes(frame, (*roles.categorical, *roles.text))
    pairs = [np.empty((0, 2), dtype=np.int64)]
    if len(roles.numeric) <= _DISTINCTIVE or not len(frame):
        return pairs[0]
    hashed = [_mixed(codes, place) for place, codes in enumerate((*values, *others))]
    total = np.bitwise_xor.reduce(np.stack(hashed), axis=0)
    for place in range(len(values)):
        groups = np.asarray(pd.factorize(total ^ hashed[place])[0], dtype=np.int64)
        if int(groups.max()) + 1 == len(frame):
            continue
        rest = [codes for at, codes in enumerate(values) if at != place]
        pairs.append(_chain(groups, _distinctive(groups, rest)))
    return np.concatenate(pairs)


def _distinctive(groups: Codes, values: Sequence[Codes]) -> NDArray[np.bool_]:
    """Whether enough columns hold a value in the row's group that no row outside has."""
    size = np.bincount(groups, minlength=1)[groups]
    alone = np.zeros(len(groups), dtype=np.int64)
    for codes in values:
        if int(codes.max(initial=0)) >= max(_MANY, _VARIED * len(codes)):
            alone += (np.bincount(codes, minlength=1)[codes] == size) & (codes > 0)
    several: NDArray[np.bool_] = (size > 1) & (alone >= _DISTINCTIVE)
    return several


def _value_codes(frame: pd.DataFrame, columns: Sequence[str]) -> list[Codes]:
    return [codes_of(frame[name]) for name in columns]


def _mixed(codes: Codes, salt: int) -> NDArray[np.uint64]:
    """64 bits a value that differ from column to column (multiply and shift, twice)."""
    words = codes.astype(np.uint64) + np.uint64((1 + salt) * int(_SPREAD) % (1 << 64))
    for _ in range(2):
        words ^= words >> _SHIFT
        words *= _SPREAD
    return words


def _chain(groups: Codes, chosen: NDArray[np.bool_] | None = None) -> Codes:
    """Pairs that link the (chosen) rows of each group with the first of them."""
    rows = np.arange(len(groups)) if chosen is None else np.flatnonzero(chosen)
    if not len(rows):
        return np.empty((0, 2), dtype=np.int64)
    order = rows[np.argsort(groups[rows], kind="stable")]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = groups[order[1:]] != groups[order[:-1]]
    first = order[fresh][np.cumsum(fresh) - 1]
    return np.column_stack([first, order])
