"""Each family's worth on dev, with its threshold where there are two classes.

Guarantees: dev rows are scored, never fitted on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from tasks.estimators import Handling, imbalance_handling, predict
from tasks.estimators.calibrated import base_estimator
from tasks.metrics import Estimate, estimate_metrics, metric_value
from tasks.selection_rate import rate_threshold
from tasks.training.prediction_intervals import prediction_interval
from tasks.training.search import FittedFamily, TrainRows, rank
from tasks.training.threshold import HALF, Choice, choose_threshold, raised, threshold_rule

REPLICATES = 1000
PROBABILITY_METRICS = frozenset({"log_loss", "brier", "calibration_error"})
"""Those that read probabilities as chances."""
DEV_METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "average_precision", "roc_auc")


@dataclass(frozen=True, kw_only=True)
class ScoredFamily:
    """A fitted family with its threshold, its dev predictions and what they are worth.

    `choice` is None where there are more than two classes.
    """

    fitted: FittedFamily
    choice: Choice | None
    interval: tuple[float, float] | None
    dev_predictions: pd.DataFrame
    dev: Estimate
    train_value: float

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.fitted.candidate.name

    @property
    def threshold(self) -> float | None:
        """From which probability on the positive class is predicted."""
        return None if self.choice is None else self.choice.threshold

    def merit(self, metric: str) -> tuple[bool, float, float]:
        """What families are ranked by: dev, and cross-validation where dev cannot tell.

        A family that cannot meet the objective of the threshold comes after one that can.
        """
        met = self.choice is None or self.choice.met is not False
        return met, rank(self.dev.value, metric), rank(self.fitted.best.mean, metric)

    def handling(self, class_weight: str) -> Handling:
        """What is done about rare classes."""
        return imbalance_handling(base_estimator(self.fitted.model), class_weight)


def score_family(
    fitted: FittedFamily,
    frame: pd.DataFrame,
    dev: pd.DataFrame,
    rows: TrainRows,
    max_selection_rate: float | None = None,
) -> ScoredFamily:
    """Choose the family's threshold on dev, and score it on dev and on train.

    With `max_selection_rate` the threshold is raised until at most that share of dev is predicted
    as the positive class.
    """
    roles, labels = rows.roles, rows.roles.labels(dev)
    raw = predict(fitted.model, dev, roles, None)
    choice = _choose(raw, labels, rows, max_selection_rate)
    threshold = None if choice is None else choice.threshold
    interval = prediction_interval(labels, raw["predicted"]) if roles.regression else None
    dev_predictions = predict(fitted.model, dev, roles, threshold, interval)
    learned = predict(fitted.model, frame.loc[rows.labels.index], roles, threshold, interval)
    estimates = estimate_metrics(
        [rows.metric],
        labels,
        dev_predictions,
        positive_class=roles.positive_class,
        replicates=REPLICATES,
        seed=rows.seed,
        groups=rows.units_of(dev),
    )
    return ScoredFamily(
        fitted=fitted,
        choice=choice,
        interval=interval,
        dev_predictions=dev_predictions,
        dev=estimates[rows.metric],
        train_value=metric_value(
            rows.metric, rows.labels, learned, positive_class=roles.positive_class
        ),
    )


def dev_metrics(chosen: ScoredFamily, labels: pd.Series, rows: TrainRows) -> dict[str, float]:
    """The chosen family's metrics on dev, and the project's on train and by cross-validation."""
    names = dict.fromkeys((*DEV_METRICS, "f1", "log_loss", rows.metric))
    if rows.roles.regression:
        names = dict.fromkeys(("mae", "rmse", "r2", "coverage"))
    elif rows.roles.positive_class is None:
        names.pop("f1")
    values = {
        f"dev.{name}": metric_value(
            name, labels, chosen.dev_predictions, positive_class=rows.roles.positive_class
        )
        for name in names
    }
    values[f"train.{rows.metric}"] = chosen.train_value
    values[f"cv.{rows.metric}"] = chosen.fitted.best.mean
    return {name: value for name, value in values.items() if not math.isnan(value)}


def _choose(
    raw: pd.DataFrame, labels: pd.Series, rows: TrainRows, max_selection_rate: float | None
) -> Choice | None:
    positive, rule = rows.roles.positive_class, threshold_rule(rows.section.threshold, rows.metric)
    if positive is None:
        return None
    if f"p:{positive}" not in raw or raw.empty:
        return Choice(HALF, True if rule.kind == "half" else None)
    member = (labels == positive).to_numpy(dtype=bool)
    scores = raw[f"p:{positive}"].to_numpy(dtype=float)
    chosen = choose_threshold(rule, member, scores)
    if max_selection_rate is None:
        return chosen
    return raised(chosen, rate_threshold(scores, max_selection_rate), rule, member, scores)
