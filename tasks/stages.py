"""Every stage as a Prefect task, in stage order: open the inputs, compute, store, return.

Guarantees: a task is handed names and keys and returns the same, never a frame; its Prefect cache
key is the stage key, so that a stage with the same inputs shows as `Cached`; stored results are
JSON, so that nothing is unpickled.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE, CacheKeyFnPolicy
from prefect.client.schemas.objects import State

from tasks.checks import StageResult
from tasks.errors import UnavailableError
from tasks.ledger import open_ledger
from tasks.promotion import Decision, act, unchanged
from tasks.steps import Places, Ref, Step

if TYPE_CHECKING:
    from tasks.wear import Wear


def _stage(function: Callable[..., StageResult]) -> Task[..., Ref]:
    """The function as a task that stores what it found under the step's key."""

    @functools.wraps(function)
    def body(step: Step, *inputs: Any) -> Ref:
        started, result = time.perf_counter(), function(step, *inputs)
        timed = {**result.measured, "seconds": time.perf_counter() - started}
        digest = step.store.save(step.key, dataclasses.replace(result, measured=timed))
        return {"stage": step.stage, "key": step.key, "digest": digest}

    return task(
        name=function.__name__,
        task_run_name=function.__name__,
        cache_policy=CacheKeyFnPolicy(cache_key_fn=_cache_key),
        persist_result=True,
        result_serializer="json",
    )(body)


def _cache_key(_: object, parameters: dict[str, Any]) -> str:
    step: Step = parameters["step"]
    return f"{step.stage}-{step.key}"


@_stage
def ingestion(step: Step, source: str, key_columns: tuple[str, ...] | None) -> StageResult:
    """Read the source into an immutable, typed, fingerprinted table."""
    from tasks.ingestion import ingest

    return ingest(Path(source), step.project, key_columns)


@_stage
def validation(step: Step, ingested: Ref, overlay: str | None) -> StageResult:
    """Check the table against the project's expectations, and put corrected labels on it."""
    from tasks.label_review.overlay import read_overlay
    from tasks.validation import validate

    relabels = read_overlay(Path(overlay)) if overlay else None
    rows = step.frame(ingested, "snapshot")
    return validate(rows, step.roles(ingested), step.project, relabels)


@_stage
def splitting(step: Step, ingested: Ref, validated: Ref, sides: Ref | None) -> StageResult:
    """Give each row its side: train, dev or test."""
    from tasks.splitting import split_rows

    assigned = step.frame(sides, "assignments") if sides else None
    curated, relabels = step.frame(validated, "curated"), step.frame(validated, "relabels")
    return split_rows(curated, step.roles(ingested), step.project, assigned, relabels)


@_stage
def label_consistency(
    step: Step,
    ingested: Ref,
    validated: Ref,
    divided: Ref,
    reviews: str | None,
    rules: str | None,
    ratings: str | None,
) -> StageResult:
    """Find labels that contradict each other or look wrong."""
    from tasks.label_review.reviews import read_reviews
    from tasks.label_review.rules import read_rules
    from tasks.labels import Said, check_labels

    said = Said(
        read_reviews(Path(reviews)) if reviews else (), read_rules(Path(rules)) if rules else None
    )
    rows, rated = step.rows(ingested, validated, divided), Path(ratings) if ratings else None
    return check_labels(*rows, step.allow_imports, said, rated)


@_stage
def leakage(step: Step, ingested: Ref, validated: Ref, divided: Ref) -> StageResult:
    """Find columns that nearly settle the target by themselves."""
    from tasks.leakage import find_leaks

    return find_leaks(*step.rows(ingested, validated, divided))


@_stage
def baselines(
    step: Step, ingested: Ref, validated: Ref, divided: Ref, champion: Ref | None, people: Ref
) -> StageResult:
    """Measure what the candidate has to beat, and try the pipeline on what it must manage."""
    from tasks.baselines import measure_baselines

    rows = step.rows(ingested, validated, divided)
    level = step.frame(people, "human_level")
    return measure_baselines(*rows, step.champion(champion), step.allow_imports, level)


@_stage
def training(
    step: Step,
    ingested: Ref,
    validated: Ref,
    divided: Ref,
    suspects: Ref | None,
    mitigate: tuple[str, ...],
) -> StageResult:
    """Find the candidate."""
    from tasks.training import train

    weights = step.frame(suspects, "weights")["weight"] if suspects else None
    return train(
        *step.rows(ingested, validated, divided), step.allow_imports, weights, tuple(mitigate)
    )


