"""The train rows that are most like a row, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from tasks.estimators import build_pipeline, default_candidates, feature_frame
from tasks.labels.review import short_values
from tasks.project.roles import Roles

NEIGHBOURS = 3


def find_neighbours(
    keys: Sequence[str], frame: pd.DataFrame, split: pd.DataFrame, roles: Roles
) -> dict[str, list[tuple[str, str]]]:
    """For each key its 3 nearest other train rows: the row in one line, and its label.

    Nearest by Euclidean distance after the preparation that the default linear model gets. Labels
    play no part, and a row of test has neighbours like any other.
    """
    train = frame.loc[
        (split["side"] == "train").to_numpy() & frame[roles.target].notna().to_numpy()
    ]
    prepare = build_pipeline(
        default_candidates(roles)[0], roles, class_weight="none", seed=0
    ).named_steps["prepare"]
    learned = prepare.fit_transform(feature_frame(train, roles))
    search = NearestNeighbors(algorithm="brute").fit(learned)
    asked = prepare.transform(feature_frame(frame.loc[list(keys)], roles))
    wanted = min(NEIGHBOURS + 1, len(train))
    places = np.asarray(search.kneighbors(asked, wanted, return_distance=False))
    near = train.iloc[np.unique(places)]
    lines = dict(zip(near.index, short_values(near, roles), strict=True))
    labels = roles.labels(near)
    found = {}
    for key, row in zip(keys, places, strict=True):
        others = [name for name in train.index[row] if name != key][:NEIGHBOURS]
        found[key] = [(lines[name], str(labels[name])) for name in others]
    return found
