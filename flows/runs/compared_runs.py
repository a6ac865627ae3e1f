"""What a recorded run left behind, found again: its settings, rows and model.

Guarantees: a run is looked for in the home first, then among the artifacts of its MLflow run; what
is gone is told in one sentence and is never an error; nothing is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.runs.version_runs import mlflow_run_of, run_of_version
from tasks.errors import NotFoundError, UnavailableError
from tasks.evidence import EvidenceStore
from tasks.held_folders import held_folder
from tasks.judged_versions import version_judged_by
from tasks.ledger import open_ledger
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.run_comparison import ComparedRun, RunRows
from tasks.run_folder import RunFolder, run_folders
from tasks.verdict_document import VerdictDocument

if TYPE_CHECKING:
    from tasks.models import ModelPackage
    from tasks.tracking import Tracking

SOURCE_HASH = "assayline source"
OWN_COMMIT = "assayline commit"
PROJECT_COMMIT = "project commit"
_MOST_NAMED = 5


@dataclass(frozen=True)
class KeptRun:
    """A run by what is left of it, which may be nothing."""

    run_id: str
    folder: RunFolder
    store: EvidenceStore
    version: str | None = None

    @cached_property
    def verdict(self) -> VerdictDocument | None:
        """The verdict; None where the run ended without one, or it cannot be trusted."""
        with contextlib.suppress(UnavailableError):
            return self.folder.verdict()
        return None

    @property
    def stage_keys(self) -> dict[str, str]:
        """The keys of the run's evidence."""
        return dict(self.verdict.beside["stage_keys"]) if self.verdict else {}

    @property
    def order(self) -> tuple[str, str]:
        """What sorts runs by time."""
        return self.described.started or self.run_id, self.run_id

    @property
    def described(self) -> ComparedRun:
        """The run as a reader sees it."""
        when = str(self.verdict.beside["when"]) if self.verdict else ""
        return ComparedRun(run_id=self.run_id, version=self.version, started=when)

    @cached_property
    def project(self) -> Project | None:
        """The project file with the overrides of that run; None where it is gone or outdated."""
        with contextlib.suppress(UnavailableError):
            loaded = self.folder.project()
            return loaded.project if loaded is not None else None
        return None

    @cached_property
    def libraries(self) -> dict[str, str] | None:
        """Every installed library, and Python where it was recorded."""
        with contextlib.suppress(UnavailableError):
            found = self.folder.libraries()
            python = self._recorded.get("environment", {}).get("python")
            return found and {**({"python": python} if python else {}), **found}
        return None

    @property
    def code(self) -> dict[str, str] | None:
        """The hash of the stages' source, and the commits where they were recorded."""
        if self.verdict is None:
            return None
        found = {SOURCE_HASH: str(self.verdict.core["hashes"]["code"])[:12]}
        for name, part in ((OWN_COMMIT, "own_code"), (PROJECT_COMMIT, "project_code")):
            version = self._recorded.get(part)
            if version is not None and version["commit"] is not None:
                changed = " with changes" if version["dirty"] else ""
                found[name] = version["commit"][:12] + changed
        return found

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics that the run's stages recorded; none where they are gone."""
        return {n: v for n, v in self._recorded.get("metrics", {}).items() if v is not None}

    @property
    def imports_own_code(self) -> bool:
        """Whether estimators may have been imported from the project's own code."""
        return bool(self.verdict and self.verdict.beside["allow_imports"])

    def rows(self, *, whole: bool = True) -> RunRows | None:
        """The curated rows with their sides; None where they are gone."""
        return rows_of(self.store, self.stage_keys, whole=whole)

    def package(self) -> ModelPackage | None:
        """The model that the run trained; None where it is gone."""
        from tasks.models import ModelPackage

        with contextlib.suppress(KeyError, OSError, UnavailableError):
            files = self.store.load_files("training", self.stage_keys["training"])
            return ModelPackage.from_files(files, "model")
        return None

    @cached_property
    def _recorded(self) -> dict[str, Any]:
        with contextlib.suppress(UnavailableError):
            return self.folder.record() or {}
        return {}


def rows_of(
    store: EvidenceStore, stage_keys: Mapping[str, str], *, whole: bool = True
) -> RunRows | None:
    """The curated rows of the run with these keys; None where the evidence is gone.

    Unless `whole`, only the target is read where the row keys hold all features: a row with
    another feature then has another key.
    """
    try:
        ingested = store.facts("ingestion", stage_keys["ingestion"])
        roles = Roles.from_facts(ingested["roles"])
        keyed = roles.key is None and set(roles.features) <= set(roles.key_columns)
        columns = [roles.target] if keyed and not whole else None
        curated = store.output("validation", stage_keys["validation"], "curated", columns)
        split = store.output("splitting", stage_keys["splitting"], "split")
    except (KeyError, UnavailableError):
        return None
    return RunRows(
        frame=curated,
        sides=split["side"],
        roles=roles,
        units=split["unit"],
        schema=ingested["schema"],
    )


@contextlib.contextmanager
def find_run(word: str, project: str, home: Path, tracking: Tracking) -> Iterator[KeptRun]:
    """The run that a version (`3`) or a run id names.

    Raises NotFoundError for one that is not known, naming the newest that are.
    """
    ledger = open_ledger(home, tracking, project)
    version, run_id = None, word
    if word.isdecimal():
        _require_version(word, project, tracking)
        version, run_id = word, run_of_version(word, ledger, tracking).run_id
    local = RunFolder.of(home, run_id)
    document = _document_of(local, project)
    if document is not None:
        version = version or document["candidate_version"]
        yield KeptRun(run_id, local, EvidenceStore(home / "evidence"), version)
        return
    mlflow_run = mlflow_run_of(run_id, project, tracking)
    if mlflow_run is None:
        raise NotFoundError(_unknown_run(word, project, home))
    version = version or version_judged_by(run_id, ledger.entries())
    with held_folder(home / "tmp") as temporary:
        folder = RunFolder(Path(temporary))
        for path in folder.comparable:
            with contextlib.suppress(UnavailableError):
                tracking.download(mlflow_run, path.name, folder.path)
        yield KeptRun(run_id, folder, EvidenceStore(home / "evidence"), version)


def _require_version(version: str, project: str, tracking: Tracking) -> None:
    known = tracking.versions(project)
    if version not in known:
        there = (
            f"the newest are {', '.join(known[-_MOST_NAMED:])}"
            if known
            else "it has none yet; run the project first"
        )
        raise NotFoundError(f"{project} has no version {version}; {there}")


def _document_of(folder: RunFolder, project: str) -> dict[str, Any] | None:
    """What a finished run of the project said; None where the folder holds none."""
    with contextlib.suppress(UnavailableError):
        document = folder.document()
        return document if document and document.get("project") == project else None
    return None


def _unknown_run(word: str, project: str, home: Path) -> str:
    runs = [one.run_id for one in run_folders(home) if _document_of(one, project) is not None]
    there = (
        f"the newest are {', '.join(runs[:_MOST_NAMED][::-1])}"
        if runs
        else "there is none yet; run the project first"
    )
    return f"{project} has no run {word}; {there} (a number names a version)"
