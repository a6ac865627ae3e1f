"""Can the model's probabilities be read as chances?

Guarantees: shown for every model and blocks none: a threshold may be right where probabilities
are not. The check is a warning. It fails where the Brier score is no better than that of always
telling the classes' shares in the test rows, which weighing classes to be equally important often
brings about; and where the probabilities are surely off by more than `LARGE_ERROR` in the mean.

The Brier score and the expected calibration error are those of `tasks.metrics.probabilities`. The
error is biased upwards: of a perfectly calibrated model too the bins' frequencies miss the
probabilities by chance, and absolute values do not average that away (Bröcker and Smith 2007;
Kumar et al. 2019; Roelofs et al. 2022). Estimates that subtract the bias are themselves uncertain
where it matters, with few rows a bin; so the plain error is shown, which is the field's number,
beside what chance alone would make of it: the mean error of a calibrated model with the same
probabilities, of independent rows (bins' gaps taken as normal). Its interval is made so that it
reaches down to 0 where chance explains the error (`tasks.metrics.estimates`): by its lower end it
is judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Check, Figure, Outcome, Table
from tasks.intervals import Estimate
from tasks.metrics.group_metrics import group_values
from tasks.metrics.group_sums import GroupedRows
from tasks.metrics.probabilities import (
    CALIBRATION_BINS,
    calibration_bins,
    has_probabilities,
    told_and_happened,
)
from tasks.metrics.resampling import unit_codes
from tasks.performance_audit.wording import STAGE
from tasks.slice_metrics import ScoredRows

LARGE_ERROR = 0.05
"""Of a probability that is told wrong by more than this in the mean the reader has to know."""


@dataclass(frozen=True)
class Calibration:
    """The probabilities of the positive class, or of the most probable one, against what happened.

    `base` is the Brier score of always telling the classes' shares, `by_chance` the calibration
    error to be expected of a perfectly calibrated model. `bins` has low, high, n,
    mean_probability, observed, observed_low, observed_high. `by_class` has a row a class, against
    the rest; it is empty with two classes, since the one is the other's complement.
    """

    brier: Estimate
    error: Estimate
    base: float
    by_chance: float
    bins: pd.DataFrame
    by_class: pd.DataFrame


def measure_calibration(
    scored: ScoredRows, classes: Sequence[str], overall: Mapping[str, Estimate]
) -> Calibration:
    """The probabilities of `scored` against what happened; a class without one has none.

    `overall` has the estimates of `brier` and `calibration_error`.
    """
    positive = scored.positive_class
    names = [positive] if positive is not None else list(classes)
    shares = np.array([(scored.labels == name).mean() for name in names])
    spread = shares * (1 - shares)
    told, happened = told_and_happened(scored.labels, scored.predictions, positive)
    return Calibration(
        brier=overall["brier"],
        error=overall["calibration_error"],
        base=float(spread.sum()),
        by_chance=_error_by_chance(told),
        bins=_bins(told, happened, scored),
        by_class=_by_class(scored, names if positive is None else ()),
    )


def calibration_check(found: Calibration, scored: ScoredRows, min_support: int) -> Check:
    """The Brier score against the shares', and the calibration error's lower end: a warning."""
    brier, error, rows = found.brier, found.error, len(scored)
    known = math.isfinite(brier.low) and math.isfinite(brier.high)
    outcome: Outcome = "passed" if brier.value < found.base else "failed"
    off = error.low > LARGE_ERROR
    verdict = (
        "better than always telling the classes' shares"
        if outcome == "passed"
        else "no better than always telling the classes' shares, so do not read them as chances"
    )
    detail = (
        f"The probabilities have a Brier score of {brier.value:.3f} (95 % interval "
        f"{brier.low:.3f} to {brier.high:.3f}, n={rows}) against {found.base:.3f}: {verdict}; "
        f"expected calibration error {error.value:.3f} ({error.low:.3f} to {error.high:.3f}), of "
        f"which chance alone would show {found.by_chance:.3f} if they were perfectly calibrated."
    )
    if off:
        outcome = "failed"
        detail += (
            f" They are surely off by more than {LARGE_ERROR:g} in the mean: not calibrated on "
            "test."
        )
    if scored.units < min_support:
        outcome = "not_applicable"
        detail = f"Too small to judge probabilities: n={rows}, at least {min_support} are needed."
    elif not known:
        outcome = "not_applicable"
        detail = f"Too few different rows for an interval of the Brier score: n={rows}."
    return Check(
        id=f"{STAGE}.calibration",
        stage=STAGE,
        title="Brier score of the probabilities on test",
        severity="warning",
        outcome=outcome,
        value=brier.value if math.isfinite(brier.value) else None,
        limit=found.base,
        interval=(brier.low, brier.high) if known else None,
        n=rows,
        detail=detail,
        evidence="calibration",
    )


def calibration_tables(found: Calibration) -> dict[str, Table]:
    """The bins of the reliability curve; of more than two classes, each against the rest."""
    tables = {
        "calibration": Table(
            title="Probabilities against what happened (test)",
            frame=found.bins,
            note="Each row: the test rows whose probability lies between low and high; "
            "observed = share of them where it happened, with its 95 % interval. "
            f"Of {CALIBRATION_BINS} bins those without a row are left out.",
        )
    }
    if len(found.by_class):
        tables["calibration_by_class"] = Table(
            title="Probabilities of each class against the rest (test)",
            frame=found.by_class,
            note="brier_of_share = Brier score of always telling the class's share; by_chance = "
            "calibration error to be expected of a perfectly calibrated model with as many rows: "
            "an error is biased upwards by about that much. Intervals are 95 %.",
        )
    return tables


def reliability_figure(positive_class: str | None) -> Figure:
    """The curve of the bins, against the diagonal on which a calibrated model lies."""
    of = f"class '{positive_class}'" if positive_class is not None else "the most probable class"
    return Figure(
        kind="reliability",
        title=f"Reliability of the probabilities of {of} (test)",
        table="calibration",
        unit=f"probability of {of}",
        alt="The observed share with its 95 % interval in each bin of the told probability; on "
        "the diagonal the probabilities are right.",
    )


def _error_by_chance(told: Any) -> float:
    """Sum over the bins of the mean absolute value of a normal gap, as a share of the rows."""
    if not len(told) or not np.isfinite(told).all():
        return math.nan
    inside = np.clip(told, 0, 1)
    variances = np.bincount(calibration_bins(told), inside * (1 - inside))
    return float(math.sqrt(2 / math.pi) * np.sqrt(variances).sum() / len(told))


def _bins(told: Any, happened: Any, scored: ScoredRows) -> pd.DataFrame:
    """The bins that have rows, each with the share that happened and its interval."""
    columns = ["low", "high", "n", "mean_probability", "observed", "observed_low", "observed_high"]
    if not len(told) or not has_probabilities(scored.predictions):
        return pd.DataFrame(columns=columns, dtype=float)
    place = calibration_bins(told)
    masks = {str(one): place == one for one in range(CALIBRATION_BINS) if (place == one).any()}
    rows = GroupedRows(
        groups=masks,
        member=happened,
        selected=np.zeros(len(told), dtype=bool),
        told=None,
        units=unit_codes(scored.groups, scored.labels),
        replicates=scored.replicates,
        seed=scored.seed,
    )
    observed = group_values("base_rate", rows)
    found = [
        (
            int(name) / CALIBRATION_BINS,
            (int(name) + 1) / CALIBRATION_BINS,
            int(observed.n[one]),
            float(told[mask].mean()),
            *(float(ends[one]) for ends in (observed.value, observed.low, observed.high)),
        )
        for one, (name, mask) in enumerate(masks.items())
    ]
    return pd.DataFrame(found, columns=columns)


def _by_class(scored: ScoredRows, classes: Sequence[str]) -> pd.DataFrame:
    rows = []
    for name in classes:
        found = scored.estimate(["brier", "calibration_error"], name)
        told, happened = told_and_happened(scored.labels, scored.predictions, name)
        share = float(happened.mean())
        row: dict[str, object] = {
            "class": name,
            "support": int(happened.sum()),
            "mean_probability": float(told.mean()),
            "share": share,
        }
        for metric, estimate in found.items():
            row |= {
                metric: estimate.value,
                f"{metric}_low": estimate.low,
                f"{metric}_high": estimate.high,
            }
        rows.append(
            row | {"brier_of_share": share * (1 - share), "by_chance": _error_by_chance(told)}
        )
    return pd.DataFrame(rows)
