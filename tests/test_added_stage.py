"""A stage is added in one place: its entry, its inputs and function, and the line that runs it."""

from dataclasses import dataclass
from pathlib import Path
from typing import NewType

from flows import pipeline
from flows.runs.stage_runner import StoppedError
from tasks import stage_specs, stages, steps
from tasks.checks import Check, StageResult
from tasks.steps import Ref

SPEC = stage_specs.StageSpec(
    name="names",
    title="Names of columns",
    question="Can a reader tell what a column holds?",
    role="data",
    module="tasks.leakage",
    sections=("target",),
)
Named = NewType("Named", Ref)


@dataclass(frozen=True, kw_only=True)
class NamesInputs:
    ingested: steps.Ingested


@stages.stage(Named)
def names(step, inputs):
    short = [name for name in step.frame(inputs.ingested, "snapshot") if len(name) < 4]
    check = Check(
        id="names.short",
        stage="names",
        title="Columns with fewer than four letters",
        severity="critical",
        outcome="failed" if short else "passed",
        detail=f"{', '.join(short)} says nothing to a reader.",
        value=float(len(short)),
    )
    return StageResult(stage="names", summary="1 short", checks=(check,), facts={"short": short})


def judge(this):
    given = this.context.given
    source = steps.IngestionInputs(source=given.data, key_columns=given.earlier.key_columns())
    ingested = this.runner.run(stages.ingestion, source)
    this.runner.run(names, NamesInputs(ingested=ingested))
    raise StoppedError


def test_a_stage_is_added_by_its_entry_and_its_function(assayline, light_project, monkeypatch):
    first, *rest = stage_specs.STAGES
    monkeypatch.setattr(stage_specs, "STAGES", (first, SPEC, *rest))
    monkeypatch.setattr(pipeline, "_judge", judge)
    code, document, shown = assayline(light_project)
    assert (code, document["verdict"], document["reasons"]) == (
        3,
        None,
        ["age says nothing to a reader."],
    )
    told = [(stage["name"], stage["outcome"]) for stage in document["stages"]]
    assert told[:3] == [("ingestion", "passed"), ("names", "blocked"), ("validation", "not_run")]
    assert len(told) == 12
    assert "✗ names" in shown
    page = Path(document["report"]).read_text()
    assert "Names of columns" in page
    assert "Can a reader tell what a column holds?" in page

    _, again, _ = assayline(light_project)
    assert [stage["cached"] for stage in again["stages"][:2]] == [True, True]
