"""Which texts are nearly the same, character for character.

The similarity of two texts is Dice's coefficient of their sets of 5 neighbouring characters
(shingles: Broder 1997, "On the resemblance and containment of documents"): the share of shingles
that both have, in [0, 1]; one changed character in 50 gives about 0.9. Guarantees: every pair that
is returned has at least the similarity asked for; candidates come from MinHash in 12 bands of 4
(Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3), which finds a pair that is
0.9 alike with probability 0.999 and a closer one almost surely; of many texts alike each is
compared with 4 others a band, so that the work grows as n log n; the hashes are fixed numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
BANDS, ROWS_OF_BAND, WINDOW = 12, 4, 4
_CHUNK_TEXTS = 1 << 14
_CHUNK_PAIRS = 1 << 15
_BASE = np.uint64(0x100000001B3)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)

Codes = NDArray[np.int64]
Words = NDArray[np.uint64]


def similar_pairs(texts: Sequence[str], limit: float) -> Codes:
    """Pairs of positions (two columns, the lower first, sorted) at least `limit` alike.

    `texts` are distinct. A text shorter than 5 characters is like no other. Shingles are told
    apart by 32-bit hashes.
    """
    places = np.array([i for i, text in enumerate(texts) if len(text) >= SHINGLE], dtype=np.int64)
    if len(places) < 2 or limit >= 1:
        return np.empty((0, 2), dtype=np.int64)
    long_texts = [texts[place] for place in places]
    candidates = _candidates(_band_keys(long_texts))
    kept = [candidates[:0]]
    for start in range(0, len(candidates), _CHUNK_PAIRS):
        pairs = candidates[start : start + _CHUNK_PAIRS]
        kept.append(pairs[_similarities(long_texts, pairs) >= limit - 1e-12])
    return places[np.concatenate(kept)]


def _band_keys(texts: Sequence[str]) -> Words:
    """Bands by texts: two texts share a band's key where its four smallest hashes are the same."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 1 << 31, BANDS * ROWS_OF_BAND, dtype=np.uint32) * 2 + 1
    masks = rng.integers(0, 1 << 32, BANDS * ROWS_OF_BAND, dtype=np.uint32)
    keys = np.zeros((BANDS, len(texts)), dtype=np.uint64)
    for start in range(0, len(texts), _CHUNK_TEXTS):
        part = slice(start, start + _CHUNK_TEXTS)
        owner, shingles = _shingles(texts[part])
        begin = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
        for number, (factor, mask) in enumerate(zip(factors, masks, strict=True)):
            smallest = np.minimum.reduceat((shingles ^ mask) * factor, begin)
            key = keys[number // ROWS_OF_BAND, part]
            key ^= smallest
            key *= _SPREAD
            key ^= key >> _HALF
    return keys


def _candidates(keys: Words) -> Codes:
    """Pairs of texts that share a band's key, each pair once."""
    rng = np.random.default_rng(1)
    found = [np.empty(0, dtype=np.int64)]
    for key in keys:
        # Another order in each band, so that one of many equal keys meets other neighbours.
        order = rng.permutation(len(key))
        order = order[np.argsort(key[order], kind="stable")]
        for step in range(1, WINDOW + 1):
            same = np.flatnonzero(key[order[step:]] == key[order[:-step]])
            left, right = order[same], order[same + step]
            found.append(np.minimum(left, right) << 32 | np.maximum(left, right))
    pairs = _distinct(np.concatenate(found))
    return np.column_stack([pairs >> 32, pairs & 0xFFFFFFFF])


def _shingles(texts: Sequence[str]) -> tuple[Codes, NDArray[np.uint32]]:
    """The shingles of the texts, text after text: whose they are, and their hashes."""
    lengths = [len(text) for text in texts]
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owner = np.repeat(np.arange(len(texts)), lengths)
    count = len(points) - SHINGLE + 1
    hashes = points[:count].astype(np.uint64)
    for offset in range(1, SHINGLE):
        hashes *= _BASE
        hashes += points[offset : offset + count]
    hashes *= _SPREAD
    inside = owner[:count] == owner[SHINGLE - 1 :]
    return owner[:count][inside], (hashes[inside] >> _HALF).astype(np.uint32)


def _similarities(texts: Sequence[str], pairs: Codes) -> NDArray[np.float64]:
    """Dice's coefficient of each pair."""
    sides = [_shingle_sets([texts[place] for place in pairs[:, side]]) for side in (0, 1)]
    both = np.concatenate(sides)
    both.sort()
    shared = both[1:][both[1:] == both[:-1]]
    sizes = np.bincount((both >> _HALF).astype(np.int64), minlength=len(pairs))
    common = np.bincount((shared >> _HALF).astype(np.int64), minlength=len(pairs))
    return np.asarray(2 * common / sizes, dtype=np.float64)


def _shingle_sets(texts: Sequence[str]) -> Words:
    """Owner in the high half, hash of the shingle in the low half; each once."""
    owner, shingles = _shingles(texts)
    return _distinct(owner.astype(np.uint64) << _HALF | shingles)


def _distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The values sorted, each once, in place (np.unique takes ten times as long)."""
    values.sort()
    fresh = np.ones(len(values), dtype=bool)
    fresh[1:] = values[1:] != values[:-1]
    return values[fresh]
