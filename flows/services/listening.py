"""Where `assayline up` listens, and whether it may.

Guarantees: nothing listens beyond this machine unless a password is configured; a home is served
once; a port that is taken is named with the option that chooses another.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.runs.presence import Process
from flows.services.mlflow_server import AUTH
from flows.services.server import browser_address, running_server
from tasks.addresses import MLFLOW_UI, public_address
from tasks.atomic import write_json
from tasks.errors import UsageError

EVERYWHERE = ("0.0.0.0",)  # noqa: S104 - compared, not bound
_LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Addresses:
    """Where `up` listens: the interface, and a port each; servers that are there already."""

    host: str
    prefect: int
    mlflow: int
    pages: int
    other_prefect: str | None = None
    other_mlflow: str | None = None

    @property
    def prefect_api(self) -> str:
        """The Prefect API, as programs of this machine reach it."""
        if self.other_prefect is not None:
            return self.other_prefect
        host = "127.0.0.1" if self.host in EVERYWHERE else self.host
        return f"http://{host}:{self.prefect}/api"

    def shown(self) -> dict[str, str]:
        """Where a browser finds each."""
        prefect, mlflow, pages = (
            browser_address(self.host, port) for port in (self.prefect, self.mlflow, self.pages)
        )
        if self.other_prefect is not None:
            prefect = public_address(self.other_prefect).removesuffix("/api")
        if self.other_mlflow is not None:
            mlflow = public_address(self.other_mlflow)
        return {"prefect": prefect, "mlflow": mlflow, "pages": pages}

    def variables(self) -> dict[str, str]:
        """The variables by which the worker and its runs find the servers."""
        shown = self.shown()
        return {
            "PREFECT_API_URL": self.prefect_api,
            "PREFECT_UI_URL": shown["prefect"],
            MLFLOW_UI: shown["mlflow"],
        }

    def own_ports(self) -> dict[str, int]:
        """The ports that are listened on here, by the option that chooses each."""
        ports = {"--pages-port": self.pages}
        if self.other_prefect is None:
            ports["--prefect-port"] = self.prefect
        if self.other_mlflow is None:
            ports["--mlflow-port"] = self.mlflow
        return ports


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Raise UsageError where another `up` serves the home."""
    place = home / "locks" / "up.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = running_server(home) or "addresses that it is about to print"
            raise UsageError(
                f"the home {home} is served already, at {where}; use that one"
            ) from None
        yield


def require_password(host: str) -> None:
    """Raise UsageError where other machines could come in without a password."""
    name, _, password = os.environ.get(AUTH, "").partition(":")
    if host not in _LOOPBACK and not (name and password):
        raise UsageError(
            f"--host {host} lets other machines in, and no password is configured; set {AUTH} to "
            "user:password, or leave --host out to listen on this machine alone"
        )


def require_free(host: str, ports: Mapping[str, int]) -> None:
    """Raise UsageError for a port, by the option that chooses it, that cannot be listened on."""
    taken: dict[int, str] = {}
    for option, port in ports.items():
        if port in taken:
            raise UsageError(f"{taken[port]} and {option} are both {port}; choose another")
        taken[port] = option
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as failure:
                if failure.errno != errno.EADDRINUSE:
                    raise UsageError(
                        f"--host {host} port {port} cannot be listened on: {failure.strerror}"
                    ) from None
                raise UsageError(f"port {port} is taken; choose another with {option}") from None


def write_record(home: Path, addresses: Addresses) -> None:
    """Leave on record where other commands of the home find what is served, and by whom."""
    shown = {**addresses.shown(), "prefect_api": addresses.prefect_api}
    record = {"addresses": shown, "process": asdict(Process.this())}
    write_json(home / "server.json", record)
