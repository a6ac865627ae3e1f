"""The Prefect server of a command: the configured one, one that is up, or one of its own.

Guarantees: a server that a command started is stopped when the command ends, and stops by itself
when the command is killed; it listens on the loopback interface only; its database lies in the
home, so that the runs are there when the UI is opened later.

Why one server a command and none kept: a warm database is ready in about the time that the
command needs to import its own libraries, and starts on the other core. Keeping a server for later
would save the unchanged run little and leave a process of 200 MB behind.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from flows.exit_codes import UNAVAILABLE
from flows.runs.presence import Process
from flows.services.database import is_own, prepare_database, require_apart
from flows.services.home import configured_prefect_api
from flows.services.templates import copy_template, is_as_template
from tasks.addresses import MLFLOW_UI, public_address
from tasks.errors import UnavailableError

UP_URL = "http://127.0.0.1:4200"
_START_SECONDS = 120.0
_LEAST_FREE = 1_000_000
_ANSWER_SECONDS = 10.0
_BRIEF = "brief"
_TOLD = "assayline: "
"""How a line of the log begins that says why the server ended."""


@dataclass
class PrefectServer:
    """A Prefect API; `process` is set when this command started it."""

    api_url: str
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def ui_url(self) -> str:
        """Where a browser finds the UI."""
        return public_address(self.api_url).removesuffix("/api")

    def wait_until_ready(self, patience: float = _ANSWER_SECONDS) -> None:
        """Return when the API answers; of a server that this did not start, within `patience`.

        Raises UnavailableError when it does not in time, or its process ends.
        """
        limit = _START_SECONDS if self.process else patience
        while not self.answers():
            if self.process and self.process.poll() is not None:
                raise UnavailableError(_why_it_ended(self.log, self.process.returncode))
            if time.monotonic() - self.started > limit:
                raise UnavailableError(
                    f"no Prefect server answers at {public_address(self.api_url)}; start it, or "
                    "unset PREFECT_API_URL to let this command bring its own"
                )
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether it is up.

        Raises UnavailableError where it asks for a password that this process does not have.
        """
        if not answers(f"{self.api_url}/health"):
            return False
        if _status(f"{self.api_url}/admin/version") == HTTPStatus.UNAUTHORIZED:
            raise UnavailableError(
                f"the Prefect server at {public_address(self.api_url)} asks for a password; set "
                "PREFECT_API_AUTH_STRING to user:password"
            )
        return True

    def stop(self) -> None:
        """End the process if this command started it."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def open_server(home: Path) -> PrefectServer:
    """The server to use; where none is configured or up, one that is starting now.

    Sets `PREFECT_API_URL`, so call it before Prefect is imported; for a server of its own also
    `PREFECT_UI_URL`, to where `assayline up` will show the run when that server is gone.
    """
    url = configured_prefect_api() or running_server(home)
    if url is None:
        server = start_server(home, free_port(), parent=os.getpid(), brief=True)
        os.environ.setdefault("PREFECT_UI_URL", UP_URL)
    else:
        server = PrefectServer(api_url=url)
    os.environ["PREFECT_API_URL"] = server.api_url
    mlflow = served(home).get("mlflow")
    if mlflow is not None:
        os.environ[MLFLOW_UI] = mlflow
    return server


def running_server(home: Path) -> str | None:
    """The API of the server that `assayline up` runs on this home; None where none is up.

    A server that is being started again is up: who asks waits for it.
    """
    return served(home).get("prefect_api")


def served(home: Path) -> dict[str, str]:
    """The addresses of what `assayline up` serves on this home: prefect_api, mlflow, pages."""
    try:
        record = json.loads((home / "server.json").read_text(encoding="utf-8"))
        alive = Process(**record["process"]).alive()
        return {name: str(url) for name, url in record["addresses"].items()} if alive else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def start_server(home: Path, port: int, parent: int, *, brief: bool = False) -> PrefectServer:
    """Start a server process on the loopback interface that ends when the process `parent` does.

    A `brief` one, for the runs of one command, has neither UI nor schedules nor types of blocks:
    its start takes a third less of the processor.
    """
    process = start_process(home, port, parent, "127.0.0.1", brief=brief)
    log = home / "logs" / "prefect-server.log"
    return PrefectServer(api_url=f"http://127.0.0.1:{port}/api", process=process, log=log)


def start_process(
    home: Path, port: int, parent: int, host: str, *, brief: bool = False
) -> subprocess.Popen[bytes]:
    """The process of a Prefect server that listens on `host`."""
    require_apart()
    for folder in (home / "prefect", home / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
    lean = {"PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false"} if brief else {}
    if is_own():
        database = home / "prefect" / "prefect.db"
        copy_template("prefect", database)
        if is_as_template("prefect", database):
            lean["PREFECT_SERVER_DATABASE_MIGRATE_ON_START"] = "false"
    return spawn_module(
        "flows.services.server",
        (host, port, parent, *([_BRIEF] if brief else [])),
        home / "logs" / "prefect-server.log",
        {
            **os.environ,
            **lean,
            "PREFECT_HOME": str(home / "prefect"),
            # The UI asks the API that it is told; behind a proxy the user says which that is.
            "PREFECT_SERVER_UI_API_URL": os.environ.get(
                "PREFECT_SERVER_UI_API_URL", f"{browser_address(host, port)}/api"
            ),
            "PREFECT_UI_URL": os.environ.get("PREFECT_UI_URL", browser_address(host, port)),
            # What goes wrong in it is in its log, not on the terminal.
            "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
        },
    )


def spawn_module(
    name: str, words: Sequence[object], log: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a module of ours as a process that writes to a log.

    A Ctrl-C is for the command that starts it, and which then stops it itself.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own module, our own interpreter
            own_module(name, *words),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            start_new_session=True,
        )


def own_module(name: str, *words: object) -> list[str]:
    """The command of a module of ours; modules that lie in the working folder are not imported."""
    return [sys.executable, "-P", "-m", name, *map(str, words)]


def browser_address(host: str, port: int) -> str:
    """Where a browser finds what listens on a host and a port."""
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return f"http://{socket.gethostname() if everywhere else host}:{port}"


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def exit_with(parent: int) -> None:
    """End this process soon after its parent ended, however that happened."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def _why_it_ended(log: Path | None, code: int) -> str:
    if log is not None and shutil.disk_usage(log.parent).free < _LEAST_FREE:
        return f"the disk is full at {log.parent.parent}; free space and run again"
    if log is not None and code == UNAVAILABLE:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()
        sentences = [line.removeprefix(_TOLD) for line in said if line.startswith(_TOLD)]
        if sentences:
            return sentences[-1]
    return f"the Prefect server did not start; its log is {log}"


