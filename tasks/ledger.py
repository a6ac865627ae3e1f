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
import hashlib
from collections.abc import Iterator
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
    Entry,
    EntryStore,
    StoredEntry,
    chained,
    parse_entry,
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
_LONGEST = 10_000


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

    def append(  # noqa: PLR0913 - an entry has that many parts, all named
        self,
        action: Action,
        *,
        run_id: str,
        candidate_version: str | None,
        expected_champion: str | None,
        who: str,
        why: str,
        when: str,
        to_version: str | None = None,
        verdict_hash: str = "",
        page_hash: str = "",
        model_digest: str = "",
        test_version: str = "",
        wear: float | None = None,
        basis: str = "",
        limits_hash: str = "",
        refers_to: int | None = None,
        expires: str | None = None,
        files_digest: str = "",
        overrides: tuple[str, ...] = (),
        question: str = "",
        place: int | None = None,
        rows: str = "",
        epoch: str = "",
    ) -> Entry | None:
        """Write one entry; None where another writer has overtaken it.

        That is a move or a judgement over another champion than expected, a judgement whose
        question no longer has its `place` among the ledger's, because another one wore the test
        rows meanwhile, and an answer to a pending entry that no longer waits for one.

        Only an action that moves needs `to_version`; with any other the champion stays. Of two
        writers that claim the same place one is first; the other's text stays in the store as a
        claim that was lost, and it tries again on what is there now.
        """
        for _ in range(_ATTEMPTS):
            entries = self.entries()
            champion = next((e.to_version for e in reversed(entries) if e.moves), None)
            if champion != expected_champion and action in (*MOVES, *JUDGEMENTS):
                return None
            asked_as = question or f"{model_digest} {test_version}"
            if action in JUDGEMENTS and place not in (None, count_questions(entries, asked_as)):
                return None
            asked = waiting(entries)
            if action in SETTLEMENTS and (asked is None or asked.sequence != refers_to):
                return None
            entry = Entry(
                sequence=len(entries) + 1,
                action=action,
                project=self.project,
                run_id=run_id,
                candidate_version=candidate_version,
                from_version=champion,
                to_version=to_version if action in MOVES else champion,
                verdict_hash=verdict_hash,
                page_hash=page_hash,
                model_digest=model_digest,
                test_version=test_version,
                wear=wear,
                basis=basis,
                limits_hash=limits_hash,
                refers_to=refers_to,
                expires=expires,
                files_digest=files_digest,
                overrides=tuple(plain_line(one) for one in overrides),
                question=question,
                rows_digest=hashlib.sha256(rows.encode()).hexdigest() if rows else "",
                epoch=epoch,
                who=plain_line(who),
                why=plain_line(why),
                # Clocks of several machines differ; the order of the entries is the ledger's.
                when=max(when, entries[-1].when) if entries else when,
                previous_hash=entries[-1].hash if entries else FIRST,
            )
            text = canonical_json(entry.values)
            self.store.add_entry(self.project, text, _summary(entry), rows)
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


def _summary(entry: Entry) -> str:
    moved = f": version {entry.from_version or '-'} to {entry.to_version}" if entry.moves else ""
    said = f"{escape(entry.who)}. {escape(entry.why)}"
    return f"{entry.sequence}. {entry.action}{moved}, by {said}"[:4000]


def plain_line(text: str) -> str:
    """A text on one line, without characters that a terminal would act on, cut where endless."""
    line = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + " ..."
