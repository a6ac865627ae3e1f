"""Which equal, and which nearly equal, rows carry different labels.

Guarantees:

* equal means the same value, or missing, in every feature column; every such row is found;
* nearly equal means: every number within the tolerance of the other (in standard deviations of
  its column), the same categories, missing in the same columns, texts that are the same after
  `normalise_text` or as similar as asked for; and not equal. A row is compared with its 8 nearest
  feature vectors of the same text, and with 8 of each similar one, so the work grows as n log n
  however dense the data is;
* labels play no part in who is compared with whom.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from tasks.labels.row_groups import Codes, codes_of, first_rows, group_codes, group_equal_rows
from tasks.labels.similar_texts import similar_pairs
from tasks.project.roles import Roles

NEIGHBOURS = 8
_CHUNK = 100_000
_NO_WORD = re.compile(r"[\W_]+")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureVectors:
    """The distinct feature vectors: `of_row` gives each row's, `pairs` (two columns) the nearly
    equal ones, each pair in both directions, some more than once."""

    of_row: Codes
    count: int
    pairs: Codes

    def equal_conflicts(self, labels: Codes, rows: Mask) -> Mask:
        """Rows among `rows` that have an equal row among them with another label code."""
        lowest, highest = self._labels_of_vectors(labels, rows)
        return rows & (lowest < highest)[self.of_row]

    def near_conflicts(self, labels: Codes, rows: Mask) -> Mask:
        """Rows among `rows` that have a nearly equal row among them with another label code."""
        lowest, highest = self._labels_of_vectors(labels, rows)
        near_lowest = np.full(self.count, np.iinfo(np.int64).max)
        near_highest = np.full(self.count, -1, dtype=np.int64)
        np.minimum.at(near_lowest, self.pairs[:, 0], lowest[self.pairs[:, 1]])
        np.maximum.at(near_highest, self.pairs[:, 0], highest[self.pairs[:, 1]])
        differs = (near_lowest[self.of_row] < labels) | (near_highest[self.of_row] > labels)
        return rows & differs

    def near_groups(self, labels: Codes, rows: Mask) -> Codes:
        """For each row the number of the chain of nearly equal, conflicting vectors it is in."""
        lowest, highest = self._labels_of_vectors(labels, rows)
        left, right = self.pairs[:, 0], self.pairs[:, 1]
        held = (highest[left] >= 0) & (highest[right] >= 0)
        differ = np.minimum(lowest[left], lowest[right]) < np.maximum(highest[left], highest[right])
        kept = self.pairs[held & differ]
        links = coo_array(
            (np.ones(len(kept), dtype=np.int8), (kept[:, 0], kept[:, 1])),
            shape=(self.count, self.count),
        )
        _, chain = connected_components(links, directed=False)
        return np.asarray(chain, dtype=np.int64)[self.of_row]

    def _labels_of_vectors(self, labels: Codes, rows: Mask) -> tuple[Codes, Codes]:
        """Lowest and highest label code of each vector; (max, -1) where none of `rows` has it."""
        lowest = np.full(self.count, np.iinfo(np.int64).max)
        highest = np.full(self.count, -1, dtype=np.int64)
        np.minimum.at(lowest, self.of_row[rows], labels[rows])
        np.maximum.at(highest, self.of_row[rows], labels[rows])
        return lowest, highest


def compare_features(
    frame: pd.DataFrame, roles: Roles, tolerance: float, similarity: float = 1.0
) -> FeatureVectors:
    """Find equal and nearly equal rows of `frame`; `tolerance` is in standard deviations.

    Deviations are those of the finite values of the column in all of `frame`. `similarity` is
    that of `similar_pairs`, of all texts of a row together; 1 takes no text for similar.
    """
    of_row = group_equal_rows(frame, roles.features)
    first = first_rows(of_row)
    numbers = frame[list(roles.numeric)].to_numpy(dtype=np.float64)
    scaled = _in_deviations(numbers)[first]
    vectors = frame.iloc[first]
    kinds = group_codes(_kind_columns(vectors, numbers[first], roles), len(first))
    texts = [_normal_texts(vectors[name]) for name in roles.text]
    words = group_codes((codes_of(pd.Series(column)) for column in texts), len(first))
    pairs = [_near_pairs(scaled, group_codes((kinds, words), len(first)), tolerance)]
    if texts and similarity < 1:
        alike = _similar_vectors(texts, words, kinds, similarity)
        near = np.abs(scaled[alike[:, 0]] - scaled[alike[:, 1]]).max(axis=1, initial=0.0)
        pairs.append(_both_ways(alike[near <= _reach(tolerance)]))
    return FeatureVectors(of_row=of_row, count=len(first), pairs=np.concatenate(pairs))


def normalise_text(text: str) -> str:
    """What nearly equal texts share: compatibility form, no case, words parted by one space.

    Digits stay: "1 of 10" is not "9 of 10". A text without a word stays as it is.
    """
    words = _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return words or text


def _kind_columns(
    vectors: pd.DataFrame, numbers: NDArray[np.float64], roles: Roles
) -> Iterable[Codes]:
    """Codes that two nearly equal vectors share exactly, text apart."""
    for position in range(numbers.shape[1]):
        column = numbers[:, position]
        kinds = np.where(np.isnan(column), 1, np.where(column > 0, 2, 3))
        yield np.where(np.isfinite(column), 0, kinds).astype(np.int64)
    for name in roles.categorical:
        yield codes_of(vectors[name])
    for name in roles.text:
        yield np.asarray(vectors[name].isna(), dtype=np.int64)


def _normal_texts(column: pd.Series) -> NDArray[np.object_]:
    """The column's texts after `normalise_text`; empty where missing."""
    codes, texts = pd.factorize(column)
    normal = np.array([*(normalise_text(str(text)) for text in texts), ""], dtype=object)
    return normal[codes]


