"""The MLflow server of a home: one process, `python -m flows.services.mlflow_server`.

Guarantees: it ends when the command that started it does, however that happened; where a password
is configured, nothing but its health is told without; where none is, only pages that it sent itself
reach it; the database's address is on no command line.
MLflow's own command would start a second process and six job consumers besides.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from flows.exit_codes import UNAVAILABLE
from flows.services.server import browser_address, exit_with, spawn_module
from tasks.errors import UnavailableError

AUTH = "PREFECT_SERVER_API_AUTH_STRING"
"""`user:password`, which guards all that `assayline up` serves."""


def start_mlflow(home: Path, host: str, port: int, parent: int) -> subprocess.Popen[bytes]:
    """Start an MLflow server process on the store of the home."""
    return spawn_module(
        "flows.services.mlflow_server",
        (host, port, parent),
        home / "logs" / "mlflow-server.log",
        {
            **_addressed_as(browser_address(host, port)),
            **os.environ,
            # Not as a word of the command, which every user of the machine can list.
            "_MLFLOW_SERVER_FILE_STORE": os.environ["MLFLOW_TRACKING_URI"],
            "_MLFLOW_SERVER_REGISTRY_STORE": os.environ["MLFLOW_TRACKING_URI"],
            "_MLFLOW_SERVER_ARTIFACT_ROOT": (home / "mlflow-artifacts").as_uri(),
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": (home / "mlflow-artifacts").as_uri(),
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_SGI_NAME": "uvicorn",
            # Job consumers would cost a gigabyte and are not used.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        },
    )


def _addressed_as(address: str) -> dict[str, str]:
    """How MLflow may be asked: by the address that is shown, and from this machine.

    By itself it refuses other names than localhost, and what a page at another one sends.
    """
    here = ("localhost", "127.0.0.1")
    names = [address.removeprefix("http://"), *here, *(f"{name}:*" for name in here)]
    return {
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(names),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": address,
    }


def _serve(host: str, port: int, parent: int) -> None:
    threading.Thread(target=exit_with, args=(parent,), daemon=True).start()
    import uvicorn
    from mlflow.server.fastapi_app import app

    from flows.services.own_machine import OwnMachineOnly, PasswordOnly, is_loopback
    from tasks.tracking.database import open_client

    try:  # MLflow alone would try for minutes, and make tables while others do
        open_client(os.environ["MLFLOW_TRACKING_URI"])
    except UnavailableError as failure:
        sys.stderr.write(f"assayline: {failure}\n")
        sys.exit(UNAVAILABLE)
    auth = os.environ.get(AUTH)
    served = PasswordOnly(app, auth) if auth else OwnMachineOnly(app) if is_loopback(host) else app
    uvicorn.run(served, host=host, port=port, log_level="warning")


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
