"""The main job as one Prefect flow: a table of contents in stage order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from pydantic import Field

from flows.runs.admission import admitted
from flows.runs.columns import freeze_key_columns
from flows.runs.outcomes import failed, final_state, show_outcome, skipped
from flows.runs.pipeline_run import PipelineRun
from flows.runs.run_names import first_name
from flows.runs.stage_inputs import (
    check_conditions,
    columns_to_mitigate,
    suspects_to_train_on,
)
from flows.runs.stage_runner import StoppedError
from flows.runs.start import open_run, read_request
from tasks import stages, steps
from tasks.errors import UnavailableError, UserError
from tasks.project.override_schema import override_schema
from tasks.stage_specs import stage_names

_JUDGEMENTS = 5
"""How often a run judges, where each time another run has moved the champion meanwhile."""

# No parameter may be None: the form draws "or nothing" as a switch of types that hides the field.
Intent = Literal["as declared", "improve", "refresh"]
Override = Annotated[str, Field(pattern=".+=.*", json_schema_extra=override_schema())]


def _run_name() -> str:
    return first_name(flow_run.name or "", flow_run.parameters["project"])


@flow(name="assayline", flow_run_name=_run_name)
def run(
    project: Annotated[str, Field(min_length=1)],
    intent: Intent = "as declared",
    overrides: tuple[Override, ...] = (),
) -> State[Any]:
    """Test the data, the labels and the model; promote the model only on evidence.

    The result is the document that `assayline run --json` prints. The form of the Prefect UI shows
    what stands here of the parameters.

    Args:
        project: Path of the project file, on the machine of the worker.
        intent: What a candidate has to be: improve, better than the champion; refresh, not worse,
            for a model of newer data; as declared, what gate.intent of the project file says.
        overrides: Values of the project file to change for this run alone. An item is
            section.key=value, for example gate.min_gain=0.02
    """
    try:
        return _run(project, None if intent == "as declared" else intent, overrides)
    except UserError as failure:
        return failed(failure)


def _run(project: str, intent: str | None, overrides: Sequence[str]) -> State[Any]:
    request = read_request(project, intent, overrides)
    with request.attended(str(flow_run.id)), admitted(request.project, request.home) as refusal:
        if refusal is not None:
            return skipped(refusal)
        with open_run(request) as this:
            try:
                _judge(this)
            except StoppedError:
                this.runner.skip_the_rest()
            document = this.finish()
            show_outcome(document)
            return final_state(document)


def _judge(this: PipelineRun) -> None:
    run, decider, files = this.runner.run, this.decider, this.context.given.labels
    project, store = this.context.project, this.context.store
    rows = _rows(this)
    labels = run(
        stages.label_consistency,
        steps.LabelInputs(
            rows=rows, reviews=files.reviews, rules=files.rules, ratings=files.ratings
        ),
    )
    human_level = steps.HumanLevel(steps.Output(labels, "human_level"))
    leaks = run(stages.leakage, steps.LeakageInputs(rows=rows))
    learned = steps.TrainingInputs(
        rows=rows,
        suspects=suspects_to_train_on(labels, project, store),
        mitigate=columns_to_mitigate(project),
    )
    for _ in range(_JUDGEMENTS):
        champion = decider.champion(learned)
        ladder = run(
            stages.baselines,
            steps.BaselineInputs(rows=rows, champion=champion, human_level=human_level),
        )
        trained = run(stages.training, learned)
        if decider.champion(learned) != champion:
            continue  # only now is it known that the candidate is the champion's own model
        run(
            stages.error_analysis,
            steps.ErrorAnalysisInputs(
                rows=rows,
                trained=trained,
                ladder=ladder,
                human_level=human_level,
                label_quality=steps.LabelQuality(steps.Output(labels, "label_quality")),
                leaking=steps.Leaking(steps.Output(leaks, "suspects")),
                tags=files.tags,
                tag_exports=files.tag_exports,
            ),
        )
        audited = run(stages.performance_audit, steps.AuditInputs(rows=rows, trained=trained))
        if decider.decide(_contest(this, rows, ladder, audited, champion), trained):
            return
    raise UnavailableError(
        f"other runs moved the champion of {project.name} each of the {_JUDGEMENTS} times that "
        "this run judged, so that it promoted nothing; run again when they are done: finished "
        "stages are kept"
    )


def _rows(this: PipelineRun) -> steps.RowRefs:
    context, run = this.context, this.runner.run
    given, key_columns = context.given, context.given.earlier.key_columns()
    ingested = run(
        stages.ingestion, steps.IngestionInputs(source=given.data, key_columns=key_columns)
    )
    freeze_key_columns(context, ingested)
    validated = run(
        stages.validation, steps.ValidationInputs(ingested=ingested, overlay=given.labels.overlay)
    )
    check_conditions(context.project, validated, context.store)
    sides = given.earlier.sides(validated)
    divided = run(
        stages.splitting,
        steps.SplittingInputs(ingested=ingested, validated=validated, sides=sides),
    )
    given.earlier.keep_sides(validated, divided)
    return steps.RowRefs(ingested=ingested, validated=validated, divided=divided)


def _contest(
    this: PipelineRun,
    rows: steps.RowRefs,
    ladder: steps.Ladder,
    audited: steps.Audited,
    champion: steps.Version | None,
) -> steps.Contest:
    expected = stage_names("candidate")
    return steps.Contest(
        rows=rows,
        ladder=ladder,
        audited=audited,
        champion=champion,
        anchor=this.context.given.opponents.version(this.context.project.gate.anchor),
        judged=this.runner.checks(expected),
        expected=expected,
    )
