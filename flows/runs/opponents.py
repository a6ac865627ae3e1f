"""What a candidate is compared with: the champion, the anchor, and how worn the test version is.

Guarantees: a version is fetched from the registry once and kept as evidence; the candidate that is
the present champion's own model is compared with the one that this champion replaced, so that an
unchanged run meets the same opponent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.runs.stage_inputs import as_result
from tasks.errors import ProjectError
from tasks.evidence import EvidenceStore, hash_of
from tasks.ledger import Ledger
from tasks.promotion import IDENTITY, measure_wear
from tasks.recorded_run import RecordedRun, read_model
from tasks.seen_rows import SEEN_ROWS
from tasks.stages import Ref
from tasks.tracking import Tracking

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
    ) -> Ref | None:
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
        """Raise ProjectError where the project's anchor is no version of its model."""
        project = self.ledger.project
        known = self.tracking.versions(project) if anchor is not None else []
        if anchor is not None and anchor not in known:
            named = f"its versions are {', '.join(known[-5:])}" if known else "it has none yet"
            raise ProjectError(
                f"gate.anchor is {anchor}, which is no version of {project}: {named}; correct it "
                "in the project file"
            )

    def version(self, version: str | None) -> Ref | None:
        """A version as evidence."""
        if version is None:
            return None
        project = self.ledger.project
        trained = self.tracking.version_tags(project, version).get(TRAINING_KEY)
        key = hash_of([project, version, trained, SEEN_ROWS])[:32]
        if not self.store.reusable("champion", key):
            self.store.save(key, as_result(self.tracking.champion(project, version)))
        return {"stage": "champion", "key": key, "digest": self.store.digest("champion", key)}

    def wear(self, model_digest: str, test_version: str, basis: str) -> int:
        """How many distinct models the test version has seen, this one included."""
        return measure_wear(self.ledger, model_digest, test_version, basis)


@dataclass(frozen=True)
class RecordedOpponents(Opponents):
    """The versions that a recorded run was compared with, out of the folder of a replay."""

    recorded: RecordedRun
    folder: Path

    def champion(
        self, serving: str | None, training_key: str, identity: str | None = None
    ) -> Ref | None:
        """The champion of then."""
        return self._read("champion", self.recorded.champion)

    def require_version(self, anchor: str | None) -> None:
        """The anchor comes with the record."""

    def version(self, version: str | None) -> Ref | None:
        """The anchor of then."""
        return self._read("anchor", version)

    def wear(self, model_digest: str, test_version: str, basis: str) -> int:
        """The wear of then."""
        return self.recorded.wear

    def _read(self, name: str, version: str | None) -> Ref | None:
        if version is None:
            return None
        key = hash_of([self.ledger.project, version, name])[:32]
        digest = self.store.save(key, as_result(read_model(self.folder / name, version)))
        return {"stage": "champion", "key": key, "digest": digest}
