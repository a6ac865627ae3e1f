"""Flow runs that nobody carries out any more: ended, or given back to be done.

Guarantees: a run whose recorded process is gone is crashed in Prefect, which frees its slot; a run
that a worker took and that no process began is scheduled again; a run that a process still works
on is left alone, whoever started it, unless somebody cancelled it.
"""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed, Scheduled

from flows.runs.presence import forget, left_behind
from flows.services.flow_processes import flow_processes
from tasks import moments

_GRACE = datetime.timedelta(seconds=30)
"""From the worker's taking a run to the start of its process."""
_ASKED: set[int] = set()
"""Processes of cancelled runs that were asked to end."""
_GONE = "its process ended without a word (killed, or the machine went down); run it again"


def end_abandoned(home: Path) -> list[str]:
    """Crash the flow runs whose recorded process is gone; returns their ids."""
    gone = left_behind(home)
    if not gone:
        return []
    with get_client(sync_client=True) as client:
        for flow_run in gone:
            with contextlib.suppress(ObjectNotFound):  # of another server, or deleted
                _crash(client, client.read_flow_run(UUID(flow_run)))
            forget(home, flow_run)
    return gone


def recover(home: Path, pool: str) -> list[str]:
    """As `end_abandoned`, and look after the runs that this machine's worker took and lost.

    A run of the pool that is pending without a process is scheduled again; one that is running
    without a process is crashed; one that was cancelled and still has a process, because the
    worker that would have ended it is gone, is ended. Returns the ids of all.
    """
    touched = end_abandoned(home)
    with get_client(sync_client=True) as client:
        taken = [run for run in _taken_runs(client, pool) if _is_settled(run)]
        at_work = dict(flow_processes(home)) if taken else {}
        for run in taken:
            process = at_work.get(str(run.id))
            # Read again: a run may have ended while the processes were looked at.
            if client.read_flow_run(run.id).state_id != run.state_id:
                continue
            if process is None:
                _put_right(client, run)
            elif run.state is not None and run.state.type == StateType.CANCELLING:
                _end(process)
            else:
                continue
            touched.append(str(run.id))
    return touched


def _put_right(client: SyncPrefectClient, run: FlowRun) -> None:
    """Give back a run that no process began; end one whose process is gone."""
    if run.state is not None and run.state.type == StateType.PENDING:
        again: State[None] = Scheduled(
            name="Rescheduled", message="no process began it; its worker had ended"
        )
        client.set_flow_run_state(run.id, again, force=True)
    else:
        _crash(client, run)


def _end(process: psutil.Process) -> None:
    """End a process, and at once where it was asked to before and did not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        if process.pid in _ASKED:
            process.kill()
        else:
            _ASKED.add(process.pid)
            process.terminate()


def _taken_runs(client: SyncPrefectClient, pool: str) -> list[FlowRun]:
    """The runs of the pool that are pending, running or being cancelled."""
    types = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    return client.read_flow_runs(
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types))
        ),
    )


def _is_settled(run: FlowRun) -> bool:
    """Whether the run has been as it is for long enough to have a process, if it ever gets one."""
    if run.state is None or run.state.timestamp is None:
        return False
    return moments.now() - run.state.timestamp > _GRACE


def _crash(client: SyncPrefectClient, run: FlowRun) -> None:
    if run.state is not None and run.state.is_final():
        return
    if run.state is not None and run.state.type == StateType.PAUSED:
        return  # suspended: no process is meant to be there
    ended: State[None] = Crashed(message=_GONE)
    if run.state is not None and run.state.type == StateType.CANCELLING:
        from prefect.states import Cancelled

        ended = Cancelled(message="cancelled; its process had ended")
    client.set_flow_run_state(run.id, ended, force=True)
