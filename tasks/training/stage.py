"""The candidate: each family's best setting fitted on train, the best family chosen on dev.

Its probabilities are calibrated out of fold on train before dev is scored.

Guarantees: no model is fitted on a dev or test row, and test rows are not looked at; a family
that cannot be fitted is a check, not a crash; the model is stored without pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Check, Finding, StageResult
from tasks.errors import UserError
from tasks.estimators.candidates import candidates_of, training_metric
from tasks.models import ModelPackage, declared_types, save_model, stored_types
from tasks.project.dataset import Dataset
from tasks.project.model_sections import Candidate
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.training import evidence, judgement
from tasks.training.calibration import calibrate
from tasks.training.calibration_finding import report_calibration
from tasks.training.constant import beats_constant
from tasks.training.families import (
    PROBABILITY_METRICS,
    REPLICATES,
    ScoredFamily,
    dev_metrics,
    score_family,
)
from tasks.training.offer import adopt_mitigated, offer_mitigated
from tasks.training.search import TrainRows, fit_family, train_rows
from tasks.training.threshold import threshold_rule
from tasks.training.threshold_finding import DevScores, not_for_more_classes, report_threshold


def train(
    dataset: Dataset,
    project: Project,
    allow_imports: tuple[str, ...] = (),
    suspects: pd.Series | None = None,
    mitigate: tuple[str, ...] = (),
) -> StageResult:
    """Search, fit and choose; the chosen model is not fitted again on train and dev together.

    A family's setting is the one with the best mean score over folds of train; the family is the
    one with the best score on dev. For two classes the threshold is read from dev too, so that
    dev scores of predicted labels are flattered a little; the audit on test is not.

    `suspects` are the weights, by row key, of train rows whose label is suspected: 0 leaves a row
    out of every fit; None keeps all. Dev and test are not touched by it.

    `mitigate` names the columns for whose groups a mitigated candidate is offered beside it.

    Without any family that can be fitted the result has no files and a critical error. Raises
    ProjectFileError when a candidate cannot be built, or the chosen model not be saved.
    """
    frame, roles = dataset.frame, dataset.roles
    metric = training_metric(project, roles)
    candidates = candidates_of(project, roles)
    extra_types = declared_types(candidates, allow_imports)
    rows = train_rows(
        dataset,
        project.training,
        metric=metric,
        seed=project.seed,
        allow_imports=allow_imports,
        weights=suspects,
    )
    dev = dataset.dev
    families, failures = _fit(candidates, frame, dev, rows)
    if not families:
        return judgement.nothing_fitted(failures, metric)
    chosen = max(families, key=lambda family: family.merit(metric))
    try:
        calibrated = _calibrated(chosen, frame, dev, rows)
        families = [calibrated if family is chosen else family for family in families]
        chosen = calibrated
        final, done = adopt_mitigated(chosen, frame, dev, rows)
    except UserError:
        raise
    except Exception as failure:  # as above: an estimator may fail on some weights
        return judgement.nothing_fitted({chosen.name: judgement.first_line(failure)}, metric)
    families = [final if family is chosen else family for family in families]
    chosen = final
    threshold = _threshold(chosen, rows, dev)
    facts = {**_package_facts(chosen, roles), **threshold.facts}
    package = save_model(chosen.fitted.model, extra_types=extra_types, facts=facts)
    told = report_calibration(chosen.name, chosen.fitted.calibration)
    extra = (told, threshold, done, offer_mitigated(chosen, frame, dev, rows, mitigate))
    return _result(families, chosen, package, failures, rows, dev, extra)


def _fit(
    candidates: Sequence[Candidate], frame: pd.DataFrame, dev: pd.DataFrame, rows: TrainRows
) -> tuple[list[ScoredFamily], dict[str, str]]:
    """The families that could be fitted, and why others could not, by name."""
    families, failures = [], {}
    for candidate in candidates:
        try:
            fitted = fit_family(candidate, rows)
            if rows.metric in PROBABILITY_METRICS:  # which cannot compare families before that
                fitted = calibrate(fitted, rows)
            families.append(score_family(fitted, frame, dev, rows))
        except UserError:
            raise
        except Exception as failure:  # an estimator may fail in any way on some data
            failures[candidate.name] = judgement.first_line(failure)
    return families, failures


def _calibrated(
    chosen: ScoredFamily, frame: pd.DataFrame, dev: pd.DataFrame, rows: TrainRows
) -> ScoredFamily:
    """The family with calibrated probabilities, scored anew where that changed its model."""
    if chosen.fitted.calibration is not None:
        return chosen
    fitted = calibrate(chosen.fitted, rows)
    if fitted.model is chosen.fitted.model:
        return replace(chosen, fitted=fitted)
    return score_family(fitted, frame, dev, rows)


def _result(
    families: list[ScoredFamily],
    chosen: ScoredFamily,
    package: ModelPackage,
    failures: dict[str, str],
    rows: TrainRows,
    dev: pd.DataFrame,
    found: tuple[Finding, ...],
) -> StageResult:
    metric, class_weight = rows.metric, rows.section.class_weight
    own = Finding(
        checks=(*_checks(families, chosen, failures, rows), beats_constant(chosen, dev, rows)),
        metrics=dev_metrics(chosen, rows.roles.labels(dev), rows),
        facts={
            "metric": metric,
            "chosen": chosen.name,
            "chosen_params": dict(package.facts["params"]),
            "threshold": chosen.threshold,
            "trials": evidence.trial_facts(families),
            "class_weight": class_weight,
            "imbalance_handling": {one.name: one.handling(class_weight) for one in families},
            "extra_types": list(package.facts["extra_types"]),
            "stored_types": stored_types(package),
            "suspects": {"left_out": rows.left_out, "weighted": rows.weighted},
        },
        tables={
            "families": evidence.families_table(families, chosen, metric),
            "trials": evidence.trials_table(families),
        },
        figures=(evidence.families_figure(metric),),
        outputs={"dev_predictions": chosen.dev_predictions},
    )
    summary = judgement.summary(chosen.name, metric, chosen.dev, len(families))
    result = StageResult.of("training", summary, (own, *found))
    return replace(result, files=package.to_files("model"))


def _checks(
    families: list[ScoredFamily],
    chosen: ScoredFamily,
    failures: dict[str, str],
    rows: TrainRows,
) -> tuple[Check, ...]:
    checks = [judgement.family_failed(name, reason) for name, reason in failures.items()]
    for family in families:
        checks.append(judgement.family_fitted(family.name, len(rows.labels)))
        checks.append(judgement.converged(family.fitted))
    trials = sum(len(family.fitted.trials) for family in families)
    checks += [
        judgement.searched(trials, len(rows.folds), rows.section.cv_folds, len(rows.labels)),
        judgement.chosen(
            chosen.name, rows.metric, chosen.dev, mitigated=rows.section.mitigate is not None
        ),
        judgement.train_dev_gap(chosen.name, rows.metric, chosen.train_value, chosen.dev),
    ]
    if rows.roles.regression:
        checks.append(judgement.interval(chosen.name, chosen.interval, len(chosen.dev_predictions)))
    else:
        handling = chosen.handling(rows.section.class_weight)
        checks.append(
            judgement.imbalance(chosen.name, rows.labels, rows.section.class_weight, handling)
        )
    if rows.left_out or rows.weighted:
        checks.append(judgement.suspects(len(rows.labels), rows.left_out, rows.weighted))
    return tuple(checks)


def _classes(chosen: ScoredFamily, roles: Roles) -> list[str]:
    return [] if roles.regression else [str(name) for name in chosen.fitted.model.classes_]


def _threshold(chosen: ScoredFamily, rows: TrainRows, dev: pd.DataFrame) -> Finding:
    """What became of the threshold's objective, where there is a positive class."""
    asked, roles = rows.section.threshold, rows.roles
    if roles.positive_class is None or chosen.choice is None:
        return Finding(checks=(not_for_more_classes(asked),) if asked is not None else ())
    rule = threshold_rule(asked, rows.metric)
    column = f"p:{roles.positive_class}"
    told = chosen.dev_predictions.get(column, pd.Series(0.0, index=dev.index))
    scored = DevScores(
        positive_class=roles.positive_class,
        positive=(roles.labels(dev) == roles.positive_class).to_numpy(dtype=bool),
        scores=np.asarray(told, dtype=np.float64),
        replicates=REPLICATES,
        seed=rows.seed,
        groups=rows.units_of(dev),
    )
    return report_threshold(rule, chosen.choice, scored)


def _package_facts(chosen: ScoredFamily, roles: Roles) -> dict[str, Any]:
    candidate, found = chosen.fitted.candidate, chosen.fitted.calibration
    return {
        "classes": _classes(chosen, roles),
        "positive_class": roles.positive_class,
        "threshold": chosen.threshold,
        **({} if chosen.interval is None else {"interval": list(chosen.interval)}),
        "roles": roles.to_facts(),
        "candidate": candidate.name,
        "estimator": candidate.estimator,
        "params": {**candidate.params, **chosen.fitted.best.params},
        **({} if found is None else {"calibration": found.applied}),
    }
