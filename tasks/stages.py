"""Every stage as a Prefect task, in stage order: open the inputs, compute, store, return.

Guarantees: a task is handed names and keys and returns the same, never a frame; what an earlier
run found under the same key is taken, shows as `Cached`, and is kept in the evidence store alone:
Prefect stores no result of a stage, so that none is read back.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks import steps
from tasks.checks import StageResult
from tasks.errors import UnavailableError
from tasks.ledger import open_ledger
from tasks.promotion import act, unchanged
from tasks.steps import Ref, Step

CACHED = "Cached"
"""The name of the state of a stage that took what an earlier run found."""

Inputs = TypeVar("Inputs")
Found = TypeVar("Found", bound=Ref)


@dataclass(frozen=True)
class Stage(Generic[Inputs, Found]):
    """A stage as a task: what it is given, and what others are given of it."""

    task: Task[[Step, Inputs], Ref]
    found: Callable[[Ref], Found]

    @property
    def name(self) -> str:
        """The stage's name, as in `tasks.stage_specs`."""
        return self.task.name


def stage(
    found: Callable[[Ref], Found], **options: Any
) -> Callable[[Callable[[Step, Inputs], StageResult]], Stage[Inputs, Found]]:
    """The function as a stage that stores what it found under the step's key."""

    def as_stage(function: Callable[[Step, Inputs], StageResult]) -> Stage[Inputs, Found]:
        @functools.wraps(function)
        def body(step: Step, inputs: Inputs) -> Any:
            if step.found is not None:
                return Completed(name=CACHED, data=step.found)
            started, result = time.perf_counter(), function(step, inputs)
            timed = {**result.measured, "seconds": time.perf_counter() - started}
            digest = step.store.save(step.key, dataclasses.replace(result, measured=timed))
            return Ref(step.stage, step.key, digest)

        name = function.__name__
        made = task(
            name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False, **options
        )
        return Stage(made(body), found)

    return as_stage


@stage(steps.Ingested)
def ingestion(step: Step, inputs: steps.IngestionInputs) -> StageResult:
    """Read the source into an immutable, typed, fingerprinted table."""
    from tasks.ingestion import ingest

    return ingest(inputs.source, step.project, inputs.key_columns)


@stage(steps.Validated)
def validation(step: Step, inputs: steps.ValidationInputs) -> StageResult:
    """Check the table against the project's expectations, and put corrected labels on it."""
    from tasks.label_review.overlay import read_overlay
    from tasks.validation import validate

    relabels = read_overlay(inputs.overlay) if inputs.overlay else None
    rows = step.frame(inputs.ingested, "snapshot")
    return validate(rows, step.roles(inputs.ingested), step.project.validation, relabels)


@stage(steps.Divided)
def splitting(step: Step, inputs: steps.SplittingInputs) -> StageResult:
    """Give each row its side: train, dev or test."""
    from tasks.splitting import split_rows

    assigned = step.frame(inputs.sides, "assignments") if inputs.sides else None
    curated = step.frame(inputs.validated, "curated")
    relabels = step.frame(inputs.validated, "relabels")
    roles = step.roles(inputs.ingested)
    return split_rows(curated, roles, step.project.split, assigned, relabels)


@stage(steps.Labels)
def label_consistency(step: Step, inputs: steps.LabelInputs) -> StageResult:
    """Find labels that contradict each other or look wrong."""
    from tasks.label_review.reviews import read_reviews
    from tasks.label_review.rules import read_rules
    from tasks.labels import Said, check_labels

    said = Said(
        read_reviews(inputs.reviews) if inputs.reviews else (),
        read_rules(inputs.rules) if inputs.rules else None,
    )
    rows = step.dataset(inputs.rows)
    return check_labels(rows, step.project, step.allow_imports, said, inputs.ratings)


@stage(steps.Leaks)
def leakage(step: Step, inputs: steps.LeakageInputs) -> StageResult:
    """Find columns that nearly settle the target by themselves."""
    from tasks.leakage import find_leaks

    return find_leaks(step.dataset(inputs.rows), step.project)


@stage(steps.Ladder)
def baselines(step: Step, inputs: steps.BaselineInputs) -> StageResult:
    """Measure what the candidate has to beat, and try the pipeline on what it must manage."""
    from tasks.baselines import measure_baselines

    return measure_baselines(
        step.dataset(inputs.rows),
        step.project,
        step.champion(inputs.champion),
        step.allow_imports,
        step.output(inputs.human_level),
    )


