"""The home folder: where all state lives, and the environment that keeps every library in it.

Guarantees: nothing is written outside the home; addresses that the user has set are kept, only the
password of an MLflow server is moved to where MLflow does not write it down, and a PostgreSQL
database without a driver gets one; must be called before Prefect, MLflow or matplotlib is imported,
because they read the environment then.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from flows.services.database import name_driver
from tasks.addresses import credentials, public_address
from tasks.postgresql import MLFLOW_DRIVER, with_driver

_PREFECT_SERVER = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # Fewer, larger writes: SQLite answers 503 when the event recorders hold its lock.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    # In memory, a slot that is taken when the server is started again would never be free.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "10",
    # What an outage of a day holds up is there to be judged when it is over.
    "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "P1D",
    "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "300",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
}
_LOGGING = ("PREFECT_LOGGING_CONFIG_PATH", "PREFECT_LOGGING_SETTINGS_PATH")


def resolve_home(project: Path) -> Path:
    """The home of a project file, absolute.

    `ASSAYLINE_HOME`; else `.assayline` in the nearest folder above the project file that holds
    `.git`; else `.assayline` beside the project file.
    """
    named = os.environ.get("ASSAYLINE_HOME")
    if named:
        return Path(named).expanduser().resolve()
    folder = project.resolve().parent
    above = (place for place in (folder, *folder.parents) if (place / ".git").exists())
    return next(above, folder) / ".assayline"


def configure_environment(home: Path) -> None:
    """Point Prefect, MLflow and matplotlib into the home, unless the user points elsewhere."""
    if "PREFECT_API_URL" in os.environ or configured_prefect_api() is None:
        # A profile that names a server is left in place: it may hold more, such as a password.
        os.environ.setdefault("PREFECT_HOME", str(home / "prefect"))
    os.environ.setdefault("PREFECT_LOCAL_STORAGE_PATH", str(home / "prefect" / "storage"))
    os.environ.setdefault("MLFLOW_TRACKING_URI", own_mlflow(home))
    _keep_password_apart()
    os.environ["MLFLOW_TRACKING_URI"] = with_driver(
        os.environ["MLFLOW_TRACKING_URI"], MLFLOW_DRIVER
    )
    name_driver()
    # Prefect's client and MLflow would else say, in between our lines, that they collect data.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # A failure is one sentence of the command's; MLflow's store would print its trace before it.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MPLCONFIGDIR", str(home / "matplotlib"))
    # The command's own progress is what a person reads; the flow's log goes to the Prefect UI.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    # Unpickling is running code: results are JSON, and MLflow loads skops alone.
    os.environ.setdefault("PREFECT_RESULTS_DEFAULT_SERIALIZER", "json")
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    _keep_logging_ours(home)
    if "PREFECT_SERVER_API_AUTH_STRING" in os.environ:
        os.environ.setdefault(
            "PREFECT_API_AUTH_STRING", os.environ["PREFECT_SERVER_API_AUTH_STRING"]
        )
    for name, value in _PREFECT_SERVER.items():
        os.environ.setdefault(name, value)


def _keep_logging_ours(home: Path) -> None:
    """Say where logging is described, in both of Prefect's words for it.

    Prefect would else take it from a `.env` or `prefect.toml` in the working folder, and such a
    description can name code to be run.
    """
    chosen = {**_profile(), **os.environ}
    place = next((chosen[name] for name in _LOGGING if name in chosen), None)
    for name in _LOGGING:
        os.environ[name] = str(place or home / "prefect" / "logging.yml")


def own_mlflow(home: Path) -> str:
    """The address of a home's own MLflow store, used where the user names none."""
    return f"sqlite:///{home / 'mlflow.db'}"


def _keep_password_apart() -> None:
    """Move the password of an MLflow server out of its address, which MLflow writes and prints."""
    uri = os.environ["MLFLOW_TRACKING_URI"]
    found = credentials(uri) if uri.startswith(("http:", "https:")) else None
    if found is not None:
        os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = found
        os.environ["MLFLOW_TRACKING_URI"] = public_address(uri)


def configured_prefect_api() -> str | None:
    """The Prefect API that the environment or the user's active profile names, if any."""
    url = os.environ.get("PREFECT_API_URL") or _profile().get("PREFECT_API_URL")
    return str(url) if url else None


def _profile() -> dict[str, Any]:
    """The settings of the user's active profile of Prefect."""
    folder = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    try:
        profiles = tomllib.loads((folder / "profiles.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    name = os.environ.get("PREFECT_PROFILE", profiles.get("active"))
    return dict(profiles.get("profiles", {}).get(name, {}))
