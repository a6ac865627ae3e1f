"""An entry of the ledger, and the chain that entries make.

Guarantees: each entry holds the hash of the one before; a claim that came second is told from an
entry that was changed, which is an error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import KW_ONLY, MISSING, asdict, dataclass, fields
from typing import Any, Literal, Protocol

from tasks.errors import UnavailableError
from tasks.evidence import hash_of

Action = Literal[
    "promote",
    "reject",
    "inconclusive",
    "pending",
    "approve",
    "refuse",
    "expire",
    "rollback",
    "adopt",
]
MOVES = ("promote", "approve", "rollback", "adopt")
JUDGEMENTS = ("promote", "reject", "inconclusive", "pending")
SETTLEMENTS = ("approve", "refuse", "expire")
FIRST = "0" * 64
_LONGEST = 10_000
_NUMBERS = ("sequence", "wear", "refers_to")
_LATER = ("files_digest", "overrides", "question", "rows_digest", "epoch")
"""Fields that older entries do not have: left out where empty, so that those keep their hash."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One decision. `from_version` and `to_version` are the champion before and after it.

    A judgement names what it spoke about: the model's digest, the test version, how many judgements
    the test rows had seen by rows, this one included (`wear`), the hash of the limits, and `basis`,
    the hash of all that the gate was given but the wear. `question` is the hash of what was asked
    (the model, the test rows with their labels, the opponent, the metric), `rows_digest` the
    SHA-256 of the marks of the table's rows that the store keeps beside the entry, `epoch` that of
    the split. `refers_to` is the sequence of the pending entry that a signature settles, or of an
    earlier judgement of the same model under other limits. `expires` is the moment after which a
    pending entry can no longer be signed. `files_digest` covers what the version keeps beside its
    model; `overrides` are the changes of the project file that only a signature lets promote.
    """

    sequence: int
    action: Action
    project: str
    run_id: str
    candidate_version: str | None
    from_version: str | None
    to_version: str | None
    verdict_hash: str = ""
    page_hash: str = ""
    model_digest: str = ""
    test_version: str = ""
    wear: float | None = None
    basis: str = ""
    limits_hash: str = ""
    refers_to: int | None = None
    expires: str | None = None
    files_digest: str = ""
    overrides: tuple[str, ...] = ()
    question: str = ""
    rows_digest: str = ""
    epoch: str = ""
    who: str
    why: str
    when: str
    previous_hash: str

    @property
    def values(self) -> dict[str, Any]:
        """The entry as it is kept, and hashed: JSON values by field."""
        found = asdict(self)
        return {name: value for name, value in found.items() if value or name not in _LATER}

    @property
    def hash(self) -> str:
        """SHA-256 of the entry's canonical JSON."""
        return hash_of(self.values)

    @property
    def moves(self) -> bool:
        """Whether the champion is another one after it."""
        return self.action in MOVES and self.from_version != self.to_version


@dataclass(frozen=True)
class StoredEntry:
    """An entry's text as the store keeps it; `completed` once the alias stood where it says.

    `rows` marks the rows of the table that was judged (`tasks.row_marks`).
    """

    number: int
    text: str
    completed: bool
    rows: str = ""


