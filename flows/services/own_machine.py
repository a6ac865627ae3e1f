"""Whom a server answers: who knows its password, or without one programs of this machine alone.

Guarantees: with a password nothing but the health is told without it. Without one a page that this
server did not send, open in a browser of this machine, reaches nothing: neither by a request to
this server's address, nor by a name of its own that it makes lead here. That holds for pages of
other ports of this machine too: a notebook or another user's server has them. Who reaches the
Prefect API can have code run, so that listening on the loopback interface alone is not enough.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


_PORTS = {"http": 80, "https": 443}
_USUAL = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of the one address that a server listens at; 127.0.0.2 may be another user's."""


class OwnMachineOnly:
    """An ASGI application that hears programs of this machine, and pages that it sent itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on if it may pass."""
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", [])}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        own = _is_own(f"//{host}") and (origin is None or _is_same(origin, host))
        if scope["type"] == "lifespan" or own:
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, 403, "this server answers its own machine alone")


class PasswordOnly:
    """An ASGI application behind HTTP Basic; `/health` is open, for whoever watches it."""

    def __init__(self, app: ASGIApp, auth: str) -> None:
        self._app = app
        self._expected = base64.b64encode(auth.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on if it may pass."""
        given = dict(scope.get("headers", [])).get(b"authorization", b"")
        scheme, _, words = given.partition(b" ")
        known = hmac.compare_digest(words.strip(), self._expected) and scheme.lower() == b"basic"
        if known or scope["type"] == "lifespan" or scope.get("path") == "/health":
            await self._app(scope, receive, send)
        else:
            asking = {"WWW-Authenticate": 'Basic realm="Assayline", charset="UTF-8"'}
            await _refuse(scope, receive, send, 401, "user name and password, please", asking)


async def _refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    why: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    from starlette.responses import PlainTextResponse

    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await PlainTextResponse(f"{why}\n", status, headers)(scope, receive, send)


def is_loopback(name: str) -> bool:
    """Whether a name or an address is that of the machine itself."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_own(address: str) -> bool:
    try:
        return is_loopback(urlsplit(address).hostname or "")
    except ValueError:
        return False


def _is_same(origin: str, host: str) -> bool:
    """Whether a page at `origin` came from the server that is asked as `host`, by either name."""
    try:
        page, server = urlsplit(origin), urlsplit(f"//{host}")
        ports = page.port or _PORTS.get(page.scheme), server.port or _PORTS["http"]
    except ValueError:
        return False
    names = page.hostname, server.hostname
    return ports[0] == ports[1] and (names[0] == names[1] or _USUAL.issuperset(names))