@_stage
def error_analysis(  # noqa: PLR0913, PLR0917 - all that is looked at is named
    step: Step,
    ingested: Ref,
    validated: Ref,
    divided: Ref,
    trained: Ref,
    ladder: Ref,
    people: Ref,
    labels: Ref,
    leaks: Ref,
    tags: str | None,
    tag_exports: str | None,
) -> StageResult:
    """Find where the candidate is wrong on dev, and what to work on next."""
    from tasks.error_analysis import TagSources, analyse_errors
    from tasks.scoring import package_scorer

    rows = step.rows(ingested, validated, divided)
    predictions = step.frame(trained, "dev_predictions")
    level = step.frame(people, "human_level")
    score = package_scorer(step.package(trained), step.project, step.allow_imports)
    quality = step.frame(labels, "label_quality")
    given = TagSources.read(tags, tag_exports, step.allow_imports)
    steps = step.facts(ladder)["ladder"]
    telling = step.frame(leaks, "suspects")["column"]
    return analyse_errors(
        *rows, predictions, steps, level, score, quality, given, tuple(map(str, telling))
    )


@_stage
def performance_audit(
    step: Step, ingested: Ref, validated: Ref, divided: Ref, trained: Ref
) -> StageResult:
    """Judge the candidate on test, everywhere that matters."""
    from tasks.performance_audit import Trained, audit_performance

    rows, package = step.rows(ingested, validated, divided), step.package(trained)
    facts = step.facts(trained)
    on_dev = Trained(
        dev_predictions=step.frame(trained, "dev_predictions"),
        columns=tuple(facts.get("mitigation", {}).get("columns", ())),
        mitigated={
            strength: step.frame(trained, f"mitigated_{strength:g}")
            for strength in facts.get("mitigation", {}).get("strengths", ())
        },
        reweighed=facts.get("reweighed"),
    )
    return audit_performance(*rows, package, step.allow_imports, on_dev)


@_stage
def gate(  # noqa: PLR0913, PLR0917 - all that a verdict rests on is named
    step: Step,
    ingested: Ref,
    validated: Ref,
    divided: Ref,
    ladder: Ref,
    audited: Ref,
    champion: Ref | None,
    anchor: Ref | None,
    wear: Wear,
    judged: list[Ref],
    expected: tuple[str, ...],
) -> StageResult:
    """Decide whether the candidate may become the champion."""
    from tasks.gate import judge_candidate
    from tasks.wording import worded_check

    rows = step.rows(ingested, validated, divided)
    absolute = [
        worded_check(check)
        for ref in judged
        for check in step.store.checks(ref["stage"], ref["key"])
    ]
    return judge_candidate(
        *rows,
        step.frame(audited, "test_predictions"),
        step.find_package(ladder, "quick"),
        step.facts(ladder)["constant"],
        step.champion(champion),
        step.champion(anchor),
        wear,
        absolute,
        expected,
        step.allow_imports,
    )


def _store_did_not_answer(_task: object, _run: object, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), UnavailableError)


# The one stage that speaks to a server; what it wrote before it failed it finds again. A gate is
# never tried twice.
@task(
    name="promotion",
    task_run_name="promotion",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=[2, 10],
    retry_condition_fn=_store_did_not_answer,
)
def promotion(
    step: Step,
    decision: Decision,
    recorded: dict[str, Any] | None,
    places: Places,
    ingested: Ref,
    validated: Ref,
    divided: Ref,
    trained: Ref,
) -> Ref:
    """Register the candidate, write the ledger, move the champion; nothing for a repeated run."""
    from tasks.tracking import Tracking

    def trusted() -> tuple[str, ...]:
        from tasks.models import declared_types

        return declared_types(step.project.training.candidates, step.allow_imports)

    def register() -> str:
        rows, split, roles, _ = step.rows(ingested, validated, divided)
        package, verdict = step.package(trained), places.verdict
        return tracking.register_candidate(
            decision, places.run, package, rows, split, roles, trusted(), verdict
        )

    def problem_of(version: str) -> str | None:
        from tasks.registered_models import version_problem

        judged = {decision.model_digest}
        return version_problem(tracking, decision.project, version, judged, trusted())

    tracking = Tracking(places.home)
    ledger = open_ledger(places.home, tracking, decision.project)
    if recorded:
        result = unchanged(recorded, ledger)
    else:
        result = act(decision, tracking, ledger, register, problem_of)
    digest = step.store.save(step.key, result)
    return {"stage": step.stage, "key": step.key, "digest": digest}
