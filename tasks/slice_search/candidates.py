"""Which slices are carried from the searched half to the half that confirms?

Guarantees: a fixed number of each order at most; no two with the same rows; the choice looks at the
searched half alone, so that what the other half says of them is not bent by the choosing.

**Two scores.** The *evidence* that a slice's error rate is above what its rows lead to expect is
the signed root of the likelihood ratio, about standard normal where nothing is wrong. The *error
mass* is the number of errors beyond the expected ones, at its lower 95 % bound. The places of an
order go to the best by either score in turn.

**What is expected** is the error rate of all other rows. Where a slice lies inside a larger one
that is carried already and stands out (evidence of 3 or more), it is the rate of the rest of that
one if higher: a part of a weak slice that is as weak as the rest of it says nothing new, and would
take the place of something that does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from tasks.conditions import Mask
from tasks.slice_search.codes import SearchColumn
from tasks.slice_search.counting import CrossingCounts, count_slices

_Numbers = NDArray[np.float64]
STANDS_OUT = 3.0
ONE_SIDED_95 = 1.6449
MAX_CROSSINGS, MAX_COUNTED = 10_000, 600_000_000
"""Crossings of one order, and crossings times rows: about two seconds of one core."""


@dataclass(frozen=True)
class Candidate:
    """A slice by its values: pairs of a column's position and a code.

    `rows` and `errors` are those of the searched half; `chance` is how many slices of its order
    would by noise alone show as much evidence.
    """

    parts: tuple[tuple[int, int], ...]
    rows: int
    errors: int
    evidence: float
    chance: float

    def members(self, columns: Sequence[SearchColumn]) -> Mask:
        """Which rows of `columns` are in the slice."""
        found: Mask = np.logical_and.reduce([columns[c].codes == code for c, code in self.parts])
        return found


@dataclass(frozen=True)
class Choice:
    """What is carried; how many slices of each order were large enough; how many columns crossed.

    Fewer columns are crossed than there are where all of them would take too long.
    """

    candidates: tuple[Candidate, ...]
    searched: tuple[int, ...]
    crossed: tuple[int, ...]


def choose_candidates(
    columns: Sequence[SearchColumn], wrong: Mask, places: Sequence[int], min_rows: int
) -> Choice:
    """The slices of at least `min_rows` rows that go on; `places[i]` of order i + 1 at most.

    `columns` and `wrong` are those of the searched half.
    """
    chosen: list[Candidate] = []
    searched, crossed = [], []
    strength = np.zeros(len(columns))
    known: set[bytes] = set()
    for order, number in enumerate(places, start=1):
        among = _strongest(strength, order, len(wrong))
        expected = _Expected(wrong, [c for c in chosen if c.evidence >= STANDS_OUT], min_rows)
        ranking = _Ranking(number, min_rows)
        for counts in count_slices(columns, wrong, order, among):
            best = ranking.add(counts, expected.rates(counts))
            for place in counts.columns:
                strength[place] = max(strength[place], best)
        searched.append(ranking.searched)
        crossed.append(len(among))
        chosen += _distinct(ranking.candidates(), columns, number, known)
    return Choice(tuple(chosen), tuple(searched), tuple(crossed))


def evidence_of_excess(rows: _Numbers, errors: _Numbers, expected: _Numbers) -> _Numbers:
    """Signed root of the likelihood ratio of the error rate against the expected one (Wilks 1938).

    Positive above the expected rate; 0 where that is 0 or 1.
    """
    right = rows - errors
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(errors > 0, errors * np.log(errors / (rows * expected)), 0.0)
        ratio += np.where(right > 0, right * np.log(right / (rows * (1 - expected))), 0.0)
    root = np.sqrt(2 * np.maximum(ratio, 0.0))
    defined = (expected > 0) & (expected < 1)
    return np.where(defined, np.sign(errors - rows * expected) * root, 0.0)


class _Expected:
    """The error rate that a slice has to exceed."""

    def __init__(self, wrong: Mask, parents: Sequence[Candidate], min_rows: int) -> None:
        self._rows, self._errors = len(wrong), int(wrong.sum())
        self._parents, self._min_rows = parents, min_rows

    def rates(self, counts: CrossingCounts) -> _Numbers:
        """The rate for each slice of a crossing."""
        rest = np.maximum(self._rows - counts.rows, 1)
        rates: _Numbers = (self._errors - counts.errors) / rest
        for parent in self._parents:
            codes = dict(parent.parts)
            if codes.keys() <= set(counts.columns):
                at = tuple(codes.get(place, slice(None)) for place in counts.columns)
                outside = parent.rows - counts.rows[at]
                rate = (parent.errors - counts.errors[at]) / np.maximum(outside, 1)
                # Of a parent that is hardly larger, what is left says too little.
                whole = parent.errors / parent.rows
                rate = np.where(outside >= self._min_rows, rate, whole)
                rates[at] = np.maximum(rates[at], rate)
        return rates


@dataclass
class _Ranking:
    """The best slices so far, as columns of numbers."""

    places: int
    min_rows: int
    searched: int = 0
    _parts: list[NDArray[np.int64]] = field(default_factory=list)
    _numbers: list[_Numbers] = field(default_factory=list)
    _held: int = 0
    _bars: tuple[float, float] = (0.0, 0.0)

    def add(self, counts: CrossingCounts, expected: _Numbers) -> float:
        """Take in a crossing; its best evidence."""
        searched = tuple(slice(0, size - 1) for size in counts.rows.shape)
        large = counts.rows[searched] >= self.min_rows
        codes = np.argwhere(large)
        self.searched += len(codes)
        rows = counts.rows[searched][large].astype(np.float64)
        errors = counts.errors[searched][large].astype(np.float64)
        rates = expected[searched][large]
        evidence = evidence_of_excess(rows, errors, rates)
        spread = np.sqrt(np.maximum(rows * rates * (1 - rates), 0.0))
        mass = errors - rows * rates - ONE_SIDED_95 * spread
        kept = (evidence > 0) & ((evidence > self._bars[0]) | (mass > self._bars[1]))
        if kept.any():
            places = np.broadcast_to(np.array(counts.columns), codes.shape)
            self._parts.append(np.stack([places, codes], axis=2)[kept])
            self._numbers.append(np.stack([rows, errors, evidence, mass], axis=1)[kept])
            self._held += int(kept.sum())
            if self._held > 1000 + 40 * self.places:
                self._prune()
        return float(evidence.max(initial=0.0))

    def candidates(self) -> list[Candidate]:
        """Enough slices to fill the places, the best by either score in turn."""
        if not self._parts:
            return []
        self._prune()
        numbers = self._numbers[0]
        turns = np.stack([_order(numbers[:, 2]), _order(numbers[:, 3])], axis=1).ravel()
        _, first = np.unique(turns, return_index=True)
        return [self._candidate(int(turns[place])) for place in np.sort(first)]

    def _candidate(self, place: int) -> Candidate:
        rows, errors, evidence, _ = (float(number) for number in self._numbers[0][place])
        parts = tuple((int(column), int(code)) for column, code in self._parts[0][place])
        chance = self.searched * float(ndtr(-evidence))
        return Candidate(parts, int(rows), int(errors), evidence, chance)

    def _prune(self) -> None:
        """Keep what may still get a place: spare ones stand in for those with the same rows."""
        parts, numbers = np.concatenate(self._parts), np.concatenate(self._numbers)
        number = max(4 * self.places, 1)
        best = [_order(numbers[:, score])[:number] for score in (2, 3)]
        if len(numbers) > number:
            self._bars = (float(numbers[best[0][-1], 2]), float(numbers[best[1][-1], 3]))
        kept = np.union1d(*best)
        self._parts, self._numbers, self._held = [parts[kept]], [numbers[kept]], len(kept)


def _order(scores: _Numbers) -> NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")


def _distinct(
    ranked: Sequence[Candidate], columns: Sequence[SearchColumn], number: int, known: set[bytes]
) -> list[Candidate]:
    """The first `number` whose rows nobody else has; `known` holds the rows met so far."""
    kept: list[Candidate] = []
    for candidate in ranked:
        rows = np.packbits(candidate.members(columns)).tobytes()
        if len(kept) < number and rows not in known:
            known.add(rows)
            kept.append(candidate)
    return kept


def _strongest(strength: _Numbers, order: int, rows: int) -> list[int]:
    """Positions of the columns to cross: all, or those with the most evidence at lower orders."""
    affordable = min(MAX_CROSSINGS, max(MAX_COUNTED // max(rows, 1), 1))
    number = len(strength)
    while number > order and comb(number, order) > affordable:
        number -= 1
    return sorted(int(place) for place in _order(strength)[:number])
