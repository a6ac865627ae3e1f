"""Which label is the true one, when each annotator has habits of his own?

The model of Dawid and Skene (1979, "Maximum Likelihood Estimation of Observer Error-Rates Using
the EM Algorithm", Applied Statistics 28, 20-28): an item has one true class, drawn from the
class shares; each annotator has a confusion matrix, and labels independently given the class.
With a probability of each class for each item from a model (Raykar and others 2010, "Learning
From Crowds", JMLR 11, 1297-1322), that takes the place of the class shares. Anonymous raters
share one matrix, since nothing tells them apart.

Guarantees: no randomness; the work grows with the number of *distinct* ways in which items were
labelled; without smoothing the numbers are those of crowd-kit's `DawidSkene`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tasks.labels.ratings import Codes, Ratings

ROUNDS = 100
TOLERANCE = 1e-7
_SMALLEST = 1e-10

Matrix = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrueClasses:
    """`posterior` is items by classes (NaN for an item without a label); `errors` annotators by
    given class by true class, each column of a matrix adding up to 1; `shares` by class.

    `rounds` tells how many were needed, `settled` whether the likelihood stopped rising.
    """

    posterior: Matrix
    errors: Matrix
    shares: Matrix
    rounds: int
    settled: bool


def estimate_true_classes(
    ratings: Ratings,
    prior: Matrix | None = None,
    *,
    smoothing: float = 0.0,
    rounds: int = ROUNDS,
    tolerance: float = TOLERANCE,
) -> TrueClasses:
    """The probability of each class for each item, by expectation maximisation.

    It starts from the shares of the votes. `prior` is items by classes, rows adding up to 1.
    `smoothing` adds as many labels to each annotator's matrix as if he had given them by the
    matrix of all annotators together, which tames those who labelled little. It stops when the
    log-likelihood an item rises by less than `tolerance`, or after `rounds`.
    """
    classes = len(ratings.classes)
    table = _patterns(ratings, prior)
    posterior = _vote_shares(table)
    errors, shares = _learn(table, posterior, classes, smoothing)
    likelihood, done, settled = -np.inf, 0, False
    while done < rounds and not settled:
        start = np.log(np.maximum(shares if table.prior is None else table.prior, _SMALLEST))
        joint = table.labels @ np.log(errors) + start
        highest = joint.max(axis=1, keepdims=True)
        posterior = np.exp(joint - highest)
        total = posterior.sum(axis=1, keepdims=True)
        posterior /= total
        errors, shares = _learn(table, posterior, classes, smoothing)
        now = float(table.times @ (highest + np.log(total))[:, 0] / table.times.sum())
        settled, likelihood, done = now - likelihood < tolerance, now, done + 1
    everywhere = np.full((ratings.items, classes), np.nan)
    everywhere[table.labelled] = posterior[table.of_item]
    people = max(len(ratings.annotators), 1)
    return TrueClasses(
        posterior=everywhere,
        errors=errors.reshape(people, classes, classes),
        shares=shares,
        rounds=done,
        settled=settled,
    )


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Distinct ways to be labelled: rows of `labels` (annotator and class; sparse counts).

    `times` says how many items have each, `of_item` which one each labelled item has.
    """

    labels: csr_array
    times: Matrix
    of_item: Codes
    labelled: Codes
    classes: int
    prior: Matrix | None


def _patterns(ratings: Ratings, prior: Matrix | None) -> _Patterns:
    classes = len(ratings.classes)
    cell = ratings.label
    if ratings.annotator is not None:
        cell = cell + ratings.annotator * classes
    labelled, row = np.unique(ratings.item, return_inverse=True)
    cells = max(len(ratings.annotators), 1) * classes
    whole = csr_array((np.ones(len(cell)), (row, cell)), shape=(len(labelled), cells))
    if prior is not None:
        everyone = np.arange(len(labelled))
        return _Patterns(
            whole, np.ones(len(labelled)), everyone, labelled, classes, prior[labelled]
        )
    first, of_item, times = _distinct(row, cell, len(labelled), cells)
    return _Patterns(whole[first], times.astype(np.float64), of_item, labelled, classes, None)


def _distinct(row: Codes, cell: Codes, rows: int, cells: int) -> tuple[Codes, Codes, Codes]:
    """First row of each set of cells, the set of each row, and how many rows have it.

    Two sums of random 64-bit numbers, one a cell, name a set: that two sets among a million share
    both has a chance below 1e-26.
    """
    names = np.random.default_rng(0).integers(0, 2**63, size=(2, cells), dtype=np.uint64)
    order = np.argsort(row, kind="stable")
    starts = np.searchsorted(row[order], np.arange(rows))
    sums = [np.add.reduceat(part[cell[order]], starts) for part in names]
    by_name = np.lexsort(sums)
    a, b = sums[0][by_name], sums[1][by_name]
    new = np.concatenate([[True], (a[1:] != a[:-1]) | (b[1:] != b[:-1])])[:rows]
    number = np.cumsum(new) - 1
    of_row = np.empty(rows, dtype=np.int64)
    of_row[by_name] = number
    return by_name[new], of_row, np.bincount(number)


def _vote_shares(table: _Patterns) -> Matrix:
    people = table.labels.shape[1] // table.classes
    votes = table.labels @ np.tile(np.eye(table.classes), (people, 1))
    shares: Matrix = votes / votes.sum(axis=1, keepdims=True)
    return shares


def _learn(
    table: _Patterns, posterior: Matrix, classes: int, smoothing: float
) -> tuple[Matrix, Matrix]:
    """Confusion matrices (annotator and given class, by true class), and class shares."""
    weighted = posterior * table.times[:, None]
    counts = (table.labels.T @ weighted).reshape(-1, classes, classes)
    if smoothing:
        pooled = counts.sum(axis=0) + 1.0 / classes
        counts = counts + smoothing * pooled / pooled.sum(axis=0)
    # A label that somebody never gave takes no part in what he gives for a class never met.
    given = (table.labels.sum(axis=0) > 0).reshape(-1, classes, 1) | (smoothing > 0)
    counts = np.where(given, np.maximum(counts, _SMALLEST), 0.0)
    total = np.maximum(counts.sum(axis=1, keepdims=True), _SMALLEST)
    errors = np.maximum(counts / total, _SMALLEST)
    shares = weighted.sum(axis=0) / table.times.sum()
    return errors.reshape(-1, classes), shares
