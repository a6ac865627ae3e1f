"""On which items, and on which pairs of classes, do people disagree?

Guarantees: pure counting, by votes alone; every share carries its interval and its items; the
order depends on the votes and the names, never on a row's place in the file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.intervals import wilson
from tasks.labels.agreement import Scale, distinct_rows
from tasks.labels.human_level import mean_of_ratios
from tasks.labels.ratings import Codes, Votes

SHOWN_PAIRS = 200
_SHOWN_VOTES = 5


def confused_classes(
    votes: Votes, classes: Sequence[str], units: Codes | None = None
) -> pd.DataFrame:
    """Pairs of classes that people give to one item, the most often confused first.

    Columns: class, other, share (of the items with two labels or more that somebody gave either
    class: those that were given both), low, high (Wilson), both, n. Ranked by the lower end. Where
    `units` hold several items, only the leading pairs are given, each with the interval of units.
    """
    pairs = _ranked(_counted(votes, classes))
    if units is None or len(np.unique(units)) == len(units):
        return pairs
    pairs = pairs.head(SHOWN_PAIRS).copy()
    several = votes.sum(axis=1) >= 2
    given, unit = votes[several] > 0, units[several]
    places = {name: place for place, name in enumerate(classes)}
    for row, pair in pairs.iterrows():
        a, b = given[:, places[pair["class"]]], given[:, places[pair["other"]]]
        both, either = (one.astype(np.float64)[a | b, None] for one in (a & b, a | b))
        found = mean_of_ratios(both, either, unit[a | b])
        pairs.loc[row, ["low", "high"]] = [found.low, found.high]
    return _ranked(pairs)


def _ranked(pairs: pd.DataFrame) -> pd.DataFrame:
    order = ["low", "both", "class", "other"]
    return pairs.sort_values(order, ascending=[False, False, True, True], ignore_index=True)


def _counted(votes: Votes, classes: Sequence[str]) -> pd.DataFrame:
    patterns, times = distinct_rows(votes)
    several = patterns.sum(axis=1) >= 2
    patterns, times = patterns[several], times[several]
    given = (patterns > 0).astype(np.float64)
    together = np.rint((given * times[:, None]).T @ given).astype(np.int64)
    items = together.diagonal()
    first, second = np.nonzero(np.triu(together, 1))
    rows = []
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        both = int(together[a, b])
        either = int(items[a] + items[b]) - both
        rows.append((classes[a], classes[b], both / either, *wilson(both, either), both, either))
    columns = ["class", "other", "share", "low", "high", "both", "n"]
    return pd.DataFrame(rows, columns=columns)


def disagreement(votes: Votes, classes: Sequence[str], scale: Scale) -> NDArray[np.float64]:
    """By item, the mean distance of two of its labels; NaN with fewer than two.

    Nominal: the share of pairs that differ. Ordinal and interval: the mean squared distance in
    steps of the order, or in the unit of the values.
    """
    counts = votes.astype(np.float64)
    size = counts.sum(axis=1)
    if scale == "nominal":
        apart = size**2 - (counts**2).sum(axis=1)
    else:
        values = [float(name) for name in classes] if scale == "interval" else range(len(classes))
        places = np.asarray(list(values), dtype=np.float64)
        apart = 2 * (size * (counts @ places**2) - (counts @ places) ** 2)
    found: NDArray[np.float64] = np.full(len(counts), np.nan)
    np.divide(apart, size * (size - 1), out=found, where=size >= 2)
    return np.maximum(found, 0.0)


def rank_items(votes: Votes, keys: Sequence[str], apart: NDArray[np.float64]) -> list[int]:
    """Positions of the items that people disagree on: the most, then most labels, then key."""
    found = np.flatnonzero(apart > 0)
    order = np.lexsort(
        (
            np.asarray(keys, dtype=object)[found].astype(str),
            -votes[found].sum(axis=1),
            -apart[found],
        )
    )
    return [int(at) for at in found[order]]


def written_votes(counts: NDArray[np.int64], classes: Sequence[str]) -> str:
    """The votes of one item in words, the most frequent class first: `dent 11, scratch 9`."""
    order = [int(at) for at in np.argsort(-counts, kind="stable") if counts[at]]
    shown = ", ".join(f"{classes[at]} {counts[at]}" for at in order[:_SHOWN_VOTES])
    return shown + (", ..." if len(order) > _SHOWN_VOTES else "")
