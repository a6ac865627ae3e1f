"""The main job as one Prefect flow: a table of contents in stage order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.pipeline_run import PipelineRun, StoppedError
from tasks import stages


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
) -> dict[str, Any]:
    """Test the data, the labels and the model; promote the model only on evidence.

    Returns the document that `assayline run --json` prints.
    """
    with PipelineRun.open(project, overrides or [], allow_imports or [], home) as this:
        try:
            _judge(this)
        except StoppedError:
            this.skip_the_rest()
        return this.finish()


def _judge(this: PipelineRun) -> None:
    source, key_columns = this.source()
    rows = this.stage(stages.ingestion, source, key_columns)
    this.freeze_key_columns(rows)
    curated = this.stage(stages.validation, rows)
    split = this.stage(stages.splitting, rows, curated, this.sides(curated))
    this.keep_sides(curated, split)
    data = (rows, curated, split)
    this.stage(stages.label_consistency, *data)
    this.stage(stages.leakage, *data)
    champion = this.champion(*data)
    ladder = this.stage(stages.baselines, *data, champion)
    model = this.stage(stages.training, *data)
    this.stage(stages.error_analysis, *data, model, ladder)
    audit = this.stage(stages.performance_audit, *data, model)
    this.stage(stages.gate, *data, ladder, audit, champion, this.judged())
    this.promote(*data, model, champion)
