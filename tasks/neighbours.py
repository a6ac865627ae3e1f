"""Which rows are most like a row.

Guarantees: the preparation of the columns is fitted on the rows that the caller hands in (train
rows); labels play no part in who is near whom; a row is not its own neighbour; rows that are equal
after the preparation are at a distance of exactly 0; memory does not grow with the number of rows
asked about.

Near is by Euclidean distance after the preparation that a linear model gets: one standard deviation
of a number counts 1, another category the root of 2. For text alone, whose rows have length 1, that
is the order by cosine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse

from tasks.estimators import (
    build_pipeline,
    default_candidates,
    feature_frame,
    few_threads,
    fit_columns,
)
from tasks.project.roles import Roles

_CHUNK_CELLS = 1 << 23

Places = NDArray[np.int64]
Distances = NDArray[np.float64]


@dataclass(frozen=True)
class Near:
    """The rows nearest to each row asked about, rows by neighbours, the nearest first.

    `places` are positions among the others, `distances` how far they lie.
    """

    places: Places
    distances: Distances


def fit_preparation(rows: pd.DataFrame, roles: Roles) -> Any:
    """A fitted transformer: from a `feature_frame` to a matrix in which distances mean something.

    Raises ProjectFileError where there is no feature column.
    """
    linear = default_candidates(roles)[0]
    prepare = build_pipeline(linear, roles, class_weight="none", seed=0).named_steps["prepare"]
    fit_columns(prepare, feature_frame(rows, roles))
    return prepare


def nearest(asked: Any, others: Any, count: int, own: Places) -> Near:
    """The `count` rows of the matrix `others` nearest to each row of the matrix `asked`.

    `own` is where a row asked about stands among the others, -1 where it does not: a row is not
    its own neighbour. Fewer than `count` where there are fewer others (one fewer wherever a row
    asked about is among them). Of equally near ones any may be found, always the same.
    """
    count = max(min(count, others.shape[0] - int((own >= 0).any())), 0)
    places = np.empty((asked.shape[0], count), dtype=np.int64)
    distances = np.empty(places.shape)
    if count:
        lengths = _squares(others)
        step = max(1, _CHUNK_CELLS // max(others.shape))
        for start in range(0, asked.shape[0], step):
            rows = slice(start, start + step)
            found = _closest(asked[rows], others, lengths, count, own[rows])
            apart = [_squares(asked[rows] - others[column]) for column in found.T]
            exact = np.sqrt(np.stack(apart, axis=1))
            order = np.lexsort((found, exact), axis=1)
            places[rows] = np.take_along_axis(found, order, axis=1)
            distances[rows] = np.take_along_axis(exact, order, axis=1)
    return Near(places, distances)


def _closest(part: Any, others: Any, lengths: Distances, count: int, own: Places) -> Places:
    """The nearest others of each row of `part`, in no order."""
    with few_threads(others.shape[0] * others.shape[1]):
        # A sparse matrix by a dense one: of two sparse ones all cells of the product would be kept.
        products = (others @ part.toarray().T).T if issparse(part) else part @ others.T
    squares = lengths - 2 * np.asarray(products)  # the own length is the same for all
    known = own >= 0
    squares[np.flatnonzero(known), own[known]] = np.inf
    return np.asarray(np.argpartition(squares, count - 1, axis=1)[:, :count], dtype=np.int64)


def _squares(matrix: Any) -> Distances:
    """The squared length of each row."""
    squared = matrix.multiply(matrix) if issparse(matrix) else matrix * matrix
    return np.asarray(squared.sum(axis=1), dtype=np.float64).ravel()
