"""What training found, as checks and sentences.

Guarantees: each check says in one sentence what was tried and what came of it, with the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from tasks.checks import Check, Outcome, Severity, StageResult, judged
from tasks.estimators import Handling
from tasks.metrics import HIGHER_IS_BETTER, Estimate
from tasks.training.prediction_intervals import LEVEL
from tasks.training.search import FittedFamily

STAGE = "training"
LARGE_GAP = 0.1
"""A model that is better on train than on dev by more than this has learned rows by heart."""


def nothing_fitted(failures: Mapping[str, str], metric: str) -> StageResult:
    """The result where no family could be fitted: critical errors, no model."""
    checks = tuple(
        family_failed(name, reason, severity="critical") for name, reason in failures.items()
    )
    return StageResult(
        stage=STAGE,
        summary=f"none of {len(failures)} families could be fitted",
        checks=checks,
        facts={"metric": metric, "chosen": None, "threshold": None, "trials": []},
    )


def family_failed(name: str, reason: str, severity: Severity = "warning") -> Check:
    """The family's fit raised; another family may still do."""
    return Check(
        id=f"{STAGE}.fits:{name}",
        stage=STAGE,
        title=f"{name} can be fitted",
        severity=severity,
        outcome="error",
        detail=f"{name} could not be fitted: {reason}.",
    )


def family_fitted(name: str, rows: int) -> Check:
    """The family was fitted on train."""
    return Check(
        id=f"{STAGE}.fits:{name}",
        stage=STAGE,
        title=f"{name} can be fitted",
        severity="warning",
        outcome="passed",
        detail=f"{name} was fitted on {rows:,} train rows.",
        n=rows,
    )


def converged(fitted: FittedFamily) -> Check:
    """Whether the final fit came to its end, and how many fits of the search did not."""
    name, stopped = fitted.candidate.name, fitted.not_converged
    in_search = fitted.not_converged_in_search
    aside = f" {in_search} fits of the search did not." if in_search else ""
    if stopped:
        detail = f"{name} stopped before it converged ({first_line(stopped[0])}).{aside}"
    else:
        detail = f"The final fit of {name} converged.{aside}"
    return Check(
        id=f"{STAGE}.converged:{name}",
        stage=STAGE,
        title=f"{name} converged",
        severity="warning",
        outcome="failed" if stopped else "passed",
        detail=detail,
    )


def searched(trials: int, folds: int, wanted: int, rows: int) -> Check:
    """How many settings were compared, and on how many folds."""
    outcome: Outcome
    if folds == 0:
        outcome, detail = (
            "not_applicable",
            "Settings could not be compared by cross-validation: train needs at least two "
            "classes, one of them with two rows that differ; the first setting of each family "
            "was taken.",
        )
    elif folds < wanted:
        outcome, detail = (
            "failed",
            f"{trials} settings were compared on {folds} folds of {rows:,} train rows and not on "
            f"{wanted}, because the rarest class has too few rows.",
        )
    else:
        outcome, detail = (
            "passed",
            f"{trials} settings were compared on {folds} folds of {rows:,} train rows.",
        )
    return Check(
        id=f"{STAGE}.search",
        stage=STAGE,
        title="settings compared by cross-validation",
        severity="info",
        outcome=outcome,
        detail=detail,
        value=trials,
        n=rows,
        evidence="trials",
    )


def chosen(name: str, metric: str, dev: Estimate, *, mitigated: bool = False) -> Check:
    """Which family was chosen, and what it is worth on dev."""
    undefined = math.isnan(dev.value)
    and_then = ", and was then mitigated" if mitigated else ""
    detail = (
        f"{name} was chosen by cross-validation, because {words(metric)} is undefined on dev."
        if undefined
        else f"{name} is the best family on dev{and_then}: {words(metric)} {described(dev)}."
    )
    return Check(
        id=f"{STAGE}.chosen",
        stage=STAGE,
        title=f"{words(metric)} on dev of the chosen family",
        severity="warning",
        outcome="failed" if undefined or math.isnan(dev.low) else "passed",
        detail=detail,
        value=None if undefined else dev.value,
        interval=None if math.isnan(dev.low) else (dev.low, dev.high),
        n=dev.n,
        evidence="families",
    )