@dataclass(frozen=True)
class Draft:
    """An entry before it has a place in the ledger; its parts are those of `Entry`.

    `expected_champion` is the champion that it was decided over, and `place` that of the question
    among the ledger's when the wear was measured. `rows` are the marks that the store keeps beside
    the entry. Only an action that moves needs `to_version`; with any other the champion stays.
    """

    action: Action
    _: KW_ONLY
    run_id: str
    candidate_version: str | None
    expected_champion: str | None
    who: str
    why: str
    when: str
    to_version: str | None = None
    verdict_hash: str = ""
    page_hash: str = ""
    model_digest: str = ""
    test_version: str = ""
    wear: float | None = None
    basis: str = ""
    limits_hash: str = ""
    refers_to: int | None = None
    expires: str | None = None
    files_digest: str = ""
    overrides: tuple[str, ...] = ()
    question: str = ""
    place: int | None = None
    rows: str = ""
    epoch: str = ""

    @property
    def asked_as(self) -> str:
        """The question by which it counts among the ledger's."""
        return self.question or f"{self.model_digest} {self.test_version}"

    def entry(self, project: str, champion: str | None, entries: Sequence[Entry]) -> Entry:
        """The entry that follows `entries`, of which `champion` is the present champion."""
        last = entries[-1] if entries else None
        own = {"expected_champion", "place", "rows"}
        parts = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in own}
        parts["to_version"] = self.to_version if self.action in MOVES else champion
        parts["overrides"] = tuple(plain_line(one) for one in self.overrides)
        parts["who"], parts["why"] = plain_line(self.who), plain_line(self.why)
        # Clocks of several machines differ; the order of the entries is the ledger's.
        parts["when"] = max(self.when, last.when) if last else self.when
        return Entry(
            **parts,
            sequence=len(entries) + 1,
            project=project,
            from_version=champion,
            rows_digest=hashlib.sha256(self.rows.encode()).hexdigest() if self.rows else "",
            previous_hash=last.hash if last else FIRST,
        )


class EntryStore(Protocol):
    """Where entries are shared. The store numbers them; no number is given twice."""

    def read_entries(self, project: str) -> Sequence[StoredEntry]:
        """All entries by number, ascending."""

    def read_other_entries(self, project: str) -> Sequence[StoredEntry]:
        """All entries of the other ledgers of the store."""

    def add_entry(self, project: str, text: str, summary: str, rows: str = "") -> int:
        """Keep a text and its rows under the next number, whole or not at all; the number."""

    def complete_entry(self, project: str, number: int) -> None:
        """Mark an entry as carried out."""


def waiting(entries: Sequence[Entry]) -> Entry | None:
    """The entry that waits for a signature: the newest, if nothing has settled it."""
    newest = next((e for e in reversed(entries) if e.action == "pending"), None)
    if newest is None:
        return None
    later = entries[newest.sequence :]
    settled = any(e.action in SETTLEMENTS and e.refers_to == newest.sequence for e in later)
    return None if settled or any(e.moves for e in later) else newest


def chained(project: str, texts: Sequence[StoredEntry]) -> list[tuple[Entry, StoredEntry]]:
    """The entries that follow from each other, without the claims that were lost.

    A lost claim names a place that was already taken, and the entry before that place. Raises
    UnavailableError for anything else that does not follow.
    """
    found: list[tuple[Entry, StoredEntry]] = []
    hashes = [FIRST]
    for stored in texts:
        try:
            entry = parse_entry(stored.text)
        except (ValueError, TypeError):
            raise UnavailableError(
                f"the ledger of {project}, number {stored.number}, is no ledger entry; restore "
                "the store from a backup"
            ) from None
        place = entry.sequence
        follows = 1 <= place <= len(hashes) and entry.previous_hash == hashes[place - 1]
        if not follows or entry.project != project:
            raise UnavailableError(
                f"the ledger of {project}: the chain breaks at number {stored.number}; it was "
                "changed after it was written; restore the store from a backup"
            )
        if place == len(hashes):
            found.append((entry, stored))
            hashes.append(entry.hash)
    return found


def parse_entry(text: str) -> Entry:
    """The entry in a text. Raises ValueError or TypeError where it is none."""
    values = json.loads(text)
    overrides = values.pop("overrides", [])
    if not isinstance(overrides, list) or not all(isinstance(one, str) for one in overrides):
        raise TypeError(f"overrides is {overrides!r}")
    entry = Entry(**values, overrides=tuple(overrides))
    for field in fields(Entry):
        if field.name == "overrides":
            continue
        value = getattr(entry, field.name)
        number = (int, float) if field.name == "wear" else (int,)
        kinds = (*number, type(None)) if field.name in _NUMBERS else (str, type(None))
        missing = value is None and field.default is MISSING and "None" not in str(field.type)
        if missing or isinstance(value, bool) or not isinstance(value, kinds):
            raise TypeError(f"{field.name} is {value!r}")
    return entry


def plain_line(text: str) -> str:
    """A text on one line, without characters that a terminal would act on, cut where endless."""
    line = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + " ..."
