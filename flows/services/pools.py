"""The work pool of a home: whose runs its worker carries out, and how it starts a process."""

from __future__ import annotations

import socket
from hashlib import sha256
from pathlib import Path
from typing import Any

_FLOW_PROCESS = "flows.services.flow_process"


def pool_of(home: Path) -> str:
    """The work pool of a home, its own: a machine's worker cannot carry out another's runs."""
    digest = sha256(f"{socket.gethostname()}:{home}".encode()).hexdigest()[:8]
    return f"assayline-{digest}"


def base_job_template() -> dict[str, Any]:
    """How the pool starts a process; nothing in it can be set by whoever asks for a run.

    There is no `env`: Prefect merges a run's own into one that is there, whatever `variables` say.
    """
    from prefect.utilities.processutils import command_to_string, get_sys_executable

    return {
        "job_configuration": {
            "command": command_to_string([get_sys_executable(), "-P", "-m", _FLOW_PROCESS]),
            "labels": {},
            "name": "{{ name }}",
            "stream_output": True,
            "working_dir": None,
        },
        "variables": {
            "type": "object",
            "properties": {"name": {"type": "string", "description": "name of the process"}},
            "additionalProperties": False,
        },
    }
