"""Asking for signatures: one flow run with a form for each run that waits.

Guarantees: a run that waits has one open form, where a server serves the approval deployment; a
form that was lost with its process, or that nothing could serve when the run ended, is made when
the worker starts. A form is a convenience: where there is none, `assayline approve` signs.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from flows.runs import progress
from flows.runs.artifacts import prefect_url
from flows.services.flow_processes import flow_processes
from flows.services.pools import pool_of
from tasks.errors import UserError
from tasks.ledger import mirrored
from tasks.ledger_entries import StoredEntry, chained, waiting
from tasks.run_folder import RunFolder

FLOW = "assayline-approval"


def start_approval(run_id: str, home: Path, project: str) -> str | None:
    """Ask for the signature of a run that waits; returns the address of its one open form.

    None where the API serves no approval deployment, and where the form cannot be made, which is
    said and fails nothing.
    """
    try:
        with get_client(sync_client=True) as client:
            return prefect_url(_open_form(client, run_id, home, project))
    except ObjectNotFound:
        return None
    except Exception as failure:
        progress.active().say(
            f"no form for the signature in the Prefect UI ({type(failure).__name__}); "
            "'assayline approve' works without"
        )
        return None


def ask_again(home: Path) -> None:
    """Ask for every signature that the home's ledgers wait for, when its worker starts.

    The mirrors are enough: a form whose run was settled elsewhere closes by itself. A mirror that
    cannot be read is told on standard error and passed over.
    """
    with get_client(sync_client=True) as client:
        _end_orphans(client, home)
    for mirror in sorted((home / "ledger").glob("*.jsonl")):
        try:
            _ask_for(mirror, home)
        except (UserError, OSError, ValueError) as failure:
            # One project that is damaged must not end the worker that serves all of them.
            sys.stderr.write(f"no form for a signature of {mirror.stem} was made: {failure}\n")


def _ask_for(mirror: Path, home: Path) -> None:
    texts = [StoredEntry(n, text, False) for n, text in enumerate(mirrored(mirror), 1)]
    pending = waiting([entry for entry, _ in chained(mirror.stem, texts)])
    if pending is not None and RunFolder.of(home, pending.run_id).page.is_file():
        start_approval(pending.run_id, home, mirror.stem)


def _open_form(client: SyncPrefectClient, run_id: str, home: Path, project: str) -> str:
    """The id of the flow run that asks; a new one where the last has ended without an answer."""
    deployment = client.read_deployment_by_name(f"{FLOW}/{pool_of(home)}")
    for attempt in itertools.count(1):
        made = client.create_flow_run_from_deployment(
            deployment.id,
            parameters={"run_id": run_id, "home": str(home)},
            name=f"{project}/{run_id}",
            tags=["assayline", f"project:{project}"],
            idempotency_key=f"{run_id}/{attempt}",
        )
        if made.state is None or not made.state.is_final():
            break
    return str(made.id)


def _end_orphans(client: SyncPrefectClient, home: Path) -> None:
    """End the home's forms whose process was killed: nobody else will say so in time."""
    states = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
    found = client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=states)),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool_of(home)])),
    )
    at_work = {flow_run for flow_run, _ in flow_processes(home)} if found else set()
    for orphan in found:
        if str(orphan.id) in at_work:
            continue
        ended: State[Any] = Crashed(
            message="its process ended with its worker; another form asks instead"
        )
        client.set_flow_run_state(orphan.id, ended, force=True)
