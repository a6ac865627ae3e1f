"""The pages that `assayline up` serves: metrics, health, the decision pages, an overview.

Guarantees: only GET and HEAD; of a run nothing but its decision page, and no other file of any
folder; every answer forbids to be framed, kept, or to load anything from elsewhere; without a
password only a browser that asked for this machine is answered, whatever name leads here; with
one, everything but the health needs it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import json
import re
import socket
import socketserver
import sys
import threading
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client.exposition import choose_encoder

from flows.services.logs import open_logs
from flows.services.metrics import Services, metrics_registry
from flows.services.overview import find_page, overview
from flows.services.run_facts import RunReader
from tasks.errors import ProjectError

_RUN = re.compile(r"/runs/(\d{8}T\d{6}-[0-9a-f]{6})")
_SECONDS = 30.0
"""How long a browser may take to ask, before it is hung up on."""
_PAUSE = 0.2
"""How often the thread looks whether it has to stop, in seconds."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"


class PagesServer(ThreadingHTTPServer):
    """The server of a home's pages, in a thread of this process."""

    daemon_threads = True
    # A second server on the same port would take half of the requests.
    allow_reuse_port = False

    def __init__(
        self, home: Path, host: str, port: int, services: Services, auth: str | None
    ) -> None:
        self.home = home
        self.host = host
        self.services = services
        self.auth = auth
        self.runs = RunReader(home)
        self.registry = metrics_registry(self.runs, services)
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_PAUSE,), name="pages", daemon=True
        )

    @property
    def address(self) -> str:
        """Where a browser finds the overview, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_address[1]}"

    def server_bind(self) -> None:
        """Bind without asking a name server what this machine is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.host, int(self.server_address[1])

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; returns once the port is free."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hung up is nobody's error; any other goes to the log, not to a person."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            open_logs(self.home).exception("a page could not be served")


def serve_pages(
    home: Path, host: str, port: int, services: Services, auth: str | None
) -> PagesServer:
    """Serve the pages of a home until they are stopped. `auth` is `user:password`.

    Raises ProjectError when the address cannot be served at, and without a password when others
    than this machine could ask.
    """
    if auth is not None and not re.fullmatch(r"[^:]+:.+", auth):
        raise ProjectError("the password of the pages is not written as user:password")
    if auth is None and host != "localhost" and not _is_loopback(host):
        raise ProjectError(
            f"the pages would be open to all who reach {host}; set PREFECT_SERVER_API_AUTH_STRING "
            "to user:password, or serve them at 127.0.0.1"
        )
    try:
        server = PagesServer(home, host, port, services, auth)
    except OSError as failure:
        raise ProjectError(
            f"the pages cannot be served at {host}:{port} ({failure.strerror}); choose another "
            "port with --pages-port"
        ) from None
    server.start()
    return server


class _Handler(BaseHTTPRequestHandler):
    server: PagesServer
    timeout = _SECONDS

    def do_GET(self) -> None:
        """Answer a browser, or Prometheus."""
        path = self.path.partition("?")[0]
        try:
            if path == "/health":
                self._health()
            elif not self._is_for_this_machine():
                self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this server has another name")
            elif not self._may_read():
                self._refuse(HTTPStatus.UNAUTHORIZED, "user name and password, please")
            elif path == "/metrics":
                self._metrics()
            elif path == "/":
                page = overview(self.server.home, self.server.runs, self.server.services())
                self._answer(HTTPStatus.OK, _HTML, page.encode())
            else:
                self._decision_page(path)
        except (ConnectionError, TimeoutError):
            raise  # nobody is there to be told
        except Exception:
            open_logs(self.server.home).exception("%s could not be served", path)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "the log of the home says why")

    do_HEAD = do_GET  # noqa: N815 - `_answer` leaves out the body

    def _health(self) -> None:
        services = self.server.services()
        healthy = all(service.alive for service in services)
        body = {"healthy": healthy, "services": [asdict(service) for service in services]}
        status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, _JSON, json.dumps(body).encode())

    def _metrics(self) -> None:
        encoder, kind = choose_encoder(self.headers.get("Accept", ""))
        self._answer(HTTPStatus.OK, kind, encoder(self.server.registry))

    def _decision_page(self, path: str) -> None:
        asked = _RUN.fullmatch(path)
        page = find_page(self.server.home, asked[1]) if asked else None
        try:
            body = page.read_bytes() if page else None
        except FileNotFoundError:  # retention was faster
            body = None
        if body is None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")
        else:
            self._answer(HTTPStatus.OK, _HTML, body)

    def _is_for_this_machine(self) -> bool:
        """Whether the browser asked for this machine by its own name, where no password is set.

        A page from elsewhere can have its own name lead to this machine, and then read the answers.
        """
        if self.server.auth is not None:
            return True
        name = re.sub(r":\d*$", "", self.headers.get("Host", "")).strip("[]").lower()
        return name in ("localhost", self.server.host.lower()) or _is_loopback(name)

    def _may_read(self) -> bool:
        if self.server.auth is None:
            return True
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        try:
            words = base64.b64decode(given.strip(), validate=True)
        except (binascii.Error, ValueError):
            words = b""
        known = hmac.compare_digest(words, self.server.auth.encode())
        return known and scheme.lower() == "basic"

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._answer(status, _TEXT, f"{status.value} {status.phrase}: {why}\n".encode())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="Assayline", charset="UTF-8"')
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server refuses by itself: said in our words, which repeat nothing."""
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._refuse(status, "this server answers GET and HEAD")

    def version_string(self) -> str:
        """Which software this is, and no version of it."""
        return "assayline"

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
