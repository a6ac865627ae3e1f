"""What the candidate has to beat on dev, and whether its pipeline can be believed.

Guarantees: every rung that is a model is measured on all dev rows; test rows are not looked at; a
champion that cannot score today's rows is a check with the reason, not a crash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tasks.baselines import judgement, sanity_checks
from tasks.baselines.rungs import (
    HALF,
    Rung,
    declared_rungs,
    fit_quick,
    measure,
    measured_rungs,
    people_rungs,
    quick_candidate,
)
from tasks.baselines.sanity import Memorised, Pipelines, memorise, shuffle
from tasks.checks import Check, Figure, StageResult, Table
from tasks.constant import (
    class_shares,
    constant_estimates,
    constant_number,
    constant_predictions,
)
from tasks.drawn_units import drawn_units
from tasks.errors import UserError
from tasks.estimators import predict
from tasks.estimators.candidates import candidates_of, training_metric
from tasks.metrics import Estimate
from tasks.models import (
    Champion,
    ModelPackage,
    champion_problem,
    declared_types,
    load_model,
    save_model,
)
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.row_recognition import find_seen
from tasks.scoring import served_predictions
from tasks.training.judgement import words


@dataclass(frozen=True, kw_only=True)
class Given:
    """What every part of the stage looks at."""

    train: pd.DataFrame
    dev: pd.DataFrame
    dev_units: pd.Series
    roles: Roles
    project: Project
    metric: str
    metrics: tuple[str, ...]
    pipelines: Pipelines

    def measure(self, predictions: pd.DataFrame) -> dict[str, Estimate]:
        """Every metric of the ladder on dev."""
        units = drawn_units(self.dev, self.dev_units.to_frame("unit"), self.roles)
        return measure(self.metrics, predictions, self.dev, self.roles, self.project.seed, units)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one part of the stage found."""

    rungs: list[Rung] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    files: Mapping[str, bytes] = field(default_factory=dict)


def measure_baselines(
    dataset: Dataset,
    project: Project,
    champion: Champion | None,
    allow_imports: tuple[str, ...] = (),
    people: pd.DataFrame | None = None,
) -> StageResult:
    """The ladder on dev, and the two sanity tests of the pipeline.

    `people` is human-level performance as measured by label consistency; what the project declares
    goes before it.

    Files `quick.skops` and `quick.json` are the quick model's package, for the gate;
    `facts["constant"]` holds the class shares in train (of a regression one number), which
    `constant_predictions` (`constant_estimates`) turns into predictions. Raises ProjectFileError
    for a candidate that cannot be built.
    """
    given = _given(dataset, project, allow_imports)
    facts, constant, ground = _constant(given)
    parts = [
        ground,
        _quick(given),
        _champion(given, champion, allow_imports),
        _declared(project, [] if people is None else people_rungs(people, given.metrics)),
    ]
    limits = project.baselines
    memorised = memorise(given.train, given.pipelines, limits.overfit_rows)
    shuffled = shuffle(
        given.train,
        given.dev,
        given.pipelines,
        given.metric,
        limits.shuffle_repeats,
        limits.shuffle_rows,
    )
    sanity = [
        sanity_checks.overfits_tiny_sample(memorised, limits.min_overfit_accuracy),
        sanity_checks.shuffled_labels(shuffled, given.metric, constant[given.metric]),
    ]
    rungs = [rung for part in parts for rung in part.rungs]
    return StageResult(
        stage=judgement.STAGE,
        summary=judgement.summary(given.metric, rungs),
        checks=(*sanity, *(check for part in parts for check in part.checks)),
        metrics=_metrics(rungs),
        facts={
            "metric": given.metric,
            "ladder": [rung.to_facts() for rung in rungs],
            "constant": facts,
        },
        tables=_tables(rungs, given.metric, memorised),
        figures=(_figure(given.metric),),
        files={name: content for part in parts for name, content in part.files.items()},
    )


def _given(dataset: Dataset, project: Project, allow_imports: tuple[str, ...]) -> Given:
    roles = dataset.roles
    metric = training_metric(project, roles)
    hlp, others = project.baselines.hlp, project.baselines.declared
    declared_metrics = [one.metric for one in (*([hlp] if hlp else []), *others)]
    dev = dataset.dev
    return Given(
        train=dataset.train,
        dev=dev,
        dev_units=dataset.split.loc[dev.index, "unit"],
        roles=roles,
        project=project,
        metric=metric,
        metrics=tuple(
            dict.fromkeys([metric, "mae" if roles.regression else "accuracy", *declared_metrics])
        ),
        pipelines=Pipelines(
            candidates=candidates_of(project, roles),
            roles=roles,
            class_weight=project.training.class_weight,
            seed=project.seed,
            allow_imports=allow_imports,
        ),
    )


