"""What a deletion in a home came to: counts and bytes by kind, what was kept and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.services.emptying import bytes_of, remove, set_aside
from tasks.retention import WORDS, Reason

KINDS = ("runs", "MLflow runs", "evidence", "data", "temporary files", "logs")


@dataclass
class Pruned:
    """What was deleted, or in a dry run would be.

    `runs` are the deleted ones by project, `kept` the number of the others by the reason. `told`
    are sentences on what could not be judged, `failed` those on what could not be done.
    """

    home: Path
    dry_run: bool
    deleted: dict[str, list[int]] = field(default_factory=lambda: {kind: [0, 0] for kind in KINDS})
    runs: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[Reason, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def count(self, kind: str, size: int) -> None:
        """One more of a kind."""
        self.deleted[kind][0] += 1
        self.deleted[kind][1] += size

    def take(self, kind: str, place: Path, aside: bool = False) -> None:
        """Count a file or folder and, unless this is a dry run, delete it or move it aside."""
        self.count(kind, bytes_of(place))
        if not self.dry_run:
            if aside:
                set_aside(place)
            else:
                remove(place)

    def to_document(self) -> dict[str, Any]:
        """A JSON value, for programs."""
        return {
            "home": str(self.home),
            "dry_run": self.dry_run,
            "deleted": {
                kind.lower().replace(" ", "_"): {"count": count, "bytes": size}
                for kind, (count, size) in self.deleted.items()
            },
            "runs": self.runs,
            "kept": {reason: self.kept.get(reason, 0) for reason in WORDS},
            "told": self.told,
            "failed": self.failed,
        }

    def to_text(self) -> str:
        """One line a kind, then one a reason."""
        what = "would be deleted" if self.dry_run else "deleted"
        lines = [
            f"{kind:<16}{count:>6} {what}, {size / 1e6:,.1f} MB"
            for kind, (count, size) in self.deleted.items()
        ]
        lines += [
            f"{'runs':<16}{self.kept[reason]:>6} kept: {words}"
            for reason, words in WORDS.items()
            if self.kept.get(reason)
        ]
        return "\n".join([*lines, *self.told, ""])
