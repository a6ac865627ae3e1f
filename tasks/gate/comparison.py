"""Is the candidate better than another model on the same rows?

Guarantees: both models are measured on exactly the rows of the contest; rows that a model did not
score make its metric undefined, and an undefined metric never lets the candidate win.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.checks import Check, Outcome
from tasks.gate.rules import (
    NO_ROWS_HELP,
    Decision,
    Rule,
    decide,
    is_known,
    lower_limit,
    rows_needed,
    too_few_discordant,
)
from tasks.intervals import Difference
from tasks.metrics import estimate_metrics, metric_value, paired_difference
from tasks.project.sections import GateSection

STAGE = "gate"


@dataclass(frozen=True, kw_only=True)
class Opponent:
    """A model that the candidate is compared with; `problem` says why it gave no predictions."""

    key: str
    label: str
    predictions: pd.DataFrame | None
    problem: str = ""
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The rows on which models are compared, and how."""

    metric: str
    labels: pd.Series
    candidate: pd.DataFrame
    positive_class: str | None
    replicates: int
    seed: int
    groups: pd.Series | None = None

    def where(self, mask: npt.NDArray[np.bool_]) -> Contest:
        """The same contest on the rows that `mask` marks."""
        return replace(
            self,
            labels=self.labels[mask],
            candidate=self.candidate[mask],
            groups=None if self.groups is None else self.groups[mask],
        )

    def difference(self, predictions: pd.DataFrame, margin: float | None = None) -> Difference:
        """How much better the candidate is; positive is better."""
        return paired_difference(
            self.metric,
            self.labels,
            self.candidate,
            predictions.reindex(self.labels.index),
            positive_class=self.positive_class,
            replicates=self.replicates,
            seed=self.seed,
            groups=self.groups,
            margin=margin,
            # Else nothing could ever beat the precision of a baseline that predicts one class.
            precision_of_silent_other=0.0,
        )

    def table(self, models: Sequence[Opponent]) -> pd.DataFrame:
        """One row a model: model, label, metric, value, low, high, n."""
        own = Opponent(key="candidate", label="candidate", predictions=self.candidate)
        rows = []
        for model in (own, *models):
            if model.predictions is None:
                continue
            found = estimate_metrics(
                (self.metric,),
                self.labels,
                model.predictions.reindex(self.labels.index),
                positive_class=self.positive_class,
                replicates=self.replicates,
                seed=self.seed,
                groups=self.groups,
            )[self.metric]
            rows.append(
                {
                    "model": model.key,
                    "label": model.label,
                    "metric": self.metric,
                    "value": found.value,
                    "low": found.low,
                    "high": found.high,
                    "n": found.n,
                }
            )
        return pd.DataFrame(rows)

    def is_defined(self) -> bool:
        """Whether the candidate itself has a value."""
        value = metric_value(
            self.metric, self.labels, self.candidate, positive_class=self.positive_class
        )
        return not math.isnan(value)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found against one opponent. `rows_needed` is None where rows will not help."""

    check: Check
    opponent: Opponent
    difference: Difference | None = None
    rows_needed: int | None = None


def compare(
    contest: Contest, opponent: Opponent, *, rule: Rule, gate: GateSection, too_small: str
) -> Finding:
    """The candidate against one opponent, as a check; `too_small` says why nothing can be judged.

    Failed means that the candidate is not better (or, for a refresh, worse); undecided is
    `not_applicable` and required.
    """
    if opponent.predictions is None:
        problem = opponent.problem.rstrip(".") or "it gave no predictions"
        detail = f"The {opponent.label} cannot be compared with: {problem}."
        return Finding(check=_check(contest, opponent, rule, gate, detail), opponent=opponent)
    difference = contest.difference(opponent.predictions)
    needed = rows_needed(difference, rule, gate)
    decision = decide(difference, rule, gate)
    numbers = describe(contest.metric, difference)
    if too_small:
        detail, decision = f"Not judged against the {opponent.label}: {too_small}", "undecided"
    elif not is_known(difference):
        detail = _undefined(contest, opponent, difference)
    elif too_few_discordant(difference, gate):
        decision = "undecided"
        detail = (
            f"Only {difference.discordant} rows tell the candidate from the {opponent.label}, "
            f"and the gate needs {gate.min_discordant}: {numbers}; {_rows_sentence(needed)}."
        )
    elif decision == "undecided":
        detail = (
            f"It is not settled whether the candidate {_aim(rule)} the {opponent.label}: "
            f"{numbers}; {_rows_sentence(needed)}."
        )
    else:
        detail = f"{_ruling(decision == 'better', rule, gate, opponent)}: {numbers}."
    return Finding(
        check=_check(contest, opponent, rule, gate, detail, difference, decision),
        opponent=opponent,
        difference=difference,
        rows_needed=needed,
    )


def describe(metric: str, difference: Difference) -> str:
    """The difference in words: value, interval, rows, and McNemar's p where there is one."""
    text = (
        f"{metric} differs by {difference.value:+.4f} (95 % interval {difference.low:+.4f} to "
        f"{difference.high:+.4f}, {difference.n} rows"
    )
    if difference.p_value is not None:
        text += f", McNemar p {difference.p_value:.3g}"
    return text + ", positive is better)"


def _aim(rule: Rule) -> str:
    return "keeps up with" if rule == "refresh" else "beats"


def _ruling(better: bool, rule: Rule, gate: GateSection, opponent: Opponent) -> str:
    if rule == "refresh":
        verb = "is within" if better else "falls behind by more than"
        return f"The candidate {verb} the margin of {gate.margin:g} of the {opponent.label}"
    if better:
        return f"The candidate beats the {opponent.label}"
    return f"The candidate does not beat the {opponent.label} by {gate.min_gain:g} or more"


def _rows_sentence(needed: int | None) -> str:
    return NO_ROWS_HELP if needed is None else f"about {needed} test rows would decide it"


def _undefined(contest: Contest, opponent: Opponent, difference: Difference) -> str:
    metric = contest.metric
    if not contest.is_defined():
        return f"{metric} of the candidate is undefined on the {difference.n} rows compared."
    if math.isnan(difference.value):
        return f"{metric} of the {opponent.label} is undefined on the {difference.n} rows compared."
    return (
        f"The difference in {metric} to the {opponent.label} has no interval: the metric is "
        f"undefined in {difference.undefined_share:.1%} of the resamples, and 1 % is allowed."
    )


def _check(
    contest: Contest,
    opponent: Opponent,
    rule: Rule,
    gate: GateSection,
    detail: str,
    difference: Difference | None = None,
    decision: Decision = "undecided",
) -> Check:
    known = difference is not None and is_known(difference)
    outcome: Outcome = "not_applicable"
    if decision != "undecided":
        outcome = "passed" if decision == "better" else "failed"
    return Check(
        id=f"{STAGE}.beats_{opponent.key}",
        stage=STAGE,
        title=f"The candidate {_aim(rule)} the {opponent.label}: lower end of the gain in "
        f"{contest.metric}",
        severity="critical",
        outcome=outcome,
        detail=detail,
        value=difference.value if difference and known else None,
        limit=lower_limit(rule, gate),
        interval=(difference.low, difference.high) if difference and known else None,
        n=len(contest.labels),
        evidence="differences" if difference is not None else None,
        required=True,
    )
