"""At which level does this judgement decide, and what is left for the judgements to come?

A verdict that errs in 2.5 % of judgements errs in one of twenty nights for a team in four that has
nothing better. What is limited is therefore the chance of *any* wrong promotion over the life of a
test set, `gate.error_to_spend` (10 %), of which each judgement spends a part.

The rule. Let k be the number of judgements whose test rows today's test rows are, this one
included: 1 + the sum, over the earlier ones, of the share of today's test rows that lay before them
(`tasks.wear`). Let E be what may be spent, a = 2.5 % and c = E / a - 1. The one-sided level of the
judgement is

    level(k) = E c / ((k + c - 1) (k + c)),    left after it: E c / (c + k).

The first judgement has the 2.5 % of a single one, the second 1.5 %, the fifth 0.54 %, the twentieth
0.06 %; the sum over all k is E, because the terms telescope. By the union bound at most E of the
test sets of rows that do not change ever promote a model that is not better, however the models
depend on each other and on earlier answers: alpha-spending (Lan and DeMets, Biometrika 70 (1983)
659; the union bound over adaptive questions: Dwork and others, Science 349 (2015) 636). A test set
that is all new has k = 1: new rows give back what the old ones spent, in proportion.

Why this one (`tests/benchmarks/nightly_judgements.py` compares them over 20 nights):

* an equal part for each of 20 nights (0.5 %) makes the first and most frequent judgement five times
  stricter, and has nothing for night 21;
* geometric spending (a quarter of what is left) keeps E too, and decides at 0.01 % on night 20,
  where this rule has 0.06 %: a late true gain takes more rows;
* the Ladder (Blum and Hardt, ICML 2015) limits how far a leaderboard's best number is off, not how
  often nothing is promoted: its steps of one standard error promote nothing better almost surely;
* Thresholdout (Dwork and others) adds noise to the answers; at these sizes the noise costs more
  power than the levels do, and two runs of the same inputs would differ.

What spends: each new question about a champion or the baselines: another model, other test rows or
labels, another champion, another metric. What does not: the same judgement again, or the same one
under other limits, which decide on the same interval. Guarded slices and the anchor can only keep
a promotion back; they pass by the same level, since what a promotion rests on is limited as a
whole. The baselines behind a champion, and losses that a guard is found to have, stay at 95 %.
"""

from __future__ import annotations

import math

from tasks.intervals import NORMAL

FIRST = 0.025
"""The one-sided level of a single judgement."""
FIRST_LEVEL = 0.95
"""The two-sided level of its interval."""


def one_sided_level(judgements: float, total: float) -> float:
    """The chance to promote wrongly that the judgement may have; `judgements` count it.

    `total` may be spent in all. Raises ValueError for fewer judgements than one, or where the
    first would spend it all.
    """
    if judgements < 1:
        raise ValueError(f"the model under test counts, and the judgements are {judgements}")
    c = _constant(total)
    return total * c / ((judgements + c - 1) * (judgements + c))


def left_to_spend(judgements: float, total: float) -> float:
    """What of `total` is left after so many judgements."""
    c = _constant(total)
    return total * c / (c + judgements)


def interval_level(one_sided: float) -> float:
    """The two-sided level of the interval whose lower end errs with that chance."""
    # To twelve digits, so that the first judgement's is 0.95 and not the number next to it.
    return round(1 - 2 * one_sided, 12)


def standard_errors(level: float) -> float:
    """How many standard errors the ends of a two-sided interval lie off, by the normal."""
    return NORMAL.inv_cdf(0.5 + level / 2)


def percent(share: float) -> str:
    """A share in per cent with three significant digits of what is off 0 or 1."""
    off = min(share, 1 - share)
    digits = 0 if off <= 0 else max(0, 1 - math.floor(math.log10(100 * off)))
    text = f"{100 * share:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + " %"


def _constant(total: float) -> float:
    if not FIRST < total < 1:
        raise ValueError(f"between {FIRST} and 1 may be spent, and it is {total}")
    return total / FIRST - 1
