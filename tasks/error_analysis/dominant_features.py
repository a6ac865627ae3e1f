"""Does one feature carry nearly all of what the model knows? Then one should ask when it is known.

A leak that no search for single columns finds (it takes two columns, or a form that was not looked
for) still shows in the model: without it hardly anything is left of the gain over a constant.

Guarantees: never critical, since an honest feature may be all that there is; a model that is no
better than the constant, or that has one feature only, is not judged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.checks import Check, Outcome
from tasks.error_analysis.shuffling import Importance
from tasks.metrics.values import HIGHER_IS_BETTER, metric_value

NEARLY_ALL = 0.8
"""From this share of the gain on a feature is asked about, if no other has `A_FIFTH` of it."""
A_FIFTH = 0.2
_AT_LEAST = 0.5
"""So much of the gain by the lower end of its interval, too."""


def gain_over_constant(
    labels: pd.Series, predictions: pd.DataFrame, metric: str, positive_class: str | None
) -> float:
    """By how much `metric` of the predictions is better than that of the best constant.

    The constant always answers the commonest class of these rows, with the shares of the classes
    as probabilities; of a regression the median for `mae`, else the mean. NaN where undefined.
    """
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    worth = [
        metric_value(metric, labels, one, positive_class=positive_class)
        for one in (predictions, _constant(labels, metric))
    ]
    return sign * (worth[0] - worth[1])


def dominance_check(found: Sequence[Importance], metric: str, gain: float, rows: int) -> Check:
    """Whether the first of the features `found`, the most important first, carries the gain."""
    if len(found) < 2:
        return _check(
            "not_applicable", rows, "The model has one feature, or several that say the same."
        )
    if not gain > 0 or math.isnan(found[0].low):
        reason = f"On {rows:,} dev rows the model is not shown to be better than a constant"
        return _check("not_applicable", rows, f"{reason} in {metric}.")
    first, second = found[0], found[1]
    share, low, high = (part / gain for part in (first.value, first.low, first.high))
    alone = share >= NEARLY_ALL and low >= _AT_LEAST and second.value <= A_FIFTH * first.value
    if not alone:
        told = (
            f"No feature alone carries the model's gain of {gain:.3f} in {metric} over the "
            f"constant: without {first.name} it loses {first.value:.3f}, without {second.name} "
            f"{second.value:.3f}."
        )
        return _check("passed", rows, told, share, (low, high))
    told = (
        f"{first.name} alone carries {min(share, 1):.0%} of the model's gain over the constant "
        f"({metric} is better by {gain:.3f}, and loses {first.value:.3f} without it), and no other "
        "feature a fifth of that: is it known before the outcome?"
    )
    return _check("failed", rows, told, share, (low, high))


def _constant(labels: pd.Series, metric: str) -> pd.DataFrame:
    if pd.api.types.is_float_dtype(labels.dtype):
        number = float(labels.median() if metric == "mae" else labels.mean())
        return pd.DataFrame({"predicted": np.full(len(labels), number)}, index=labels.index)
    shares = labels.value_counts(normalize=True).sort_index()
    predicted = pd.Series(str(shares.idxmax()), index=labels.index, dtype="str")
    return pd.DataFrame(
        {"predicted": predicted, **{f"p:{name}": float(n) for name, n in shares.items()}},
        index=labels.index,
    )


def _check(
    outcome: Outcome,
    rows: int,
    detail: str,
    value: float | None = None,
    interval: tuple[float, float] | None = None,
) -> Check:
    judged = value is not None
    return Check(
        id="error_analysis.dominant_feature",
        stage="error_analysis",
        title="Share of the gain over the constant that one feature carries",
        severity="warning" if outcome == "failed" else "info",
        outcome=outcome,
        value=value,
        # A share alone is no failure: others may be missed as much.
        limit=NEARLY_ALL if outcome == "failed" else None,
        interval=interval,
        n=rows,
        detail=detail,
        evidence="importance" if judged else None,
    )
