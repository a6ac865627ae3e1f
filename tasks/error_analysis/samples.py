"""Which rows stand for many, where all of them would take too long."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.row_samples import key_hashes

Places = NDArray[np.int64]


def sample_places(keys: pd.Index, most: int, seed: int) -> Places:
    """Positions, in rising order, of at most `most` of the `keys`; all where there are no more.

    Those with the smallest hash of seed and key: a row is drawn or not whatever the order of the
    rows, and mostly stays drawn when others come or go.
    """
    if len(keys) <= most:
        return np.arange(len(keys))
    hashes = key_hashes(keys, seed)
    return np.sort(np.argsort(hashes, kind="stable")[:most]).astype(np.int64)
