"""What each stage is given: names and keys of what earlier stages found, and how they are read.

Guarantees: inputs are given by name, and what one stage found is no input in the place of what
another one found, which the type checker sees; what is read is compared with its stored
fingerprints by the evidence store.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NewType

import pandas as pd

from tasks.evidence import EvidenceStore
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles
from tasks.project.sections import Project

if TYPE_CHECKING:
    from tasks.models import Champion, ModelPackage
    from tasks.promotion import Decision
    from tasks.wear import Wear


@dataclass(frozen=True)
class Ref:
    """What stages pass to each other: the stage, its key, and the digest of what it found."""

    stage: str
    key: str
    digest: str

    @property
    def place(self) -> tuple[str, str]:
        """Where the evidence store has it."""
        return self.stage, self.key


@dataclass(frozen=True)
class Output:
    """One output of a stage: what is given it depends on nothing else that the stage found."""

    of: Ref
    name: str


@dataclass(frozen=True)
class Checks:
    """The checks of stages, and nothing else that these found."""

    of: tuple[Ref, ...]


Ingested = NewType("Ingested", Ref)
Validated = NewType("Validated", Ref)
Divided = NewType("Divided", Ref)
Labels = NewType("Labels", Ref)
Leaks = NewType("Leaks", Ref)
Ladder = NewType("Ladder", Ref)
Trained = NewType("Trained", Ref)
Analysed = NewType("Analysed", Ref)
Audited = NewType("Audited", Ref)
Judged = NewType("Judged", Ref)
Promoted = NewType("Promoted", Ref)
Sides = NewType("Sides", Ref)
"""The sides that units were given before."""
Suspects = NewType("Suspects", Ref)
"""The weights of suspected train rows."""
Version = NewType("Version", Ref)
"""A registered version of the model."""
HumanLevel = NewType("HumanLevel", Output)
LabelQuality = NewType("LabelQuality", Output)
Leaking = NewType("Leaking", Output)
"""The columns that give the target away."""


@dataclass(frozen=True, kw_only=True)
class RowRefs:
    """The curated rows with their sides and roles."""

    ingested: Ingested
    validated: Validated
    divided: Divided


@dataclass(frozen=True, kw_only=True)
class IngestionInputs:
    """The source, and the columns of the row key where they are frozen."""

    source: Path
    key_columns: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class ValidationInputs:
    """The table as it came, and corrected labels."""

    ingested: Ingested
    overlay: Path | None


@dataclass(frozen=True, kw_only=True)
class SplittingInputs:
    """The curated table, and the sides that its units had before."""

    ingested: Ingested
    validated: Validated
    sides: Sides | None


@dataclass(frozen=True, kw_only=True)
class LabelInputs:
    """The rows, and what people said of their labels."""

    rows: RowRefs
    reviews: Path | None
    rules: Path | None
    ratings: Path | None


@dataclass(frozen=True, kw_only=True)
class LeakageInputs:
    """The rows."""

    rows: RowRefs


@dataclass(frozen=True, kw_only=True)
class BaselineInputs:
    """The rows, the champion, and how right people are."""

    rows: RowRefs
    champion: Version | None
    human_level: HumanLevel


@dataclass(frozen=True, kw_only=True)
class TrainingInputs:
    """The rows, those of suspected labels, and columns to offer a mitigated candidate for."""

    rows: RowRefs
    suspects: Suspects | None
    mitigate: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ErrorAnalysisInputs:
    """The rows, the candidate, and what earlier stages and people know of them."""

    rows: RowRefs
    trained: Trained
    ladder: Ladder
    human_level: HumanLevel
    label_quality: LabelQuality
    leaking: Leaking
    tags: Path | None
    tag_exports: Path | None


@dataclass(frozen=True, kw_only=True)
class AuditInputs:
    """The rows and the candidate."""

    rows: RowRefs
    trained: Trained


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Who meets on the test rows; `expected` are the stages that must have judged something."""

    rows: RowRefs
    ladder: Ladder
    audited: Audited
    champion: Version | None
    anchor: Version | None
    judged: Checks
    expected: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GateInputs:
    """All that a verdict rests on: the contest, and what the test rows have seen before."""

    contest: Contest
    wear: Wear


@dataclass(frozen=True)
class Places:
    """Where promotion acts: the home folder, the MLflow run, the file of the verdict."""

    home: Path
    run: str
    verdict: Path


@dataclass(frozen=True, kw_only=True)
class PromotionInputs:
    """The decision, what came of it where it was acted on before, and the candidate."""

    decision: Decision
    acted_on: dict[str, Any] | None
    places: Places
    rows: RowRefs
    trained: Trained


@dataclass(frozen=True)
class Step:
    """What a stage is given besides its inputs: its view of the project, and its place.

    `found` is what an earlier run found under the same key, where it may be reused.
    """

    stage: str
    key: str
    project: Project
    evidence: Path
    allow_imports: tuple[str, ...] = ()
    found: Ref | None = None

    @property
    def store(self) -> EvidenceStore:
        """The evidence store of the run."""
        return EvidenceStore(self.evidence)

    def frame(self, ref: Ref, name: str) -> pd.DataFrame:
        """An output of an earlier stage."""
        return self.store.output(*ref.place, name)

    def output(self, one: Output) -> pd.DataFrame:
        """The one output that a stage is given."""
        return self.frame(one.of, one.name)

    def facts(self, ref: Ref) -> dict[str, Any]:
        """The facts of an earlier stage."""
        return self.store.facts(*ref.place)

    def dataset(self, refs: RowRefs) -> Dataset:
        """The curated rows that have a side."""
        from tasks.snapshots import with_doubles

        curated, split = self.frame(refs.validated, "curated"), self.frame(refs.divided, "split")
        placed = curated if len(split) == len(curated) else curated.loc[split.index]
        return Dataset(with_doubles(placed), split, self.roles(refs.ingested))

    def roles(self, ingested: Ingested) -> Roles:
        """The roles of the columns."""
        return Roles.from_facts(self.facts(ingested)["roles"])

    def package(self, ref: Ref, name: str = "model") -> ModelPackage:
        """A model that an earlier stage stored."""
        from tasks.models import ModelPackage

        return ModelPackage.from_files(self.store.load_files(*ref.place), name)

    def find_package(self, ref: Ref, name: str) -> ModelPackage | None:
        """A model that an earlier stage may not have been able to fit."""
        stored = self.store.fingerprints(*ref.place)
        return self.package(ref, name) if f"{name}.skops" in stored else None

    def champion(self, version: Version | None) -> Champion | None:
        """A version that the run compares with, if there is one."""
        from tasks.models import Champion
        from tasks.seen_rows import SEEN_ROWS, SeenRows

        if version is None:
            return None
        units = frozenset(self.frame(version, "units")["unit"])
        has_rows = SEEN_ROWS in self.store.fingerprints(*version.place)
        seen = SeenRows.from_frame(self.frame(version, SEEN_ROWS)) if has_rows else None
        facts = self.facts(version)
        return Champion(package=self.package(version), units=units, seen=seen, **facts)
