"""What the nearest train rows say of an error: one word that tells where to look first.

* `coverage`: nothing is near. The nearest train row is farther away than it is for 95 of 100 dev
  rows, right or wrong, so that about 5 % of any rows would read so.
* `label`: train rows that are nearly the same all have another label than the row, and no other
  error that is nearly the same has its label.
* `feature`: most near rows have another label, or nearly equal rows have both: what tells the
  labels apart is not among the features.
* `model`: most near rows have the row's own label, and the model did not learn it from them.

Nearly the same: no category differs, and numbers differ by a tenth of a standard deviation or less
(root mean square). It is a word to begin with and no judgement: a distance over many columns that
do not matter says little.

Guarantees: train rows alone are neighbours, at most 20,000 of them, drawn by a seeded hash of their
keys; at most 500 errors are read, so that the work does not grow with the data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.error_analysis.samples import sample_places
from tasks.estimators import feature_frame
from tasks.neighbours import Near, fit_preparation, nearest
from tasks.project.roles import Roles
from tasks.row_lines import short_values

TRAIN_ROWS = 20_000
READ_ERRORS = 500
NEIGHBOURS = 8
SHOWN = 3
_REFERENCE_ROWS = 500
_FAR_QUANTILE = 0.95
_SAME_DEVIATIONS = 0.1

READINGS = {
    "label": "nearly equal train rows all have another label: check the label",
    "coverage": "no train row is near: collect more such rows",
    "feature": "near train rows mostly have another label: add a feature that tells them apart",
    "model": "near train rows mostly have its label: try a model that fits more closely",
}
"""What each word says, and the next move."""


@dataclass(frozen=True)
class ReadErrors:
    """Errors with their nearest train rows; `keys` are those of the errors.

    `words` are the readings; `near_keys` and `near_labels` (rows by neighbours, the nearest first)
    belong to `distances`; `lines` has the nearest train row of each in one line. `train_rows` is
    how many train rows were searched, of `all_train_rows`.
    """

    keys: pd.Index
    words: list[str]
    near_keys: NDArray[np.object_]
    near_labels: NDArray[np.object_]
    distances: NDArray[np.float64]
    lines: list[str]
    train_rows: int
    all_train_rows: int

    def shown_labels(self) -> list[str]:
        """The labels of the 3 nearest train rows, each with its distance: `no 0.31, yes 0.40`."""
        return [
            ", ".join(f"{name} {far:.2f}" for name, far in zip(names, fars, strict=True))
            for names, fars in zip(
                self.near_labels[:, :SHOWN], self.distances[:, :SHOWN], strict=True
            )
        ]

    def columns(self) -> pd.DataFrame:
        """The reading and the 3 nearest train rows as columns, indexed by the errors' keys."""
        found: dict[str, Any] = {"reading": np.array(self.words, dtype=object)}
        for place in range(min(SHOWN, self.distances.shape[1])):
            found[f"nearest_{place + 1}_key"] = self.near_keys[:, place]
            found[f"nearest_{place + 1}_label"] = self.near_labels[:, place]
            found[f"nearest_{place + 1}_distance"] = self.distances[:, place]
        frame = pd.DataFrame(found, index=self.keys)
        words = [name for name in frame.columns if not name.endswith("_distance")]
        return frame.astype(dict.fromkeys(words, "str"))


def read_errors(
    keys: pd.Index,
    dev: pd.DataFrame,
    frame: pd.DataFrame,
    split: pd.DataFrame,
    roles: Roles,
    seed: int,
) -> ReadErrors | None:
    """The errors with these `keys`, rows of `dev`, read by their nearest train rows of `frame`.

    None where there is no such error, no train row or no feature.
    """
    learned = (split["side"].reindex(frame.index) == "train").to_numpy(dtype=bool)
    places = np.flatnonzero(learned)
    if not len(keys) or not len(places) or not roles.features:
        return None
    train = frame.iloc[places[sample_places(frame.index[places], TRAIN_ROWS, seed)]]
    prepare = fit_preparation(train, roles)
    others = prepare.transform(feature_frame(train, roles))

    def search(rows: pd.DataFrame, count: int) -> Near:
        asked = prepare.transform(feature_frame(rows, roles))
        return nearest(asked, others, count, np.full(len(rows), -1))

    reference = dev.iloc[sample_places(dev.index, _REFERENCE_ROWS, seed)]
    far = float(np.quantile(search(reference, 1).distances, _FAR_QUANTILE))
    same = _SAME_DEVIATIONS * math.sqrt(max(1, len(roles.numeric)))
    found = search(dev.loc[keys], NEIGHBOURS)
    labels = roles.labels(train).to_numpy(dtype=object)[found.places]
    own = roles.labels(dev.loc[keys]).to_numpy(dtype=object)
    matrix = prepare.transform(feature_frame(dev.loc[keys], roles))
    errors = nearest(matrix, matrix, NEIGHBOURS, np.arange(len(keys)))
    shared = ((own[errors.places] == own[:, None]) & (errors.distances <= same)).any(axis=1)
    return ReadErrors(
        keys=keys,
        words=[
            read(true, names, distances, same, far, shared=others)
            for true, names, distances, others in zip(
                own, labels, found.distances, shared, strict=True
            )
        ],
        near_keys=train.index.to_numpy(dtype=object)[found.places],
        near_labels=labels,
        distances=found.distances,
        lines=short_values(train.iloc[found.places[:, 0]], roles),
        train_rows=len(train),
        all_train_rows=len(places),
    )


def read(
    own: str,
    labels: Sequence[str],
    distances: Sequence[float],
    same: float,
    far: float,
    *,
    shared: bool,
) -> str:
    """The word for an error whose label is `own`, by its nearest train rows, the nearest first.

    Up to the distance `same` rows are nearly equal, beyond `far` nothing is near. `shared`: another
    error is nearly equal and has the same label, which is then hardly a slip.
    """
    if distances[0] > far:
        return "coverage"
    agree = np.asarray(labels) == own
    equal = np.asarray(distances) <= same
    if equal.any() and not agree[equal].any():
        return "feature" if shared else "label"
    if equal.any() and not agree[equal].all():
        return "feature"
    return "model" if agree.mean() > 0.5 else "feature"
