"""MLflow: one run a pipeline run, the registry of versions, the alias, the shared ledger.

This folder alone imports MLflow. `store` connects, `run_log` keeps runs, `registry` versions, and
`entries` the ledger; `deletion` takes runs out again.
"""

from tasks.tracking.deletion import Deletion, StoredRun
from tasks.tracking.entries import Entries
from tasks.tracking.registry import ALIAS, Versions
from tasks.tracking.run_log import DatasetRecord, Runs, TrialRecord
from tasks.tracking.store import UP_MLFLOW

__all__ = ["ALIAS", "UP_MLFLOW", "DatasetRecord", "StoredRun", "Tracking", "TrialRecord"]


class Tracking(Runs, Versions, Entries, Deletion):
    """The MLflow store of a home. Raises UnavailableError where the store does not answer."""
