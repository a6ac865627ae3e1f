"""Which rows are nearly equal: copies of one example that noise or rounding told apart.

Guarantees: labels play no part; the same rows give the same groups, in any order; what is found in
ordinary data by chance is a few rows in a thousand at most, whatever the number of columns.

The rule. Distances are the largest difference in any numeric column, in spreads of the column (the
quartiles' distance over 1.349, the deviation where that is 0). Rows are compared where they have
the same categories and texts, miss the same cells, and agree in every number that cannot differ by
less than `TOLERANCE` (counts, codes, coarse measurements: one step of those is another value).
Rows are copies where they lie within `TOLERANCE` of each other, and the nearest other row is many
times as far away. In data of dimension D, k chance neighbours are so lonely with a probability of
ratio ** (-D * k); the ratio asked for is the one at which that is `_FALSE_ALARMS`, and at least 5:
for pairs 5 times in data that fill five or more dimensions, 10 in three, 32 in two, 1,000 in one.
A grid of ordinary numbers is not joined: its points have other points one step on.

Texts are nearly equal that are the same but for case, punctuation and blanks, or share 90 % of
their 5-character shingles (`tasks.labels.similar_texts`); then numbers count within `TOLERANCE`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from tasks.labels.conflicts import normalise_text
from tasks.labels.row_groups import Codes, codes_of, first_rows, group_codes, group_equal_rows
from tasks.labels.similar_texts import similar_pairs
from tasks.project.roles import Roles

TOLERANCE = 0.1
TEXT_SIMILARITY = 0.9
_FALSE_ALARMS = 1e-3
_LEAST_ISOLATION = 5.0
_FARTHEST = 1.0
_SAMPLE = 1_000
_NEIGHBOURS = (8, 64, 512)
_MOST_CELLS = 8_000_000
_CHUNK = 50_000
_ROUNDING = 1e-12
_RANKS = np.arange(1.0, _NEIGHBOURS[-1] + 1)

Floats = NDArray[np.float64]


def near_codes(frame: pd.DataFrame, roles: Roles) -> Codes:
    """A number for each row, the same where rows are equal or nearly equal in all features."""
    if not roles.features or not len(frame):
        return np.arange(len(frame))
    of_row = group_equal_rows(frame, roles.features)
    first = first_rows(of_row)
    vectors = frame.iloc[first]
    numbers = vectors[list(roles.numeric)].to_numpy(dtype=np.float64)
    scaled, fine = _in_spreads(numbers)
    kinds = group_codes(_shared_exactly(vectors, numbers, fine, roles), len(first))
    texts = [_normal(vectors[name]) for name in roles.text]
    words = group_codes((codes_of(pd.Series(column)) for column in texts), len(first))
    blocks = group_codes((kinds, words), len(first))
    pairs = [_lonely_pairs(scaled, blocks) if fine.any() else _same_block(blocks, texts)]
    if texts:
        pairs.append(_similar(texts, words, kinds, scaled))
    return linked(np.concatenate(pairs), len(first))[of_row]


def linked(pairs: Codes, count: int) -> Codes:
    """A number for each of `count` things, the same where `pairs` link them, in any steps."""
    ones = np.ones(len(pairs), dtype=np.int8)
    links = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _in_spreads(numbers: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The columns that can differ by less than the tolerance, in spreads, and which those are."""
    fine = np.zeros(numbers.shape[1], dtype=bool)
    columns = []
    for place, column in enumerate(numbers.T):
        known = np.unique(column[np.isfinite(column)])
        spread = _spread(column[np.isfinite(column)])
        if not spread or np.diff(known).min(initial=np.inf) > TOLERANCE * spread:
            continue
        fine[place] = True
        columns.append(np.where(np.isfinite(column), column / spread, 0.0))
    return np.column_stack(columns) if columns else np.empty((len(numbers), 0)), fine


def _spread(known: Floats) -> float:
    if len(known) < 2:
        return 0.0
    low, high = np.quantile(known, [0.25, 0.75])
    spread = float(high - low) / 1.349 or float(known.std())
    return spread if np.isfinite(spread) else 0.0


def _shared_exactly(
    vectors: pd.DataFrame, numbers: Floats, fine: NDArray[np.bool_], roles: Roles
) -> Iterable[Codes]:
    """Codes that two nearly equal vectors have in common, texts apart."""
    for column, is_fine in zip(numbers.T, fine, strict=True):
        odd = np.where(np.isnan(column), 1, np.where(column > 0, 2, 3))
        yield (
            np.where(np.isfinite(column), 0, odd).astype(np.int64)
            if is_fine
            else codes_of(pd.Series(column))
        )
    for name in roles.categorical:
        yield codes_of(vectors[name])
    for name in roles.text:
        yield np.asarray(vectors[name].isna(), dtype=np.int64)


def _normal(column: pd.Series) -> NDArray[np.object_]:
    codes, texts = pd.factorize(column)
    normal = np.array([*(normalise_text(str(text)) for text in texts), ""], dtype=object)
    return normal[codes]


def _same_block(blocks: Codes, texts: list[NDArray[np.object_]]) -> Codes:
    """Vectors that differ in nothing but how their texts are written."""
    if not texts:
        return np.empty((0, 2), dtype=np.int64)
    return np.column_stack([first_rows(blocks)[blocks], np.arange(len(blocks))])


