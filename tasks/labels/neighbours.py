"""Which labels the rows have that are most like a row.

Guarantees: the preparation of the columns is fitted on train rows, and neighbours are train and dev
rows; labels play no part in who is near whom; a row is not its own neighbour. Near is by Euclidean
distance after the preparation that a linear model gets; for text alone, whose rows have length 1,
that is the order by cosine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse

from tasks.estimators import build_pipeline, default_candidates, feature_frame, few_threads
from tasks.labels.findings import LabelFinding
from tasks.project.roles import Roles

NEIGHBOURS = 8
_CHUNK_CELLS = 1 << 23

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class PreparedRows:
    """Train and dev rows after the preparation: `matrix` (dense or sparse) in order of `index`."""

    index: pd.Index
    matrix: Any

    def nearest(self, rows: Codes, among: Codes) -> Codes:
        """Positions of the 8 rows of `among` nearest to each of `rows`, rows by neighbours.

        Fewer where `among` has fewer. Of equally near ones any may stand, always the same.
        """
        count = min(NEIGHBOURS, len(among) - 1)
        others = self.matrix[among]
        lengths = _squares(others)
        found = [np.empty((0, count), dtype=np.int64)]
        step = max(1, _CHUNK_CELLS // len(among))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            with few_threads(len(among) * self.matrix.shape[1]):
                products = self.matrix[part] @ others.T
            dense = products.toarray() if issparse(products) else np.asarray(products)
            distances = lengths - 2 * dense  # the own length is the same for all
            distances[part[:, None] == among] = np.inf
            found.append(among[np.argpartition(distances, count - 1, axis=1)[:, :count]])
        return np.concatenate(found)


def prepare_rows(frame: pd.DataFrame, sides: pd.Series, roles: Roles) -> PreparedRows:
    """Fit the preparation on the train rows of `frame`, and apply it to train and dev."""
    linear = default_candidates(roles)[0]
    prepare = build_pipeline(linear, roles, class_weight="none", seed=0).named_steps["prepare"]
    prepare.fit(feature_frame(frame[(sides == "train").to_numpy()], roles))
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


def _squares(matrix: Any) -> NDArray[np.float64]:
    """The squared length of each row."""
    squared = matrix.multiply(matrix) if issparse(matrix) else matrix * matrix
    return np.asarray(squared.sum(axis=1), dtype=np.float64).ravel()
