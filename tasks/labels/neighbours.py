"""Which labels the rows have that are most like a row.

Guarantees: the preparation of the columns is fitted on train rows, and neighbours are train and dev
rows; near is as `tasks.neighbours` has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.estimators import feature_frame
from tasks.labels.findings import LabelFinding
from tasks.neighbours import fit_preparation, nearest
from tasks.project.roles import Roles

NEIGHBOURS = 8

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class PreparedRows:
    """Train and dev rows after the preparation: `matrix` (dense or sparse) in order of `index`."""

    index: pd.Index
    matrix: Any

    def nearest(self, rows: Codes, among: Codes) -> Codes:
        """Positions of the 8 rows of `among` nearest to each of `rows`, rows by neighbours.

        `among` is in rising order. Fewer where it has fewer rows.
        """
        place = np.minimum(np.searchsorted(among, rows), len(among) - 1)
        own = np.where(among[place] == rows, place, -1)
        count = min(NEIGHBOURS, len(among) - 1)
        return among[nearest(self.matrix[rows], self.matrix[among], count, own).places]


def prepare_rows(frame: pd.DataFrame, sides: pd.Series, roles: Roles) -> PreparedRows:
    """Fit the preparation on the train rows of `frame`, and apply it to train and dev."""
    prepare = fit_preparation(frame[(sides == "train").to_numpy()], roles)
    seen = frame[(sides != "test").to_numpy()]
    return PreparedRows(seen.index, prepare.transform(feature_frame(seen, roles)))


def explain_issues(
    quality: pd.DataFrame, frame: pd.DataFrame, sides: pd.Series, roles: Roles, most: int
) -> LabelFinding:
    """For the `most` worst suspects of train and dev, what label their nearest rows have.

    `quality` has side, issue and quality by row key. Says nothing where the given label is the
    most frequent among the nearest.
    """
    said: dict[str, str] = {}
    suspects = quality[quality["issue"] & (quality["side"] != "test")]
    keys = suspects.sort_index().sort_values("quality", kind="stable").index[:most]
    if len(keys):
        prepared = prepare_rows(frame, sides, roles)
        labels = roles.labels(frame).loc[prepared.index].to_numpy(dtype=object)
        rows = prepared.index.get_indexer(keys).astype(np.int64)
        near = prepared.nearest(rows, np.arange(len(labels)))
        found = zip(keys, rows, near, strict=True)
        said = {key: _say(labels[row], labels[others]) for key, row, others in found}
    reasons = pd.Series(said, dtype="str").reindex(frame.index, fill_value="")
    return LabelFinding(checks=(), reasons=reasons)


def _say(given: str, near: Sequence[str]) -> str:
    names, counts = np.unique(np.asarray(near, dtype=str), return_counts=True)
    own = int(counts[names == given].sum())
    best = int(counts.argmax())
    if counts[best] <= own:
        return ""
    return f"{counts[best]} of {len(near)} nearest rows are {names[best]}"
