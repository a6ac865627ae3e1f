"""The main job as one Prefect flow: a table of contents in stage order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.runs.pipeline_run import PipelineRun, StoppedError
from flows.runs.stage_inputs import one_output
from flows.runs.start import open_run
from tasks import stages
from tasks.errors import UnavailableError

_JUDGEMENTS = 5
"""How often a run judges, where each time another run has moved the champion meanwhile."""


def _run_name() -> str:
    """The project file and its folder: what tells one project's runs from another's."""
    return "/".join(Path(flow_run.parameters["project"]).parts[-2:])


@flow(name="assayline", flow_run_name=_run_name)
def run(
    project: Annotated[str, Field(description="path of the project file")],
    overrides: Annotated[
        list[str] | None, Field(description="values to change, as section.key=value")
    ] = None,
    allow_imports: Annotated[
        list[str] | None, Field(description="packages that estimators may be imported from")
    ] = None,
    home: Annotated[str | None, Field(description="folder that holds all state")] = None,
    as_recorded: Annotated[
        str | None, Field(description="folder of a recorded run to judge again, as it was then")
    ] = None,
) -> dict[str, Any]:
    """Test the data, the labels and the model; promote the model only on evidence.

    Returns the document that `assayline run --json` prints.
    """
    words = (overrides or [], allow_imports or [])
    with open_run(project, *words, home, as_recorded) as this:
        try:
            _judge(this)
        except StoppedError:
            this.skip_the_rest()
        return this.finish()


def _judge(this: PipelineRun) -> None:
    source, key_columns = this.source()
    rows = this.stage(stages.ingestion, source, key_columns)
    this.freeze_key_columns(rows)
    curated = this.stage(stages.validation, rows, this.label_file("overlay"))
    split = this.stage(stages.splitting, rows, curated, this.sides(curated))
    this.given.earlier.keep_sides(curated, split)
    data = (rows, curated, split)
    said = (this.label_file("reviews"), this.label_file("rules"), this.label_file("ratings"))
    labels = this.stage(stages.label_consistency, *data, *said)
    tagged = (this.label_file("tags"), this.label_file("tag_exports"))
    this.stage(stages.leakage, *data)
    learned = (*data, this.suspects(labels), this.mitigate())
    people = one_output(labels, "human_level")
    quality = one_output(labels, "label_quality")
    for _ in range(_JUDGEMENTS):
        champion = this.champion(*learned)
        ladder = this.stage(stages.baselines, *data, champion, people)
        model = this.stage(stages.training, *learned)
        if this.champion(*learned) != champion:
            continue  # only now is it known that the candidate is the champion's own model
        this.stage(stages.error_analysis, *data, model, ladder, people, quality, *tagged)
        audit = this.stage(stages.performance_audit, *data, model)
        this.judge(*data, ladder, audit, champion)
        if this.promote(*data, model, champion):
            return
    raise UnavailableError(
        f"other runs moved the champion of {this.loaded.project.name} each of the {_JUDGEMENTS} "
        "times that this run judged, so that it promoted nothing; run again when they are done: "
        "finished stages are kept"
    )
