"""The client of MLflow's store, and that store in PostgreSQL.

Guarantees: a database that cannot be reached, or whose driver is missing, is told in one sentence
within seconds, where MLflow would try again for two minutes; the tables of a new database are made
by one process at a time, on however many machines.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from mlflow import MlflowClient

from tasks.addresses import public_address
from tasks.errors import UnavailableError
from tasks.postgresql import (
    LOCK_PAUSE,
    LOCK_SECONDS,
    MIGRATION_LOCK,
    MLFLOW_DRIVER,
    STILL_LOCKED,
    is_postgresql,
    reason,
)

_CONNECT_SECONDS = 10


def open_client(uri: str) -> MlflowClient:
    """A client of the store; of a new database in PostgreSQL, once its tables are made.

    Raises UnavailableError for a database that cannot be used.
    """
    if not is_postgresql(uri):
        return MlflowClient(tracking_uri=uri)
    with _opened_database(uri) as new:
        client = MlflowClient(tracking_uri=uri)
        if new:  # both parts make their tables at the first question
            client.search_experiments(max_results=1)
            client.search_registered_models(max_results=1)
    return client


@contextlib.contextmanager
def _opened_database(uri: str) -> Iterator[bool]:
    """Try the database, and hold its lock while the caller makes the tables that are missing.

    Yields whether there are any to make. Raises UnavailableError.
    """
    from sqlalchemy import create_engine, pool

    _require_driver(uri)
    # pg8000's word for it is also its limit of each answer; none of these is a long one.
    limit = {"timeout": _CONNECT_SECONDS} if f"+{MLFLOW_DRIVER}:" in uri else {}
    with contextlib.ExitStack() as stack:
        try:
            engine = create_engine(
                uri,
                poolclass=pool.NullPool,
                connect_args=limit,
                # An open transaction would keep migrations waiting for its end.
                isolation_level="AUTOCOMMIT",
            )
            connection = stack.enter_context(engine.connect())
            new = not _has_tables(connection)
            if new:
                _lock(connection)
        except Exception as failure:
            # Not 'from failure': whoever logs the chain would log the address with its password.
            raise UnavailableError(
                f"MLflow's database at {public_address(uri)} cannot be used "
                f"({reason(failure, uri)}); start it, or correct MLFLOW_TRACKING_URI, and run again"
            ) from None
        yield new


def _has_tables(connection: Any) -> bool:
    """Whether another process has made the tables; the first experiment is what it writes last."""
    from sqlalchemy import text

    made = connection.scalar(text("select to_regclass('experiments') is not null"))
    return bool(made and connection.scalar(text("select exists (select from experiments)")))


def _lock(connection: Any) -> None:
    """Take the lock, which the connection holds until it is closed; raises TimeoutError."""
    from sqlalchemy import text

    until = time.monotonic() + LOCK_SECONDS
    take = text(f"select pg_try_advisory_lock({MIGRATION_LOCK})")
    while not connection.scalar(take):
        if time.monotonic() > until:
            raise TimeoutError(STILL_LOCKED)
        time.sleep(LOCK_PAUSE)


def _require_driver(uri: str) -> None:
    from sqlalchemy import make_url

    try:
        make_url(uri).get_dialect().import_dbapi()
    except ModuleNotFoundError as missing:
        wanted = "'assayline[postgres]'" if missing.name == MLFLOW_DRIVER else missing.name
        raise UnavailableError(
            f"the driver {missing.name} of MLflow's database at {public_address(uri)} is not "
            f"installed; install it with: pip install {wanted}"
        ) from None
    except Exception as failure:  # an address that cannot be read, a driver that nobody knows
        raise UnavailableError(
            f"MLFLOW_TRACKING_URI, {public_address(uri)}, is no address of a database "
            f"({reason(failure, uri)}); write it as postgresql://HOST:5432/DATABASE, with "
            "USER:PASSWORD and an at sign before the host"
        ) from None
