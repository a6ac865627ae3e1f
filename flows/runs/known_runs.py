"""The runs of a home as their folders tell them, for whoever decides what is kept.

Guarantees: nothing is written; a folder that cannot be read is told as such and never passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from flows.runs.journal import Journal
from tasks.errors import UnavailableError
from tasks.project.operation_sections import RetentionSection
from tasks.retention import KnownRun, Named
from tasks.run_folder import RunFolder, run_folders

PAGE = "decision page"
"""What `KnownRun.reached` says of a run with a page; the rest are stages."""


def known_runs(home: Path) -> list[KnownRun]:
    """Every run of a home; one without a readable journal belongs to the project ''."""
    return [known_run(folder) for folder in run_folders(home)]


def known_run(folder: RunFolder) -> KnownRun:
    """The run of a folder."""
    try:
        journal = Journal.read(folder)
    except UnavailableError as failure:
        return KnownRun(run_id=folder.run_id, project="", problem=str(failure))
    if journal is None:
        return KnownRun(run_id=folder.run_id, project="", problem="it has no journal")
    page = {PAGE} if folder.page.is_file() else set()
    reached: Iterable[str] = ()
    problem = ""
    try:
        document = folder.document()
        if document is not None and document.get("project") != journal.project:
            problem = "its run.json names another project than its journal"
        reached = folder.evidence_keys()
    except UnavailableError as failure:
        problem = str(failure)
    return KnownRun(
        run_id=folder.run_id,
        project=str(journal.project),
        ended=journal.status != "running",
        reached=frozenset({*reached, *page}),
        mlflow_run=journal.mlflow_run_id,
        problem=problem,
    )


def named_by(folder: RunFolder) -> Named:
    """The evidence and the data that a run names.

    Raises UnavailableError where its records are there and cannot be read.
    """
    try:
        return Named.by_run(folder.run_id, folder.evidence_keys(), folder.beside())
    except (UnavailableError, ValueError, AttributeError, TypeError) as failure:
        raise UnavailableError(
            f"what run {folder.run_id} needs is not known ({failure}), so no evidence and no data "
            f"were deleted; bring {folder.path} back from a backup, or move it out of the home"
        ) from None


def recorded_retention(home: Path, runs: Sequence[KnownRun]) -> RetentionSection:
    """The retention by the project file of the newest of `runs` that left one, else the default.

    Raises UnavailableError where that file cannot be read any more.
    """
    for run in sorted(runs, key=lambda one: one.run_id, reverse=True):
        try:
            loaded = RunFolder.of(home, run.run_id).project()
        except UnavailableError as failure:
            raise UnavailableError(
                f"{failure}, so no run of {run.project} was deleted; name its project file"
            ) from None
        if loaded is not None:
            return loaded.project.retention
    return RetentionSection()
