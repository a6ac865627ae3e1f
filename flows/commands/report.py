"""`assayline report`: the decision page of a run, in a frame that tells what became of it.

Guarantees: the page is not touched; the frame is written anew each time, from the ledger as it is
now, and says whether the page is the one that was recorded.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import webbrowser
from pathlib import Path
from typing import Any

from flows.services.home import configure_environment, resolve_home
from tasks.atomic import write_text
from tasks.errors import NotFoundError
from tasks.moments import timestamp
from tasks.project import load_project
from tasks.run_folder import RunFolder, run_folders


def command(options: argparse.Namespace) -> int:
    """Write the frame of a run, print its path, and open it."""
    loaded = load_project(Path(options.project))
    home = resolve_home(loaded.path)
    folder, run = _find(home, loaded.project.name, options.run)
    configure_environment(home)
    frame = write_frame(home, folder, run, str(loaded.path))
    sys.stdout.write(f"{frame}\n")
    if not options.path:
        webbrowser.open(frame.as_uri())
    return 0


def write_frame(home: Path, folder: RunFolder, run: dict[str, Any], project_file: str) -> Path:
    """The frame of a run, as `report.html` beside its page."""
    from flows.runs.judged_run import PAGE_HASH
    from tasks.ledger import open_ledger
    from tasks.reports.frame import render_frame
    from tasks.tracking import Tracking

    tracking = Tracking(home)
    entries = open_ledger(home, tracking, run["project"]).entries()
    tags = tracking.run_tags(run["mlflow_run_id"]) if run["mlflow_run_id"] else {}
    signed = [e for e in entries if e.run_id == run["run_id"] and e.action == "approve"]
    recorded = {"MLflow": tags.get(PAGE_HASH, "")}
    recorded |= {f"the ledger (entry {e.sequence})": e.page_hash for e in signed}
    text = render_frame(
        run,
        entries,
        page_hash=hashlib.sha256(folder.page.read_bytes()).hexdigest(),
        recorded={who: value for who, value in recorded.items() if value},
        project_file=project_file,
        now=timestamp(),
    )
    frame = folder.path / "report.html"
    write_text(frame, text)
    return frame


def _find(home: Path, project: str, run_id: str | None) -> tuple[RunFolder, dict[str, Any]]:
    """The newest run of the project with a page, or the named one.

    The page is written last, so that a run with a page has its document too.
    """
    for folder in run_folders(home):
        run = folder.document() if folder.page.is_file() else None
        if run and run["project"] == project and run_id in (None, folder.run_id):
            return folder, run
    wanted = f"run {run_id}" if run_id else "a finished run"
    raise NotFoundError(f"no decision page of {wanted} in {home / 'runs'}; run the project first")
