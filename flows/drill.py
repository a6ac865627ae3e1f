"""The rollback drill as a Prefect flow, so that a schedule can try the way back every week.

Guarantees: moves nothing; leaves an artifact that says what was tried and what came of it; fails
when the drill fails, and when there is nothing to go back to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.artifacts import MarkdownArtifact
from prefect.runtime import flow_run
from pydantic import Field

from flows.commands.rollback import carry_out, login_name
from flows.runs.artifacts import artifact_key
from flows.runs.surroundings import surroundings
from tasks.errors import DrillFailedError, UserError
from tasks.markup import escape
from tasks.project import load_project


def _run_name() -> str:
    """The project file and its folder."""
    return "/".join(Path(flow_run.parameters["project"]).parts[-2:])


@flow(name="assayline-rollback-drill", flow_run_name=_run_name)
def drill(project: Annotated[str, Field(min_length=1)]) -> dict[str, Any]:
    """Try whether the version before the champion could serve again; move nothing.

    Returns the document that `assayline rollback --drill --json` prints. Raises DrillFailedError
    when that version is not what it was, and what the command raises otherwise.

    Args:
        project: Path of the project file, on the machine of the worker.
    """
    given = surroundings()
    loaded = load_project(Path(project))
    given.require_within(loaded)
    name = loaded.project.name
    try:
        done, _ = carry_out(
            Path(project),
            drill=True,
            who=login_name(),
            why="scheduled drill",
            allow_imports=given.allow_imports,
            home=given.home_of(loaded.path),
        )
    except UserError as failure:
        _publish(name, "failed", str(failure))
        raise
    if done.refusal is not None:
        _publish(name, "failed", done.sentence)
        raise DrillFailedError(done.sentence)
    _publish(name, "passed", done.sentence)
    return done.to_document()


def _publish(project: str, outcome: str, sentence: str) -> None:
    MarkdownArtifact(
        key=artifact_key(project, "rollback-drill"),
        description=f"Rollback drill of {project}: {outcome}",
        markdown=f"## Rollback drill of {project}: {outcome}\n\n{escape(sentence)}\n",
    ).create()
