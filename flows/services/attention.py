"""What the worker looks after besides the runs: lost runs, new data, notifications, its own life.

Guarantees: nothing that fails here ends the worker, it is told in the worker's log and tried again;
`worker.alive` in the home is touched as long as the worker polls, so that its supervisor sees one
that hangs.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prefect.client.orchestration import get_client
from prefect.events import Event, Resource

from flows.services.abandoned import recover
from flows.services.arrivals import Content, Watched, watched
from flows.services.deployments import DATA_ARRIVED, resource_of
from flows.services.notifications import put_notifications
from flows.services.worker import ALIVE
from tasks.errors import UserError
from tasks.project import load_project
from tasks.project.loading import LoadedProject

if TYPE_CHECKING:
    from prefect.workers.process import ProcessWorker

_LOOK = 2.0
"""Seconds between looks at source files; a file is settled after two."""
_RECOVER = 10.0
_NOTIFY = 30.0


def attend(home: Path, pool: str, projects: Sequence[Path], worker: ProcessWorker) -> None:
    """Look after all of it, for as long as the process lives."""
    loaded = _load(projects)
    sources = [
        watched(one.project.name, one.source_path, home)
        for one in loaded
        if one.project.schedule is not None and one.project.schedule.on_new_data
    ]
    rounds = (
        _Round(_LOOK, lambda: _look(sources)),
        _Round(_RECOVER, lambda: _recover(home, pool)),
        _Round(_NOTIFY, lambda: _notify(loaded)),
    )
    # Apart from the others: the content of a large file takes minutes to read.
    touching = _Round(_LOOK, lambda: _touch(home / ALIVE, worker))
    threading.Thread(target=_again_and_again, args=((touching,),), daemon=True).start()
    _again_and_again(rounds)


def _again_and_again(rounds: Sequence[_Round]) -> None:
    while True:
        for one in rounds:
            one.turn()
        time.sleep(0.5)


class _Round:
    """Something done again and again; what it fails by is told once, until it is another."""

    def __init__(self, every: float, what: Callable[[], None]) -> None:
        self._every, self._what = every, what
        self._next = 0.0
        self._failure = ""

    def turn(self) -> None:
        """Do it, if it is time."""
        if time.monotonic() < self._next:
            return
        failure = ""
        try:
            self._what()
        except Exception as reason:
            # Whatever the server or the disk say: the next round may be better.
            failure = f"{type(reason).__name__}: {reason}"
            if failure != self._failure:
                with contextlib.suppress(OSError):  # the log may lie on the disk that is full
                    sys.stderr.write(f"{failure}\n")
        self._failure = failure
        self._next = time.monotonic() + self._every


def _load(projects: Sequence[Path]) -> list[LoadedProject]:
    found = []
    for path in projects:
        try:
            found.append(load_project(path))
        except UserError as failure:
            sys.stderr.write(f"{path} is not watched: {failure}\n")
    return found


def _look(sources: Sequence[Watched]) -> None:
    for source in sources:
        source.look(_tell)


def _tell(source: Watched, content: Content) -> None:
    """Emit the event; raises where the server did not take it, so that it is told again."""
    event = Event(
        event=DATA_ARRIVED,
        resource=Resource({"prefect.resource.id": resource_of(source.project)}),
        payload={"path": str(source.path), "bytes": content.size, "sha256": content.sha256},
    )
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")])


def _recover(home: Path, pool: str) -> None:
    for flow_run in recover(home, pool):
        sys.stderr.write(f"flow run {flow_run} had no process any more; it was put right\n")


def _notify(projects: Sequence[LoadedProject]) -> None:
    """See to it that each project's webhook is called: a block may be made, or made again."""
    with get_client(sync_client=True) as client:
        missing = [put_notifications(client, one.project) for one in projects]
    told = [sentence for sentence in missing if sentence is not None]
    if told:
        raise UserError(" ".join(told))


def _touch(place: Path, worker: ProcessWorker) -> None:
    if worker.is_worker_still_polling(query_interval_seconds=2):
        place.touch()
