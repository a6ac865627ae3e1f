"""`assayline up`: the Prefect UI and the MLflow UI of a home, on the loopback interface.

Guarantees: both processes end with the command; other commands on the same home use this Prefect
server while it is up, and find it by `server.json` in the home.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from flows.server import running_server, start_server
from tasks.errors import ProjectError, UnavailableError


def serve_interfaces(home: Path, prefect_port: int, mlflow_port: int) -> int:
    """Start both, print the addresses, and wait for Ctrl-C.

    Raises ProjectError when a port is taken, UnavailableError when a server ends by itself.
    """
    running = running_server(home)
    if running:
        raise ProjectError(f"the home {home} is served already, at {running}; use that one")
    for port, option in ((prefect_port, "--prefect-port"), (mlflow_port, "--mlflow-port")):
        _require_free(port, option)
    prefect = start_server(home, prefect_port, parent=os.getpid())
    mlflow = _start_mlflow(home, mlflow_port)
    record = home / "server.json"
    try:
        prefect.wait_until_ready()
        record.write_text(json.dumps({"prefect_api": prefect.api_url}), encoding="utf-8")
        sys.stdout.write(
            f"Prefect UI  {prefect.ui_url}\nMLflow UI   http://127.0.0.1:{mlflow_port}\n"
            "Ctrl-C stops both.\n"
        )
        sys.stdout.flush()
        while prefect.process and prefect.process.poll() is None and mlflow.poll() is None:
            time.sleep(0.5)
        raise UnavailableError(f"a server ended by itself; its log is in {home / 'logs'}")
    except KeyboardInterrupt:
        return 0
    finally:
        record.unlink(missing_ok=True)
        prefect.stop()
        _stop(mlflow)


def _require_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ProjectError(f"port {port} is taken; choose another with {option}") from None


def _start_mlflow(home: Path, port: int) -> subprocess.Popen[bytes]:
    log = home / "logs" / "mlflow-server.log"
    tracking = os.environ["MLFLOW_TRACKING_URI"]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter, fixed words
            [
                *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
                *("--port", str(port), "--backend-store-uri", tracking, "--workers", "1"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Job consumers would cost a gigabyte and are not used; uvicorn is found on the PATH.
            env={
                **os.environ,
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            },
            start_new_session=True,
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and those that it started."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.terminate()
    _, left = psutil.wait_procs(family, timeout=10)
    for child in left:
        child.kill()
    process.wait(timeout=10)
