"""From which probability on the positive class is predicted, read from dev.

Guarantees: the threshold serves the objective that the project names, on the rows given and no
others; thresholds lie between observed probabilities, so that rounding does not move a row across
them; of equally good ones the nearest to one half is taken; an objective that no threshold can
meet is told as not met.

What is chosen, of the thresholds that meet the constraint:

* `max_f1`, `max_macro_f1`, `max_balanced_accuracy`, `max_accuracy`: the highest of these; the last
  also by predicting nobody as positive; `half`: one half, whatever the rows say;
* `cost`: the least cost a row, also by predicting nobody as positive where that is cheapest;
* `precision_at_recall`: the highest precision with at least that recall;
* `recall_at_precision`: the highest recall with at least that precision;
* `max_selection_rate`, `max_false_positive_rate`: the highest recall under that rate, with at
  least one row predicted as positive.

Where nothing meets the constraint, the threshold that comes nearest to it is taken.

Where the project names no objective, its metric does. One half is right for accuracy, and for
metrics of probabilities, because probabilities are calibrated: it needs no search, and so flatters
nothing. Of the metrics that only order rows, roc_auc weighs both classes alike, as
balanced_accuracy does; average_precision looks at the positive class alone, as F1 does. For
precision and recall it is F1 as well: each alone is best where nearly nobody, or everybody, is
predicted as positive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.project.model_sections import ErrorCosts, ThresholdRule, ThresholdWord

HALF = 0.5
CURVE_ROWS = 60


@dataclass(frozen=True)
class Constraint:
    """What a threshold has to keep to before it is compared: a column of the curve and its limit.

    `floor` says that the column has to reach `limit`; else it must not be above it.
    """

    column: str
    limit: float
    floor: bool

    def met(self, values: pd.Series) -> NDArray[np.bool_]:
        """Which values keep to it; an undefined one does not."""
        kept = values >= self.limit if self.floor else values <= self.limit
        return kept.to_numpy(dtype=bool)


@dataclass(frozen=True)
class Objective:
    """What is made as good as possible, `goal`, within `constraint`; columns of the curve."""

    goal: str
    constraint: Constraint | None = None

    @property
    def lower_is_better(self) -> bool:
        """Whether the goal is a cost."""
        return self.goal == "cost"


@dataclass(frozen=True)
class Choice:
    """A threshold, and whether it meets the objective: None where the rows could not tell."""

    threshold: float
    met: bool | None


_TIED: Mapping[str, str] = {"precision": "recall", "recall": "precision"}
"""Of thresholds with the same goal the one with more of this is taken."""


DEFAULTS: Mapping[str, ThresholdWord] = {
    "accuracy": "half",
    "log_loss": "half",
    "brier": "half",
    "calibration_error": "half",
    "balanced_accuracy": "max_balanced_accuracy",
    "macro_recall": "max_balanced_accuracy",
    "roc_auc": "max_balanced_accuracy",
    "macro_f1": "max_macro_f1",
    "macro_precision": "max_macro_f1",
}
"""What the threshold is chosen for by metric, where that is not `max_f1`."""


def threshold_rule(asked: ThresholdRule | None, metric: str) -> ThresholdRule:
    """What the project asks for, or what suits its metric."""
    return asked or ThresholdRule(objective=DEFAULTS.get(metric, "max_f1"))


def objective_of(rule: ThresholdRule) -> Objective:
    """What the project's rule asks for; `half` is judged by accuracy."""
    if rule.cost is not None:
        return Objective("cost")
    if rule.precision_at_recall is not None:
        return Objective("precision", Constraint("recall", rule.precision_at_recall, True))
    if rule.recall_at_precision is not None:
        return Objective("recall", Constraint("precision", rule.recall_at_precision, True))
    if rule.max_selection_rate is not None:
        limit = Constraint("selection_rate", rule.max_selection_rate, False)
        return Objective("recall", limit)
    if rule.max_false_positive_rate is not None:
        limit = Constraint("false_positive_rate", rule.max_false_positive_rate, False)
        return Objective("recall", limit)
    return Objective("accuracy" if rule.kind == "half" else rule.kind.removeprefix("max_"))


