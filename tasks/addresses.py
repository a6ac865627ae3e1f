"""Addresses of servers and databases, as they may be shown.

Guarantees: what is shown has no user name, no password and no query, also where the password was
not percent-encoded; in doubt more is left out than has to be.
"""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import unquote

MLFLOW_UI = "ASSAYLINE_MLFLOW_UI"
"""The variable that says where a browser finds MLflow, where the store itself is no server."""
_SERVED = ("http:", "https:", "databricks")
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'\"<>]*@")
_SHORTEST_SECRET = 4
"""A shorter password cannot be told from a part of a word."""


def is_served(uri: str) -> bool:
    """Whether an MLflow address names a server, which keeps artifacts and has a UI of its own."""
    return uri.startswith(_SERVED)


def public_address(uri: str) -> str:
    """The address without user name, password and query."""
    scheme, sign, rest = uri.partition("://")
    if not sign:
        return uri
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    port = authority.rpartition(":")[2] if ":" in authority else ""
    # A password with a slash in it ends the authority early: what looks like a port is no number.
    open_end = bool(port) and not port.isdecimal() and not authority.endswith("]")
    if "@" in authority or (open_end and "@" in rest):
        rest = rest.rpartition("@")[2]
    return f"{scheme}{sign}{re.split(r'[?]', rest, maxsplit=1)[0]}"


def public_text(text: str, *uris: str) -> str:
    """The text without what `uris` hold that may not be shown, nor the userinfo of any other."""
    for uri in uris:
        text = text.replace(uri, public_address(uri)) if uri else text
        for secret in _secrets(uri):
            text = text.replace(secret, "***")
    return _USERINFO.sub(r"\g<scheme>", text)


def hide(text: str, secret: str) -> str:
    """The text without a secret, or `user:password`, also as a browser sends it."""
    password = secret.rpartition(":")[2]
    for one in (b64encode(secret.encode()).decode(), secret, password):
        text = text.replace(one, "***") if len(one) >= _SHORTEST_SECRET else text
    return text


def credentials(uri: str) -> tuple[str, str] | None:
    """The user name and the password in an address; None where it holds no password."""
    scheme, sign, rest = uri.partition("://")
    public = public_address(uri).removeprefix(f"{scheme}{sign}")
    userinfo, at, _ = rest.partition(f"@{public}") if public else (rest, "", "")
    name, colon, password = userinfo.partition(":")
    return (unquote(name), unquote(password)) if at and colon else None


def _secrets(uri: str) -> set[str]:
    """The password as it is and as it is written in the address."""
    found = credentials(uri)
    if found is None:
        return set()
    password = found[1]
    written = uri.partition("://")[2].partition(":")[2]
    encoded = written[: written.rfind("@")]
    return {secret for secret in (password, encoded) if len(secret) >= _SHORTEST_SECRET}
