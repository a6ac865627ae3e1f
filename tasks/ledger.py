"""The ledger: an append-only record of every verdict, signature and rollback of a project.

Guarantees: an entry is claimed and written by one operation that the shared store makes unique, so
that of two writers one is first and the other knows it; each entry holds the hash of the one
before, so that a changed or missing entry is found; the champion is derived from the ledger, and
the alias is set to the ledger's head.

The entries lie with the model registry, so that a team shares them. Each home mirrors what it has
seen, one JSON line an entry: a store that lost or changed an entry is found by any home that saw
it. What cannot be detected: a rewrite by someone who can write to the store and to every mirror.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import UnavailableError
from tasks.evidence import canonical_json
from tasks.ledger_entries import (
    FIRST,
    JUDGEMENTS,
    MOVES,
    SETTLEMENTS,
    Action,
    Draft,
    Entry,
    EntryStore,
    StoredEntry,
    chained,
    parse_entry,
    plain_line,
    waiting,
)
from tasks.ledger_mirror import extend_mirror, mirrored
from tasks.markup import escape
from tasks.wear import Recorded, count_questions

__all__ = [
    "FIRST",
    "JUDGEMENTS",
    "MOVES",
    "SETTLEMENTS",
    "Action",
    "Entry",
    "EntryStore",
    "Ledger",
    "StoredEntry",
    "mirrored",
    "plain_line",
]

_ATTEMPTS = 20


@dataclass(frozen=True)
class Ledger:
    """The ledger of one project: its shared entries and this home's mirror of them."""

    store: EntryStore
    project: str
    mirror: Path

    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first.

        Raises UnavailableError when a text cannot be read, the chain is broken, or the store no
        longer holds what this home has seen.
        """
        return tuple(entry for entry, _ in self._read())

    def judged_rows(self) -> tuple[list[Recorded], list[Recorded]]:
        """The entries with the rows that they were judged on: this ledger's, and all others'.

        An entry of another ledger that cannot be read is left out; its own project refuses it.
        """
        own = [Recorded(entry=entry, rows=stored.rows) for entry, stored in self._read()]
        others = []
        for stored in self.store.read_other_entries(self.project):
            with contextlib.suppress(ValueError, TypeError):
                others.append(Recorded(entry=parse_entry(stored.text), rows=stored.rows))
        return own, others

    def last_move(self) -> Entry | None:
        """The entry that made the present champion."""
        return next((entry for entry in reversed(self.entries()) if entry.moves), None)

    def champion(self) -> str | None:
        """The version that the last move made champion."""
        move = self.last_move()
        return move.to_version if move else None

    def replaced_by(self, version: str) -> str | None:
        """The champion that `version` replaced when it was last promoted or approved."""
        for entry in reversed(self.entries()):
            if entry.moves and entry.action != "rollback" and entry.to_version == version:
                return entry.from_version
        return None

    def pending(self) -> Entry | None:
        """The entry that waits for a signature: the newest, if nothing has settled it."""
        return waiting(self.entries())

    def append(self, draft: Draft) -> Entry | None:
        """Write one entry; None where another writer has overtaken it.

        That is a move or a judgement over another champion than expected, a judgement whose
        question no longer has its `place` among the ledger's, because another one wore the test
        rows meanwhile, and an answer to a pending entry that no longer waits for one.

        Of two writers that claim the same place one is first; the other's text stays in the store
        as a claim that was lost, and it tries again on what is there now.
        """
        for _ in range(_ATTEMPTS):
            entries = self.entries()
            champion = next((e.to_version for e in reversed(entries) if e.moves), None)
            if _is_overtaken(draft, champion, entries):
                return None
            entry = draft.entry(self.project, champion, entries)
            text = canonical_json(entry.values)
            self.store.add_entry(self.project, text, _summary(entry), draft.rows)
            # By its text: a client that sends it twice, after a lost answer, wrote it once.
            if any(stored.text == text for _, stored in self._read()):
                return entry
        raise UnavailableError(
            f"the ledger of {self.project} was written by others {_ATTEMPTS} times in a row; "
            "run again"
        )

    def is_complete(self, entry: Entry) -> bool:
        """Whether the alias once stood where the entry says."""
        return self._stored(entry).completed

    def complete(self, entry: Entry) -> None:
        """Record that the alias stands where the entry says."""
        self.store.complete_entry(self.project, self._stored(entry).number)

    def _stored(self, entry: Entry) -> StoredEntry:
        return next(stored for own, stored in self._read() if own.hash == entry.hash)

    def _read(self) -> list[tuple[Entry, StoredEntry]]:
        self.mirror.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():  # else another command of this home could mirror a newer reading
            found = chained(self.project, self.store.read_entries(self.project))
            extend_mirror(self.mirror, self.project, [stored.text for _, stored in found])
        return found

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self.mirror.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def open_ledger(home: Path, store: EntryStore, project: str) -> Ledger:
    """The ledger of a project, mirrored in a home."""
    return Ledger(store, project, home / "ledger" / f"{project}.jsonl")


def _is_overtaken(draft: Draft, champion: str | None, entries: Sequence[Entry]) -> bool:
    if champion != draft.expected_champion and draft.action in (*MOVES, *JUDGEMENTS):
        return True
    if draft.action in JUDGEMENTS and draft.place is not None:
        return draft.place != count_questions(entries, draft.asked_as)
    asked = waiting(entries)
    settles = draft.action in SETTLEMENTS
    return settles and (asked is None or asked.sequence != draft.refers_to)


def _summary(entry: Entry) -> str:
    moved = f": version {entry.from_version or '-'} to {entry.to_version}" if entry.moves else ""
    said = f"{escape(entry.who)}. {escape(entry.why)}"
    return f"{entry.sequence}. {entry.action}{moved}, by {said}"[:4000]