def _similar(texts: list[NDArray[np.object_]], words: Codes, kinds: Codes, scaled: Floats) -> Codes:
    """Pairs of vectors of one kind, near in their numbers, whose texts are similar."""
    first = first_rows(words)
    together = ["\n".join(parts) for parts in zip(*(t[first] for t in texts), strict=True)]
    alike = pd.DataFrame(similar_pairs(together, TEXT_SIMILARITY), columns=["left", "right"])
    named = pd.DataFrame({"text": words, "kind": kinds, "vector": np.arange(len(words))})
    named = named[named.groupby(["text", "kind"]).cumcount() < _NEIGHBOURS[0]]
    joined = alike.merge(named, left_on="left", right_on="text")
    joined = joined.merge(named, left_on=["right", "kind"], right_on=["text", "kind"])
    pairs = joined[["vector_x", "vector_y"]].to_numpy(dtype=np.int64)
    apart = np.abs(scaled[pairs[:, 0]] - scaled[pairs[:, 1]]).max(axis=1, initial=0.0)
    near: Codes = pairs[apart <= TOLERANCE]
    return near


def _lonely_pairs(scaled: Floats, blocks: Codes) -> Codes:
    """Pairs of vectors of one block that are near, and far from every other vector of it."""
    shared = np.flatnonzero(np.bincount(blocks)[blocks] > 1)
    ratios = np.maximum(_LEAST_ISOLATION, _FALSE_ALARMS ** (-1 / (_dimension(scaled) * _RANKS)))
    # A column that holds the block keeps blocks further apart than anything that is looked at.
    apart = blocks[shared] * (3 * _FARTHEST)
    points = np.column_stack([apart, scaled[shared]])
    if not len(points):
        return np.empty((0, 2), dtype=np.int64)
    tree = cKDTree(points, balanced_tree=False)
    nearest, _ = _neighbours(tree, points, np.arange(len(points)), 1, TOLERANCE)
    asked = np.flatnonzero(nearest[:, 0] <= TOLERANCE)
    found = [np.empty((0, 2), dtype=np.int64)]
    reach = min(_FARTHEST, float(ratios[0]) * TOLERANCE)
    for count in _NEIGHBOURS:
        if not len(asked) or len(asked) * count > _MOST_CELLS:
            break
        far, places = _neighbours(tree, points, asked, min(count, len(points) - 1), reach)
        members = _members(np.minimum(far, reach), ratios[: far.shape[1]], reach)
        column = np.arange(far.shape[1])
        rows, columns = np.nonzero(column < members[:, None])
        found.append(np.column_stack([asked[rows], places[rows, columns]]))
        # Where even the last neighbour is near, the group may be larger than was asked for.
        asked = asked[(members == 0) & (far[:, -1] <= TOLERANCE)]
    return shared[_mutual(np.concatenate(found), len(points))]


def _members(far: Floats, ratios: Floats, reach: float) -> Codes:
    """How many of the nearest make a lonely group with the row: the most that do, else 0."""
    beyond = np.column_stack([far[:, 1:], np.full(len(far), -1.0)])
    # Nothing is known beyond the last neighbour, unless that is out of reach itself.
    beyond[far[:, -1] >= reach, -1] = reach
    lonely = (far <= TOLERANCE) & (beyond >= ratios * np.maximum(far, _ROUNDING))
    last = far.shape[1] - np.argmax(lonely[:, ::-1], axis=1)
    return np.where(lonely.any(axis=1), last, 0).astype(np.int64)


def _neighbours(
    tree: cKDTree, points: Floats, asked: Codes, count: int, reach: float
) -> tuple[Floats, Codes]:
    """Distances and places of the nearest others of each row asked about, itself left out."""
    distances, places = np.empty((len(asked), count)), np.empty((len(asked), count), dtype=np.int64)
    for start in range(0, len(asked), _CHUNK):
        part = asked[start : start + _CHUNK]
        far, near = tree.query(
            points[part], k=count + 1, p=np.inf, distance_upper_bound=reach * (1 + 1e-9), workers=1
        )
        own = near == part[:, None]
        own[~own.any(axis=1), -1] = True  # more points than asked for are where the row is
        distances[start : start + _CHUNK] = far[~own].reshape(len(part), count)
        places[start : start + _CHUNK] = near[~own].reshape(len(part), count)
    return distances, places


def _mutual(pairs: Codes, count: int) -> Codes:
    """The pairs that were found from both ends, each in one direction."""
    ahead, back = pairs[:, 0] * count + pairs[:, 1], pairs[:, 1] * count + pairs[:, 0]
    return pairs[np.isin(ahead, back) & (pairs[:, 0] < pairs[:, 1])]


def _dimension(scaled: Floats) -> float:
    """The dimension that the rows fill, at least 1, as a sample shows it.

    The correlation dimension (Grassberger and Procaccia, Physica D 9 (1983) 189): how many more
    pairs lie within twice a distance, here that of the nearest fiftieth of the pairs.
    """
    chosen = np.random.default_rng(0).permutation(len(scaled))[:_SAMPLE]
    far = pdist(scaled[np.sort(chosen)], metric="chebyshev") if len(chosen) > 2 else np.zeros(0)
    share = min(max(0.02, 4 * float((far <= TOLERANCE).mean())), 0.25) if len(far) else 0.0
    near = float(np.quantile(far, share)) if len(far) else 0.0
    if near <= 0:
        return 1.0
    more = float((far <= 2 * near).sum()) / float((far <= near).sum())
    return max(1.0, float(np.log2(more)))
