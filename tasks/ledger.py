"""The ledger: an append-only record of every verdict that was acted on.

Guarantees: an entry is written and flushed before the model moves; each entry holds the hash of
the one before, so that a changed or missing entry is found; the champion is derived from the
ledger, and whatever serves it is set to the ledger's head.

One JSON line an entry, one file a project. What it cannot detect: a rewrite of the whole file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tasks.errors import UnavailableError
from tasks.evidence import canonical_json, hash_of

Action = Literal["promote", "reject", "inconclusive", "pending", "adopt"]
MOVES = ("promote", "adopt")
FIRST = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One decision. `from_version` and `to_version` are the champion before and after it."""

    sequence: int
    action: Action
    project: str
    run_id: str
    candidate_version: str | None
    from_version: str | None
    to_version: str | None
    verdict_hash: str
    who: str
    why: str
    when: str
    previous_hash: str

    @property
    def hash(self) -> str:
        """SHA-256 of the entry's canonical JSON."""
        return hash_of(asdict(self))


@dataclass(frozen=True)
class Ledger:
    """The ledger of one project, a file of JSON lines."""

    path: Path

    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first.

        A last line without its end (a killed write) does not count. Raises UnavailableError when
        a line cannot be read or the chain is broken.
        """
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ()
        lines = text.split("\n")[:-1]
        found = []
        previous = FIRST
        for number, line in enumerate(lines, 1):
            try:
                entry = Entry(**json.loads(line))
            except (ValueError, TypeError):
                raise UnavailableError(
                    f"{self.path}, line {number} is no ledger entry; restore the file"
                ) from None
            if entry.previous_hash != previous or entry.sequence != number:
                raise UnavailableError(
                    f"{self.path}: the chain breaks at entry {number}; the file was changed after "
                    "it was written; restore it from a backup"
                )
            previous = entry.hash
            found.append(entry)
        return tuple(found)

    def last_move(self) -> Entry | None:
        """The entry that made the present champion."""
        moves = [entry for entry in self.entries() if entry.action in MOVES]
        return moves[-1] if moves else None

    def champion(self) -> str | None:
        """The version that the last move made champion."""
        move = self.last_move()
        return move.to_version if move else None

    def append(  # noqa: PLR0913 - an entry has that many parts, all named
        self,
        action: Action,
        *,
        project: str,
        run_id: str,
        candidate_version: str | None,
        expected_champion: str | None,
        to_version: str | None,
        verdict_hash: str,
        who: str,
        why: str,
        when: str,
    ) -> Entry | None:
        """Write one entry and flush it to disk; None when the champion is no longer the expected.

        Compare and append happen under one lock, so that of two runs that finish together only
        one can promote.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            entries = self.entries()
            if action == "promote" and self.champion() != expected_champion:
                return None
            entry = Entry(
                sequence=len(entries) + 1,
                action=action,
                project=project,
                run_id=run_id,
                candidate_version=candidate_version,
                from_version=expected_champion,
                to_version=to_version,
                verdict_hash=verdict_hash,
                who=who,
                why=why,
                when=when,
                previous_hash=entries[-1].hash if entries else FIRST,
            )
            self._write(canonical_json(asdict(entry)) + "\n")
        return entry

    def _write(self, line: str) -> None:
        """Append after the last whole line; what a killed write left is cut off first."""
        with self.path.open("a+b") as file:
            file.seek(0)
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
