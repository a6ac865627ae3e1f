"""How far several people agree on one item, beyond what chance would give.

* Krippendorff's alpha (2011, "Computing Krippendorff's Alpha-Reliability"): any number of labels
  an item, on a nominal, ordinal or interval scale; 1 is full agreement, 0 is chance.
* Fleiss' kappa (1971, "Measuring Nominal Scale Agreement Among Many Raters", Psychological
  Bulletin 76, 378-382), where every item has equally many labels.
* Both for one class against the rest: which definition people read differently.
* The share of agreeing pairs of labels of an item: easy to read, and high by chance alone where
  one class is frequent.

Guarantees: items with fewer than two labels carry no weight; a coefficient is NaN where it is not
defined (every label the same); identities play no part, so that anonymous raters can be judged.

Intervals are percentile bootstraps over independent units, items or groups of them, drawn as
counts of the distinct vote patterns, which is the same as drawing the units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.intervals import Estimate
from tasks.labels.ratings import Codes, Votes
from tasks.percentiles import percentiles
from tasks.unit_draws import Units

Scale = Literal["nominal", "ordinal", "interval"]
Matrix = NDArray[np.float64]

REPLICATES = 1000
_FEWEST_REPLICATES = 200
_DRAWN_CELLS = 400_000_000
_CHUNK_CELLS = 4_000_000
_TABLE = 1 << 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Agreement over `items` with two labels or more, which have `labels` labels.

    `alpha` is on the scale asked for, `nominal` on the nominal one. `fleiss` is None where items
    differ in how many labels they have. `by_class` has class, labels (how often it was given), n
    (items that somebody gave it), alpha, low, high, and fleiss, fleiss_low, fleiss_high.
    """

    items: int
    labels: int
    percent: Estimate
    alpha: Estimate
    nominal: Estimate
    fleiss: Estimate | None
    by_class: pd.DataFrame


def measure_agreement(
    votes: Votes,
    classes: Sequence[str],
    seed: int,
    scale: Scale = "nominal",
    replicates: int = REPLICATES,
    units: Codes | None = None,
) -> Agreement:
    """Agreement of the items (rows of `votes`) that have two labels or more.

    `classes` name the columns of `votes`: on the ordinal scale in their order, on the interval
    scale as numbers. Items with the same number in `units` are not independent and are drawn
    together. Without `replicates` there are no intervals. Raises ValueError where a class
    is no number there.
    """
    positions = np.array([float(name) for name in classes]) if scale == "interval" else None
    several = votes.sum(axis=1) >= 2
    votes, units = votes[several], None if units is None else units[several]
    first, of_item = number_rows(votes)
    patterns, times = votes[first], np.bincount(of_item, minlength=len(first)).astype(np.int64)
    even = len(patterns) > 0 and bool(np.ptp(patterns.sum(axis=1)) == 0)
    table = _Patterns.of(patterns, scale, positions, even)
    found = table.coefficients(times[None, :].astype(np.float64))[0]
    drawn = _bootstrap(table, Units.of(of_item, len(patterns), units), seed, replicates)
    items = int(times.sum())
    percent, alpha, nominal, fleiss = (_estimate(found, drawn, at, items) for at in range(4))
    return Agreement(
        items=items,
        labels=int((times @ patterns).sum()),
        percent=percent,
        alpha=alpha,
        nominal=nominal,
        fleiss=fleiss if even else None,
        by_class=_by_class(found, drawn, (times @ patterns, times @ (patterns > 0)), classes),
    )


def distinct_rows(counts: Votes) -> tuple[Votes, Codes]:
    """The distinct rows of a matrix of small counts, and how often each occurs."""
    first, of_row = number_rows(counts)
    return counts[first], np.bincount(of_row, minlength=len(first)).astype(np.int64)


def number_rows(counts: Votes) -> tuple[Codes, Codes]:
    """A row of each distinct kind, and the kind of each row; kinds are in order of their counts."""
    rows, width = counts.shape
    radix = int(counts.max(initial=0)) + 1
    span = radix**width
    if not rows or span >= 2**62:
        _, first, of_row = np.unique(counts, axis=0, return_index=True, return_inverse=True)
        return first.astype(np.int64), of_row.reshape(-1).astype(np.int64)
    powers = np.array([radix**place for place in range(width)], dtype=np.int64)
    keys = counts @ powers
    if span > _TABLE:
        _, first, of_row = np.unique(keys, return_index=True, return_inverse=True)
        return first.astype(np.int64), of_row.astype(np.int64)
    kinds = np.flatnonzero(np.bincount(keys, minlength=span))
    number = np.zeros(span, dtype=np.int64)
    number[kinds] = np.arange(len(kinds))
    of_row = number[keys]
    first = np.zeros(len(kinds), dtype=np.int64)
    first[of_row[::-1]] = np.arange(rows)[::-1]
    return first, of_row


