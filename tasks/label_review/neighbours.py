"""The train rows that are most like a row, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.estimators import feature_frame
from tasks.neighbours import fit_preparation, nearest
from tasks.project.roles import Roles
from tasks.row_lines import short_values

NEIGHBOURS = 3


def find_neighbours(
    keys: Sequence[str], frame: pd.DataFrame, split: pd.DataFrame, roles: Roles
) -> dict[str, list[tuple[str, str]]]:
    """For each key its 3 nearest other train rows: the row in one line, and its label.

    A row of test has neighbours like any other.
    """
    train = frame.loc[
        (split["side"] == "train").to_numpy() & frame[roles.target].notna().to_numpy()
    ]
    prepare = fit_preparation(train, roles)
    learned = prepare.transform(feature_frame(train, roles))
    asked = prepare.transform(feature_frame(frame.loc[list(keys)], roles))
    own = train.index.get_indexer(pd.Index(list(keys))).astype(np.int64)
    places = nearest(asked, learned, NEIGHBOURS, own).places
    near = train.iloc[np.unique(places)]
    lines = dict(zip(near.index, short_values(near, roles), strict=True))
    labels = roles.labels(near)
    return {
        key: [(lines[name], str(labels[name])) for name in train.index[row]]
        for key, row in zip(keys, places, strict=True)
    }
