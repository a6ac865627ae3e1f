"""Is the chosen model better on dev than always giving the same answer?

Guarantees: by the project's own metric, on all dev rows, with the interval of the difference; a
model that is no better is a failed warning. The gate asks the same on test, where it decides.
"""

from __future__ import annotations

import math

import pandas as pd

from tasks.checks import Check, Outcome
from tasks.constant import (
    class_shares,
    constant_estimates,
    constant_number,
    constant_predictions,
)
from tasks.metrics import paired_difference
from tasks.training.families import REPLICATES, ScoredFamily
from tasks.training.judgement import STAGE, words
from tasks.training.search import TrainRows


def beats_constant(chosen: ScoredFamily, dev: pd.DataFrame, rows: TrainRows) -> Check:
    """The gain of the chosen model over the constant of train, by the project's metric."""
    roles = rows.roles
    if roles.regression:
        constant = constant_estimates(constant_number(rows.labels, rows.metric), dev.index)
    else:
        constant = constant_predictions(class_shares(rows.labels), dev.index)
    found = paired_difference(
        rows.metric,
        roles.labels(dev),
        chosen.dev_predictions,
        constant,
        positive_class=roles.positive_class,
        replicates=REPLICATES,
        seed=rows.seed,
        groups=rows.units_of(dev),
        precision_of_silent_other=0.0,
    )
    known = not math.isnan(found.value)
    outcome: Outcome = "not_applicable"
    detail = (
        f"{words(rows.metric).capitalize()} of the model or of the constant is undefined on dev."
    )
    if known:
        outcome = "passed" if found.value > 0 else "failed"
        verb = "is better" if outcome == "passed" else "is no better"
        ends = f", 95 % interval {found.low:+.3f} to {found.high:+.3f}"
        detail = (
            f"{chosen.name} {verb} on dev than always giving the same answer: {words(rows.metric)} "
            f"differs by {found.value:+.3f} (positive is better"
            f"{'' if math.isnan(found.low) else ends}, n={found.n:,})."
        )
    return Check(
        id=f"{STAGE}.beats_constant",
        stage=STAGE,
        title=f"gain in {words(rows.metric)} over the constant on dev",
        severity="warning",
        outcome=outcome,
        detail=detail,
        value=found.value if known else None,
        limit=0.0,
        interval=None if math.isnan(found.low) else (found.low, found.high),
        n=found.n,
    )
