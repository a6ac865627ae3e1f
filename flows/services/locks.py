"""Who may do what in a home at the same time.

Guarantees: one run of a project at a time; nothing is emptied while a run reads it; a lock is the
kernel's, so that it is free as soon as its holder is gone, however that ended. The locks hold on
one machine, or wherever the home's disk keeps `flock` between machines.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tasks.errors import UnavailableError

_PAUSE = 0.2


@contextlib.contextmanager
def using(home: Path) -> Iterator[None]:
    """Keep what lies in the home from being emptied; any number of runs may do so together."""
    with _opened(home / "locks" / "home.lock") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def emptying(home: Path, patience: float = 0.0) -> Iterator[None]:
    """Be the only one in the home. Raises UnavailableError where runs use it for too long."""
    with _opened(home / "locks" / "home.lock") as handle:
        until = time.monotonic() + patience
        while not _taken(handle):
            if time.monotonic() > until:
                raise UnavailableError(
                    f"a run is using {home}, so nothing was deleted there; try again later"
                )
            time.sleep(_PAUSE)
        yield


@contextlib.contextmanager
def project_turn(home: Path, project: str, waiting: Callable[[], bool]) -> Iterator[bool]:
    """Be the only run of a project in this home: True, or False where another one runs.

    While another one does, `waiting` is asked again and again whether to wait on.
    """
    with _opened(home / "locks" / "projects" / f"{project}.lock") as handle:
        taken = _taken(handle)
        while not taken and waiting():
            time.sleep(_PAUSE)
            taken = _taken(handle)
        yield taken


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not inherited: a process that a run started must not keep its turn after it.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)
