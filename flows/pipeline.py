"""The main job as one Prefect flow: a table of contents in stage order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from pydantic import Field

from flows.runs.admission import admitted
from flows.runs.outcomes import failed, final_state, show_outcome, skipped
from flows.runs.pipeline_run import PipelineRun, StoppedError
from flows.runs.plain_results import read_results_plainly
from flows.runs.run_names import first_name
from flows.runs.stage_inputs import check_conditions, one_output
from flows.runs.start import open_run, read_request
from tasks import stages
from tasks.errors import UnavailableError, UserError
from tasks.project.override_schema import override_schema

_JUDGEMENTS = 5
"""How often a run judges, where each time another run has moved the champion meanwhile."""

read_results_plainly()

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
                this.skip_the_rest()
            document = this.finish()
            show_outcome(document)
            return final_state(document)


def _judge(this: PipelineRun) -> None:
    source, key_columns = this.source()
    rows = this.stage(stages.ingestion, source, key_columns)
    this.freeze_key_columns(rows)
    curated = this.stage(stages.validation, rows, this.label_file("overlay"))
    check_conditions(this.loaded.project, curated, this.store)
    split = this.stage(stages.splitting, rows, curated, this.sides(curated))
    this.given.earlier.keep_sides(curated, split)
    data = (rows, curated, split)
    said = (this.label_file("reviews"), this.label_file("rules"), this.label_file("ratings"))
    labels = this.stage(stages.label_consistency, *data, *said)
    tagged = (this.label_file("tags"), this.label_file("tag_exports"))
    leaks = one_output(this.stage(stages.leakage, *data), "suspects")
    learned = (*data, this.suspects(labels), this.mitigate())
    people = one_output(labels, "human_level")
    quality = one_output(labels, "label_quality")
    for _ in range(_JUDGEMENTS):
        champion = this.champion(*learned)
        ladder = this.stage(stages.baselines, *data, champion, people)
        model = this.stage(stages.training, *learned)
        if this.champion(*learned) != champion:
            continue  # only now is it known that the candidate is the champion's own model
        known = (ladder, people, quality, leaks)
        this.stage(stages.error_analysis, *data, model, *known, *tagged)
        audit = this.stage(stages.performance_audit, *data, model)
        this.judge(*data, ladder, audit, champion)
        if this.promote(*data, model, champion):
            return
    raise UnavailableError(
        f"other runs moved the champion of {this.loaded.project.name} each of the {_JUDGEMENTS} "
        "times that this run judged, so that it promoted nothing; run again when they are done: "
        "finished stages are kept"
    )
