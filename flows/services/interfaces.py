"""`assayline up`: both UIs, the pages, the worker and the schedules of a home.

Guarantees: what dies is started again; all ends with the command, runs in hand included; servers
that are there already are used and not started again; nothing listens beyond this machine unless a
password is configured; no password is on a command line; other commands on the same home use this
Prefect server while it is up, and find it by `server.json` in the home.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from flows.services.flow_processes import flow_processes
from flows.services.listening import (
    EVERYWHERE,
    Addresses,
    only_one,
    require_free,
    require_password,
    write_record,
)
from flows.services.logs import open_logs
from flows.services.metrics import ServiceState
from flows.services.mlflow_server import AUTH, start_mlflow
from flows.services.pages import serve_pages
from flows.services.server import (
    PrefectServer,
    answers,
    spawn_module,
    start_process,
)
from flows.services.supervisor import Chore, Service, follow
from flows.services.worker import ALIVE, DEPLOYED, start_worker
from tasks.addresses import public_text
from tasks.errors import UnavailableError
from tasks.project.loading import LoadedProject

_PATIENCE = 10.0
"""Seconds for a flow run that is about to suspend or to end: cut off, it would count as crashed."""
_START_SECONDS = 120.0
_WORKER_SILENCE = 120.0


def serve_interfaces(
    home: Path,
    addresses: Addresses,
    projects: Sequence[LoadedProject],
    limit: int,
    prune_minutes: float,
) -> int:
    """Start all, print the addresses, and keep all alive until Ctrl-C.

    `limit` runs are at work at the same time; every `prune_minutes` old ones are pruned.

    Raises ProjectFileError when a port is taken, the home is served already, or other machines
    could reach it without a password; UnavailableError when something does not start.
    """
    require_password(addresses.host)
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        stack.enter_context(only_one(home))
        require_free(addresses.host, addresses.own_ports())
        services = _services(home, addresses, [loaded.path for loaded in projects], limit)
        _begin(services, home, stack)
        pages = serve_pages(
            home,
            addresses.host,
            addresses.pages,
            lambda: [ServiceState(one.name, one.alive, one.restarts) for one in services],
            os.environ.get(AUTH),
        )
        stack.callback(pages.stop)
        stack.callback((home / "server.json").unlink, missing_ok=True)
        write_record(home, addresses)
        _announce(home, addresses)
        prune = Chore("prune", lambda: _start_prune(home), every=prune_minutes * 60)
        stack.callback(prune.end)
        follow([*services, prune], lambda sentence: _tell(sentence, home))
    return 0


def _services(
    home: Path, addresses: Addresses, projects: Sequence[Path], limit: int
) -> list[Service]:
    """What is started, in the order in which one needs the other."""
    host, parent = addresses.host, os.getpid()
    prefect = PrefectServer(addresses.prefect_api)
    mlflow_host = "127.0.0.1" if host in EVERYWHERE else host
    own = {
        "Prefect server": Service(
            "Prefect server",
            lambda: start_process(home, addresses.prefect, parent, host),
            prefect.answers,
        ),
        "MLflow server": Service(
            "MLflow server",
            lambda: start_mlflow(home, host, addresses.mlflow, parent),
            lambda: answers(f"http://{mlflow_host}:{addresses.mlflow}/health"),
        ),
    }
    if addresses.other_prefect is not None:
        prefect.wait_until_ready()
        del own["Prefect server"]
    if addresses.other_mlflow is not None:
        del own["MLflow server"]
    worker = Service(
        "worker",
        lambda: start_worker(home, addresses.variables(), parent, projects, limit),
        lambda: _polls(home),
        tolerance=_WORKER_SILENCE,
        patience=_PATIENCE,
    )
    return [*own.values(), worker]


def _begin(services: Sequence[Service], home: Path, stack: contextlib.ExitStack) -> None:
    """Start the services, and return when each does its work.

    Raises UnavailableError for one that ends or does not get there.
    """
    (home / ALIVE).unlink(missing_ok=True)
    for service in services[:-1]:  # side by side: a start is mostly imports
        stack.callback(service.end)
        service.begin()
    for service in services:
        if service is services[-1]:  # the worker, which needs the others
            stack.callback(_end_runs, home)
            stack.callback(service.end)
            service.begin()
        until = time.monotonic() + _START_SECONDS
        while not service.healthy():
            if not service.alive or time.monotonic() > until:
                raise UnavailableError(_why_it_failed(service.name, home))
            time.sleep(0.1)


def _start_prune(home: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "ASSAYLINE_HOME": str(home)}
    return spawn_module("flows.cli", ("prune",), home / "logs" / "prune.log", environment)


def _why_it_failed(name: str, home: Path) -> str:
    log = home / "logs" / f"{name.lower().replace(' ', '-')}.log"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    lines = [line for line in lines if not line[0].isspace()]  # what a failure says is not indented
    last = public_text(lines[-1], *_secret_addresses()) if lines else "it said nothing"
    return f"the {name} did not start: {last[:300]} (its log is {log})"


def _secret_addresses() -> list[str]:
    return [value for name, value in os.environ.items() if name.endswith(("_URI", "_URL"))]


def _polls(home: Path) -> bool:
    """Whether the worker has asked for work lately."""
    try:
        return time.time() - (home / ALIVE).stat().st_mtime < _WORKER_SILENCE
    except FileNotFoundError:
        return False


def _end_runs(home: Path) -> None:
    """End the runs that outlived their worker, as it would have."""
    left = [process for _, process in flow_processes(home)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(left, timeout=_PATIENCE)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _announce(home: Path, addresses: Addresses) -> None:
    shown = addresses.shown()
    lines = [
        f"Prefect UI  {shown['prefect']}",
        f"MLflow UI   {shown['mlflow']}",
        f"Pages       {shown['pages']}",
        *_deployed(home, shown["prefect"]),
        "Ctrl-C stops what was started here, and the runs that are at work.",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _deployed(home: Path, prefect: str) -> Iterator[str]:
    """A line a project: what the worker made of it."""
    record = json.loads((home / DEPLOYED).read_text(encoding="utf-8"))
    for path, found in record["projects"].items():
        if found["problem"] is not None:
            yield f"Not deployed: {path}: {found['problem']}"
        else:
            link = f"{prefect}/deployments/deployment/{found['deployment']}"
            yield f"Project     {found['name']}, {found['runs']}: {link}"
            if found["missing"] is not None:
                yield f"            {found['missing']}"
    for name in record["removed"]:
        yield f"Project     {name} is not served any more: its deployment is gone, its runs stay"


def _tell(sentence: str, home: Path) -> None:
    with contextlib.suppress(OSError):  # a terminal that is gone, a file on a full disk
        sys.stderr.write(f"assayline: {time.strftime('%Y-%m-%d %H:%M:%S')} {sentence}\n")
        sys.stderr.flush()
    open_logs(home).warning(sentence, extra={"event": "service"})
