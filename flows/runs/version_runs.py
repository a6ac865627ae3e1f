"""The run that a version of the registry stands for, and that run in MLflow.

Guarantees: the ledger is asked first, then MLflow by the run's id, and the tags of the version
last, because a later run of the same model can change those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.judged_versions import judgement_of
from tasks.ledger import Ledger

if TYPE_CHECKING:
    from tasks.tracking import Tracking

_RUN_ID = "assayline.run_id"
_MLFLOW_RUN = "assayline.mlflow_run_id"
_VERDICT_HASH = "assayline.verdict_hash"


@dataclass(frozen=True)
class VersionRun:
    """A run by its id, the hash of its verdict, and the MLflow run, where there is one."""

    run_id: str
    verdict_hash: str
    mlflow_run: str | None


def run_of_version(version: str, ledger: Ledger, tracking: Tracking) -> VersionRun:
    """The run whose verdict made the version champion, else the newest that judged it."""
    tags = tracking.version_tags(ledger.project, version)
    entry = judgement_of(version, ledger.entries())
    run_id = entry.run_id if entry else tags.get(_RUN_ID, "")
    verdict = entry.verdict_hash if entry else tags.get(_VERDICT_HASH, "")
    return VersionRun(run_id, verdict, _mlflow_run(run_id, tags, ledger.project, tracking))


def mlflow_run_of(run_id: str, project: str, tracking: Tracking) -> str | None:
    """The MLflow run of a run; None where the store has none."""
    registered = tracking.find_versions(project, _RUN_ID, run_id)
    tags = tracking.version_tags(project, registered[0]) if registered else {}
    return _mlflow_run(run_id, tags, project, tracking)


def _mlflow_run(
    run_id: str, tags: Mapping[str, str], project: str, tracking: Tracking
) -> str | None:
    found = tracking.find_run(project, run_id)
    return found or (tags.get(_MLFLOW_RUN) if tags.get(_RUN_ID) == run_id else None)
