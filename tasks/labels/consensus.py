"""What do most people say, once it is known how each of them labels?

Three methods, always reported side by side:

* `majority`: the class with most labels; a tie is shown as a tie and never broken;
* `dawid_skene`: the class that is most probable given each annotator's own confusion matrix,
  each drawn towards that of all annotators together by as much as ten labels of a class would
  (`tasks.labels.consensus_dawid_skene`);
* `model_assisted`: the same, where a model that has not seen the item gives the probability of
  each class beforehand.

The default is `dawid_skene` where at least three annotators are known by name, else `majority`.
Measured (tests/benchmarks/consensus_accuracy.py): on three crowd-labelled sets with known gold
labels Dawid-Skene is significantly better than the majority on one and not worse on the others,
with or without that pull; with anonymous raters, whose habits cannot be told apart, it moved
accuracy from +1.4 to -2.9 points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.intervals import wilson
from tasks.labels.consensus_dawid_skene import estimate_true_classes
from tasks.labels.ratings import Codes, Ratings, Votes

Method = Literal["majority", "dawid_skene", "model_assisted"]
Matrix = NDArray[np.float64]

SMOOTHING = 10.0
WEAK = 0.7
"""A consensus held with less confidence is weak: two of three, three of five."""
_TIE = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Consensus:
    """By item: the position of the class agreed on (-1: a tie, or no label), whether it is a tie,
    and the confidence (share of the labels, or probability; NaN without a label)."""

    label: Codes
    tied: NDArray[np.bool_]
    confidence: Matrix


def default_method(ratings: Ratings) -> Method:
    """Dawid-Skene where three annotators or more are known by name, else the majority."""
    return "dawid_skene" if len(ratings.annotators) >= 3 else "majority"


def find_consensus(
    ratings: Ratings, probabilities: Matrix | None = None
) -> dict[Method, Consensus]:
    """The consensus by each method; `probabilities` of a model are items by classes.

    Rows of `probabilities` are over the classes of the ratings; without them the model-assisted
    method is left out.
    """
    votes = ratings.votes()
    learnt = estimate_true_classes(ratings, smoothing=SMOOTHING)
    found: dict[Method, Consensus] = {
        "majority": _agreed(vote_shares(votes)),
        "dawid_skene": _agreed(learnt.posterior),
    }
    if probabilities is not None:
        assisted = estimate_true_classes(ratings, probabilities, smoothing=SMOOTHING)
        found["model_assisted"] = _agreed(assisted.posterior)
    return found


def vote_shares(votes: Votes) -> Matrix:
    """Share of each class among the labels of an item; NaN without labels."""
    total = votes.sum(axis=1, keepdims=True)
    shares: Matrix = np.full(votes.shape, np.nan)
    np.divide(votes, total, out=shares, where=total > 0)
    return shares


def spread_over(matrix: Matrix, known: Sequence[str], ratings: Ratings) -> Matrix:
    """Probabilities over the classes `known` as such over the classes of the ratings.

    Classes that the model does not know take the share that they have among the labels; those
    that nobody gave are left out.
    """
    places = {name: place for place, name in enumerate(known)}
    shares = np.bincount(ratings.label, minlength=len(ratings.classes)) / max(len(ratings.label), 1)
    spread = np.zeros((len(matrix), len(ratings.classes)))
    foreign = [at for at, name in enumerate(ratings.classes) if name not in places]
    for at, name in enumerate(ratings.classes):
        if name in places:
            spread[:, at] = matrix[:, places[name]]
    total = spread.sum(axis=1, keepdims=True)
    np.divide(spread, total, out=spread, where=total > 0)
    spread *= 1 - shares[foreign].sum()
    spread[:, foreign] = shares[foreign]
    return spread


def compare_methods(
    found: Mapping[Method, Consensus], votes: Votes, target: Codes, chosen: Method
) -> pd.DataFrame:
    """Each method beside the others: over the items with two labels or more.

    `target` is the position of each row's label among the classes of the votes (-1: none of
    them). Columns: method, chosen, settled, tied, weak (confidence below 0.7), is_label (share
    of the settled whose label it is) with low, high, and n, not_majority (settled otherwise than
    by the majority, or where that is tied).
    """
    several = votes.sum(axis=1) >= 2
    majority = found["majority"].label[several]
    rows = []
    for method, one in found.items():
        label, confidence = one.label[several], one.confidence[several]
        settled = label >= 0
        n = int(settled.sum())
        same = int((settled & (label == target[several])).sum())
        rows.append(
            (
                method,
                method == chosen,
                n,
                int(one.tied[several].sum()),
                int((confidence < WEAK).sum()),
                same / n if n else np.nan,
                *wilson(same, n),
                n,
                int((settled & (label != majority)).sum()),
            )
        )
    columns = ["method", "chosen", "settled", "tied", "weak", "is_label", "low", "high", "n"]
    return pd.DataFrame(rows, columns=[*columns, "not_majority"])


def _agreed(posterior: Matrix) -> Consensus:
    known: NDArray[np.bool_] = ~np.isnan(posterior).any(axis=1) & (posterior.shape[1] > 0)
    filled = np.where(known[:, None], posterior, 0.0)
    best = filled.max(axis=1, initial=0.0)
    tied = ((filled >= best[:, None] - _TIE).sum(axis=1) > 1) & known
    label = np.full(len(posterior), -1, dtype=np.int64)
    single = known & ~tied
    label[single] = filled[single].argmax(axis=1)
    return Consensus(label=label, tied=tied, confidence=np.where(known, best, np.nan))
