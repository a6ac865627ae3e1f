"""The connection to MLflow's store.

Guarantees: an unreachable store is one sentence, not a traceback; no password of its address is in
any text.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import mlflow
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException

from tasks.addresses import is_served, public_address, public_text
from tasks.errors import UnavailableError
from tasks.postgresql import MLFLOW_DRIVER, with_driver
from tasks.tracking.database import open_client

TAG_LENGTH = 5000
_DISK_FULL = re.compile(
    "database or disk is full|no space left on device|could not extend file|disk quota exceeded",
    re.IGNORECASE,
)
"""How SQLite, the system, PostgreSQL and a quota say it."""
UP_MLFLOW = "http://127.0.0.1:5000"


class Store:
    """What every part of the store needs: the client, a project's experiment, the sentence."""

    def __init__(self, home: Path) -> None:
        self._uri = with_driver(os.environ["MLFLOW_TRACKING_URI"], MLFLOW_DRIVER)
        # A server knows where its artifacts go; MLflow's own default without one depends on the
        # working directory.
        self._artifacts = None if is_served(self._uri) else home / "mlflow-artifacts"
        self._temporary = home / "tmp"
        self._temporary.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(self._uri)
        with self._reaching():
            self._client = open_client(self._uri)

    def _experiment(self, project: str) -> str:
        found = self._client.get_experiment_by_name(project)
        if found is not None:
            if found.lifecycle_stage == LifecycleStage.DELETED:
                # Deleted in the UI: its runs are what ledger and pages refer to.
                self._client.restore_experiment(found.experiment_id)
            return str(found.experiment_id)
        place = (self._artifacts / project).as_uri() if self._artifacts else None
        try:
            return str(self._client.create_experiment(project, artifact_location=place))
        except MlflowException:  # another run of the project was faster
            existing = self._client.get_experiment_by_name(project)
            if existing is None:
                raise
            return str(existing.experiment_id)

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, OSError) as failure:
            said = public_text(str(failure), self._uri)
            if _DISK_FULL.search(said):
                raise UnavailableError(
                    f"the disk of MLflow's store at {public_address(self._uri)} is full; make room "
                    "on it, then run again: finished stages are kept"
                ) from None
            first = said.splitlines()[0] if said else type(failure).__name__
            # Not 'from failure': whoever logs the chain would log the address with its password.
            raise UnavailableError(
                f"MLflow at {public_address(self._uri)} did not do its part ({first[:200]}); check "
                "that it is reachable and has space, then run again: finished stages are kept"
            ) from None


def is_missing(failure: MlflowException) -> bool:
    """Whether the store says that there is no such thing."""
    return failure.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
