"""What a project remembers between runs: key columns, sides of units, verdicts.

Guarantees: every file is replaced atomically; sides of units are only ever added, and
are as they were written, by the hash in their file's name; a repeated run sees the sides as they
were before it first ran, so that its keys do not change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.atomic import write_json
from tasks.errors import UnavailableError
from tasks.evidence import hash_of
from tasks.snapshots import read_snapshot, write_snapshot
from tasks.stored_bytes import file_hash


@dataclass(frozen=True)
class ProjectState:
    """The state of one project below `root`."""

    root: Path

    def key_columns(self, occasion: str) -> tuple[str, ...] | None:
        """The columns that make a row's key, frozen at the first run; None before it.

        An occasion names the source and how it is read. The first run's own occasion is answered
        None again, as that run was.
        """
        record = self._read("key_columns.json")
        if record is None or record["occasion"] == occasion:
            return None
        return tuple(record["columns"])

    def freeze_key_columns(self, columns: tuple[str, ...], occasion: str) -> None:
        """Keep the columns of the first run; later calls change nothing."""
        if self._read("key_columns.json") is None:
            self._write("key_columns.json", {"columns": list(columns), "occasion": occasion})

    def sides(self, epoch: int, occasion: str) -> tuple[pd.DataFrame | None, str]:
        """Units and sides that were assigned before `occasion`, and their digest.

        An occasion names the table and the rule that are being split. Asked again for the same
        occasion, what that occasion itself added is left out.
        """
        frames, names = [], []
        for path in self._additions(epoch):
            if _occasion_of(path) == occasion[:32]:
                break
            frames.append(_read_sides(path))
            names.append(path.name)
        if not frames:
            return None, "none"
        return pd.concat(frames, ignore_index=True), hash_of(names)

    def add_sides(self, epoch: int, occasion: str, assignments: pd.DataFrame) -> None:
        """Keep the sides of units that have none yet, under the occasion's name."""
        known = self._additions(epoch)
        if any(_occasion_of(path) == occasion[:32] for path in known):
            return
        taken = set().union(*(_read_sides(path)["unit"] for path in known))
        new = assignments[~assignments["unit"].isin(taken)].reset_index(drop=True)
        if new.empty:
            return
        place = self.root / "sides" / str(epoch)
        place.mkdir(parents=True, exist_ok=True)
        part = place / f".{occasion[:32]}"
        write_snapshot(new, part)
        part.rename(place / f"{len(known) + 1:05d}-{occasion[:32]}-{file_hash(part)[:32]}.parquet")

    def verdict(self, gate_key: str) -> dict[str, Any] | None:
        """The verdict that was recorded for the same gate inputs, if any."""
        return self._read(f"verdicts/{gate_key}.json")

    def record_verdict(self, gate_key: str, verdict: dict[str, Any]) -> None:
        """Keep a verdict under its gate inputs."""
        self._write(f"verdicts/{gate_key}.json", verdict)

    def decided_runs(self) -> frozenset[str]:
        """The runs whose verdicts are recorded. Raises UnavailableError where one is unreadable."""
        found = set()
        for path in sorted((self.root / "verdicts").glob("[!.]*.json")):
            try:
                found.add(str(json.loads(path.read_text(encoding="utf-8"))["run_id"]))
            except (OSError, ValueError, KeyError, TypeError) as failure:
                raise UnavailableError(
                    f"{path} is no recorded verdict ({type(failure).__name__}); bring it back from "
                    "a backup, or delete it: the next run then judges again"
                ) from None
        return frozenset(found)

    def _additions(self, epoch: int) -> list[Path]:
        return sorted((self.root / "sides" / str(epoch)).glob("[!.]*.parquet"))

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(json.loads((self.root / name).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def _write(self, name: str, record: dict[str, Any]) -> None:
        write_json(self.root / name, record, indent=1, durable=True)


def _occasion_of(path: Path) -> str:
    """The occasion by which units were given sides."""
    return path.stem.split("-")[1]


def _read_sides(path: Path) -> pd.DataFrame:
    """Sides as they were written; files of older versions do not name their hash.

    Raises UnavailableError where they are others: rows would change sides unseen.
    """
    named = path.stem.split("-")[2:]
    if named and file_hash(path)[:32] != named[0]:
        raise UnavailableError(
            f"the sides in {path} were changed after they were written; bring the file back from a "
            "backup, or raise split.epoch to draw a new test set"
        )
    return read_snapshot(path)
