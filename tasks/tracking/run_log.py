"""Runs: one a pipeline run, with what it used and found.

Guarantees: values are logged in batches; a dataset is named by our own fingerprint (MLflow's own
digest sees 10,000 rows).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from tasks.addresses import MLFLOW_UI, public_address
from tasks.errors import UnavailableError
from tasks.tracking.store import TAG_LENGTH, UP_MLFLOW, Store, is_missing

_PARAM_LENGTH = 500
_KEY_LENGTH = 250
_BATCH = 1000
_VIEW = "?workflowType=machine_learning"
"""Without it MLflow shows the pages of its other product, on which runs and models are missing."""


@dataclass(frozen=True, kw_only=True)
class DatasetRecord:
    """Rows that a run used: MLflow's dataset input."""

    context: str
    name: str
    source: str
    fingerprint: str
    rows: int
    schema: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One setting of the search: a nested run."""

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]


class Runs(Store):
    """The runs of the store."""

    def start_run(self, project: str, run_name: str, tags: Mapping[str, str]) -> str:
        """Create the run in the project's experiment and return its id."""
        with self._reaching():
            return str(
                self._client.create_run(
                    self._experiment(project), run_name=run_name, tags=dict(tags)
                ).info.run_id
            )

    def end_run(self, run_id: str, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED; a run that is gone needs no closing."""
        with self._reaching():
            try:
                self._client.set_terminated(run_id, status)
            except MlflowException as failure:
                if not is_missing(failure):
                    raise

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        datasets: Sequence[DatasetRecord],
        artifacts: Path,
    ) -> None:
        """Everything that a run records about itself, in a few calls."""
        now = int(time.time() * 1000)
        with self._reaching():
            self._client.log_inputs(run_id, datasets=[_dataset_input(d) for d in datasets])
            values = [Metric(metric_key(n), v, now, 0) for n, v in metrics.items() if v - v == 0]
            for start in range(0, max(len(values), 1), _BATCH):
                self._client.log_batch(run_id, metrics=values[start : start + _BATCH])
            self._client.log_batch(
                run_id,
                params=[Param(metric_key(n), str(v)[:_PARAM_LENGTH]) for n, v in params.items()],
                tags=[RunTag(n, v[:TAG_LENGTH]) for n, v in tags.items()],
            )
            self._client.log_artifacts(run_id, str(artifacts))

    def rename_run(self, run_id: str, name: str) -> None:
        """Give the run another name in the lists of the UI."""
        with self._reaching():
            self._client.update_run(run_id, name=name)

    def log_trials(self, run_id: str, project: str, trials: Sequence[TrialRecord]) -> None:
        """The settings that the search tried, as nested runs."""
        now = int(time.time() * 1000)
        with self._reaching():
            experiment = self._experiment(project)
            for trial in trials:
                nested = self._client.create_run(
                    experiment, run_name=trial.name, tags={"mlflow.parentRunId": run_id}
                )
                self._client.log_batch(
                    nested.info.run_id,
                    params=[Param(n, str(v)[:_PARAM_LENGTH]) for n, v in trial.params.items()],
                    metrics=[Metric(n, v, now, 0) for n, v in trial.metrics.items() if v - v == 0],
                )
                self._client.set_terminated(nested.info.run_id)

    def find_run(self, project: str, own_id: str) -> str | None:
        """The MLflow run that a run of the project began, by our own id; None where there is none.

        Raises UnavailableError where several say that they are.
        """
        if not re.fullmatch(r"[\w-]+", own_id):
            return None
        with self._reaching():
            experiment = self._client.get_experiment_by_name(project)
            if experiment is None:
                return None
            wanted = f"tags.`assayline.run_id` = '{own_id}'"
            found = self._client.search_runs([experiment.experiment_id], wanted, max_results=2)
        if len(found) > 1:
            raise UnavailableError(
                f"several MLflow runs of {project} say that they are run {own_id}; run the project "
                "again"
            )
        return str(found[0].info.run_id) if found else None

    def run_tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run."""
        with self._reaching():
            return dict(self._client.get_run(run_id).data.tags)

    def download(self, run_id: str, name: str, folder: Path) -> Path | None:
        """An artifact of a run, brought into `folder`; None where the run has none of that name."""
        with self._reaching():
            if name not in {item.path for item in self._client.list_artifacts(run_id)}:
                return None
            return Path(self._client.download_artifacts(run_id, name, str(folder)))

    def run_url(self, run_id: str) -> str:
        """Where a browser finds the run: on the MLflow server, else where `assayline up` serves."""
        with self._reaching():
            experiment = self._client.get_run(run_id).info.experiment_id
        own = os.environ.get(MLFLOW_UI, UP_MLFLOW)
        server = public_address(self._uri) if self._uri.startswith("http") else own
        return f"{server.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}{_VIEW}"


def _dataset_input(record: DatasetRecord) -> DatasetInput:
    columns = [{"name": n, "type": t, "required": False} for n, t in record.schema.items()]
    dataset = Dataset(
        name=record.name,
        digest=record.fingerprint[:32],
        source_type="local",
        source=json.dumps({"uri": record.source}),
        schema=json.dumps({"mlflow_colspec": columns})[:60_000],
        profile=json.dumps({"num_rows": record.rows, "fingerprint": record.fingerprint}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", record.context)])


def metric_key(name: str) -> str:
    """A metric's or parameter's name in the characters that MLflow allows; no two names share one.

    A sign that MLflow does not allow becomes its code point between `_x` and `_`: `C#` is `C_x23_`.
    """
    # A name that has such a code already would meet the one that gets it.
    plain = re.sub(r"_(?=x[0-9a-f]+_)", "_x5f_", name)
    return _cut("".join(c if c.isalnum() or c in "_-. :" else f"_x{ord(c):x}_" for c in plain))


def _cut(key: str) -> str:
    if len(key) <= _KEY_LENGTH:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{key[: _KEY_LENGTH - 9]}-{digest}"
