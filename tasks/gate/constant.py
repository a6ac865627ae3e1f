"""Is the candidate worse than the constant baseline by what people read, too?

Guarantees: whatever the metric that decides, accuracy and log loss are compared with those of
always giving the same answer, and so is the project's own metric where the gate has another; worse
on these rows is a failed warning, which stands among the reasons of a promotion. It blocks nothing:
labels that serve another objective may cost accuracy, but nobody should find that out afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from tasks.checks import Check, Outcome
from tasks.gate.comparison import describe
from tasks.gate.contest import STAGE, Contest, Opponent
from tasks.gate.rules import is_known
from tasks.metrics import CLASS_METRICS

READ = ("accuracy", "log_loss")
_MEANS = {
    "accuracy": "its labels are right less often than always giving the same answer, because the "
    "threshold serves another objective (training.threshold) or the model knows too little",
    "log_loss": "do not read its probabilities as chances",
}


def warn_of_constant(
    contest: Contest, baselines: Sequence[Opponent], own_metric: str | None
) -> tuple[Check, ...]:
    """One warning a metric, besides the one of the contest, that the constant is compared by.

    `own_metric` is the project's. Nothing where there is no constant, or no row. Of a regression
    only its own metric is compared.
    """
    constant = next((one for one in baselines if one.key == "constant"), None)
    if constant is None or constant.predictions is None or contest.labels.empty:
        return ()
    told = constant.predictions
    read = READ if contest.metric in CLASS_METRICS else ()
    names = dict.fromkeys(name for name in (own_metric, *read) if name is not None)
    names.pop(contest.metric, None)
    return tuple(_warning(replace(contest, metric=name), constant, told) for name in names)


def _warning(contest: Contest, constant: Opponent, predictions: pd.DataFrame) -> Check:
    metric = contest.metric
    found = contest.difference(predictions)
    outcome: Outcome = "not_applicable"
    detail = f"{metric} cannot be compared with the {constant.label}: it has no value or interval."
    if is_known(found):
        outcome = "failed" if found.value < 0 else "passed"
        numbers = describe(metric, found)
        surely = "surely worse" if found.high < 0 else "worse on these rows"
        detail = f"By {metric} the candidate is no worse than the {constant.label}: {numbers}."
        if outcome == "failed":
            means = f": {_MEANS[metric]}" if metric in _MEANS else ""
            detail = f"By {metric} the candidate is {surely} than the {constant.label}{means} "
            detail += f"({numbers})."
    return Check(
        id=f"{STAGE}.no_worse_than_constant:{metric}",
        stage=STAGE,
        title=f"The candidate is no worse than the {constant.label}: gain in {metric}",
        severity="warning",
        outcome=outcome,
        detail=detail,
        value=found.value if is_known(found) else None,
        limit=0.0,
        interval=(found.low, found.high) if is_known(found) else None,
        n=len(contest.labels),
    )
