"""A server without a password answers programs and browsers of this machine alone.

Guarantees: a page from elsewhere, open in a browser of this machine, reaches nothing: neither by a
request to this server's address, nor by a name of its own that it makes lead here. Who reaches the
Prefect API can have code run, so that listening on the loopback interface alone is not enough.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class OwnMachineOnly:
    """An ASGI application that hears only who calls this machine by its own name, from itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on if it may pass."""
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", [])}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        own = _is_own(f"//{host}") and (origin is None or _is_own(origin))
        if scope["type"] == "lifespan" or own:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            from starlette.responses import PlainTextResponse

            refusal = PlainTextResponse("this server answers its own machine alone", 403)
            await refusal(scope, receive, send)


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