def train_dev_gap(name: str, metric: str, train: float, dev: Estimate) -> Check:
    """How much better the model is on the rows that it learned from (overfitting)."""
    gap = train - dev.value if HIGHER_IS_BETTER[metric] else dev.value - train
    # In units of the target a gap is large or small only beside the value itself.
    limit = LARGE_GAP * abs(dev.value) if metric in ("mae", "rmse") else LARGE_GAP
    undefined = math.isnan(gap)
    return Check(
        id=f"{STAGE}.train_dev_gap",
        stage=STAGE,
        title=f"{words(metric)}: how much better on train than on dev",
        severity="info",
        outcome="not_applicable" if undefined else judged(gap, maximum=limit),
        detail=(
            f"{words(metric)} is undefined on train or on dev."
            if undefined
            else f"{name} has {words(metric)} {train:.3f} on train and {dev.value:.3f} on dev, a "
            f"gap of {gap:.3f}."
        ),
        value=None if undefined else gap,
        limit=None if math.isnan(limit) else limit,
        n=dev.n,
    )


def imbalance(name: str, labels: pd.Series, class_weight: str, handling: Handling) -> Check:
    """How rare the rarest class is, and what was done about it."""
    shares = labels.value_counts(normalize=True).sort_index().sort_values(kind="stable")
    rarest, share = str(shares.index[0]), float(shares.iloc[0])
    done = {
        "class_weight": f"{name} weighs every class the same (class_weight).",
        "sample_weight": f"{name} was fitted with rows weighted so that every class counts the "
        "same.",
        "none": f"{name} takes the classes as frequent as they are.",
    }[handling]
    ignored = class_weight == "balanced" and handling == "none"
    return Check(
        id=f"{STAGE}.imbalance",
        stage=STAGE,
        title="share of the rarest class in train, and how it is handled",
        severity="warning" if ignored else "info",
        outcome="failed" if ignored else "passed",
        detail=f"The rarest class, '{rarest}', is {share:.1%} of {len(labels):,} train rows; {done}"
        + (" It has no class weights, although the project asks for balance." if ignored else ""),
        value=share,
        n=len(labels),
    )


def interval(name: str, found: tuple[float, float] | None, rows: int) -> Check:
    """How wide the prediction interval is, which the errors on dev have made."""
    if found is None:
        detail = f"{rows} dev rows are too few for a prediction interval of {LEVEL:.0%}."
    else:
        detail = (
            f"{LEVEL:.0%} of what {name} estimates is expected to lie between {found[0]:+.4g} and "
            f"{found[1]:+.4g} of the estimate, by its errors on {rows:,} dev rows."
        )
    return Check(
        id=f"{STAGE}.interval",
        stage=STAGE,
        title="width of the prediction interval, in units of the target",
        severity="info",
        outcome="not_applicable" if found is None else "passed",
        detail=detail,
        value=None if found is None else found[1] - found[0],
        n=rows,
    )


def suspects(rows: int, left_out: int, weighted: int) -> Check:
    """How many train rows with a suspected label were left out of the fit, or weighed less."""
    count, done = (left_out, "left out of every fit") if left_out else (weighted, "weighed less")
    total = rows + left_out
    return Check(
        id=f"{STAGE}.suspects",
        stage=STAGE,
        title="train rows with a suspected label that count less",
        severity="info",
        outcome="passed",
        detail=f"{count:,} of {total:,} train rows have a suspected label and were {done}; dev and "
        "test rows were not touched.",
        value=float(count),
        n=total,
    )


def summary(name: str, metric: str, dev: Estimate, families: int) -> str:
    """The stage in one line."""
    return f"{name} chosen of {families}, {words(metric)} {described(dev)} on dev"


def described(estimate: Estimate) -> str:
    """A value with its interval and support."""
    if math.isnan(estimate.value):
        return "undefined"
    if math.isnan(estimate.low):
        return f"{estimate.value:.3f} (no interval, n {estimate.n:,})"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}] (n {estimate.n:,})"


def words(metric: str) -> str:
    """A metric's name in words."""
    return metric.replace("_", " ")


def setting(params: Mapping[str, Any]) -> str:
    """A setting as text: `C = 0.1, penalty = l2`."""
    return ", ".join(f"{name} = {value}" for name, value in params.items()) or "(as declared)"


def first_line(failure: object) -> str:
    """The first line of a message, without its full stop."""
    text = str(failure).strip() or type(failure).__name__
    return text.splitlines()[0].rstrip(". ")