def choose_threshold(
    rule: ThresholdRule, positive: NDArray[np.bool_], scores: NDArray[np.float64]
) -> Choice:
    """The threshold that serves the rule best on these rows; one half without a positive row.

    It is fitted to the rows given: what it reaches on them is flattered, the more so the fewer
    positives (test tells without favour).
    """
    if rule.kind == "half":
        return Choice(HALF, True)
    if not positive.any():
        return Choice(HALF, None)
    objective = objective_of(rule)
    curve = threshold_curve(positive, scores, rule.cost, silence=objective.goal == "accuracy")
    if objective.constraint is None:
        return Choice(_best(curve, objective), True)
    allowed = curve[objective.constraint.met(curve[objective.constraint.column])]
    if len(allowed):
        return Choice(_best(allowed, objective), True)
    column = objective.constraint.column
    nearest = curve[column].max() if objective.constraint.floor else curve[column].min()
    return Choice(_best(curve[curve[column] == nearest], objective), False)


def raised(
    choice: Choice,
    least: float,
    rule: ThresholdRule,
    positive: NDArray[np.bool_],
    scores: NDArray[np.float64],
) -> Choice:
    """The choice with its threshold raised to `least`, and whether it still keeps to the rule."""
    if least <= choice.threshold:
        return choice
    constraint = objective_of(rule).constraint
    if constraint is None:
        return Choice(least, choice.met)
    curve = threshold_curve(positive, scores)
    # The first threshold of the curve that selects no more rows than this one does.
    place = min(int(np.searchsorted(np.unique(scores), least)), len(curve) - 1)
    return Choice(least, bool(constraint.met(curve[constraint.column])[place]))


def threshold_curve(
    positive: NDArray[np.bool_],
    scores: NDArray[np.float64],
    costs: ErrorCosts | None = None,
    *,
    silence: bool = False,
) -> pd.DataFrame:
    """Every threshold that tells rows apart, ascending, with what it gives.

    Row by row of distinct scores; the first predicts every row as positive. Columns: threshold,
    precision, recall, f1, macro_f1, accuracy, balanced_accuracy, selection_rate,
    false_positive_rate; with `costs` also cost (a row). With `costs`, or `silence`, a last row is
    above every score; its precision is undefined.
    """
    levels, places = np.unique(scores, return_inverse=True)
    rows = np.bincount(places, minlength=len(levels))
    hits = np.bincount(places, weights=positive, minlength=len(levels))
    predicted = rows[::-1].cumsum()[::-1].astype(np.float64)
    right = hits[::-1].cumsum()[::-1]
    middle = (levels[1:] + levels[:-1]) / 2
    middle = np.where(middle > levels[:-1], middle, levels[1:])  # neighbours among the floats
    threshold = np.concatenate([levels[:1], middle])
    if (costs is not None or silence) and len(levels):
        top = levels[-1]
        threshold = np.append(threshold, (top + 1) / 2 if top < 1 else np.nextafter(top, np.inf))
        predicted, right = np.append(predicted, 0.0), np.append(right, 0.0)
    positives, total = int(positive.sum()), len(positive)
    wrong = predicted - right
    nothing = np.full_like(right, np.nan)
    left = total - predicted - (positives - right)  # rightly not predicted
    f1 = 2 * right / (predicted + positives) if total else right
    of_rest = 2 * left / np.maximum(2 * total - predicted - positives, 1)
    recall, specificity = right / max(positives, 1), left / max(total - positives, 1)
    curve = {
        "threshold": threshold,
        "precision": np.divide(right, predicted, out=nothing, where=predicted > 0),
        "recall": recall,
        "f1": f1,
        "macro_f1": (f1 + of_rest) / 2,
        "accuracy": (right + left) / max(total, 1),
        "balanced_accuracy": (recall + specificity) / 2,
        "selection_rate": predicted / max(total, 1),
        "false_positive_rate": wrong / max(total - positives, 1),
    }
    if costs is not None:
        missed = positives - right
        total_cost = costs.false_positive * wrong + costs.false_negative * missed
        curve["cost"] = total_cost / max(total, 1)
    return pd.DataFrame(curve)


def shown_curve(curve: pd.DataFrame, threshold: float, rows: int = CURVE_ROWS) -> pd.DataFrame:
    """At most `rows` rows, evenly spread, and the one that was chosen."""
    steps = np.linspace(0, len(curve) - 1, num=min(rows, len(curve)))
    places = {int(place) for place in np.unique(steps.round())}
    places.add(int((curve["threshold"] - threshold).abs().argmin()))
    return curve.iloc[sorted(places)].reset_index(drop=True)


def _best(curve: pd.DataFrame, objective: Objective) -> float:
    goal = curve[objective.goal]
    best = curve[goal == (goal.min() if objective.lower_is_better else goal.max())]
    tied = _TIED.get(objective.goal)
    if tied is not None:
        best = best[best[tied] == best[tied].max()]
    return float(best["threshold"].iloc[(best["threshold"] - HALF).abs().argmin()])
