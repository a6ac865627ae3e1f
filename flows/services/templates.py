"""Set-up's empty, migrated databases: `python -m flows.services.templates`, once an environment.

Migrating a new database takes Prefect about ten seconds and MLflow two; a copy takes none. The
templates lie in the environment, named by the library's version, and a home without them works the
same, only later. Nothing of a user is in them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

_PREFECT = "import asyncio; from prefect.server.database import provide_database_interface as p; \
asyncio.run(p().create_db())"
_MLFLOW = (
    "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1]).search_experiments()"
)


def template_folder() -> Path:
    """Where set-up keeps databases that are migrated and empty."""
    return Path(sys.prefix) / "share" / "assayline"


def template_name(library: str) -> str:
    """The file name of a library's template."""
    return f"{library}-{version(library)}.db"


def copy_template(library: str, database: Path) -> None:
    """Start a library's new database from the template, if there is one.

    Two commands may do so at the same time; the first copy stays.
    """
    template = template_folder() / template_name(library)
    if database.exists() or not template.is_file():
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    temporary = database.with_name(f".{database.name}.{os.getpid()}")
    shutil.copyfile(template, temporary)
    with contextlib.suppress(FileExistsError):
        os.link(temporary, database)
    temporary.unlink()


def is_as_template(library: str, database: Path) -> bool:
    """Whether a database has the tables of the template, so that there is nothing to migrate."""
    versions = [
        _schema_version(one) for one in (database, template_folder() / template_name(library))
    ]
    return versions[0] is not None and versions[0] == versions[1]


def _schema_version(database: Path) -> tuple[str, ...] | None:
    if not database.is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as one:
            found = one.execute("SELECT version_num FROM alembic_version ORDER BY 1").fetchall()
    except sqlite3.Error:
        return None
    return tuple(number for (number,) in found) or None


def prepare_templates() -> None:
    """Make the templates that are missing, both at the same time."""
    folder = template_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        environment = {
            **os.environ,
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        scripts = {"prefect": _PREFECT, "mlflow": _MLFLOW}
        making = {
            library: subprocess.Popen(  # noqa: S603 - fixed words, our own interpreter
                [sys.executable, "-P", "-c", script, f"sqlite:///{home / 'mlflow.db'}"],
                env=environment,
                cwd=home,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for library, script in scripts.items()
            if not (folder / template_name(library)).exists()
        }
        for library, process in making.items():
            if process.wait() == 0:
                _settle(home / f"{library}.db")
                Path(home / f"{library}.db").rename(home / template_name(library))
                (folder / template_name(library)).write_bytes(
                    (home / template_name(library)).read_bytes()
                )


def _settle(database: Path) -> None:
    """Fold the write-ahead log into the file, so that the file alone is the database."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


if __name__ == "__main__":
    prepare_templates()
