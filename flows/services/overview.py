"""What the overview of a home shows: its services, and the newest run of each project.

Guarantees: an address that is shown has no password and is one of http; a decision page is linked
only while it is there.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.runs.journal import Journal
from flows.services.metrics import ServiceState
from flows.services.run_facts import EndedRun, RunReader, began_at
from tasks.addresses import public_address
from tasks.errors import UnavailableError
from tasks.moments import timestamp
from tasks.run_folder import RunFolder

if TYPE_CHECKING:
    from tasks.reports.home_page import ShownProject


def overview(home: Path, runs: RunReader, services: Sequence[ServiceState]) -> str:
    """The overview as an HTML document."""
    # Not before somebody looks: the reports bring pandas along.
    from tasks.reports.home_page import ShownService, render_home

    facts = runs.read()
    names = sorted({*facts.newest, *facts.running})
    return render_home(
        [ShownService(one.name, one.alive, one.restarts) for one in services],
        [_project(home, name, facts.newest.get(name), facts.running.get(name)) for name in names],
        links=_links(home),
        now=timestamp(),
    )


def _project(
    home: Path, name: str, ended: EndedRun | None, running: Journal | None
) -> ShownProject:
    from tasks.reports.home_page import ShownProject

    under_way = running is not None and running.alive()
    since = began_at(running.run_id).isoformat() if running and under_way else None
    if ended is None:
        return ShownProject(name=name, running=since)
    has_page = find_page(home, ended.run_id) is not None
    return ShownProject(
        name=name,
        run_id=ended.run_id,
        result=ended.result,
        exit_code=ended.exit_code,
        sentence=ended.sentence,
        when=ended.when.isoformat(timespec="seconds"),
        page=f"/runs/{ended.run_id}" if has_page else None,
        running=since,
    )


def find_page(home: Path, run_id: str) -> Path | None:
    """The decision page of a run of this home; None for all that is not one, links included."""
    folder = RunFolder((home / "runs").resolve() / run_id)
    if folder.page.resolve() != folder.page or not folder.page.is_file():
        return None
    with contextlib.suppress(UnavailableError):
        return folder.page if (folder.journal() or {}).get("run_id") == run_id else None
    return None


def _links(home: Path) -> dict[str, str]:
    """The UIs of the servers that `assayline up` runs or uses, and the metrics."""
    try:
        up = json.loads((home / "server.json").read_text(encoding="utf-8"))["addresses"]
        known = {"Prefect UI": str(up["prefect"]), "MLflow UI": str(up["mlflow"])}
    except (OSError, ValueError, KeyError, TypeError):
        known = {}
    shown = {
        name: public_address(address)
        for name, address in known.items()
        if address.startswith(("http://", "https://"))
    }
    return {**shown, "Metrics": "/metrics"}
