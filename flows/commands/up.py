"""`assayline up`: the UIs, the pages, the schedules and the worker of a home, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from flows.commands.interruption import terminating
from flows.runs.surroundings import IMPORTS, ROOTS
from flows.services.home import configure_environment, configured_prefect_api, resolve_home
from tasks.errors import UsageError
from tasks.project.loading import LoadedProject, load_project, require_allowed


def command(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    projects = [load_project(Path(path)) for path in options.projects]
    home = _home(projects)
    projects = projects or _served_before(home)
    for loaded in projects:
        require_allowed(loaded.project, options.allow_imports)
    home.mkdir(parents=True, exist_ok=True)
    configure_environment(home)
    os.environ[IMPORTS] = " ".join(options.allow_imports)
    # Without a project nothing may be read, and not everything.
    if not os.environ.get(ROOTS):
        os.environ[ROOTS] = os.pathsep.join(_roots(projects) or [str(home)])
    from flows.services.interfaces import serve_interfaces
    from flows.services.listening import Addresses
    from tasks.addresses import is_served

    uri = os.environ["MLFLOW_TRACKING_URI"]
    addresses = Addresses(
        host=options.host,
        prefect=options.prefect_port,
        mlflow=options.mlflow_port,
        pages=options.pages_port,
        other_prefect=configured_prefect_api(),
        other_mlflow=uri if is_served(uri) else None,
    )
    with terminating():
        return serve_interfaces(home, addresses, projects, options.limit, options.prune_minutes)


def _home(projects: list[LoadedProject]) -> Path:
    """The one home of the projects, or of this folder."""
    homes = {resolve_home(loaded.path): loaded.path for loaded in projects}
    if len(homes) > 1:
        (one, path), (other, another) = list(homes.items())[:2]
        raise UsageError(
            f"{path} has its home in {one} and {another} in {other}; name the one for both in "
            "ASSAYLINE_HOME, or start one 'up' for each, with ports of its own"
        )
    return next(iter(homes), None) or resolve_home(Path.cwd() / "project.yaml")


def _served_before(home: Path) -> list[LoadedProject]:
    """The projects of the home's last `up`. Raises UsageError where a file is away."""
    try:
        record = json.loads((home / "deployed.json").read_text(encoding="utf-8"))
        found = [Path(path) for path in record["projects"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [load_project(path) for path in found]


def _roots(projects: list[LoadedProject]) -> list[str]:
    """The folders that runs may read: those of the projects, and of their data."""
    folders = {str(loaded.path.parent) for loaded in projects}
    return sorted(folders | {str(loaded.source_path.parent) for loaded in projects})
