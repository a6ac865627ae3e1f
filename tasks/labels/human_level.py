"""How right is one person, measured by what the others say?

Human-level performance (HLP) from items that several people labelled: each label is compared with
the consensus of the *other* labels of its item, never with one that contains it. A tie among the
others counts as a guess between the tied classes. Every item weighs the same, however many labels
it has, so that the figure compares with a model's accuracy on the same items.

Guarantees: identities play no part; no randomness. Intervals are Wilson's at the effective number
of items p (1 - p) / v, where v is the linearised variance of the ratio over independent units
(Korn and Graubard 1998, "Confidence Intervals for Proportions With Small Expected Number of
Positive Counts", Survey Methodology 24, 193-201): for two labels an item and no groups, Wilson's
own. Agreement with a consensus is not truth: with two people an accuracy of p each, and errors of
their own, agree less than p; errors that people share count as agreement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.intervals import NORMAL, Estimate, wilson
from tasks.labels.agreement import number_rows
from tasks.labels.ratings import Codes, Votes

ASSUMED_AGREEMENT = 0.9
WIDTH = 0.05
COLUMNS = ("of", "name", "metric", "value", "low", "high", "n")

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class OneAgainstOthers:
    """Of each item with two labels or more, by class: shares of a label taken from it at random.

    `said` is the chance that it is of the class, `expected` that the others say the class,
    `both` that both hold. `rows` are the positions of the items.
    """

    rows: Codes
    said: Matrix
    expected: Matrix
    both: Matrix


def compare_with_others(votes: Votes) -> OneAgainstOthers:
    """Leave each label out in turn and compare it with the rest of its item."""
    rows = np.flatnonzero(votes.sum(axis=1) >= 2)
    first, of_row = number_rows(votes[rows])
    patterns = votes[rows][first]
    said = patterns / np.maximum(patterns.sum(axis=1, keepdims=True), 1)
    expected, both = np.zeros(patterns.shape), np.zeros(patterns.shape)
    for place in range(patterns.shape[1]):
        likely = shares_of_others(patterns, place)
        expected += said[:, place, None] * likely
        both[:, place] = said[:, place] * likely[:, place]
    return OneAgainstOthers(
        rows=rows, said=said[of_row], expected=expected[of_row], both=both[of_row]
    )


def shares_of_others(patterns: Votes, place: int) -> Matrix:
    """By class, the chance that the others of someone who gave class `place` agree on it.

    A row without such a label, or without others, means nothing.
    """
    others = patterns.copy()
    others[:, place] -= 1
    top = others == others.max(axis=1, keepdims=True)
    shares: Matrix = top / top.sum(axis=1, keepdims=True)
    return shares


def human_level(
    compared: OneAgainstOthers,
    classes: Sequence[str],
    units: Codes,
    positive_class: str | None,
    slices: Mapping[str, Mask],
) -> pd.DataFrame:
    """HLP overall, by class and by slice; the columns are `COLUMNS`.

    `of` is overall, class or slice. `units` and the masks of `slices` are over all rows; rows of
    one unit are not independent. Precision, recall and F1 are of each class, and overall of the
    positive one. A class that nobody gave, and a slice without an item, are left out.
    """
    unit = units[compared.rows]
    one = np.ones((len(unit), 1))
    right = compared.both.sum(axis=1, keepdims=True)
    given = (compared.said + compared.expected).sum(axis=0) > 0
    present = [int(at) for at in np.flatnonzero(given)]
    found = [("overall", "", "accuracy", mean_of_ratios(right, one, unit))]
    parts = {
        "recall": (compared.both, compared.expected),
        "precision": (compared.both, compared.said),
        "f1": (2 * compared.both, compared.said + compared.expected),
    }
    for metric, part in (("balanced_accuracy", "recall"), ("macro_f1", "f1")):
        above, below = parts[part]
        averaged = mean_of_ratios(above[:, present], below[:, present], unit)
        found.append(("overall", "", metric, averaged))
    for place in present:
        for metric, (above, below) in parts.items():
            column = slice(place, place + 1)
            estimate = mean_of_ratios(above[:, column], below[:, column], unit)
            found.append(("class", classes[place], metric, estimate))
            if classes[place] == positive_class:
                found.append(("overall", "", metric, estimate))
    for name, mask in slices.items():
        held = mask[compared.rows]
        if held.any():
            found.append(
                ("slice", name, "accuracy", mean_of_ratios(right[held], one[held], unit[held]))
            )
    return as_frame(found)


def as_frame(found: Sequence[tuple[str, str, str, Estimate]]) -> pd.DataFrame:
    """Estimates as rows with the columns `COLUMNS`; without any, an empty frame of their types."""
    rows = [(of, name, metric, e.value, e.low, e.high, e.n) for of, name, metric, e in found]
    types = {name: "str" if place < 3 else "float64" for place, name in enumerate(COLUMNS)}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({**types, "n": "int64"})


def mean_of_ratios(
    above: Matrix, below: Matrix, units: Codes, *, at_most: float = math.inf
) -> Estimate:
    """Mean over the columns of sum(above) / sum(below), in [0, 1], with its interval.

    Rows are items, all values in [0, 1] and `above` at most `below`; rows of one unit count as
    one observation. `n` is the number of items that count in any column. The interval rests
    on `at_most` independent items, however little their values spread.
    """
    counted = below > 0
    n = int(counted.any(axis=1).sum())
    total = below.sum(axis=0)
    if not n or (total <= 0).any():
        return Estimate(value=math.nan, low=math.nan, high=math.nan, n=n, method="wilson")
    ratios = above.sum(axis=0) / total
    value = float(np.clip(ratios.mean(), 0.0, 1.0))
    influence = ((above - ratios * below) / total).mean(axis=1)
    _, unit = np.unique(units, return_inverse=True)
    variance = float((np.bincount(unit, weights=influence) ** 2).sum())
    independent = len(np.unique(unit[counted.any(axis=1)]))
    low, high = _wilson_at(value, variance, independent, at_most)
    return Estimate(value=value, low=low, high=high, n=n, method="wilson")


def items_to_label_twice(agreement: float = ASSUMED_AGREEMENT, width: float = WIDTH) -> int:
    """Items for a 95 % interval of +- `width` about `agreement`: z**2 a (1 - a) / width**2."""
    z = NORMAL.inv_cdf(0.975)
    return math.ceil(z * z * agreement * (1 - agreement) / (width * width))


def _wilson_at(
    value: float, variance: float, independent: int, at_most: float
) -> tuple[float, float]:
    """Wilson's interval at the effective number of items; without spread, at the units'."""
    spread = value * (1 - value)
    effective = spread / variance if variance > 1e-15 and spread > 1e-12 else float(independent)
    effective = min(effective, at_most)
    return wilson(min(value, 1.0) * effective, effective)
