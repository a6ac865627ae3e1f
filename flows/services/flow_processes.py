"""The processes of this machine that a worker started for flow runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil

_FLOW_RUN = "PREFECT__FLOW_RUN_ID"
"""The variable by which a worker tells a process which flow run it carries out."""


def flow_processes(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The flow runs that processes of this home carry out, by their ids.

    A process whose environment cannot be read (another user's) is none of this home's.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError, ValueError):
            variables = process.environ()
            named = variables.get(_FLOW_RUN)
            own = variables.get("ASSAYLINE_HOME") == str(home)
            if named and own and process.status() != psutil.STATUS_ZOMBIE:
                yield str(UUID(named)), process
