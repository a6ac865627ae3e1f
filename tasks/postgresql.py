"""What the two stores have in common where they lie in PostgreSQL: addresses, failures, a lock.

Guarantees: an address that names no driver gets the one that is installed here, and one that does
is left alone; what a driver says of a failure becomes one line without passwords.
"""

from __future__ import annotations

import re

from tasks.addresses import public_text

MLFLOW_DRIVER = "pg8000"
PREFECT_DRIVER = "asyncpg"
MIGRATION_LOCK = 0x6173736179
"""The number of the advisory lock under which one process at a time makes tables: "assay"."""
LOCK_SECONDS = 120.0
LOCK_PAUSE = 0.2
STILL_LOCKED = "another process has been making its tables for two minutes"

_UNNAMED = re.compile(r"postgres(?:ql)?://")


def is_postgresql(uri: str) -> bool:
    """Whether an address names a PostgreSQL database, with a driver or without."""
    return re.match(r"postgres(?:ql)?(?:\+\w+)?://", uri) is not None


def with_driver(uri: str, driver: str) -> str:
    """The address with the driver, where it names PostgreSQL and no driver."""
    return _UNNAMED.sub(f"postgresql+{driver}://", uri, count=1) if _UNNAMED.match(uri) else uri


def reason(failure: BaseException, uri: str) -> str:
    """Why a database could not be used, in one line."""
    cause = getattr(failure, "orig", None) or failure
    if isinstance(cause.__cause__, OSError):  # pg8000 tells its own arguments instead
        cause = cause.__cause__
    told = cause.args[0] if cause.args else ""
    if isinstance(told, dict) and "M" in told:
        # pg8000 hands over the fields of PostgreSQL's message; M is the sentence for people.
        text = str(told["M"])
    else:
        text = getattr(cause, "strerror", None) or str(cause)
    lines = public_text(text, uri).splitlines()
    return lines[0][:200] if lines else type(cause).__name__
