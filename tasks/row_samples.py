"""Which rows a model learns from where all of them would take too long.

Guarantees: a split unit is drawn whole or not at all; each class keeps its share, and a rare class
at least `LEAST_OF_CLASS` rows or all that it has; a unit is drawn or not by the hash of its name
and the seed, whatever the order of the rows, and mostly stays drawn when others come or go.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEAST_OF_CLASS = 200
"""A class is not thinned out to fewer rows than these."""

Mask = NDArray[np.bool_]


def sample_rows(labels: pd.Series, units: pd.Series, most: int, seed: int) -> Mask:
    """About `most` of the rows; all where there are no more.

    `labels` and `units` (the split unit) are given row by row. A unit counts for the rarest class
    among its rows. A few rows more are drawn where a class is rare or a unit large.
    """
    if len(labels) <= most:
        return np.ones(len(labels), dtype=bool)
    unit, names = pd.factorize(units)
    of_class, classes = rarest_classes(labels, unit.astype(np.int64), len(names))
    rows = np.bincount(unit, minlength=len(names))
    order = np.lexsort((key_hashes(pd.Index(names), seed), of_class))
    by_class = np.bincount(of_class, rows, classes)
    start = np.cumsum(by_class) - by_class
    before = np.cumsum(rows[order]) - rows[order] - start[of_class[order]]
    quota = np.maximum(by_class * most / len(labels), LEAST_OF_CLASS)
    drawn = np.zeros(len(names), dtype=bool)
    drawn[order] = before < quota[of_class[order]]
    return np.asarray(drawn[unit], dtype=bool)


def rarest_classes(
    labels: pd.Series, unit: NDArray[np.int64], units: int
) -> tuple[NDArray[np.int64], int]:
    """For each unit the rarest class among its rows, as its rank from the rarest on, and how many
    classes there are; `unit` holds each row's unit from 0 on."""
    counts = labels.value_counts()
    ranked = sorted(counts.index, key=lambda name: (counts[name], str(name)))
    place = pd.Index(ranked).get_indexer(pd.Index(labels))
    rarest = np.full(units, len(ranked), dtype=np.int64)
    np.minimum.at(rarest, unit, place)
    return rarest, len(ranked)


def key_hashes(keys: pd.Index, seed: int) -> NDArray[np.uint64]:
    """A number for each key by its text and the seed."""
    words = np.asarray(keys.astype("str"), dtype=object)
    return pd.util.hash_array(words, hash_key=f"{seed % 10**16:016d}", categorize=False)
