"""The newest run of a project that got as far as a stage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tasks.errors import NotFoundError
from tasks.run_folder import runs_with


def newest_run(home: Path, project: str, stage: str, done: str) -> tuple[str, Mapping[str, str]]:
    """The id and the evidence keys of the newest run that has a result of the stage.

    Raises NotFoundError where there is none; `done` says what no run did.
    """
    found = next(runs_with(home, project, stage), None)
    if found is None:
        raise NotFoundError(f"no run of {project} in {home / 'runs'} {done}; run the project first")
    return found[0].run_id, found[1]