@dataclass(frozen=True, slots=True)
class _Patterns:
    """What the coefficients need of each distinct vote pattern, for any weights of patterns."""

    counts: Matrix
    apart: Matrix  # by class: disagreeing pairs with the rest, over labels - 1
    agreeing: Matrix  # share of agreeing pairs
    scale: Scale
    positions: Matrix | None
    even: bool

    @classmethod
    def of(cls, patterns: Votes, scale: Scale, positions: Matrix | None, even: bool) -> _Patterns:
        counts = patterns.astype(np.float64)
        size = counts.sum(axis=1, keepdims=True)
        apart = counts * (size - counts) / (size - 1)
        agreeing = 1 - apart.sum(axis=1) / size[:, 0]
        return cls(counts, apart, agreeing, scale, positions, even)

    @property
    def width(self) -> int:
        """Numbers held at once for one replicate."""
        return int(max(*self.counts.shape, 1))

    def coefficients(self, weights: Matrix) -> Matrix:
        """Rows of `weights` by percent, alpha, nominal, Fleiss, then alpha and Fleiss by class."""
        given = weights @ self.counts
        total = given.sum(axis=1, keepdims=True)
        apart = weights @ self.apart
        by_class = 1 - _ratio(apart * (total - 1), given * (total - given))
        expected = (given * (total - given)).sum(axis=1)
        nominal = 1 - _ratio(apart.sum(axis=1) * (total - 1)[:, 0], expected)
        percent = _ratio(weights @ self.agreeing, weights.sum(axis=1))
        alpha = nominal if self.scale == "nominal" else self._scaled(weights, given, total)
        fleiss_by_class = 1 - _ratio(apart * total, given * (total - given))
        chance = _ratio((given**2).sum(axis=1), total[:, 0] ** 2)
        fleiss = _ratio(percent - chance, 1 - chance)
        if not self.even:
            fleiss, fleiss_by_class = fleiss * np.nan, fleiss_by_class * np.nan
        first = np.column_stack([percent, alpha, nominal, fleiss])
        return np.hstack([first, by_class, fleiss_by_class])

    def _scaled(self, weights: Matrix, given: Matrix, total: Matrix) -> Matrix:
        """Alpha with squared distances: of the values, or of the middles of the classes' ranks.

        Krippendorff's ordinal distance of two classes, the labels between them and half of their
        own, is the distance of the middles of their ranks.
        """
        if self.positions is None:
            places = np.cumsum(given, axis=1) - given / 2
        else:
            places = np.broadcast_to(self.positions, given.shape)
        # Squared distances of all pairs by sums of places and of their squares, from the mean.
        places = places - ((places * given).sum(axis=1) / np.maximum(total[:, 0], 1))[:, None]
        size = self.counts.sum(axis=1)
        pairs = size * (places**2 @ self.counts.T) - (places @ self.counts.T) ** 2
        observed = 2 * (weights * pairs / (size - 1)).sum(axis=1)
        expected = 2 * total[:, 0] * (given * places**2).sum(axis=1)
        return 1 - _ratio(observed * (total[:, 0] - 1), expected)


def _ratio(above: Matrix, below: Matrix) -> Matrix:
    """NaN where there is nothing to divide by."""
    result: Matrix = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=result, where=below > 1e-12)
    return result


def _bootstrap(table: _Patterns, units: Units, seed: int, replicates: int) -> Matrix:
    """Replicates by coefficients; fewer of them where nearly every unit is a kind of its own."""
    if not len(units.times) or not replicates:
        return np.full((1, 4 + 2 * table.counts.shape[1]), np.nan)
    rng = np.random.default_rng(seed)
    fewest = min(_FEWEST_REPLICATES, replicates)
    wanted = int(np.clip(_DRAWN_CELLS // len(units.times), fewest, replicates))
    weights = units.draws(rng, wanted, _CHUNK_CELLS, table.width)
    return np.vstack([table.coefficients(one) for one in weights])


def _estimate(found: Matrix, drawn: Matrix, at: int, n: int) -> Estimate:
    (low, high), undefined = percentiles(drawn[:, at])
    return Estimate(value=float(found[at]), low=low, high=high, n=n, undefined_share=undefined)


def _by_class(
    found: Matrix, drawn: Matrix, counts: tuple[Codes, Codes], classes: Sequence[str]
) -> pd.DataFrame:
    """The table by class; `counts` are the labels of each class and the items that have one."""
    width = len(classes)
    rows = []
    for place, name in enumerate(classes):
        alpha, fleiss = 4 + place, 4 + width + place
        rows.append(
            (
                name,
                int(counts[0][place]),
                int(counts[1][place]),
                found[alpha],
                *percentiles(drawn[:, alpha])[0],
                found[fleiss],
                *percentiles(drawn[:, fleiss])[0],
            )
        )
    columns = ["class", "labels", "n", "alpha", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "fleiss", "fleiss_low", "fleiss_high"])
