"""The pages that `assayline up` serves: metrics, health, the decision pages, an overview.

Guarantees: only GET and HEAD; of a run nothing but its decision page, and no other file of any
folder; every answer forbids to be framed, kept, or to load anything from elsewhere; without a
password this machine alone is answered, whatever name leads here; with one, everything but the
health needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path

import uvicorn
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from flows.services.logs import open_logs
from flows.services.metrics import Services, metrics_registry
from flows.services.overview import find_page, overview
from flows.services.own_machine import OwnMachineOnly, PasswordOnly, is_loopback
from flows.services.run_facts import RunReader
from tasks.errors import UsageError

_RUN = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")
_SECONDS = 60.0
"""How long a browser may take to ask and to read, before it is hung up on."""
_STOP_SECONDS = 5
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
    "Connection": "close",
    "Server": "assayline",
}
_REASONS = {
    HTTPStatus.BAD_REQUEST: "this server answers GET and HEAD",
    HTTPStatus.NOT_FOUND: "there is no such page",
    HTTPStatus.METHOD_NOT_ALLOWED: "this server answers GET and HEAD",
    HTTPStatus.INTERNAL_SERVER_ERROR: "the log of the home says why",
}


class PagesServer(uvicorn.Server):
    """The server of a home's pages, in a thread of this process; it answers once it is made."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",  # `_pages` logs what goes wrong; requests are not logged
            server_header=False,
            headers=list(_HEADERS.items()),
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        super().__init__(config)
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
        self.host, self.port = host, int(listening.getsockname()[1])
        self._thread = threading.Thread(
            target=self.run, args=([listening],), name="pages", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """Where a browser finds the overview, without a slash at its end."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def stop(self) -> None:
        """Answer no more; returns once the port is free."""
        self.should_exit = True
        self._thread.join()


def serve_pages(
    home: Path, host: str, port: int, services: Services, auth: str | None
) -> PagesServer:
    """Serve the pages of a home until they are stopped. `auth` is `user:password`.

    Raises UsageError when the address cannot be served at, and without a password when others
    than this machine could ask.
    """
    if auth is not None and not re.fullmatch(r"[^:]+:.+", auth):
        raise UsageError("the password of the pages is not written as user:password")
    if auth is None and not is_loopback(host):
        raise UsageError(
            f"the pages would be open to all who reach {host}; set PREFECT_SERVER_API_AUTH_STRING "
            "to user:password, or serve them at 127.0.0.1"
        )
    try:
        return PagesServer(_pages(home, services, auth), host, port)
    except OSError as failure:
        raise UsageError(
            f"the pages cannot be served at {host}:{port} ({failure.strerror}); choose another "
            "port with --pages-port"
        ) from None


def _pages(home: Path, services: Services, auth: str | None) -> Starlette:
    runs = RunReader(home)
    registry = metrics_registry(runs, services)

    def health(_: Request) -> Response:
        states = services()
        healthy = all(service.alive for service in states)
        body = {"healthy": healthy, "services": [asdict(service) for service in states]}
        return JSONResponse(body, HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE)

    def metrics(request: Request) -> Response:
        encoder, kind = choose_encoder(request.headers.get("Accept", ""))
        return Response(encoder(registry), headers={"Content-Type": kind})

    def front(_: Request) -> Response:
        return HTMLResponse(overview(home, runs, services()))

    def decision(request: Request) -> Response:
        run = request.path_params["run"]
        page = find_page(home, run) if _RUN.fullmatch(run) else None
        with contextlib.suppress(FileNotFoundError):  # retention was faster
            if page is not None:
                return HTMLResponse(page.read_bytes())
        return _refusal(HTTPStatus.NOT_FOUND)

    async def refuse(request: Request, failure: Exception) -> Response:
        if not isinstance(failure, HTTPException):
            open_logs(home).error("%s could not be served", request.url.path, exc_info=failure)
        return _refusal(HTTPStatus(getattr(failure, "status_code", 500)))

    app = Starlette(
        routes=[
            Route("/", front),
            Route("/health", health),
            Route("/metrics", metrics),
            Route("/runs/{run}", decision),
        ],
        middleware=[Middleware(PasswordOnly, auth) if auth else Middleware(OwnMachineOnly)],
        exception_handlers={HTTPException: refuse, Exception: refuse},
    )
    app.router.redirect_slashes = False
    return app


def _refusal(status: HTTPStatus) -> Response:
    text = f"{status.value} {status.phrase}: {_REASONS[status]}\n"
    allowed = {"Allow": "GET, HEAD"} if status == HTTPStatus.METHOD_NOT_ALLOWED else None
    return PlainTextResponse(text, status, allowed)


class _Connection(H11Protocol):
    """A connection for one request; what is none is refused with the headers of every answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve, and not for ever."""
        super().connection_made(transport)
        self.loop.call_later(_SECONDS, transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, without repeating anything of it."""
        refusal = _refusal(HTTPStatus.BAD_REQUEST)
        headers = [*self.server_state.default_headers, *refusal.raw_headers]
        lines = [b"HTTP/1.1 400 Bad Request", *(b"%b: %b" % header for header in headers)]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(refusal.body)]))
        self.transport.close()
