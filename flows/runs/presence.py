"""Which process carries out which flow run, so that a run whose process is gone can be ended.

Guarantees: the record is there before the flow run does anything, and is gone once it has ended by
itself; what is left belongs to a process that was killed, told by host, process number and the
time it started (numbers are given out again).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tasks.atomic import write_json

_FOLDER = "present"


@dataclass(frozen=True)
class Process:
    """A process of a machine, never to be mistaken for a later one of the same number.

    `started` is in seconds after the machine's start: the time of day may be set meanwhile.
    """

    host: str
    pid: int
    started: float

    @classmethod
    def this(cls) -> Process:
        """The process that asks."""
        return cls(socket.gethostname(), os.getpid(), _started(psutil.Process()))

    def alive(self) -> bool:
        """Whether it still runs. One of another machine cannot be checked and counts as alive."""
        if self.host != socket.gethostname():
            return True
        try:
            found = psutil.Process(self.pid)
            gone = found.status() == psutil.STATUS_ZOMBIE
            return not gone and abs(_started(found) - self.started) < 1
        except psutil.NoSuchProcess:
            return False


def _started(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()


@contextlib.contextmanager
def present(home: Path, flow_run: str) -> Iterator[None]:
    """Leave on record that this process carries out the flow run, until it has ended."""
    place = home / _FOLDER / f"{flow_run}.json"
    write_json(place, asdict(Process.this()))
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def left_behind(home: Path) -> list[str]:
    """The flow runs whose process is gone, by their ids."""
    return [run for run, process in _recorded(home) if not process.alive()]


def forget(home: Path, flow_run: str) -> None:
    """Take the record away, once the flow run has been ended."""
    (home / _FOLDER / f"{flow_run}.json").unlink(missing_ok=True)


def _recorded(home: Path) -> Iterator[tuple[str, Process]]:
    for place in sorted((home / _FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError):
            yield place.stem, Process(**json.loads(place.read_text(encoding="utf-8")))
