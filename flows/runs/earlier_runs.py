"""What earlier runs of a project left for this one: the columns of the row key, sides of units.

Guarantees: a run that repeats another is given what that one was given; a replay is given what
its record says, and changes nothing that the project remembers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from flows.runs.stage_inputs import content_of
from tasks.checks import StageResult
from tasks.evidence import EvidenceStore, hash_of
from tasks.fingerprints import fingerprint_frame
from tasks.project.sections import Project
from tasks.project_state import ProjectState
from tasks.recorded_run import RecordedRun
from tasks.stage_keys import project_for
from tasks.steps import Divided, Ref, Sides, Validated


@dataclass(frozen=True)
class EarlierRuns:
    """The project's state as a run of `project` on the file `data` meets it."""

    state: ProjectState
    store: EvidenceStore
    project: Project
    data: Path

    def key_columns(self) -> tuple[str, ...] | None:
        """The columns that make a row's key, where they are frozen."""
        return self.state.key_columns(self._source_occasion())

    def freeze_key_columns(self, columns: tuple[str, ...]) -> None:
        """Keep the key columns of the first run that could be read."""
        self.state.freeze_key_columns(columns, self._source_occasion())

    def sides(self, curated: Validated) -> Sides | None:
        """The sides that units were given before this table was first split."""
        frame, digest = self.state.sides(self.project.split.epoch, self._occasion(curated))
        return None if frame is None else _as_evidence(frame, digest, self.store)

    def keep_sides(self, curated: Validated, split: Divided) -> None:
        """Keep the sides of units that are new."""
        assignments = self.store.output(*split.place, "assignments")
        self.state.add_sides(self.project.split.epoch, self._occasion(curated), assignments)

    def _source_occasion(self) -> str:
        view = project_for("ingestion", self.project).model_dump(mode="json", by_alias=True)
        return hash_of([content_of(self.data, self.store), view])

    def _occasion(self, curated: Validated) -> str:
        rule = self.project.split.model_dump(mode="json")
        return hash_of([content_of(curated, self.store), rule])


@dataclass(frozen=True)
class RecordedEarlierRuns(EarlierRuns):
    """What the record of a run says that it was given."""

    recorded: RecordedRun

    def key_columns(self) -> tuple[str, ...] | None:
        """The key columns that the recorded run was given."""
        return self.recorded.key_columns

    def freeze_key_columns(self, columns: tuple[str, ...]) -> None:
        """A replay freezes nothing."""

    def sides(self, curated: Validated) -> Sides | None:
        """The sides that the recorded run was given."""
        frame = self.recorded.sides
        if frame is None:
            return None
        return _as_evidence(frame, fingerprint_frame(frame).total, self.store)

    def keep_sides(self, curated: Validated, split: Divided) -> None:
        """A replay keeps nothing."""


def _as_evidence(sides: pd.DataFrame, digest: str, store: EvidenceStore) -> Sides:
    found = StageResult(stage="sides", summary="", checks=(), outputs={"assignments": sides})
    store.save(digest[:32], found)
    return Sides(Ref("sides", digest[:32], digest))
