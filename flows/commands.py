"""The bodies of the commands. Heavy libraries are imported inside the command that needs them."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import signal
import sys
import webbrowser
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows import progress
from flows.home import configure_environment, resolve_home
from flows.server import PrefectServer, open_server
from tasks.errors import ProjectError
from tasks.project import load_project
from tasks.runs import STAGES, RunRecord


def run(options: argparse.Namespace) -> int:
    """The main job."""
    loaded = load_project(Path(options.project), options.overrides)
    if not loaded.source_path.is_file():
        raise ProjectError(
            f"no data file at {loaded.source_path}; correct 'source' in {loaded.path}"
        )
    home = resolve_home(loaded.path)
    home.mkdir(parents=True, exist_ok=True)
    configure_environment(home)
    shown = progress.Progress(len(STAGES), quiet=options.quiet)
    progress.activate(shown)
    with _closing(shown), _terminating(), _prefect_server(home) as server:
        shown.doing("starting")
        with contextlib.redirect_stdout(sys.stderr):
            document = _run_flow(options, home, server)
    if options.json:
        sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
    elif shown.record is not None:
        _print_summary(shown.record, options.project, home, server)
    return int(document["exit_code"])


def schema(_: argparse.Namespace) -> int:
    """The JSON Schema of the project file."""
    from tasks.project import project_schema

    sys.stdout.write(json.dumps(project_schema(), indent=1) + "\n")
    return 0


def report(options: argparse.Namespace) -> int:
    """The decision page of a run."""
    loaded = load_project(Path(options.project))
    runs = resolve_home(loaded.path) / "runs"
    # The page is written last, so that a run with a page has its document too.
    pages = [
        path
        for path in sorted(runs.glob("*/decision.html"))
        if json.loads((path.parent / "run.json").read_text())["project"] == loaded.project.name
        and options.run in (None, path.parent.name)
    ]
    if not pages:
        wanted = f"run {options.run}" if options.run else "a finished run"
        raise ProjectError(f"no decision page of {wanted} in {runs}; run the project first")
    sys.stdout.write(f"{pages[-1]}\n")
    if not options.path:
        webbrowser.open(pages[-1].as_uri())
    return 0


def history(options: argparse.Namespace) -> int:
    """The ledger of a project."""
    from tasks.ledger import Ledger

    loaded = load_project(Path(options.project))
    path = resolve_home(loaded.path) / "ledger" / f"{loaded.project.name}.jsonl"
    entries = Ledger(path).entries()
    if options.json:
        rows = [{**asdict(entry), "hash": entry.hash} for entry in entries]
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return 0
    sys.stdout.write(f"{'#':>3}  {'when':<25}  {'action':<12}  {'champion':<14}  run\n")
    for entry in entries:
        moved = f"{entry.from_version or '-'} -> {entry.to_version or '-'}"
        line = f"{entry.sequence:>3}  {entry.when:<25}  {entry.action:<12}  {moved:<14}"
        sys.stdout.write(f"{line}  {entry.run_id}\n     {entry.why}\n")
    return 0


def up(options: argparse.Namespace) -> int:
    """The two UIs of a home, until Ctrl-C."""
    from flows.interfaces import serve_interfaces

    home = resolve_home(Path(options.project) if options.project else Path.cwd() / "project.yaml")
    configure_environment(home)
    with _terminating():
        return serve_interfaces(home, options.prefect_port, options.mlflow_port)


def _run_flow(options: argparse.Namespace, home: Path, server: PrefectServer) -> dict[str, Any]:
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows import pipeline
    from flows.pipeline_run import open_tracking

    # The first question opens the store, a second of imports, while the server is starting.
    open_tracking(home).champion_version("")
    server.wait_until_ready()
    # The heartbeat thread would sleep a second after the flow's end.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        try:
            document = pipeline.run(
                project=str(Path(options.project).resolve()),
                overrides=options.overrides,
                allow_imports=options.allow_imports,
                home=str(home),
            )
        finally:
            _deliver_events()
    return dict(document)


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


@contextlib.contextmanager
def _terminating() -> Iterator[None]:
    """SIGTERM ends a command like Ctrl-C: servers are stopped, the journal is closed."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_summary(record: RunRecord, project: str, home: Path, server: PrefectServer) -> None:
    from flows.publishing import prefect_url
    from tasks.reports import summary_text

    command = "assayline" if shutil.which("assayline") else os.path.relpath(sys.argv[0])
    up = f"{command} up {project}"
    places = {
        "Decision page": record.report or "",
        "MLflow run": record.mlflow_run_id or "",
        "Prefect run": prefect_url(record.prefect_flow_run_id),
    }
    if server.log is not None:  # this command's own server, which is gone by now
        places["Both UIs"] = up
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = min(shutil.get_terminal_size().columns, 110)
    sys.stdout.write(summary_text(record, width, colour, places))
