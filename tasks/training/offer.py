"""The mitigated candidates: the chosen family fitted again by weights of the groups.

Guarantees: what is only offered leaves the candidate as it is; what the project adopts
(`training.mitigate`) is the very model that was offered, because families and settings are searched
without the weights of groups in both cases: with them in the search another family may come out,
whose price and gaps nobody has seen. Test rows are not looked at. Which limits a mitigated
candidate would meet is not judged here but by the audit, so that a changed limit fits nothing
again. An estimator that takes no weights of rows, or that fails with these, is told in a check.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
from sklearn.utils.validation import has_fit_parameter

from tasks.checks import Check, Finding, Outcome, Table
from tasks.estimators.calibrated import base_estimator
from tasks.intervals import Difference
from tasks.metrics import paired_difference
from tasks.project.model_sections import MitigateSection
from tasks.training.calibration import calibrate
from tasks.training.families import REPLICATES, ScoredFamily, score_family
from tasks.training.judgement import STAGE, first_line, words
from tasks.training.mitigation import Reweighing, reweigh, reweighing_table
from tasks.training.search import FittedFamily, TrainRows, fit_family

STRENGTHS = (1.0, 2.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class Mitigated:
    """The family with other weights, and how much better it is on dev than the chosen model."""

    reweighing: Reweighing
    family: ScoredFamily
    difference: Difference


def offer_mitigated(
    chosen: ScoredFamily,
    frame: pd.DataFrame,
    dev: pd.DataFrame,
    rows: TrainRows,
    columns: tuple[str, ...],
) -> Finding:
    """The chosen family's best setting fitted by weights of the groups of `columns`.

    One fit a strength, each stronger than what the project has adopted; nothing where `columns` is
    empty. `outputs["mitigated_<strength>"]` are the predictions on dev, with a threshold chosen as
    the candidate's was; `facts["mitigation"]` has columns, strengths and adopted.
    """
    asked = rows.section.mitigate
    strengths = [s for s in STRENGTHS if asked is None or s > asked.strength]
    if not columns or not strengths or dev.empty:
        return Finding()
    if not has_fit_parameter(base_estimator(chosen.fitted.model), "sample_weight"):
        reason = "its estimator takes no weights of rows; choose one that does to get an offer"
        return Finding(checks=(_check(chosen.name, columns, "not_applicable", reason),))
    try:
        found = [
            _offer(chosen, frame, dev, rows, _reweighing(frame, rows, columns, strength))
            for strength in strengths
        ]
    except Exception as failure:  # an estimator may fail in any way on some weights
        return Finding(checks=(_check(chosen.name, columns, "error", first_line(failure)),))
    return _finding(chosen, rows.metric, columns, found)


def adopt_mitigated(
    chosen: ScoredFamily, frame: pd.DataFrame, dev: pd.DataFrame, rows: TrainRows
) -> tuple[ScoredFamily, Finding]:
    """The candidate that `training.mitigate` makes of the chosen family, and what was done.

    The family as it is, and nothing found, where the project adopts nothing. Raises
    ProjectFileError where the estimator takes no weights of rows, and whatever it raises itself.
    """
    asked, found = rows.section.mitigate, None
    if asked is None:
        return chosen, Finding()
    fitted, weighed = chosen.fitted, rows
    if asked.strength > 0:
        found = _reweighing(frame, rows, asked.columns, asked.strength)
        fitted, weighed = _fit(chosen, rows, found)
    family = score_family(fitted, frame, dev, weighed, asked.max_selection_rate)
    return family, _adopted(asked, found, rows, _difference(family, chosen, dev, rows))


def _adopted(
    asked: MitigateSection, found: Reweighing | None, rows: TrainRows, cost: Difference
) -> Finding:
    sentences = []
    if found is not None:
        sentences.append(
            f"The candidate was fitted with the {len(found.weights):,} train rows weighed by the "
            f"groups of {_listed(found.columns)} (strength {found.strength:g}); they count as "
            f"{found.effective_rows:,.0f} of equal weight."
        )
    if asked.max_selection_rate is not None and rows.roles.positive_class is not None:
        sentences.append(
            f"The threshold was raised until at most {asked.max_selection_rate:.1%} of dev is "
            f"predicted '{rows.roles.positive_class}', for all groups alike."
        )
    if sentences:
        sentences.append(
            f"{words(rows.metric).capitalize()} on dev is {cost.value:+.3f} ({cost.low:+.3f} to "
            f"{cost.high:+.3f}) against the same family without it."
        )
    check = Check(
        id=f"{STAGE}.reweighed",
        stage=STAGE,
        title=f"candidate fitted to tell the groups of {_listed(asked.columns)} less apart",
        severity="info",
        outcome="passed" if sentences else "not_applicable",
        value=None if found is None else found.effective_rows,
        n=len(rows.labels),
        detail=" ".join(sentences) or "A strength of 0 changes nothing; declare one of 1 or more.",
        evidence="reweighing" if found is not None else None,
    )
    return Finding(
        checks=(check,),
        facts={"reweighed": asked.model_dump(mode="json")},
        tables={"reweighing": reweighing_table(found)} if found is not None else {},
    )


def _reweighing(
    frame: pd.DataFrame, rows: TrainRows, columns: tuple[str, ...], strength: float
) -> Reweighing:
    learned = frame.loc[rows.labels.index]
    return reweigh(learned, rows.labels, columns, strength, rows.suspicion)


def _fit(
    chosen: ScoredFamily, rows: TrainRows, found: Reweighing
) -> tuple[FittedFamily, TrainRows]:
    """The best setting fitted by the weights and calibrated, keeping the record of its search."""
    weighed = replace(rows.reweighed(found), folds=())
    settled = chosen.fitted.candidate.model_copy(update={"search": {}})
    fitted = calibrate(fit_family(settled, weighed), replace(weighed, folds=rows.folds))
    return replace(fitted, trials=chosen.fitted.trials, best=chosen.fitted.best), weighed


def _offer(
    chosen: ScoredFamily,
    frame: pd.DataFrame,
    dev: pd.DataFrame,
    rows: TrainRows,
    found: Reweighing,
) -> Mitigated:
    fitted, weighed = _fit(chosen, rows, found)
    family = score_family(fitted, frame, dev, weighed)
    difference = _difference(family, chosen, dev, rows)
    return Mitigated(reweighing=found, family=family, difference=difference)


def _difference(
    family: ScoredFamily, other: ScoredFamily, dev: pd.DataFrame, rows: TrainRows
) -> Difference:
    """How much better `family` is than `other` on dev."""
    roles = rows.roles
    return paired_difference(
        rows.metric,
        roles.labels(dev),
        family.dev_predictions,
        other.dev_predictions,
        positive_class=roles.positive_class,
        replicates=REPLICATES,
        seed=rows.seed,
        groups=rows.units_of(dev),
    )


def _finding(
    chosen: ScoredFamily, metric: str, columns: tuple[str, ...], found: list[Mitigated]
) -> Finding:
    each = "; ".join(
        f"{one.family.dev.value:.3f} at strength {one.reweighing.strength:g} (difference "
        f"{one.difference.value:+.3f}, {one.difference.low:+.3f} to {one.difference.high:+.3f})"
        for one in found
    )
    detail = (
        f"{words(metric)} on dev is {chosen.dev.value:.3f} as chosen, {each}; the audit says "
        "which limits these would meet"
    )
    names = {f"mitigated_{one.reweighing.strength:g}": one for one in found}
    tables = {"mitigated": _table(metric, found)}
    if found[0].reweighing.strength == 1:
        tables["mitigation_weights"] = reweighing_table(found[0].reweighing)
    return Finding(
        checks=(_check(chosen.name, columns, "passed", detail, n=chosen.dev.n),),
        facts={
            "mitigation": {
                "columns": list(columns),
                "strengths": [one.reweighing.strength for one in found],
            }
        },
        tables=tables,
        outputs={name: one.family.dev_predictions for name, one in names.items()},
    )


def _check(
    name: str, columns: tuple[str, ...], outcome: Outcome, detail: str, n: int | None = None
) -> Check:
    return Check(
        id=f"{STAGE}.mitigated",
        stage=STAGE,
        title=f"{name} fitted again by weights of the groups of {_listed(columns)}",
        severity="info",
        outcome=outcome,
        n=n,
        detail=f"{name}, fitted again by weights of the groups of {_listed(columns)}, is offered "
        f"beside the candidate: {detail}."
        if outcome == "passed"
        else f"{name} could not be fitted again by weights of the groups of {_listed(columns)}: "
        f"{detail}.",
        evidence="mitigated" if outcome == "passed" else None,
    )


def _table(metric: str, found: list[Mitigated]) -> Table:
    rows = [
        {
            "strength": one.reweighing.strength,
            "value": one.family.dev.value,
            "low": one.family.dev.low,
            "high": one.family.dev.high,
            "n": one.family.dev.n,
            "difference": one.difference.value,
            "difference_low": one.difference.low,
            "difference_high": one.difference.high,
            "effective_rows": one.reweighing.effective_rows,
        }
        for one in found
    ]
    note = (
        f"value: {words(metric)}; difference: how much better than the chosen model on the same "
        "rows, with 95 % intervals; effective_rows: train rows of equal weight"
    )
    return Table(title="Mitigated candidates (dev)", frame=pd.DataFrame(rows), note=note)


def _listed(columns: tuple[str, ...]) -> str:
    return " and ".join(columns)