def _similar_vectors(
    texts: list[NDArray[np.object_]], words: Codes, kinds: Codes, similarity: float
) -> Codes:
    """Pairs of vectors of one kind whose texts are similar, 8 vectors a text and kind at most."""
    first = first_rows(words)
    together = ["\n".join(parts) for parts in zip(*(t[first] for t in texts), strict=True)]
    alike = pd.DataFrame(similar_pairs(together, similarity), columns=["left", "right"])
    named = pd.DataFrame({"text": words, "kind": kinds, "vector": np.arange(len(words))})
    named = named[named.groupby(["text", "kind"]).cumcount() < NEIGHBOURS]
    joined = alike.merge(named, left_on="left", right_on="text")
    joined = joined.merge(named, left_on=["right", "kind"], right_on=["text", "kind"])
    return joined[["vector_x", "vector_y"]].to_numpy(dtype=np.int64)


def _in_deviations(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column over its deviation; 0 where not finite, and where the column is constant."""
    finite = np.isfinite(numbers)
    filled = np.where(finite, numbers, np.nan)
    scaled = np.zeros_like(filled)
    for position in range(numbers.shape[1]):
        column = filled[:, position]
        deviation = float(np.nanstd(column)) if finite[:, position].any() else 0.0
        if deviation > 0 and np.isfinite(deviation):
            scaled[:, position] = np.where(finite[:, position], column / deviation, 0.0)
    return scaled


def _near_pairs(scaled: NDArray[np.float64], blocks: Codes, tolerance: float) -> Codes:
    """Pairs of distinct vectors of one block within `tolerance` in every column."""
    sizes = np.bincount(blocks, minlength=1)
    shared = np.flatnonzero(sizes[blocks] > 1) if len(blocks) else np.empty(0, dtype=np.int64)
    if not len(shared):
        return np.empty((0, 2), dtype=np.int64)
    # A column that holds the block keeps blocks further apart than any tolerance.
    apart = blocks[shared].astype(np.float64) * (1.0 + 2.0 * tolerance)
    points = np.column_stack([apart, scaled[shared]])
    tree = cKDTree(points, balanced_tree=False)
    reach = _reach(tolerance)
    found = []
    for start in range(0, len(points), _CHUNK):
        part = points[start : start + _CHUNK]
        _, near = tree.query(
            part, k=NEIGHBOURS + 1, p=np.inf, distance_upper_bound=reach, workers=-1
        )
        own = np.arange(start, start + len(part))[:, None]
        rows, places = np.nonzero((near < len(points)) & (near != own))
        found.append(np.column_stack([rows + start, near[rows, places]]))
    return _both_ways(shared[np.concatenate(found).astype(np.int64)])


def _reach(tolerance: float) -> float:
    return tolerance * (1 + 1e-9) + 1e-12


def _both_ways(pairs: Codes) -> Codes:
    return np.concatenate([pairs, pairs[:, ::-1]])
