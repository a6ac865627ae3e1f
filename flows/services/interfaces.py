"""`assayline up`: the Prefect UI, the MLflow UI and the worker of a home, on loopback.

Guarantees: all processes end with the command, and the command ends with the first of them that
does; an MLflow server that the home uses is named and not started again; no password is on a
command line; other commands on the same home use this Prefect server while it is up, and find it
by `server.json` in the home.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import psutil

from flows.services.server import running_server, start_server
from flows.services.worker import start_worker
from tasks.addresses import is_served, public_address
from tasks.errors import ProjectError, UnavailableError

_PATIENCE = 10.0
"""Seconds for a flow run that is about to suspend or to end: cut off, it would count as crashed."""


def serve_interfaces(home: Path, prefect_port: int, mlflow_port: int) -> int:
    """Start all, print the addresses, and wait for Ctrl-C.

    Raises ProjectError when a port is taken, UnavailableError when a process ends by itself.
    """
    running = running_server(home)
    if running:
        raise ProjectError(f"the home {home} is served already, at {running}; use that one")
    served = is_served(os.environ["MLFLOW_TRACKING_URI"])
    _require_free(prefect_port, "--prefect-port")
    if not served:
        _require_free(mlflow_port, "--mlflow-port")
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        prefect = start_server(home, prefect_port, parent=os.getpid())
        stack.callback(prefect.stop)
        mlflow = None if served else _start_mlflow(home, mlflow_port)
        if mlflow is not None:
            stack.callback(_stop, mlflow)
        prefect.wait_until_ready()
        worker = start_worker(home, prefect.api_url, parent=os.getpid())
        stack.callback(_stop, worker, _PATIENCE)
        record = home / "server.json"
        stack.callback(record.unlink, missing_ok=True)
        record.write_text(json.dumps({"prefect_api": prefect.api_url}), encoding="utf-8")
        sys.stdout.write(
            f"Prefect UI  {prefect.ui_url}\nMLflow UI   {_mlflow_ui(served, mlflow_port)}\n"
            "Ctrl-C stops what was started here, and the worker that asks for signatures.\n"
        )
        sys.stdout.flush()
        names = ("the Prefect server", "the MLflow server", "the worker")
        _wait(dict(zip(names, (prefect.process, mlflow, worker), strict=True)), home)
    return 0


def _wait(processes: Mapping[str, subprocess.Popen[bytes] | None], home: Path) -> NoReturn:
    while True:
        for name, process in processes.items():
            if process is not None and process.poll() is not None:
                raise UnavailableError(
                    f"{name} ended by itself, exit code {process.returncode}; its log is in "
                    f"{home / 'logs'}"
                )
        time.sleep(0.5)


def _require_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ProjectError(f"port {port} is taken; choose another with {option}") from None


def _mlflow_ui(served: bool, port: int) -> str:
    """Where a browser finds MLflow: the server that the home uses, else the one started here."""
    if served:
        return public_address(os.environ["MLFLOW_TRACKING_URI"])
    return f"http://127.0.0.1:{port}"


def _start_mlflow(home: Path, port: int) -> subprocess.Popen[bytes]:
    log = home / "logs" / "mlflow-server.log"
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter, fixed words
            [
                *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
                *("--port", str(port), "--workers", "1"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Job consumers would cost a gigabyte and are not used; uvicorn is found on the PATH.
            env={
                **os.environ,
                # Not as a word of the command, which every user of the machine can list.
                "MLFLOW_BACKEND_STORE_URI": os.environ["MLFLOW_TRACKING_URI"],
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            },
            start_new_session=True,
        )


def _stop(process: subprocess.Popen[bytes], patience: float = 0.0) -> None:
    """End the process and those that it started; these may finish by themselves for a while."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    _, family = psutil.wait_procs(family, timeout=patience)
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.terminate()
    _, left = psutil.wait_procs(family, timeout=10)
    for child in left:
        child.kill()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
