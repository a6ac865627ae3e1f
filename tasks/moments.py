"""The one clock: moments in UTC, and how they are written."""

from __future__ import annotations

import datetime


def now() -> datetime.datetime:
    """This moment."""
    return datetime.datetime.now(datetime.UTC)


def timestamp() -> str:
    """This moment to the second, in ISO 8601."""
    return now().isoformat(timespec="seconds")
