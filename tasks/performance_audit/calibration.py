"""Can the model's probabilities be read as chances?

Guarantees: shown for every model and blocks none: a threshold may be right where probabilities
are not. The check compares the Brier score with that of always telling the classes' shares in
the test rows; a model whose probabilities are worse than that has no use as a forecast, which
weighing classes to be equally important often brings about.

Brier score: mean squared difference of probability and outcome (Brier 1950); of two classes that
of the positive class, in [0, 1]; of more the sum over the classes, in [0, 2]; low is good.
Expected calibration error: mean absolute difference of probability and frequency over ten bins of
equal width (Naeini et al. 2015), for more than two classes of the most probable one (Guo et al.
2017). It is biased upwards in small samples, which is why it is told and not judged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Check, Outcome
from tasks.intervals import wilson
from tasks.performance_audit.wording import STAGE
from tasks.slice_metrics import ScoredRows

BINS = 10
MAX_REPLICATES = 400


@dataclass(frozen=True)
class Calibration:
    """`bins` has low, high, n, mean_probability, observed, observed_low, observed_high."""

    brier: float
    interval: tuple[float, float]
    base: float
    error: float
    bins: pd.DataFrame


def measure_calibration(scored: ScoredRows, classes: Sequence[str]) -> Calibration:
    """The probabilities of `scored` against what happened; a class without one has none."""
    names = [scored.positive_class] if scored.positive_class is not None else list(classes)
    happened = np.column_stack([(scored.labels == name).to_numpy(dtype=float) for name in names])
    told = np.column_stack([_probability(scored, str(name)) for name in names])
    losses = ((told - happened) ** 2).sum(axis=1)
    base = ((happened.mean(axis=0) - happened) ** 2).sum(axis=1)
    chosen = told.argmax(axis=1)
    rows = np.arange(len(told))
    bins = _bins(told[rows, chosen], happened[rows, chosen])
    weights = bins["n"] / len(told)
    error = float((weights * (bins["mean_probability"] - bins["observed"]).abs()).sum())
    return Calibration(
        brier=float(losses.mean()),
        interval=_mean_interval(losses, scored),
        base=float(base.mean()),
        error=error if np.isfinite(told).all() else math.nan,
        bins=bins,
    )


def calibration_check(found: Calibration, rows: int, min_support: int) -> Check:
    """The Brier score against that of the classes' shares: information, never a block."""
    low, high = found.interval
    outcome: Outcome = "passed" if found.brier < found.base else "failed"
    verdict = (
        "better than always telling the classes' shares"
        if outcome == "passed"
        else "no better than always telling the classes' shares, so do not read them as chances"
    )
    detail = (
        f"The probabilities have a Brier score of {found.brier:.3f} (95 % interval {low:.3f} to "
        f"{high:.3f}, n={rows}) against {found.base:.3f}: {verdict}; expected calibration error "
        f"{found.error:.3f}."
    )
    if rows < min_support:
        outcome = "not_applicable"
        detail = f"Too small to judge probabilities: n={rows}, at least {min_support} are needed."
    return Check(
        id=f"{STAGE}.calibration",
        stage=STAGE,
        title="Brier score of the probabilities on test",
        severity="info",
        outcome=outcome,
        value=found.brier,
        limit=found.base,
        interval=found.interval,
        n=rows,
        detail=detail,
        evidence="calibration",
    )


def _probability(scored: ScoredRows, name: str) -> Any:
    column = f"p:{name}"
    if column not in scored.predictions:
        return np.zeros(len(scored))
    return scored.predictions[column].to_numpy(dtype=float)


def _bins(told: Any, happened: Any) -> pd.DataFrame:
    place = np.clip(np.nan_to_num(told * BINS).astype(int), 0, BINS - 1)
    rows = []
    for position in range(BINS):
        inside = place == position
        n, count = int(inside.sum()), int(happened[inside].sum())
        if n:
            low, high = wilson(count, n)
            edges = (position / BINS, (position + 1) / BINS)
            rows.append((*edges, n, float(told[inside].mean()), count / n, low, high))
    columns = ["low", "high", "n", "mean_probability", "observed", "observed_low", "observed_high"]
    return pd.DataFrame(rows, columns=columns)


def _mean_interval(losses: Any, scored: ScoredRows) -> tuple[float, float]:
    """Percentile bootstrap of the mean loss: of rows, or of groups where rows are grouped."""
    unit = np.arange(len(losses))
    if scored.groups is not None:
        unit = pd.factorize(scored.groups, use_na_sentinel=False)[0]
    sums, counts = np.bincount(unit, losses), np.bincount(unit)
    draw = np.random.default_rng(scored.seed)
    means = []
    for _ in range(min(scored.replicates, MAX_REPLICATES)):
        chosen = draw.integers(0, len(sums), len(sums))
        means.append(sums[chosen].sum() / counts[chosen].sum())
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
