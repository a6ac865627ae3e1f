"""MLflow: one run a pipeline run, the registry of versions, the alias `champion`.

Guarantees: the only importer of MLflow; values are logged in batches; a dataset is named by our
own fingerprint (MLflow's own digest sees 10,000 rows); a model is loaded only after its type list
was checked, and never by pickle; an unreachable store is one sentence, not a traceback.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature

from tasks.errors import UnavailableError
from tasks.project import Roles
from tasks.promotion import Decision
from tasks.snapshots import read_snapshot, write_snapshot

if TYPE_CHECKING:
    from tasks.models import Champion, ModelPackage

ALIAS = "champion"
UP_MLFLOW = "http://127.0.0.1:5000"
_PARAM_LENGTH = 500
_BATCH = 1000
_TAG_LENGTH = 5000


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


class Tracking:
    """The MLflow store of a run. Raises UnavailableError where the store does not answer."""

    def __init__(self, home: Path) -> None:
        self._uri = os.environ["MLFLOW_TRACKING_URI"]
        # MLflow's own default for artifacts depends on the working directory.
        own = self._uri == f"sqlite:///{home / 'mlflow.db'}"
        self._artifacts = home / "mlflow-artifacts" if own else None
        self._temporary = home / "tmp"
        self._temporary.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(self._uri)
        self._client = MlflowClient(tracking_uri=self._uri)

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
                if not _is_missing(failure):
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
            values = [Metric(_key(n), v, now, 0) for n, v in metrics.items() if v - v == 0]
            for start in range(0, max(len(values), 1), _BATCH):
                self._client.log_batch(run_id, metrics=values[start : start + _BATCH])
            self._client.log_batch(
                run_id,
                params=[Param(_key(n), str(v)[:_PARAM_LENGTH]) for n, v in params.items()],
                tags=[RunTag(n, v[:_TAG_LENGTH]) for n, v in tags.items()],
            )
            self._client.log_artifacts(run_id, str(artifacts))

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

    def champion_version(self, project: str) -> str | None:
        """The version that the alias names; None where there is no model or no alias."""
        with self._reaching():
            try:
                return str(self._client.get_model_version_by_alias(project, ALIAS).version)
            except MlflowException as failure:
                if _is_missing(failure):
                    return None
                raise

    def set_champion(self, project: str, version: str) -> None:
        """Move the alias."""
        with self._reaching():
            self._client.set_registered_model_alias(project, ALIAS, version)

    def version_tags(self, project: str, version: str) -> dict[str, str]:
        """The tags of a version."""
        with self._reaching():
            return dict(self._client.get_model_version(project, version).tags)

    def tag_version(self, project: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags on a version."""
        with self._reaching():
            for name, value in tags.items():
                self._client.set_model_version_tag(project, version, name, value[:_TAG_LENGTH])

    def find_version(self, project: str, tag: str, value: str) -> str | None:
        """The newest version with that tag, if any."""
        with self._reaching():
            found = self._client.search_model_versions(f"name = '{project}'")
        versions = [int(v.version) for v in found if v.tags.get(tag) == value]
        return str(max(versions)) if versions else None

    def champion(self, project: str, version: str) -> Champion:
        """The champion's package and the units that it was fitted or tuned on."""
        from tasks.models import Champion, ModelPackage

        with self._reaching(), tempfile.TemporaryDirectory(dir=self._temporary) as folder:
            place = mlflow.artifacts.download_artifacts(
                f"models:/{project}/{version}", dst_path=folder
            )
            files = Path(place) / "extra_files"
            stored = {path.name: path.read_bytes() for path in files.iterdir()}
            package = ModelPackage.from_files(stored, "model")
            units = read_snapshot(files / "units.parquet")["unit"]
        return Champion(version, package, frozenset(units))

    def register(
        self,
        project: str,
        run_id: str,
        package: ModelPackage,
        *,
        units: pd.DataFrame,
        example: pd.DataFrame,
        extra_types: Sequence[str],
        tags: Mapping[str, str],
    ) -> str:
        """Log the model with signature and input example, and register it as a version.

        The model folder carries, beside MLflow's own form, the exact package that was judged
        and the split units that it was fitted or tuned on.
        """
        from tasks.models import ALLOWED_TYPES, load_model

        model = load_model(package, extra_types=extra_types)
        probabilities = pd.DataFrame(
            model.predict_proba(example), columns=[str(c) for c in model.classes_]
        )
        with self._reaching(), tempfile.TemporaryDirectory(dir=self._temporary) as folder:
            for name, content in package.to_files("model").items():
                (Path(folder) / name).write_bytes(content)
            write_snapshot(units, Path(folder) / "units.parquet")
            with mlflow.start_run(run_id=run_id, log_system_metrics=False):
                logged = mlflow.sklearn.log_model(
                    model,
                    name="model",
                    signature=infer_signature(example, probabilities),
                    input_example=example,
                    pip_requirements=_requirements(),
                    serialization_format="skops",
                    skops_trusted_types=[*sorted(ALLOWED_TYPES), *extra_types],
                    pyfunc_predict_fn="predict_proba",
                    extra_files=[str(path) for path in sorted(Path(folder).iterdir())],
                    tags=dict(tags),
                )
            with contextlib.suppress(MlflowException):
                self._client.create_registered_model(project)
            version = self._client.create_model_version(
                project, logged.model_uri, run_id=run_id, tags=dict(tags), model_id=logged.model_id
            )
        return str(version.version)

    def register_candidate(
        self,
        decision: Decision,
        run_id: str,
        package: ModelPackage,
        rows: pd.DataFrame,
        split: pd.DataFrame,
        roles: Roles,
        extra_types: Sequence[str],
    ) -> str:
        """Register the candidate of a decision, with five of its training rows as the example."""
        from tasks.estimators import feature_frame

        seen = split[split["side"] != "test"]
        example = feature_frame(rows.loc[split.index[split["side"] == "train"][:5]], roles)
        return self.register(
            decision.project,
            run_id,
            package,
            units=pd.DataFrame({"unit": sorted(set(seen["unit"]))}, dtype="str"),
            example=example.reset_index(drop=True),
            extra_types=extra_types,
            tags=decision.tags,
        )

    def run_url(self, run_id: str) -> str:
        """Where a browser finds the run: on the MLflow server, else where `assayline up` serves."""
        with self._reaching():
            experiment = self._client.get_run(run_id).info.experiment_id
        server = self._uri if self._uri.startswith("http") else UP_MLFLOW
        return f"{server}/#/experiments/{experiment}/runs/{run_id}"

    def _experiment(self, project: str) -> str:
        found = self._client.get_experiment_by_name(project)
        if found is not None:
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
            first = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
            raise UnavailableError(
                f"MLflow at {self._uri} did not do its part ({first[:200]}); check that it is "
                "reachable and has space, then run again: finished stages are kept"
            ) from failure


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


def _key(name: str) -> str:
    """A metric's or parameter's name in the characters that MLflow allows."""
    kept = [c if c.isalnum() or c in "_-. /:" else "_" for c in name]
    return "".join(kept)[:250]


def _is_missing(failure: MlflowException) -> bool:
    return failure.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def _requirements() -> list[str]:
    """What it takes to load a registered model: stated, because inferring costs seconds."""
    from importlib.metadata import version

    names = ("mlflow", "scikit-learn", "skops", "numpy", "pandas", "scipy")
    return [f"{name}=={version(name)}" for name in names]
