"""The registry: versions of a project's model, and the alias `champion`.

Guarantees: a version carries the exact package that was judged, the units and the rows that it was
fitted or tuned on (hashed), its golden rows and its verdict; a model is loaded only after its type
list was checked, and never by pickle.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import pandas as pd
import pyarrow.parquet as pq
from mlflow.exceptions import MlflowException
from mlflow.models import Model, infer_signature

from tasks.held_folders import held_folder
from tasks.markup import escape
from tasks.project.dataset import Dataset
from tasks.promotion import Decision
from tasks.seen_rows import SEEN_ROWS, SeenRows
from tasks.serving import FILES_DIGEST, MODEL_DIGEST
from tasks.snapshots import read_snapshot, write_snapshot
from tasks.tracking import served_flavor
from tasks.tracking.assayline_model import ServedModel
from tasks.tracking.served_flavor import CODE, LOADER, loader_source, loading_problem
from tasks.tracking.store import TAG_LENGTH, Store, is_missing

if TYPE_CHECKING:
    from tasks.models import Champion, ModelPackage
    from tasks.registered_models import RegisteredModel

ALIAS = "champion"
_TYPES = "assayline.model_types"
"""Tag of a version: what loading it builds, beyond what skops itself trusts."""
_GOLDEN = "golden.parquet"
_UNITS = "units.parquet"
_SEEN = f"{SEEN_ROWS}.parquet"
_SERVED = "model.skops"
_LONGEST_DESCRIPTION = 4000


class Versions(Store):
    """The versions of the store."""

    def champion_version(self, project: str) -> str | None:
        """The version that the alias names; None where there is no model or no alias."""
        with self._reaching():
            try:
                return str(self._client.get_model_version_by_alias(project, ALIAS).version)
            except MlflowException as failure:
                if is_missing(failure):
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
                self._client.set_model_version_tag(project, version, name, value[:TAG_LENGTH])

    def find_versions(self, project: str, tag: str, value: str) -> list[str]:
        """The versions with that tag, oldest first."""
        with self._reaching():
            found = self._client.search_model_versions(f"name = '{project}'")
        versions = sorted(int(v.version) for v in found if v.tags.get(tag) == value)
        return [str(version) for version in versions]

    def versions(self, project: str) -> list[str]:
        """All versions, oldest first."""
        with self._reaching():
            found = self._client.search_model_versions(f"name = '{project}'")
        return [str(number) for number in sorted(int(one.version) for one in found)]

    def champion(self, project: str, version: str) -> Champion:
        """A version's package, and the units and rows that it was fitted or tuned on.

        Raises KeyError or ValueError where files are missing or damaged.
        """
        from tasks.models import Champion, ModelPackage
        from tasks.registered_models import files_digest

        with self._model_files(project, version) as files:
            stored = _stored_files(files)
        seen = SeenRows.from_frame(_frame(stored, _SEEN)) if _SEEN in stored else None
        return Champion(
            version=version,
            package=ModelPackage.from_files(stored, "model"),
            units=frozenset(_frame(stored, _UNITS)["unit"]),
            seen=seen,
            files_digest=files_digest(stored),
        )

    def registered_model(self, project: str, version: str) -> RegisteredModel:
        """All that says whether a version still is the model that was judged.

        Raises KeyError or ValueError where files are missing or damaged, or MLflow would load
        another file, or by other code, than it was told to.
        """
        from tasks.models import ModelPackage
        from tasks.registered_models import RegisteredModel, files_digest

        tags = self.version_tags(project, version)
        with self._model_files(project, version) as files:
            stored = _stored_files(files)
            package = ModelPackage.from_files(stored, "model")
            problem = loading_problem(Model.load(str(files.parent)).flavors, _SERVED)
            if problem is not None:
                raise ValueError(problem)
            golden = files / _GOLDEN
            return RegisteredModel(
                version=version,
                digest=tags.get(MODEL_DIGEST, ""),
                package=package,
                served=(files.parent / _SERVED).read_bytes(),
                golden=read_snapshot(golden) if golden.is_file() else None,
                files_digest=files_digest(stored),
                recorded_files=tags.get(FILES_DIGEST, ""),
            )

    def register_candidate(
        self,
        decision: Decision,
        run_id: str,
        package: ModelPackage,
        dataset: Dataset,
        extra_types: Sequence[str],
        verdict: Path,
    ) -> str:
        """Register the candidate of a decision, with five of its training rows as the example.

        The version carries, as files of the model, the verdict that it was registered by and
        golden rows of train and dev.
        """
        from tasks.estimators import feature_frame
        from tasks.golden_rows import make_golden_rows
        from tasks.row_recognition import hash_rows

        roles, split = dataset.roles, dataset.split
        seen = split[split["side"] != "test"]
        rows = dataset.frame.loc[seen.index]
        units = pd.DataFrame({"unit": sorted(set(seen["unit"]))}, dtype="str")
        golden = make_golden_rows(package, rows, roles, extra_types)
        example = feature_frame(dataset.frame.loc[split.index[split["side"] == "train"][:5]], roles)
        return self._register(
            decision,
            run_id,
            package,
            frames={
                _UNITS: units,
                _SEEN: hash_rows(rows, roles).to_frame(),
                _GOLDEN: golden,
            },
            verdict=verdict,
            example=example.reset_index(drop=True),
            extra_types=extra_types,
        )

    def _register(
        self,
        decision: Decision,
        run_id: str,
        package: ModelPackage,
        *,
        frames: Mapping[str, pd.DataFrame],
        verdict: Path,
        example: pd.DataFrame,
        extra_types: Sequence[str],
    ) -> str:
        """Log the model with signature and input example, and register it as a version.

        The model folder carries, beside MLflow's own form, the exact package that was judged, the
        verdict, and frames by their file names.
        """
        from tasks.models import ALLOWED_TYPES, load_model, stored_types
        from tasks.registered_models import files_digest

        model = load_model(package, extra_types=extra_types)
        answers = ServedModel(model, package.facts).predict(example)
        with self._reaching(), held_folder(self._temporary) as folder:
            for name, content in package.to_files("model").items():
                (Path(folder) / name).write_bytes(content)
            for name, frame in frames.items():
                write_snapshot(frame, Path(folder) / name)
            shutil.copyfile(verdict, Path(folder) / verdict.name)
            loader = {f"{CODE}/{LOADER}.py": loader_source().read_bytes()}
            beside = files_digest({p.name: p.read_bytes() for p in Path(folder).iterdir()} | loader)
            types = ", ".join(stored_types(package))[:TAG_LENGTH]
            with mlflow.start_run(run_id=run_id, log_system_metrics=False):
                logged = Model.log(
                    artifact_path=None,
                    flavor=served_flavor,
                    name="model",
                    sk_model=model,
                    signature=infer_signature(example, answers),
                    input_example=example,
                    pip_requirements=_requirements(),
                    skops_trusted_types=[*sorted(ALLOWED_TYPES), *extra_types],
                    extra_files=[str(path) for path in sorted(Path(folder).iterdir())],
                    tags=decision.tags,
                )
            with contextlib.suppress(MlflowException):
                self._client.create_registered_model(decision.project)
            reasons = escape(" ".join(decision.reasons))
            version = self._client.create_model_version(
                decision.project,
                logged.model_uri,
                run_id=run_id,
                tags={**decision.tags, _TYPES: types, FILES_DIGEST: beside},
                description=f"{decision.verdict}: {reasons}"[:_LONGEST_DESCRIPTION],
                model_id=logged.model_id,
            )
        return str(version.version)

    @contextlib.contextmanager
    def _model_files(self, project: str, version: str) -> Iterator[Path]:
        with self._reaching(), held_folder(self._temporary) as folder:
            place = mlflow.artifacts.download_artifacts(
                f"models:/{project}/{version}", dst_path=folder
            )
            yield Path(place) / "extra_files"


def _frame(stored: Mapping[str, bytes], name: str) -> pd.DataFrame:
    """A stored frame. Raises KeyError where there is none, ValueError where it is damaged."""
    frame: pd.DataFrame = pq.read_table(io.BytesIO(stored[name])).to_pandas()
    return frame


def _stored_files(place: Path) -> dict[str, bytes]:
    """What a version keeps beside MLflow's form of it, and the code that answers for MLflow."""
    stored = {path.name: path.read_bytes() for path in place.iterdir()}
    code = place.parent / CODE
    for path in sorted(code.rglob("*.py")):
        stored[path.relative_to(code.parent).as_posix()] = path.read_bytes()
    return stored


def _requirements() -> list[str]:
    """What it takes to load a registered model: stated, because inferring costs seconds."""
    from importlib.metadata import version

    names = ("mlflow", "scikit-learn", "skops", "numpy", "pandas", "scipy")
    return [f"{name}=={version(name)}" for name in names]
