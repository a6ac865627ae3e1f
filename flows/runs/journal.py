"""The journal of a run: a small file that tells a finished run from one that was killed."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.runs.presence import Process
from tasks.atomic import write_json
from tasks.errors import UnavailableError
from tasks.run_folder import RunFolder, run_folders


@dataclass(frozen=True, kw_only=True)
class Journal:
    """Where a run stands. `status` is running, finished, failed or interrupted.

    `ended` and what follows it are those of a run that could still say how it ended.
    """

    run_id: str
    project: str
    status: str = "running"
    host: str
    pid: int
    process_started: float
    mlflow_run_id: str | None = None
    prefect_flow_run_id: str | None = None
    last_stage: str | None = None
    ended: str | None = None
    seconds: float | None = None
    exit_code: int | None = None
    sentence: str | None = None

    def write(self, home: Path) -> Journal:
        """Keep the journal beside the run's other files, replaced atomically."""
        write_json(RunFolder.of(home, self.run_id).journal_file, asdict(self), indent=1)
        return self

    @classmethod
    def read(cls, folder: RunFolder) -> Journal | None:
        """The journal of a run; None where there is none."""
        said = folder.journal()
        try:
            return None if said is None else cls(**said)
        except TypeError as failure:
            raise UnavailableError(f"{folder.journal_file} is no journal: {failure}") from None

    def alive(self) -> bool:
        """Whether the process that wrote the journal still runs on this machine.

        A journal of another machine cannot be checked and counts as alive.
        """
        return Process(self.host, self.pid, self.process_started).alive()


def open_journal(run_id: str, project: str, home: Path) -> Journal:
    """The journal of a run of this process, written."""
    process = Process.this()
    return Journal(
        run_id=run_id,
        project=project,
        host=process.host,
        pid=process.pid,
        process_started=process.started,
    ).write(home)


def find_interrupted(project: str, home: Path) -> list[Journal]:
    """The project's runs whose process is gone and that nobody has marked yet; newest first."""
    found = []
    for folder in run_folders(home):
        with contextlib.suppress(UnavailableError):
            one = Journal.read(folder)
            if one and (one.project, one.status) == (project, "running") and not one.alive():
                found.append(one)
    return found
