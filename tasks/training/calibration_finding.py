"""What was found out about the chosen family's probabilities, as a check and a table.

Guarantees: before and after stand side by side with their rows and the interval of the gain;
probabilities that a calibrator would surely make better, or that are no better than always telling
the classes' shares, are a failed warning; what could not be measured is `not_applicable`.
"""

from __future__ import annotations

import math

import pandas as pd

from tasks.checks import Check, Finding, Outcome, Table
from tasks.training.calibration import NONE, Calibration, Gain

STAGE = "training"


def report_calibration(name: str, found: Calibration | None) -> Finding:
    """The calibration of family `name`; nothing for a regression, which has none."""
    if found is None:
        return Finding()
    if not found.losses:
        return Finding(checks=(_unmeasured(name, found),), facts={"calibration": {"method": NONE}})
    loss = found.losses[found.applied]
    gain = found.gains.get(found.applied)
    facts = {
        "method": found.applied,
        "asked": found.asked,
        "log_loss_before": found.losses[NONE],
        "log_loss_after": loss,
        "log_loss_of_shares": found.constant,
        "n": found.n,
    }
    check = Check(
        id=f"{STAGE}.calibration",
        stage=STAGE,
        title="log loss of the probabilities on train, out of fold",
        severity="warning",
        outcome="failed" if _problem(found) else "passed",
        value=loss,
        limit=found.constant,
        interval=None
        if gain is None
        else (found.losses[NONE] - gain.high, found.losses[NONE] - gain.low),
        n=found.n,
        detail=" ".join(filter(None, (_done(name, found), _problem(found)))),
        evidence="calibration_methods",
    )
    return Finding(
        checks=(check,),
        facts={"calibration": facts},
        tables={"calibration_methods": _table(found)},
    )


def _unmeasured(name: str, found: Calibration) -> Check:
    outcome: Outcome = "error" if found.broken else "not_applicable"
    return Check(
        id=f"{STAGE}.calibration",
        stage=STAGE,
        title="log loss of the probabilities on train, out of fold",
        severity="warning",
        outcome=outcome,
        detail=f"Whether the probabilities of {name} are calibrated could not be measured: "
        f"{found.reason}. They are as the model tells them.",
    )


def _done(name: str, found: Calibration) -> str:
    """What was measured and what was made of it."""
    raw = found.losses[NONE]
    if found.applied != NONE:
        gain = found.gains[found.applied]
        return (
            f"The probabilities of {name} are calibrated ({found.applied}): their log loss is "
            f"{found.losses[found.applied]:.4f} and was {raw:.4f} ({_written(gain)}, {found.n:,} "
            "train rows out of fold)."
        )
    tried = ", ".join(found.gains)
    why = (
        f"no method ({tried}) is surely better"
        if tried and found.best == NONE
        else "no method could be tried"
        if not tried
        else f"training.calibration is {found.asked}"
    )
    return (
        f"The probabilities of {name} are as the model tells them, because {why}: their log loss "
        f"is {raw:.4f} ({found.n:,} train rows out of fold)."
    )


def _problem(found: Calibration) -> str:
    """What is wrong with the probabilities as they are; empty where nothing is."""
    if found.asked in found.refused:
        return f"The method {found.asked} could not be fitted: {found.refused[found.asked]}."
    if found.losses[found.applied] >= found.constant:
        return (
            f"That is no better than always telling the classes' shares ({found.constant:.4f}): do "
            "not read them as chances."
        )
    if found.applied == NONE and found.best != NONE:
        return (
            f"They are not calibrated: {found.best} would lower it to "
            f"{found.losses[found.best]:.4f} ({_written(found.gains[found.best])}). Set "
            "training.calibration to auto."
        )
    if found.applied != NONE and found.gains[found.applied].high < 0:
        return "The model's own are surely better: set training.calibration to auto."
    return ""


def _written(gain: Gain) -> str:
    return f"a gain of {gain.value:.4f}, 95 % interval {gain.low:.4f} to {gain.high:.4f}"


def _table(found: Calibration) -> Table:
    nothing = Gain(value=0.0, low=math.nan, high=math.nan)
    rows = [
        {
            "method": name,
            "log_loss": loss,
            "gain": found.gains.get(name, nothing).value,
            "low": found.gains.get(name, nothing).low,
            "high": found.gains.get(name, nothing).high,
            "n": found.n,
            "applied": name == found.applied,
        }
        for name, loss in found.losses.items()
    ]
    note = (
        "Log loss on train rows that neither the model nor its calibrator was fitted on, "
        "probabilities kept off 0 and 1 by half a row; gain over "
        "the model's own probabilities (none), with its 95 % interval. Always telling the classes' "
        f"shares has {found.constant:.4f}."
    )
    if found.refused:
        refused = "; ".join(f"{name}: {reason}" for name, reason in found.refused.items())
        note += f" Not tried: {refused}."
    return Table(
        title="Calibration of the probabilities (train, out of fold)",
        frame=pd.DataFrame(rows),
        note=note,
    )
