"""The journal of a run: a small file that tells a finished run from one that was killed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.runs.presence import Process
from tasks.atomic import write_json


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

    def write(self, runs: Path) -> Journal:
        """Keep the journal beside the run's other files, replaced atomically."""
        write_json(runs / self.run_id / "journal.json", asdict(self), indent=1)
        return self

    def alive(self) -> bool:
        """Whether the process that wrote the journal still runs on this machine.

        A journal of another machine cannot be checked and counts as alive.
        """
        return Process(self.host, self.pid, self.process_started).alive()


def open_journal(run_id: str, project: str, runs: Path) -> Journal:
    """The journal of a run of this process, written."""
    process = Process.this()
    return Journal(
        run_id=run_id,
        project=project,
        host=process.host,
        pid=process.pid,
        process_started=process.started,
    ).write(runs)


def find_interrupted(project: str, runs: Path) -> list[Journal]:
    """The project's runs whose process is gone and that nobody has marked yet; newest first."""
    found = []
    for path in sorted(runs.glob("*/journal.json"), reverse=True):
        try:
            journal = Journal(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        if journal.project == project and journal.status == "running" and not journal.alive():
            found.append(journal)
    return found
