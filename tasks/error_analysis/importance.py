"""Which features the model relies on, and which it is not shown to: a table, a figure, a check.

Guarantees: dev rows alone are shuffled, a bounded number of them; what is not measured is not
applicable, and never without importance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from tasks.checks import Check, Figure, Finding, Table
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.dominant_features import dominance_check, gain_over_constant
from tasks.error_analysis.overview import chosen_metric
from tasks.error_analysis.related_features import related_features
from tasks.error_analysis.samples import sample_places
from tasks.error_analysis.shuffling import Importance, ShuffledFeatures
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.scoring import Score

MOST_ROWS = 2_000
FEWEST_ROWS = 200
MOST_SHUFFLES = 10
FEWEST_SHUFFLES = 3
MEASURED = 300
SCORED_ROWS = 150_000
"""About how often the metric is measured, and how many rows are scored, in all: with more features
there are fewer shuffles and fewer dev rows; from 100 features on the work grows with theirs."""
STAGE = "error_analysis"


def measure_importance(
    errors: DevErrors, roles: Roles, project: Project, score: Score | None
) -> Finding:
    """The importance of every feature on dev rows, as table, figure and check."""
    metric = chosen_metric(project, roles)
    needed = ""
    if score is None:
        needed = "the packaged model is needed"
    elif not roles.features:
        needed = "a feature column is needed"
    elif len(errors.rows) < 2:
        needed = "two dev rows are needed"
    if score is None or needed:
        return Finding(checks=(_not_applicable(needed, len(errors.rows)),))
    groups = related_features(
        errors.rows.iloc[sample_places(errors.rows.index, MOST_ROWS, project.seed)], roles
    )
    rows, shuffles = _amount(len(groups))
    chosen = sample_places(errors.rows.index, rows, project.seed)
    scoring = ShuffledFeatures(errors, chosen, roles, metric, score, shuffles, project.seed)
    if not math.isfinite(scoring.value):
        needed = f"{metric} is not defined on these {len(chosen)} dev rows, for want of a class"
        return Finding(checks=(_not_applicable(needed, len(chosen)),))
    found = sorted(
        scoring.importances(groups), key=lambda one: (math.isnan(one.value), -one.value, one.name)
    )
    drawn = f"{len(chosen):,} dev rows"
    if len(chosen) < len(errors.rows):
        drawn = f"{len(chosen):,} of {len(errors.rows):,} dev rows"
    told = _finding(found, metric, len(chosen), f"{shuffles} shuffles of {drawn}")
    gain = gain_over_constant(
        errors.labels.iloc[chosen], errors.predictions.iloc[chosen], metric, roles.positive_class
    )
    dominance = dominance_check(found, metric, gain, len(chosen))
    return replace(told, checks=(*told.checks, dominance))


def _amount(groups: int) -> tuple[int, int]:
    """How many dev rows are shuffled, and how often."""
    shuffles = min(MOST_SHUFFLES, max(FEWEST_SHUFFLES, MEASURED // groups))
    return min(MOST_ROWS, max(FEWEST_ROWS, SCORED_ROWS // (shuffles * groups))), shuffles


def _finding(found: Sequence[Importance], metric: str, rows: int, how: str) -> Finding:
    frame = pd.DataFrame(
        [(one.name, one.value, one.low, one.high, rows, one.verdict) for one in found],
        columns=["label", "value", "low", "high", "n", "verdict"],
    )
    title = f"{metric} lost when a feature is shuffled (dev)"
    return Finding(
        checks=(_check(found, metric, rows),),
        tables={
            "importance": Table(
                title=title,
                frame=frame,
                note=f"Mean over {how}, with a 95 % interval over rows "
                "and shuffles. Where it includes 0 the feature is not shown to matter to this "
                "model. Features that say nearly the same (Spearman or Cramer's V above 0.9) are "
                "shuffled together and named a + b; weaker likeness also shares importance, so a "
                "small number does not say that a feature tells nothing.",
            )
        },
        figures=(
            Figure(
                kind="intervals",
                title=title,
                table="importance",
                limit=0.0,
                alt=f"Loss of {metric} for each feature with its 95 % interval, the largest "
                "first; the line is no loss.",
            ),
        ),
    )


def _check(found: Sequence[Importance], metric: str, rows: int) -> Check:
    matter = [one for one in found if one.verdict == "matters"]
    told = "; ".join(
        f"{one.name} ({metric} loses {one.value:.3f}, {one.low:.3f} to {one.high:.3f})"
        for one in matter[:3]
    )
    unsure = sum(one.verdict == "not shown to matter" for one in found)
    others = f"{unsure} of {len(found)} features are not shown to matter to this model."
    worse = [one.name for one in found if one.verdict == "the model is better without"]
    if worse:
        others += f" The model is better without {', '.join(worse[:3])}."
    return Check(
        id=f"{STAGE}.importance",
        stage=STAGE,
        title="Features that matter to the model",
        severity="info",
        outcome="passed",
        value=float(len(matter)),
        n=rows,
        detail=f"Most: {told}. {others}" if matter else others,
        evidence="importance",
    )


def _not_applicable(needed: str, rows: int) -> Check:
    return Check(
        id=f"{STAGE}.importance",
        stage=STAGE,
        title="Features that matter to the model",
        severity="info",
        outcome="not_applicable",
        n=rows,
        detail=f"No feature was shuffled: {needed}.",
    )