def answers(url: str) -> bool:
    """Whether an address answers that all is well."""
    return _status(url) == HTTPStatus.OK


def _status(url: str) -> int | None:
    auth = os.environ.get("PREFECT_API_AUTH_STRING", "")
    headers = {"Authorization": f"Basic {b64encode(auth.encode()).decode()}"} if auth else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own servers
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return int(refusal.code)
    except (urllib.error.URLError, OSError, ValueError):
        return None


def _serve(host: str, port: int, parent: int, *, brief: bool) -> None:
    threading.Thread(target=exit_with, args=(parent,), daemon=True).start()
    # A fifth of the start would be the search for garbage in what stays until the end.
    gc.disable()
    import uvicorn
    from prefect.server.api.server import create_app

    from flows.services.own_machine import OwnMachineOnly, is_loopback

    try:
        prepare_database()
    except UnavailableError as failure:
        sys.stderr.write(f"{_TOLD}{failure}\n")
        sys.exit(UNAVAILABLE)
    app = create_app(ephemeral=brief)
    gc.freeze()
    gc.enable()
    is_open = is_loopback(host) and not os.environ.get("PREFECT_SERVER_API_AUTH_STRING")
    served = OwnMachineOnly(app) if is_open else app
    uvicorn.run(served, host=host, port=port, log_level="warning")


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), brief=_BRIEF in sys.argv[4:])
