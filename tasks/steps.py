"""What a stage is given: names and keys of what earlier stages found, and how they are read.

Guarantee: what is read is compared with its stored fingerprints by the evidence store.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.evidence import EvidenceStore
from tasks.project.roles import Roles
from tasks.project.sections import Project

if TYPE_CHECKING:
    from tasks.models import Champion, ModelPackage

Ref = dict[str, str]
"""What tasks pass to each other: the stage, its key, and the digest of what it found."""


CuratedRows = tuple[pd.DataFrame, pd.DataFrame, Roles, Project]


@dataclass(frozen=True)
class Step:
    """What a stage is given: where it reads and writes, its view of the project, its key."""

    stage: str
    key: str
    project: Project
    evidence: Path
    allow_imports: tuple[str, ...] = ()

    @property
    def store(self) -> EvidenceStore:
        """The evidence store of the run."""
        return EvidenceStore(self.evidence)

    def frame(self, ref: Ref, name: str) -> pd.DataFrame:
        """An output of an earlier stage."""
        return self.store.output(ref["stage"], ref["key"], name)

    def facts(self, ref: Ref) -> dict[str, Any]:
        """The facts of an earlier stage."""
        return self.store.facts(ref["stage"], ref["key"])

    def rows(self, ingested: Ref, validated: Ref, divided: Ref) -> CuratedRows:
        """The curated rows that have a side, their sides, the columns' roles, and the project."""
        from tasks.snapshots import with_doubles

        curated, split = self.frame(validated, "curated"), self.frame(divided, "split")
        placed = curated if len(split) == len(curated) else curated.loc[split.index]
        return with_doubles(placed), split, self.roles(ingested), self.project

    def roles(self, ingestion: Ref) -> Roles:
        """The roles of the columns."""
        return Roles.from_facts(self.facts(ingestion)["roles"])

    def package(self, ref: Ref, name: str = "model") -> ModelPackage:
        """A model that an earlier stage stored."""
        from tasks.models import ModelPackage

        return ModelPackage.from_files(self.store.load_files(ref["stage"], ref["key"]), name)

    def find_package(self, ref: Ref, name: str) -> ModelPackage | None:
        """A model that an earlier stage may not have been able to fit."""
        stored = self.store.fingerprints(ref["stage"], ref["key"])
        return self.package(ref, name) if f"{name}.skops" in stored else None

    def champion(self, ref: Ref | None) -> Champion | None:
        """A version that the run compares with, if there is one."""
        from tasks.models import Champion
        from tasks.seen_rows import SEEN_ROWS, SeenRows

        if ref is None:
            return None
        units = frozenset(self.frame(ref, "units")["unit"])
        has_rows = SEEN_ROWS in self.store.fingerprints(ref["stage"], ref["key"])
        seen = SeenRows.from_frame(self.frame(ref, SEEN_ROWS)) if has_rows else None
        return Champion(package=self.package(ref), units=units, seen=seen, **self.facts(ref))


@dataclass(frozen=True)
class Places:
    """Where promotion acts: the home folder, the MLflow run, the file of the verdict."""

    home: Path
    run: str
    verdict: Path
