"""Runs taken out of the store again, with their artifacts and the nested runs of their search.

Guarantees: only a run that carries our own id is touched, and those nested in it; the logged models
of registered versions lie apart from runs and stay; a deletion that was cut off is finished by the
next one. On an MLflow server a run can only be marked as deleted: it is gone for good when the
server's own `mlflow gc` has run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow.entities import LifecycleStage, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from tasks.addresses import is_served
from tasks.tracking.store import Store, is_missing

_RUN_ID = "assayline.run_id"
_MLFLOW_RUN = "assayline.mlflow_run_id"


@dataclass(frozen=True)
class StoredRun:
    """A run of the store; `folder` holds its artifacts where these are files of this machine."""

    run_id: str
    artifacts: str
    active: bool

    @property
    def folder(self) -> Path | None:
        """Where its artifacts lie on this machine; None elsewhere."""
        parts = urlsplit(self.artifacts)
        return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None


class Deletion(Store):
    """Deleting from the store."""

    @property
    def deletes_for_good(self) -> bool:
        """Whether the store is one that we reach ourselves, and can delete from."""
        return not is_served(self._uri) and hasattr(self._store, "_hard_delete_run")

    @property
    def _store(self) -> Any:
        return self._client._tracking_client.store

    def runs_of_versions(self, project: str) -> frozenset[str]:
        """The runs that registered versions name, by our own ids and by MLflow's."""
        found: set[str] = set()
        token = None
        with self._reaching():
            while True:
                page = self._client.search_model_versions(f"name = '{project}'", page_token=token)
                for one in page:
                    found |= {one.run_id or "", one.tags.get(_RUN_ID, "")}
                    found.add(one.tags.get(_MLFLOW_RUN, ""))
                token = page.token
                if not token:
                    return frozenset(found - {""})

    def run_family(self, mlflow_run: str, own_id: str) -> list[StoredRun]:
        """A run after the runs nested in it; none where it is gone or is not run `own_id`."""
        with self._reaching():
            try:
                run = self._client.get_run(mlflow_run)
            except MlflowException as failure:
                if is_missing(failure):
                    return []
                raise
            if run.data.tags.get(_RUN_ID) != own_id:
                return []
            return [_stored(one) for one in (*self._nested(run), run)]

    def delete_runs(self, runs: Sequence[StoredRun]) -> None:
        """Delete runs in this order, with their artifacts; on a server, mark them as deleted."""
        with self._reaching():
            for run in runs:
                if run.active:
                    self._client.delete_run(run.run_id)
                if self.deletes_for_good:
                    self._delete_for_good(run)

    def _delete_for_good(self, run: StoredRun) -> None:
        """What `mlflow gc` does with a run.

        The command itself would also empty MLflow's bin of every experiment and model that
        somebody else has put there.
        """
        get_artifact_repository(run.artifacts).delete_artifacts()
        if run.folder is not None:
            with contextlib.suppress(OSError):  # something else lies there
                run.folder.parent.rmdir()
        try:
            self._store._hard_delete_run(run.run_id)
        except MlflowException as failure:
            if not is_missing(failure):
                raise

    def _nested(self, run: Run) -> Iterator[Run]:
        token = None
        while True:
            page = self._client.search_runs(
                [run.info.experiment_id],
                f"tags.`mlflow.parentRunId` = '{run.info.run_id}'",
                run_view_type=ViewType.ALL,
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return


def _stored(run: Run) -> StoredRun:
    active = run.info.lifecycle_stage == LifecycleStage.ACTIVE
    return StoredRun(str(run.info.run_id), str(run.info.artifact_uri), active)
