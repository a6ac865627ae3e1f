"""The newest run of a project that got as far as a stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tasks.errors import NotFoundError


def newest_run(runs: Path, project: str, stage: str, done: str) -> tuple[str, Mapping[str, str]]:
    """The id and the evidence keys of the newest run that has a result of the stage.

    Raises NotFoundError where there is none; `done` says what no run did.
    """
    for path in sorted(runs.glob("*/evidence.json"), reverse=True):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            own, keys = found["project"] == project, found["keys"]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # another run's broken folder is none of this project's business
        if own and stage in keys:
            return path.parent.name, keys
    raise NotFoundError(f"no run of {project} in {runs} {done}; run the project first")