def _constant(given: Given) -> tuple[dict[str, Any], dict[str, Estimate], Part]:
    """What the gate makes the constant of, what it is worth on dev, and its rung."""
    labels, index = given.roles.labels(given.train), given.dev.index
    if given.roles.regression:
        number = constant_number(labels, given.metric)
        found = given.measure(constant_estimates(number, index))
        check = judgement.constant_number(number, given.metric, found[given.metric])
        part = Part(rungs=measured_rungs("constant", "constant", found), checks=[check])
        return {"number": number}, found, part
    shares = class_shares(labels)
    found = given.measure(constant_predictions(shares, index))
    part = Part(
        rungs=measured_rungs("constant class", "constant", found),
        checks=[judgement.constant(shares, given.metric, found)],
    )
    return {"shares": shares}, found, part


def _quick(given: Given) -> Part:
    roles, project = given.roles, given.project
    candidate = quick_candidate(roles)
    try:
        model = fit_quick(
            given.train, roles, class_weight=project.training.class_weight, seed=project.seed
        )
    except Exception as failure:  # for example text without a single word that occurs twice
        return Part(checks=[judgement.quick_failed(str(failure).strip().rstrip("."))])
    threshold = None if roles.positive_class is None else HALF
    found = given.measure(predict(model, given.dev, roles, threshold))
    facts: dict[str, Any] = {
        "classes": [] if roles.regression else [str(name) for name in model.classes_],
        "positive_class": roles.positive_class,
        "threshold": threshold,
        "roles": roles.to_facts(),
        "candidate": candidate.name,
        "estimator": candidate.estimator,
        "params": dict(candidate.params),
    }
    depth = int(candidate.params["max_depth"])
    return Part(
        rungs=measured_rungs("quick model", "quick", found),
        checks=[judgement.quick(depth, given.metric, found[given.metric])],
        files=save_model(model, extra_types=(), facts=facts).to_files("quick"),
    )


def _champion(given: Given, champion: Champion | None, allow_imports: Sequence[str]) -> Part:
    if champion is None:
        return Part(checks=[judgement.no_champion()])
    problem = champion_problem(champion, given.dev, given.roles)
    if problem is not None:
        return Part(checks=[judgement.champion_not_measured(champion.version, problem)])
    try:
        extra_types = declared_types(given.pipelines.candidates, allow_imports)
        predictions = _predict(champion.package, given.dev, extra_types)
    except (UserError, ValueError, KeyError, TypeError, AttributeError) as failure:
        reason = str(failure).strip().rstrip(".")
        return Part(checks=[judgement.champion_not_measured(champion.version, reason)])
    found = given.measure(predictions)
    seen, _ = find_seen(champion, given.dev, given.dev_units, given.roles)
    new_rows = int((~seen).sum())
    return Part(
        rungs=measured_rungs(f"champion {champion.version}", "champion", found),
        checks=[
            judgement.champion(
                champion.version, given.metric, found[given.metric], new_rows, len(given.dev)
            )
        ],
    )


def _predict(package: ModelPackage, rows: pd.DataFrame, extra_types: Sequence[str]) -> pd.DataFrame:
    model = load_model(package, extra_types=extra_types)
    return served_predictions(model, package.facts, rows)


def _declared(project: Project, people: list[Rung]) -> Part:
    hlp, others = project.baselines.hlp, project.baselines.declared
    return Part(
        rungs=people + declared_rungs(hlp, others),
        checks=[judgement.human_level(hlp, people), *judgement.declared(others)],
    )


def _metrics(rungs: Sequence[Rung]) -> dict[str, float]:
    facts = [rung.to_facts() for rung in rungs if rung.kind in ("constant", "quick", "champion")]
    return {
        f"dev.baseline.{one['kind']}.{one['metric']}": one["value"]
        for one in facts
        if one["value"] is not None
    }


def _tables(rungs: Sequence[Rung], metric: str, memorised: Memorised) -> dict[str, Table]:
    columns = ["label", "kind", "metric", "value", "low", "high", "n"]
    every = pd.DataFrame([rung.to_facts() for rung in rungs]).rename(columns={"name": "label"})
    every = every[columns].astype({"value": float, "low": float, "high": float})
    ladder = every[every["metric"] == metric].sort_values("value", kind="stable")
    tiny = pd.DataFrame(
        {
            "family": list(memorised.accuracy),
            memorised.measure: list(memorised.accuracy.values()),
            "rows": memorised.rows,
        }
    )
    return {
        "ladder": Table(
            title="Baseline ladder",
            frame=ladder.reset_index(drop=True),
            note=f"{words(metric)} on dev with its 95 % interval; declared numbers have none, and "
            "people are measured on the items that several labelled",
        ),
        "all_baselines": Table(title="Baselines by every metric", frame=every),
        "tiny_sample": Table(title="A tiny sample learned by heart", frame=tiny),
    }


def _figure(metric: str) -> Figure:
    return Figure(
        kind="intervals",
        title="Baseline ladder",
        table="ladder",
        alt=f"{words(metric)} of each baseline on dev with its 95 % interval",
        unit=words(metric),
    )
