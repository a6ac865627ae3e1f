"""Two runs side by side: what changed, what it did, and what could not be compared.

Guarantee: what is not known is None and named in `missing`; it is never taken for "the same".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.evidence import plain
from tasks.run_comparison.data import DataChanges
from tasks.run_comparison.settings import Change

if TYPE_CHECKING:
    from tasks.run_comparison.results import Results

PARTS = ("data", "settings", "code", "libraries")


@dataclass(frozen=True, kw_only=True)
class ComparedRun:
    """One side of the comparison. `version` is None where the run registered no version."""

    run_id: str
    version: str | None
    started: str = ""

    @property
    def text(self) -> str:
        """For example `version 3, run 20260728T101500-a1b2c3`."""
        run = f"run {self.run_id}"
        return f"version {self.version}, {run}" if self.version else run


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What differs between two runs; None where it is not known."""

    data: DataChanges | None = None
    settings: tuple[Change, ...] | None = None
    code: tuple[Change, ...] | None = None
    libraries: tuple[Change, ...] | None = None

    @property
    def causes(self) -> tuple[str, ...]:
        """Those of data, settings, code and libraries that may have made the model another."""
        found = []
        if self.data is not None and not self.data.is_unchanged:
            found.append("data")
        for name in PARTS[1:]:
            changes: tuple[Change, ...] | None = getattr(self, name)
            if any(change.reaches_model for change in changes or ()):
                found.append(name)
        return tuple(found)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Those that could not be compared."""
        return tuple(name for name in PARTS if getattr(self, name) is None)


@dataclass(frozen=True, kw_only=True)
class LabelMeasure:
    """What both runs say of their labels, such as the estimated error rate; None: unknown."""

    name: str
    before: float | None
    after: float | None


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Run B against run A. `missing` says in sentences what could not be compared, and why."""

    project: str
    before: ComparedRun
    after: ComparedRun
    changes: Changes
    results: Results | None = None
    labels: tuple[LabelMeasure, ...] = ()
    missing: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """The comparison as JSON values; a positive difference means that B is better."""
        changes = dataclasses.asdict(self.changes)
        results = dataclasses.asdict(self.results) if self.results else None
        document: dict[str, Any] = plain(
            {
                "project": self.project,
                "a": dataclasses.asdict(self.before),
                "b": dataclasses.asdict(self.after),
                "changes": changes,
                "causes": self.changes.causes,
                "unknown": self.changes.unknown,
                "results": results,
                "labels": [dataclasses.asdict(one) for one in self.labels],
                "missing": self.missing,
            }
        )
        return document


def compare_labels(
    before: Mapping[str, float], after: Mapping[str, float]
) -> tuple[LabelMeasure, ...]:
    """The measures of the labels that either run has, by the metrics of both."""
    return tuple(
        LabelMeasure(name=words, before=before.get(name), after=after.get(name))
        for name, words in _LABEL_MEASURES.items()
        if name in before or name in after
    )


_LABEL_MEASURES = {
    "label_consistency.agreement": "agreement of annotators",
    "label_consistency.error_rate": "estimated error rate",
    "label_consistency.conflict_share": "equal rows in conflict",
    "label_consistency.issue_share.train": "suspects in train",
    "label_consistency.issue_share.dev": "suspects in dev",
    "label_consistency.issue_share.test": "suspects in test",
}
