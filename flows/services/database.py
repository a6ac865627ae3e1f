"""Prefect's database, where it is not the home's own SQLite file.

Guarantees: a database that cannot be used is one line, without its password, and ends the server
at once; the tables of a new one are made by one server at a time, on however many machines.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from tasks.addresses import public_address
from tasks.errors import UnavailableError
from tasks.postgresql import (
    LOCK_PAUSE,
    LOCK_SECONDS,
    MIGRATION_LOCK,
    PREFECT_DRIVER,
    STILL_LOCKED,
    is_postgresql,
    reason,
    with_driver,
)

if TYPE_CHECKING:
    from prefect.server.database import PrefectDBInterface
    from sqlalchemy.ext.asyncio import AsyncConnection

SETTINGS = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")
"""The present name and the older one; Prefect takes the first that is set."""

_PARTS = ("PREFECT_SERVER_DATABASE_DRIVER", "PREFECT_API_DATABASE_DRIVER")


def is_own() -> bool:
    """Whether the server keeps the home's SQLite file, because the user names no database."""
    return not any(os.environ.get(name) for name in (*SETTINGS, *_PARTS))


def name_driver() -> None:
    """Write the driver into an address that names none: Prefect takes no other than its own."""
    for name in SETTINGS:
        if os.environ.get(name):
            os.environ[name] = with_driver(os.environ[name], PREFECT_DRIVER)


def require_apart() -> None:
    """Refuse one database for both: each keeps the version of its tables in the same place.

    Raises UnavailableError.
    """
    named = (_chosen(), os.environ.get("MLFLOW_TRACKING_URI", ""))
    places = {public_address(uri).partition("://")[2] for uri in named if is_postgresql(uri)}
    if all(is_postgresql(uri) for uri in named) and len(places) == 1:
        raise UnavailableError(
            f"{_setting()} and MLFLOW_TRACKING_URI name the same database, {places.pop()}; Prefect "
            "and MLflow need one each: make another on the same server, and name it in one of them"
        )


def prepare_database() -> None:
    """Try the database that the user chose, and make its tables; the server's process does it.

    Raises UnavailableError.
    """
    uri = _chosen()
    if is_own() or uri.startswith("sqlite"):
        return
    try:
        asyncio.run(_prepare())
    except Exception as failure:
        raise UnavailableError(
            f"Prefect's database at {public_address(uri) or 'its own settings'} cannot be used "
            f"({reason(failure, uri)}); start it, or correct {_setting()}, and run again"
        ) from None


def _chosen() -> str:
    """The address that the user gave; empty where there is none, or where it is in parts."""
    return next((os.environ[name] for name in SETTINGS if os.environ.get(name)), "")


def _setting() -> str:
    return next((name for name in (*SETTINGS, *_PARTS) if os.environ.get(name)), SETTINGS[0])


async def _prepare() -> None:
    from prefect.server.database import provide_database_interface
    from prefect.settings import get_current_settings

    database = provide_database_interface()
    engine = await database.engine()
    if not is_postgresql(engine.url.render_as_string()):
        return
    async with engine.connect() as connection:
        # An open transaction would keep the migrations waiting for its end.
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await _lock(connection)
        if get_current_settings().server.database.migrate_on_start:
            await database.create_db()
            await _register_blocks(database, connection)
        # The lock ends with the connection, which must not go back to the pool.
        await connection.invalidate()
    await engine.dispose()


async def _register_blocks(database: PrefectDBInterface, connection: AsyncConnection) -> None:
    """Fill a new database; two servers that do so at once break each other's transactions."""
    from prefect.plugins import load_prefect_collections
    from prefect.server.models.block_registration import run_block_auto_registration
    from prefect.settings import get_current_settings
    from sqlalchemy import text

    filled = await connection.scalar(text("select exists (select from block_type)"))
    if filled or not get_current_settings().server.register_blocks_on_start:
        return
    load_prefect_collections()
    async with await database.session() as session:
        await run_block_auto_registration(session)


async def _lock(connection: AsyncConnection) -> None:
    """Take the lock, which the connection holds until it is closed; raises TimeoutError."""
    from sqlalchemy import text

    # Asked again and again, because Prefect gives no answer more than ten seconds.
    take = text(f"select pg_try_advisory_lock({MIGRATION_LOCK})")
    until = asyncio.get_running_loop().time() + LOCK_SECONDS
    while not await connection.scalar(take):
        if asyncio.get_running_loop().time() > until:
            raise TimeoutError(STILL_LOCKED)
        await asyncio.sleep(LOCK_PAUSE)
