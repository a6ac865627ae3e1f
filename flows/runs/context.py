"""What holds for the whole of a run: its project, its places and names, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.runs.given import Given
from flows.runs.run_log import RunLog
from tasks.evidence import EvidenceStore
from tasks.lineage import CodeVersion
from tasks.project import Project
from tasks.project.loading import LoadedProject
from tasks.run_folder import RunFolder
from tasks.tracking import Tracking


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """A run before its first stage; no stage changes it.

    `code` is that of the project and Assayline's own. `trial` are the changes of the project file
    by which it promotes only with a signature. `prefect_run` and `mlflow_run` are its ids there.
    """

    loaded: LoadedProject
    given: Given
    code: tuple[CodeVersion, CodeVersion]
    home: Path
    allow_imports: tuple[str, ...]
    run_id: str
    started: str
    tracking: Tracking
    resumed_from: str | None
    prefect_run: str | None
    mlflow_run: str
    mlflow_url: str
    trial: tuple[str, ...] = ()

    @property
    def project(self) -> Project:
        """The project, with the values that this run changes."""
        return self.loaded.project

    @property
    def folder(self) -> RunFolder:
        """Where the run leaves its records."""
        return RunFolder.of(self.home, self.run_id)

    @property
    def log(self) -> RunLog:
        """Where the run says what happens."""
        return RunLog(self.home, self.run_id, self.project.name, self.prefect_run)

    @property
    def store(self) -> EvidenceStore:
        """Where stage results are kept."""
        return self.given.opponents.store
