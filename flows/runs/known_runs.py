"""The runs of a home as their folders tell them, for whoever decides what is kept.

Guarantees: nothing is written; a folder that cannot be read is told as such and never passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from flows.runs.journal import Journal
from tasks.errors import UnavailableError, UserError
from tasks.project import load_project
from tasks.project.operation_sections import RetentionSection
from tasks.retention import KnownRun, Named

PAGE = "decision page"
"""What `KnownRun.reached` says of a run with a page; the rest are stages."""


def run_folders(home: Path) -> list[Path]:
    """The folders of all runs, the newest first."""
    return sorted(
        (one for one in (home / "runs").glob("[!.]*") if one.is_dir()),
        key=lambda one: one.name,
        reverse=True,
    )


def known_runs(home: Path) -> list[KnownRun]:
    """Every run of a home; one without a readable journal belongs to the project ''."""
    return [known_run(folder) for folder in run_folders(home)]


def known_run(folder: Path) -> KnownRun:
    """The run of a folder."""
    try:
        journal = Journal(**json.loads((folder / "journal.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as failure:
        why = f"its journal cannot be read ({type(failure).__name__})"
        return KnownRun(run_id=folder.name, project="", problem=why)
    page = {PAGE} if (folder / "decision.html").is_file() else set()
    reached: Iterable[str] = ()
    problem = ""
    try:
        document = _read(folder / "run.json")
        if document and document.get("project") != journal.project:
            problem = "its run.json names another project than its journal"
        reached = _read(folder / "evidence.json").get("keys", {})
    except (OSError, ValueError) as failure:
        problem = f"its record cannot be read ({failure})"
    return KnownRun(
        run_id=folder.name,
        project=str(journal.project),
        ended=journal.status != "running",
        reached=frozenset({*reached, *page}),
        mlflow_run=journal.mlflow_run_id,
        problem=problem,
    )


def named_by(folder: Path) -> Named:
    """The evidence and the data that a run names.

    Raises UnavailableError where its records are there and cannot be read.
    """
    try:
        keys = _read(folder / "evidence.json").get("keys", {})
        beside = _read(folder / "verdict.json").get("beside", {})
        return Named.by_run(folder.name, keys, beside)
    except (OSError, ValueError, AttributeError, TypeError) as failure:
        raise UnavailableError(
            f"what run {folder.name} needs cannot be read ({failure}), so no evidence and no data "
            f"were deleted; bring {folder} back from a backup, or move it out of the home"
        ) from None


def recorded_retention(home: Path, runs: Sequence[KnownRun]) -> RetentionSection:
    """The retention by the project file of the newest of `runs` that left one, else the default.

    Raises UnavailableError where that file cannot be read any more.
    """
    for run in sorted(runs, key=lambda one: one.run_id, reverse=True):
        folder = home / "runs" / run.run_id
        if (folder / "project.yaml").is_file():
            try:
                overrides = json.loads((folder / "overrides.json").read_text(encoding="utf-8"))
                return load_project(folder / "project.yaml", overrides).project.retention
            except (OSError, ValueError, TypeError, UserError) as failure:
                raise UnavailableError(
                    f"the project file of run {run.run_id} cannot be read ({failure}), so no run "
                    f"of {run.project} was deleted; name its project file"
                ) from None
    return RetentionSection()


def _read(path: Path) -> dict[str, Any]:
    """The document in a file; an empty one where there is no file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds a {type(found).__name__}")  # noqa: TRY004 - as JSON's
    return found
