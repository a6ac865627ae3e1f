"""What a candidate is compared with: the champion, the anchor, and how worn the test rows are.

Guarantees: a version is fetched from the registry once and kept as evidence; its files are those
that the ledger names, or it is an opponent with a problem, which nothing is compared with; the
candidate that is the present champion's own model is compared with the one that this champion
replaced, so that an unchanged run meets the same opponent again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flows.runs import progress
from flows.runs.stage_inputs import as_result
from tasks.errors import ProjectFileError
from tasks.evidence import EvidenceStore, hash_of
from tasks.judged_versions import RecordedDigests, recorded_digests
from tasks.ledger import Ledger
from tasks.promotion import IDENTITY
from tasks.recorded_run import RecordedRun, read_model
from tasks.row_marks import marks_of
from tasks.seen_rows import SEEN_ROWS
from tasks.steps import Ref, Version
from tasks.tracking import Tracking
from tasks.wear import Wear, count_questions, measure_wear

if TYPE_CHECKING:
    from tasks.models import Champion

TRAINING_KEY = "assayline.training_key"


@dataclass(frozen=True)
class Opponents:
    """The registered versions of a project, as evidence."""

    tracking: Tracking
    ledger: Ledger
    store: EvidenceStore

    def serving(self) -> str | None:
        """The version that serves now: the ledger decides, and the alias follows it."""
        return self.ledger.champion()

    def champion(
        self, serving: str | None, training_key: str, identity: str | None = None
    ) -> Version | None:
        """The champion to compare a candidate with; None for a first model.

        The candidate is told by its training key, and by its identity once it is trained: after
        a change of code that changes nothing the key is another and the model the same.
        """
        if serving is None:
            return None
        tags = self.tracking.version_tags(self.ledger.project, serving)
        if tags.get(TRAINING_KEY) == training_key or identity == tags.get(IDENTITY, ""):
            return self.version(self.ledger.replaced_by(serving))
        return self.version(serving)

    def require_version(self, anchor: str | None) -> None:
        """Raise ProjectFileError where the project's anchor is no version of its model."""
        project = self.ledger.project
        known = self.tracking.versions(project) if anchor is not None else []
        if anchor is not None and anchor not in known:
            named = f"its versions are {', '.join(known[-5:])}" if known else "it has none yet"
            raise ProjectFileError(
                f"gate.anchor is {anchor}, which is no version of {project}: {named}; correct it "
                "in the project file"
            )

    def version(self, version: str | None) -> Version | None:
        """A version as evidence: one whose files are not those that were registered has a problem.

        Raises UnavailableError where the registry does not hand out its files.
        """
        if version is None:
            return None
        project = self.ledger.project
        tags = self.tracking.version_tags(project, version)
        recorded = recorded_digests(version, self.ledger.entries(), tags)
        named = [sorted(recorded.package), sorted(recorded.files)]
        key = hash_of([project, version, tags.get(TRAINING_KEY), SEEN_ROWS, named])[:32]
        kept = self.store.reusable("champion", key)
        if not kept or "problem" in self.store.facts("champion", key):
            self.store.save(key, as_result(self._fetch(version, recorded)))
        return Version(Ref("champion", key, self.store.digest("champion", key)))

    def _fetch(self, version: str, recorded: RecordedDigests) -> Champion:
        """A version out of the registry, compared with what the records say of its files."""
        from tasks.models import Champion, ModelPackage, package_digest

        try:
            found = self.tracking.champion(self.ledger.project, version)
        except (KeyError, ValueError) as failure:
            problem = f"its stored files are damaged: {failure}"
            return Champion(version, ModelPackage(b"", {}), frozenset(), problem=problem)
        if not recorded.files:
            progress.active().say(
                f"version {version} was registered before a digest of its units, seen rows and "
                "golden rows was recorded: only its model is compared with the ledger"
            )
        problem = recorded.problem(package_digest(found.package), found.files_digest)
        return replace(found, problem=problem)

    def wear(self, question: str, epoch: str, marks: pd.DataFrame) -> tuple[Wear, int]:
        """The judgements that the test rows have seen, and the question's place in the ledger.

        `marks` are those of today's rows, as `tasks.row_marks.mark_rows` made them.
        """
        own, others = self.ledger.judged_rows()
        wear = measure_wear(
            own,
            others,
            project=self.ledger.project,
            epoch=epoch,
            question=question,
            test=marks_of(marks, test_only=True),
        )
        return wear, count_questions([one.entry for one in own], question)


@dataclass(frozen=True)
class RecordedOpponents(Opponents):
    """The versions that a recorded run was compared with, out of the folder of a replay."""

    recorded: RecordedRun
    folder: Path

    def champion(
        self, serving: str | None, training_key: str, identity: str | None = None
    ) -> Version | None:
        """The champion of then."""
        return self._read("champion", self.recorded.champion)

    def require_version(self, anchor: str | None) -> None:
        """The anchor comes with the record."""

    def version(self, version: str | None) -> Version | None:
        """The anchor of then."""
        return self._read("anchor", version)

    def wear(self, question: str, epoch: str, marks: pd.DataFrame) -> tuple[Wear, int]:
        """The wear of then; none where only its number was kept, and it set no level."""
        kept = self.recorded.wear
        return (Wear() if isinstance(kept, int) else Wear.from_facts(kept)), 1

    def _read(self, name: str, version: str | None) -> Version | None:
        if version is None:
            return None
        key = hash_of([self.ledger.project, version, name])[:32]
        digest = self.store.save(key, as_result(read_model(self.folder / name, version)))
        return Version(Ref("champion", key, digest))
