"""Functions on two models: how much better one is, and whether that is enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from tasks.gate.rules import decide, rows_needed, too_few_discordant
from tasks.gate.spending import interval_level, one_sided_level
from tasks.intervals import Difference
from tasks.library.plain_arrays import (
    known_class,
    plain_labels,
    plain_numbers,
    plain_predictions,
    plain_settings,
    plain_units,
    row_names,
    same_length,
)
from tasks.metrics import CLASS_METRICS, paired_difference
from tasks.project.decision_sections import GateSection

_OF_NUMBERS = ("mae", "rmse", "r2")


@dataclass(frozen=True)
class Decision:
    """`verdict`, and the rows at which it would be settled (None where more will not help)."""

    verdict: Literal["promote", "reject", "inconclusive"]
    rows_needed: int | None


def compare_models(  # noqa: PLR0913 - two models, and how they are compared
    y_true: Any,
    candidate: Any,
    other: Any,
    metric: str = "accuracy",
    *,
    positive_class: str | None = None,
    units: Any = None,
    judgements: float = 1,
    replicates: int = 1000,
    seed: int = 0,
) -> Difference:
    """How much better one model is than another on the same rows, with its interval.

    `value`, `low` and `high` are in the unit of the metric, and above 0 means that the candidate is
    better, also for a loss. For accuracy of independent rows the interval is Tango's (1998), beside
    McNemar's exact p; else it is the percentile bootstrap of rows, or of `units` (one person's
    rows), which is poor with fewer than ten of them.

    `y_true` is one label a row; `candidate` and `other` too, or frames of probabilities with a
    column a class. For the metrics of numbers (mae, rmse, r2) all three are numbers.
    `positive_class` is the class that precision, recall, f1 and average_precision are of; without
    it they are macro means. `judgements` counts how often these rows have judged a model, this time
    included: the interval widens so that all judgements together promote a model that is not better
    in at most 10 % (alpha spending: Lan and DeMets 1983).

    Raises ValueError for an unknown metric or rows that do not match. Not for rows that either
    model has learned from.

    >>> import assayline
    >>> truth = ["yes"] * 100
    >>> new, old = ["yes"] * 90 + ["no"] * 10, ["no"] * 20 + ["yes"] * 70 + ["no"] * 10
    >>> found = assayline.compare_models(truth, new, old)
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2), found.method
    (0.2, 0.13, 0.29, 'tango')
    """
    _require_known(metric, judgements)
    plain_settings(GateSection, replicates=replicates)
    same_length(y_true=y_true, candidate=candidate, other=other, units=units)
    index = row_names(len(y_true))
    told = {"candidate": candidate, "other": other}
    if metric in _OF_NUMBERS:
        labels = plain_numbers(y_true, "y_true", index)
        models = [pd.DataFrame({"predicted": plain_numbers(told[n], n, index)}) for n in told]
    else:
        labels = plain_labels(y_true, "y_true", index)
        known_class(positive_class, sorted(labels.unique()), "positive_class")
        models = [plain_predictions(told[name], name, index, positive_class) for name in told]
    level = interval_level(one_sided_level(judgements, GateSection().error_to_spend))
    return paired_difference(
        metric,
        labels,
        *models,
        positive_class=positive_class,
        replicates=replicates,
        seed=seed,
        groups=plain_units(units, index),
        level=level,
    )


def _require_known(metric: str, judgements: float) -> None:
    known = (*CLASS_METRICS, *_OF_NUMBERS)
    if metric not in known:
        raise ValueError(f"unknown metric '{metric}'; known are {', '.join(known)}")
    if not judgements >= 1:
        raise ValueError(f"judgements is {judgements}, and this one counts: 1 at least")


def decide_promotion(
    difference: Difference,
    *,
    intent: Literal["improve", "refresh"] = "improve",
    min_gain: float = 0.01,
    margin: float = 0.01,
    min_discordant: int = 10,
) -> Decision:
    """Whether the candidate may replace the other model, by both ends of one interval.

    `improve`: promote where the lower end is above 0, reject where the upper end is below
    `min_gain`. `refresh`, for a model that has to keep up: promote where the lower end is above
    minus `margin`, reject where the upper end is below it. Else it is inconclusive, and so it is
    where a value or an end is undefined, or fewer than `min_discordant` rows tell the two apart.
    `min_gain` and `margin` are in the unit of the metric. `rows_needed` are for 80 % power at a
    true difference of `min_gain` (of 0 for a refresh).

    This is one rule of the gate: a run also asks for enough rows, no loss on guarded slices, and
    what the first model has to beat. Raises ValueError for an unknown intent.

    >>> import assayline
    >>> truth = ["yes"] * 100
    >>> new, old = ["yes"] * 90 + ["no"] * 10, ["no"] * 20 + ["yes"] * 70 + ["no"] * 10
    >>> assayline.decide_promotion(assayline.compare_models(truth, new, old)).verdict
    'promote'
    >>> assayline.decide_promotion(assayline.compare_models(truth, new, new)).verdict
    'reject'
    """
    if intent not in ("improve", "refresh"):
        raise ValueError(f"intent is '{intent}', and it is 'improve' or 'refresh'")
    gate = plain_settings(
        GateSection, intent=intent, min_gain=min_gain, margin=margin, min_discordant=min_discordant
    )
    decision = decide(difference, intent, gate)
    needed = rows_needed(difference, intent, gate)
    if decision == "undecided" or too_few_discordant(difference, gate):
        return Decision("inconclusive", needed)
    return Decision("promote" if decision == "better" else "reject", needed)
