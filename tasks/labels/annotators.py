"""Who disagrees with whom, and who with himself?

Three questions about annotators whom the data tell apart: Cohen's kappa of each pair over the
items that both labelled (Cohen 1960, "A Coefficient of Agreement for Nominal Scales",
Educational and Psychological Measurement 20, 37-46), with a percentile bootstrap of the units of
those items; each annotator against the consensus of the others, his own label left out; and how
often somebody who labelled an item twice said the same.

Guarantees: no annotator is compared with a consensus that contains his label; every rate has its
interval and its number of items; names are those of the data, sorted by what they say.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tasks.intervals import Estimate
from tasks.labels.human_level import mean_of_ratios
from tasks.labels.ratings import Codes, Ratings, Votes
from tasks.percentiles import percentiles
from tasks.unit_draws import Units

PAIRS = 30
"""The pairs with most items in common are compared."""
FEWEST_COMMON = 10
REPLICATES = 1000
_CHUNK_CELLS = 4_000_000

Matrix = NDArray[np.float64]


def compare_pairs(ratings: Ratings, seed: int, units: Codes | None = None) -> pd.DataFrame:
    """Cohen's kappa of the pairs with most items in common, the lowest first.

    Columns: annotator, other, agreement (share of common items), kappa, low, high, n (common
    items), confused (the two labels that they most often set against each other, the first by
    `annotator`; empty where they never differ). Kappa is NaN where both always say the same one
    class. Items with the same number in `units` are not independent.
    """
    rows = []
    classes = len(ratings.classes)
    for first, second, items, own, other in _common_items(ratings):
        cells, cell, times = np.unique(
            own * classes + other, return_inverse=True, return_counts=True
        )
        kappa = float(_kappa(times[None, :].astype(np.float64), cells, classes)[0])
        drawn = Units.of(cell, len(cells), None if units is None else units[items])
        low, high = _bootstrap(drawn, cells, classes, seed)
        rows.append(
            (
                ratings.annotators[first],
                ratings.annotators[second],
                float((own == other).mean()),
                kappa,
                low,
                high,
                len(own),
                _most_confused(cells, times, ratings.classes),
            )
        )
    columns = ["annotator", "other", "agreement", "kappa", "low", "high", "n", "confused"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["kappa", "annotator", "other"], ignore_index=True)


def pair_confusion(ratings: Ratings) -> pd.DataFrame:
    """How often each compared pair gave each two labels: annotator, other, label, other_label, n.

    Only labels that differ are listed.
    """
    classes = len(ratings.classes)
    names = np.asarray(ratings.classes, dtype=object)
    parts = []
    for first, second, _, own, other in _common_items(ratings):
        cells, count = np.unique(own * classes + other, return_counts=True)
        differ = cells // classes != cells % classes
        parts.append(
            pd.DataFrame(
                {
                    "annotator": ratings.annotators[first],
                    "other": ratings.annotators[second],
                    "label": names[cells[differ] // classes],
                    "other_label": names[cells[differ] % classes],
                    "n": count[differ],
                }
            )
        )
    columns = ["annotator", "other", "label", "other_label", "n"]
    found = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    return found.sort_values(["n", *columns[:4]], ascending=[False, *[True] * 4], ignore_index=True)


def compare_annotators(ratings: Ratings, votes: Votes, units: Codes) -> pd.DataFrame:
    """Each annotator against the consensus of the others of each item, the lowest first.

    Columns: annotator, agreement, low, high, n (items that others labelled too), which is also how
    many labels the interval rests on at most. A tie among the others counts as a guess between the
    tied classes. Raises ValueError for anonymous ratings.
    """
    if ratings.annotator is None:
        raise ValueError("anonymous raters cannot be told apart")
    others = votes.sum(axis=1)[ratings.item] >= 2
    item, label, annotator = (
        part[others] for part in (ratings.item, ratings.label, ratings.annotator)
    )
    right = credit(votes)[item, label]
    rows = []
    order = np.argsort(annotator, kind="stable")
    bounds = np.searchsorted(annotator[order], np.arange(len(ratings.annotators) + 1))
    for number, name in enumerate(ratings.annotators):
        own = order[bounds[number] : bounds[number + 1]]
        if len(own):
            one = np.ones((len(own), 1))
            # A guess between tied classes spreads less than a label: he gave no more than these.
            found = mean_of_ratios(right[own, None], one, units[item[own]], at_most=len(own))
            rows.append((name, found.value, found.low, found.high, found.n))
    frame = pd.DataFrame(rows, columns=["annotator", "agreement", "low", "high", "n"])
    return frame.sort_values(["agreement", "annotator"], ignore_index=True)


def credit(votes: Votes) -> Matrix:
    """By item and class: the chance that the others agree with someone who gave the class.

    Only the single most frequent class can be that of the others of somebody who gave it: its
    lead over the next decides, and a lead of one leaves a tie. Means nothing where nobody gave
    the class or the item has one label.
    """
    ranked = np.sort(votes, axis=1)
    top = ranked[:, -1:]
    second = ranked[:, -2:-1] if votes.shape[1] > 1 else np.zeros_like(top)
    tied = (votes == second).sum(axis=1, keepdims=True)
    lead = top - second
    worth = np.where(lead >= 2, 1.0, np.where(lead == 1, 1.0 / (1.0 + tied), 0.0))
    # Two labels that agree: the other says the class, and no third class has a label to tie with.
    worth = np.where((top >= 2) & (second == 0), 1.0, worth)
    return np.where(votes == top, worth, 0.0)


def self_consistency(ratings: Ratings) -> tuple[Estimate | None, pd.DataFrame]:
    """How often one annotator's two labels of one item are the same: over all, and by annotator.

    Of somebody who labelled an item more than twice, the share of his pairs. None where nobody
    did. Columns: annotator, consistency, low, high, n (items that he labelled again).
    """
    columns = ["annotator", "consistency", "low", "high", "n"]
    repeats = ratings.repeats
    if repeats is None:
        return None, pd.DataFrame(columns=columns)
    classes = len(ratings.classes)
    _, number, given = np.unique(
        repeats.pair * classes + repeats.label, return_index=True, return_counts=True
    )
    pair = repeats.pair[number]
    pairs = int(repeats.pair.max()) + 1
    size = np.bincount(repeats.pair, minlength=pairs)
    same = np.bincount(pair, weights=given * (given - 1), minlength=pairs) / (size * (size - 1))
    who = np.empty(pairs, dtype=np.int64)
    who[repeats.pair] = repeats.annotator
    rows = []
    for one in np.unique(who):
        own = same[who == one, None]
        found = mean_of_ratios(own, np.ones_like(own), np.arange(len(own)), at_most=len(own))
        rows.append((ratings.annotators[one], found.value, found.low, found.high, found.n))
    overall = mean_of_ratios(same[:, None], np.ones((pairs, 1)), who)
    frame = pd.DataFrame(rows, columns=columns)
    return overall, frame.sort_values(["consistency", "annotator"], ignore_index=True)


def _common_items(ratings: Ratings) -> Iterator[tuple[int, int, Codes, Codes, Codes]]:
    """Pairs of annotators with most common items first, those items, and their labels of them."""
    if ratings.annotator is None:
        return
    people = len(ratings.annotators)
    given = csr_array(
        (ratings.label + 1, (ratings.annotator, ratings.item)), shape=(people, ratings.items)
    )
    present = csr_array((np.ones(len(given.data)), given.indices, given.indptr), shape=given.shape)
    common = (present @ present.T).tocoo()
    upper = (common.row < common.col) & (common.data >= FEWEST_COMMON)
    first, second, size = common.row[upper], common.col[upper], common.data[upper]
    for at in np.lexsort((second, first, -size))[:PAIRS]:
        a, b = int(first[at]), int(second[at])
        own, other = given[[a]], given[[b]]
        items, left, right = np.intersect1d(
            own.indices, other.indices, assume_unique=True, return_indices=True
        )
        yield a, b, items, own.data[left] - 1, other.data[right] - 1


def _kappa(counts: Matrix, cells: Codes, classes: int) -> Matrix:
    """Cohen's kappa of each row of `counts`: how often each of the pairs of labels `cells` is."""
    own, other = cells // classes, cells % classes
    everyone = np.arange(len(cells))
    one = np.ones(len(cells))
    rows = counts @ csr_array((one, (everyone, own)), shape=(len(cells), classes))
    columns = counts @ csr_array((one, (everyone, other)), shape=(len(cells), classes))
    total = counts.sum(axis=1)
    agreed = counts[:, own == other].sum(axis=1) / total
    chance = (rows * columns).sum(axis=1) / total**2
    kappa: Matrix = np.full(len(counts), np.nan)
    np.divide(agreed - chance, 1 - chance, out=kappa, where=chance < 1 - 1e-12)
    return kappa


def _bootstrap(units: Units, cells: Codes, classes: int, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    drawn = units.draws(rng, REPLICATES, _CHUNK_CELLS, max(len(cells), classes))
    found = np.concatenate([_kappa(one, cells, classes) for one in drawn])
    (low, high), _ = percentiles(found)
    return low, high


def _most_confused(cells: Codes, times: Codes, classes: tuple[str, ...]) -> str:
    apart = np.where(cells // len(classes) == cells % len(classes), 0, times)
    at = int(apart.argmax())
    if apart[at] == 0:
        return ""
    first, second = divmod(int(cells[at]), len(classes))
    return f"{classes[first]} / {classes[second]} ({int(apart[at])})"
