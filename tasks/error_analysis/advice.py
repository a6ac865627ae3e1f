"""What to do about a tag: the one piece of advice that its evidence supports, and the evidence.

The room within a tag is the sum of two parts (Ng, Machine Learning Yearning, 2018, chapters 20 to
27): what the model lacks on the rows that it learned from (a bias), and what it loses from those
to dev rows (a variance),

    room = (error rate on train - unavoidable) + (error rate on dev - error rate on train).

Guarantees: a piece of advice needs an interval that leaves out nothing; where none does the advice
is "not enough rows to tell", and "not known on train" where there are no such train rows. The
questions are asked in this order, and the first yes is it:

1. no room, or a gain below `NOTHING_POINTS` even at the upper end: nothing to gain;
2. of the errors with the tag at least `SUSPECTED_SHARE`, and significantly more than of other
   errors of the same true class, have a label that looks wrong: fix labels. Where the tag leaves
   none of its class to compare with (it is the class), at least `SUSPECTED_CLASS_SHARE`, and
   significantly more than of the errors of other classes (of their rows, where hardly one errs);
3. the gain may be 0: not enough rows to tell;
4. the larger part of the room, if it is above 0 beyond chance, else the other one: the loss from
   train to dev asks for more data, the lack on train for a feature.

More data are augmented rather than collected where the train rows have the tag already in
`LARGE_SHARE`, where it is so rare (`RARE_SHARE`) that new rows bring few, and for texts, of which
meaning-preserving variants are cheap. A model that learns its train rows by heart has no error
there, and all its room is variance, whatever it lacks: below `BY_HEART` the evidence says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tasks.error_analysis.priorities import Priority
from tasks.intervals import Estimate

Action = Literal[
    "collect more data",
    "augment",
    "fix labels",
    "add a feature",
    "nothing to gain",
    "not enough rows to tell",
    "not known on train",
]
UNDECIDED: tuple[Action, ...] = ("not enough rows to tell", "not known on train")

NOTHING_POINTS = 0.05
"""A gain whose upper end lies below, in points of accuracy, is none."""
SUSPECTED_SHARE = 0.2
"""The least share of the errors with a tag whose labels look wrong for labels to be the advice."""
SUSPECTED_CLASS_SHARE = 0.5
"""The same where a whole class is compared with others: labels of a rare one look wrong oftener."""
LARGE_SHARE = 0.3
RARE_SHARE = 0.02
BY_HEART = 0.002
"""An error rate on all of train below which a model has learned its rows, not only from them."""


@dataclass(frozen=True)
class Advice:
    """What to do, and the evidence for it in a sentence."""

    action: Action
    evidence: str


@dataclass(frozen=True)
class TrainErrors:
    """How often the train rows with a tag are wrong, and the share of train that they are.

    `by_heart` says that the model makes hardly an error on all of train.
    """

    error_rate: Estimate
    share: float
    by_heart: bool = False


@dataclass(frozen=True)
class SuspectedLabels:
    """Of the dev errors of a class with a tag, and of others, the suspected labels.

    `others` says in words which those are; `whole_class` that they are of other classes.
    """

    within: Estimate
    elsewhere: Estimate
    of_class: str
    others: str = "other such errors"
    whole_class: bool = False


def advise(
    found: Priority,
    train: TrainErrors | None,
    labels: SuspectedLabels | None,
    *,
    texts: bool,
) -> Advice:
    """The advice for a ranked tag.

    `train` is None where the tag is known of dev rows only, or train was not scored; `labels` where
    labels were not judged. `texts` says that a feature is a text.
    """
    nothing = _nothing(found)
    if nothing is not None:
        return nothing
    if labels is not None and _labels_stand_out(labels):
        return Advice("fix labels", _label_words(labels))
    if found.low <= 0:
        return Advice(
            "not enough rows to tell",
            f"On {found.tag.n:,} rows the gain may be anything from 0 to {found.high:.2g} points.",
        )
    if train is None:
        why = "no train row has the tag" if found.tag.complete else "it was given to dev rows alone"
        return Advice(
            "not known on train",
            f"Whether the model is wrong on such rows of train too cannot be told: {why}"
            f"{'' if found.tag.complete else '; a rule for the tag would tell'}.",
        )
    return _bias_or_variance(found, train, texts)


def difference(first: Estimate, second: Estimate) -> tuple[float, float, float]:
    """first - second of independent estimates, their intervals squared and added.

    Zou and Donner, Statistics in Medicine 27 (2008) 1693; of two Wilson intervals it is Newcombe's.
    """
    value = first.value - second.value
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return value, low, high


def _nothing(found: Priority) -> Advice | None:
    rate, reached = found.tag.error_rate, found.reference
    if found.room.value <= 0:
        return Advice(
            "nothing to gain",
            f"{1 - rate.value:.1%} of such rows are right already, and {reached.name} reaches "
            f"{reached.accuracy:.1%}; at the upper end of the interval {found.high:.2g} points.",
        )
    if found.high < NOTHING_POINTS:
        return Advice(
            "nothing to gain",
            f"Even at the upper end of the interval there are only {found.high:.2g} points to win.",
        )
    return None


def _labels_stand_out(labels: SuspectedLabels) -> bool:
    _, low, _ = difference(labels.within, labels.elsewhere)
    least = SUSPECTED_CLASS_SHARE if labels.whole_class else SUSPECTED_SHARE
    return labels.within.value >= least and math.isfinite(low) and low > 0


def _label_words(labels: SuspectedLabels) -> str:
    within, elsewhere = labels.within, labels.elsewhere
    return (
        f"Of the errors with the tag whose label is '{labels.of_class}', {within.value:.0%} have a "
        f"label that looks wrong (n = {within.n:,}), against {elsewhere.value:.0%} of the "
        f"{labels.others} (n = {elsewhere.n:,}): review them with 'assayline labels review'."
    )


def _bias_or_variance(found: Priority, train: TrainErrors, texts: bool) -> Advice:
    dev, learned = found.tag.error_rate, train.error_rate
    loss, loss_low, loss_high = difference(dev, learned)
    spare = 1 - found.reference.accuracy
    lack, lack_low = learned.value - spare, learned.low - spare
    rates = (
        f"{learned.value:.1%} of such train rows are wrong (n = {learned.n:,}) and {dev.value:.1%} "
        f"of the dev rows (n = {dev.n:,}; difference {100 * loss:.1f} points, "
        f"{100 * loss_low:.1f} to {100 * loss_high:.1f})"
    )
    varies, lacks = loss_low > 0, lack_low > 0
    if varies and (loss >= lack or not lacks):
        return _more_data(rates, train, texts)
    if lacks:
        return Advice(
            "add a feature",
            f"{rates}: the model is wrong on what it learned from too, so it lacks something that "
            "tells these rows apart.",
        )
    return Advice(
        "not enough rows to tell",
        f"{rates}: neither the loss from train to dev nor the lack on train is beyond chance.",
    )


def _more_data(rates: str, train: TrainErrors, texts: bool) -> Advice:
    share = train.share
    learned = f"{rates}: the model does not carry over from train, where {share:.1%} have the tag"
    caution = (
        " It knows train by heart, so the lack of a feature would look the same here."
        if train.by_heart
        else ""
    )
    if texts:
        return Advice(
            "augment", f"{learned}; variants of texts are cheaper than new ones.{caution}"
        )
    if share >= LARGE_SHARE:
        return Advice("augment", f"{learned}, so more of the same would add little.{caution}")
    if share <= RARE_SHARE:
        return Advice("augment", f"{learned}, so that new rows would bring few of them.{caution}")
    return Advice("collect more data", f"{learned}.{caution}")