@stage(steps.Trained)
def training(step: Step, inputs: steps.TrainingInputs) -> StageResult:
    """Find the candidate."""
    from tasks.training import train

    weights = step.frame(inputs.suspects, "weights")["weight"] if inputs.suspects else None
    rows = step.dataset(inputs.rows)
    return train(rows, step.project, step.allow_imports, weights, inputs.mitigate)


@stage(steps.Analysed)
def error_analysis(step: Step, inputs: steps.ErrorAnalysisInputs) -> StageResult:
    """Find where the candidate is wrong on dev, and what to work on next."""
    from tasks.error_analysis import TagSources, analyse_errors
    from tasks.scoring import package_scorer

    return analyse_errors(
        step.dataset(inputs.rows),
        step.project,
        step.frame(inputs.trained, "dev_predictions"),
        step.facts(inputs.ladder)["ladder"],
        step.output(inputs.human_level),
        package_scorer(step.package(inputs.trained), step.project, step.allow_imports),
        step.output(inputs.label_quality),
        TagSources.read(inputs.tags, inputs.tag_exports, step.allow_imports),
        tuple(map(str, step.output(inputs.leaking)["column"])),
    )


@stage(steps.Audited)
def performance_audit(step: Step, inputs: steps.AuditInputs) -> StageResult:
    """Judge the candidate on test, everywhere that matters."""
    from tasks.performance_audit import Trained, audit_performance

    facts, trained = step.facts(inputs.trained), inputs.trained
    on_dev = Trained(
        dev_predictions=step.frame(trained, "dev_predictions"),
        columns=tuple(facts.get("mitigation", {}).get("columns", ())),
        mitigated={
            strength: step.frame(trained, f"mitigated_{strength:g}")
            for strength in facts.get("mitigation", {}).get("strengths", ())
        },
        reweighed=facts.get("reweighed"),
    )
    package = step.package(trained)
    rows = step.dataset(inputs.rows)
    return audit_performance(rows, step.project, package, step.allow_imports, on_dev)


@stage(steps.Judged)
def gate(step: Step, inputs: steps.GateInputs) -> StageResult:
    """Decide whether the candidate may become the champion."""
    from tasks.gate import judge_candidate
    from tasks.wording import worded_check

    contest = inputs.contest
    return judge_candidate(
        step.dataset(contest.rows),
        step.project,
        step.frame(contest.audited, "test_predictions"),
        step.find_package(contest.ladder, "quick"),
        step.facts(contest.ladder)["constant"],
        step.champion(contest.champion),
        step.champion(contest.anchor),
        inputs.wear,
        [
            worded_check(check)
            for ref in contest.judged.of
            for check in step.store.checks(*ref.place)
        ],
        contest.expected,
        step.allow_imports,
    )


def _store_did_not_answer(_task: object, _run: object, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), UnavailableError)


# The one stage that speaks to a server; what it wrote before it failed it finds again. A gate is
# never tried twice.
@stage(
    steps.Promoted,
    retries=2,
    retry_delay_seconds=[2, 10],
    retry_condition_fn=_store_did_not_answer,
)
def promotion(step: Step, inputs: steps.PromotionInputs) -> StageResult:
    """Register the candidate, write the ledger, move the champion; nothing for a repeated run."""
    from tasks.tracking import Tracking

    decision, places = inputs.decision, inputs.places

    def trusted() -> tuple[str, ...]:
        from tasks.models import declared_types

        return declared_types(step.project.training.candidates, step.allow_imports)

    def register() -> str:
        package, rows = step.package(inputs.trained), step.dataset(inputs.rows)
        return tracking.register_candidate(
            decision, places.run, package, rows, trusted(), places.verdict
        )

    def problem_of(version: str) -> str | None:
        from tasks.registered_models import version_problem

        judged = {decision.model_digest}
        return version_problem(tracking, decision.project, version, judged, trusted())

    tracking = Tracking(places.home)
    ledger = open_ledger(places.home, tracking, decision.project)
    if inputs.acted_on:
        return unchanged(inputs.acted_on, ledger)
    return act(decision, tracking, ledger, register, problem_of)
