"""What training shows a reader: the families, the settings tried, the threshold, the figure."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from tasks.checks import Figure, Table
from tasks.training.families import ScoredFamily
from tasks.training.judgement import setting, words

MAX_ROWS = 200


def families_table(families: list[ScoredFamily], chosen: ScoredFamily, metric: str) -> Table:
    """A row a family; also what the figure draws."""
    frame = pd.DataFrame(
        {
            "label": [family.name for family in families],
            "value": [family.dev.value for family in families],
            "low": [family.dev.low for family in families],
            "high": [family.dev.high for family in families],
            "n": [family.dev.n for family in families],
            "train": [family.train_value for family in families],
            "cross_validation": [family.fitted.best.mean for family in families],
            "params": [setting(family.fitted.best.params) for family in families],
            "chosen": [family is chosen for family in families],
        }
    )
    note = f"value, low and high: {words(metric)} on dev with its 95 % interval"
    return Table(title="Families", frame=frame, note=note)


def trials_table(families: list[ScoredFamily]) -> Table:
    """A row a setting."""
    rows = [
        {
            "family": trial.family,
            "setting": setting(trial.params),
            "cv_mean": trial.mean,
            "cv_std": trial.std,
            "folds": len(trial.scores),
            "best": trial is family.fitted.best,
        }
        for family in families
        for trial in family.fitted.trials
    ]
    return Table(title="Settings tried", frame=pd.DataFrame(rows).head(MAX_ROWS))


def families_figure(metric: str) -> Figure:
    """The families' intervals on dev."""
    return Figure(
        kind="intervals",
        title=f"{words(metric).capitalize()} on dev, by family",
        table="families",
        alt=f"Each family's {words(metric)} on dev with its 95 % interval",
        unit=words(metric),
    )


def trial_facts(families: list[ScoredFamily]) -> list[dict[str, Any]]:
    """The settings tried, as JSON values."""
    return [
        {
            "candidate": trial.family,
            "params": dict(trial.params),
            "cv_mean": None if math.isnan(trial.mean) else trial.mean,
            "cv_std": None if math.isnan(trial.std) else trial.std,
        }
        for family in families
        for trial in family.fitted.trials
    ]
