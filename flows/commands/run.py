"""`assayline run`: the main job.

Guarantees: standard output holds the summary, or with `--json` one document and nothing else; a
Prefect server that the command started ends with it; what the server has to know is delivered
before.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.commands.interruption import terminating
from flows.runs import progress
from flows.runs.surroundings import Surroundings, surrounded
from flows.services.home import configure_environment, resolve_home
from flows.services.server import PrefectServer, open_server
from flows.terminal import print_json, unfiltered
from tasks.errors import NotFoundError
from tasks.project import load_project
from tasks.runs import RunRecord
from tasks.stage_specs import stage_names


def command(options: argparse.Namespace) -> int:
    """Run the project file and show what came of it."""
    loaded = load_project(Path(options.project), options.overrides)
    if options.as_recorded is None and not loaded.source_path.is_file():
        raise NotFoundError(
            f"no data file at {loaded.source_path}; correct 'source' in {loaded.path}"
        )
    home = resolve_home(loaded.path)
    home.mkdir(parents=True, exist_ok=True)
    configure_environment(home)
    given = Surroundings(
        home=home,
        allow_imports=tuple(options.allow_imports),
        as_recorded=options.as_recorded,
    )
    shown = progress.Progress(len(stage_names()), quiet=options.quiet)
    progress.activate(shown)
    with _closing(shown), terminating(), _prefect_server(home) as server:
        shown.doing("starting")
        with contextlib.redirect_stdout(sys.stderr):
            document = _run_flow(options, loaded.project.name, given, server)
    if options.json:
        print_json(document)
    elif shown.record is not None:
        _print_summary(shown.record, options.project, home, server)
    return int(document["exit_code"])


def _run_flow(
    options: argparse.Namespace, project: str, given: Surroundings, server: PrefectServer
) -> dict[str, Any]:
    from prefect import tags
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows import pipeline
    from flows.runs.start import open_tracking

    # The first question opens the store, a second of imports, while the server is starting.
    open_tracking(given.home_of(Path(options.project))).champion_version("")
    server.wait_until_ready()
    # The heartbeat thread would sleep a second after the flow's end.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        try:
            with surrounded(given), tags(f"project:{project}"):
                state = pipeline.run(
                    project=str(Path(options.project).resolve()),
                    overrides=tuple(options.overrides),
                    return_state=True,
                )
            # A run that could not do its work raises here what it failed by.
            found = state.result(raise_on_failure=False)
            if isinstance(found, BaseException):
                raise found
        finally:
            _deliver_events()
    return dict(found)


def _deliver_events() -> None:
    """Wait until the task runs' last states have left this process."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    # What ended the run is said by the command; the log worker would print its own trace.
    with contextlib.redirect_stderr(io.StringIO()):
        APILogWorker.drain_all(timeout=10)
        EventsWorker.drain_all(timeout=10)


@contextlib.contextmanager
def _prefect_server(home: Path) -> Iterator[PrefectServer]:
    server = open_server(home)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def _closing(shown: progress.Progress) -> Iterator[None]:
    try:
        yield
    finally:
        shown.close()


def _print_summary(record: RunRecord, project: str, home: Path, server: PrefectServer) -> None:
    from flows.runs.artifacts import prefect_url
    from tasks.reports import promotion_action, summary_text

    command = "assayline" if shutil.which("assayline") else os.path.relpath(sys.argv[0])
    up = f"{command} up {project}"
    places = {
        "Decision page": record.report or "",
        "MLflow run": record.mlflow_run_id or "",
        # Where this command had a server of its own, nobody answers there any more.
        "Prefect run": "" if server.log is not None else prefect_url(record.prefect_flow_run_id),
    }
    if promotion_action(record) == "pending":
        # Not the hash itself: who signs takes it from the page.
        sign = ["approve", record.run_id, "--project", project, "--verdict", "HASH ON THE PAGE"]
        sign += [f"--set={one}" for one in record.trial]
        places["To sign"] = f"{command} {shlex.join(sign)} --name 'YOUR NAME' --reason 'WHY'"
    if server.log is not None:
        places["Both UIs"] = up
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = min(shutil.get_terminal_size().columns, 110)
    unfiltered(sys.stdout).write(summary_text(record, width, colour, places))
