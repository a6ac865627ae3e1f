"""On which rows is searched, and on which confirmed?

Guarantees: rows of one unit (a group, or rows that are equal in all features) are in one half; the
half of a unit depends on the unit and the seed alone, so that new rows move no old ones.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.conditions import Mask


def unit_codes(units: pd.Series) -> NDArray[np.intp]:
    """A number for each row, the same for rows of one unit."""
    return pd.factorize(units)[0].astype(np.intp)


def first_half(units: pd.Series, seed: int) -> Mask:
    """Which rows are searched: about half of the units, by a hash; the others confirm."""
    codes, distinct = pd.factorize(units)
    drawn = [
        hashlib.sha256(f"slice search\0{seed}\0{unit}".encode()).digest()[0] < 128
        for unit in distinct.tolist()
    ]
    half: Mask = np.array(drawn, dtype=bool)[codes]
    return half
