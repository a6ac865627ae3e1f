"""Does the ledger still say what was written: its chain, its mirror, the alias, the evidence.

Guarantees: reads and changes nothing, the mirror included; whatever does not match is a finding,
and what could not be looked at is said to be that, never to be well. What it cannot detect is said
by `UNDETECTED`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tasks.errors import UnavailableError
from tasks.ledger import Entry, Ledger, StoredEntry, mirrored
from tasks.ledger_entries import chained
from tasks.ledger_mirror import mirror_loss
from tasks.run_folder import RunFolder
from tasks.serving import named

UNDETECTED = (
    "Not detectable: a rewrite of the whole ledger by someone who can write to the shared store "
    "and to every home's mirror; newest entries that were taken out before any home saw them; "
    "who somebody really is (names are self-declared)."
)
NO_ENTRY = "the ledger has no entry yet"

Outcome = Literal["ok", "failed", "not checked"]


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it matches, and the numbers."""

    subject: str
    outcome: Outcome
    detail: str


def audit_ledger(
    ledger: Ledger,
    alias: str | None,
    runs: Path,
    recorded_page: Callable[[Entry], str] = lambda entry: entry.page_hash,
) -> tuple[Finding, ...]:
    """Every finding, in a fixed order; `alias` is the version that the registry serves.

    `runs` holds this home's run folders. `recorded_page` gives the hash of the page of an entry's
    run, as it was written; empty where nothing names it. Raises UnavailableError only where the
    store does not answer.
    """
    stored = ledger.store.read_entries(ledger.project)
    seen = mirrored(ledger.mirror)
    try:
        pairs = chained(ledger.project, stored)
    except UnavailableError as failure:
        rest = ("alias", "verdicts", "pages")
        known = [one for one in stored if one.text in seen]
        return (
            Finding("chain", "failed", str(failure)),
            _mirror(ledger, known, seen, []),
            *(Finding(name, "not checked", "the chain is broken") for name in rest),
        )
    entries = [entry for entry, _ in pairs]
    verdicts = {e: RunFolder(runs / e.run_id).verdict_file for e in entries if e.verdict_hash}
    hashes = {e: recorded_page(e) for e in entries if e.page_hash or (e.moves and e.verdict_hash)}
    pages = {e: RunFolder(runs / e.run_id).page for e, recorded in hashes.items() if recorded}
    here = [(runs / entry.run_id).is_dir() for entry in entries if entry.run_id]
    return (
        _chain(entries, stored),
        _mirror(ledger, [text for _, text in pairs], seen, here),
        _alias(pairs, alias),
        *_evidence("verdicts", verdicts, _verdict_problem),
        *_evidence("pages", pages, lambda entry, path: _page_problem(hashes[entry], path)),
    )


def _chain(entries: Sequence[Entry], stored: Sequence[StoredEntry]) -> Finding:
    numbers = {one.number for one in stored}
    gone = sorted(set(range(1, max(numbers, default=0) + 1)) - numbers)
    if gone:
        return Finding(
            "chain",
            "failed",
            f"number {gone[0]} is no longer in the store, which gives each number once: it was "
            "deleted there",
        )
    if not entries:
        return Finding("chain", "not checked", NO_ENTRY)
    late = [e.sequence for e in entries if e.action == "adopt" and e.sequence > 1]
    if late:
        return Finding(
            "chain", "failed", f"entry {late[0]} adopts a champion, and only the first entry can"
        )
    lost = len(stored) - len(entries)
    claims = f"; claims that came second and are no entries: {lost}" if lost else ""
    return Finding(
        "chain",
        "ok",
        f"{len(entries)} entries, each with the hash of the one before; the last is "
        f"{entries[-1].hash[:12]}{claims}",
    )


def _mirror(
    ledger: Ledger, shared: Sequence[StoredEntry], seen: Sequence[str], here: Sequence[bool]
) -> Finding:
    """Whether the shared entries equal or extend what this home has seen, and it is all there.

    `here` tells of each entry whether its run is in this home.
    """
    texts, project = [one.text for one in shared], ledger.project
    loss = mirror_loss(ledger.mirror, here)
    if loss is not None:
        return Finding("mirror", "failed", loss)
    if not seen:
        return Finding("mirror", "not checked", "this home has seen no entry yet")
    if texts[: len(seen)] == list(seen):
        more = len(texts) - len(seen)
        extends = f" and {more} more" if more else ""
        return Finding(
            "mirror",
            "ok",
            f"the store has the {len(seen)} entries that this home has seen{extends}",
        )
    place = next(
        number
        for number, text in enumerate(seen, 1)
        if number > len(texts) or texts[number - 1] != text
    )
    return Finding(
        "mirror",
        "failed",
        f"this home has seen {len(seen)} entries, and the store does not hold entry {place} as it "
        f"was; {_which(project, seen)}",
    )


def _which(project: str, seen: Sequence[str]) -> str:
    """Whether the mirror by itself tells which of the two was changed."""
    own = [StoredEntry(number, text, False) for number, text in enumerate(seen, 1)]
    try:
        whole = len(chained(project, own)) == len(own)
    except UnavailableError:
        whole = False
    if whole:
        return "the mirror by itself is an unbroken chain, so compare both with another home's"
    return "the mirror by itself is no unbroken chain, so the mirror was changed"


def _alias(pairs: Sequence[tuple[Entry, StoredEntry]], alias: str | None) -> Finding:
    moves = [(entry, stored.completed) for entry, stored in pairs if entry.moves]
    champion = moves[-1][0].to_version if moves else None
    if alias == champion:
        return Finding("alias", "ok", f"ledger and alias are both at {named(champion)}")
    both = f"the alias is at {named(alias)} and the ledger says {named(champion)}"
    cut_off = bool(moves) and not moves[-1][1] and alias in (moves[-1][0].from_version, None)
    why = (
        "a move was cut off, and the next command finishes it"
        if cut_off
        else "something else moved it"
    )
    return Finding("alias", "failed", f"{both}: {why}")


def _evidence(
    subject: str, files: Mapping[Entry, Path], problem: Callable[[Entry, Path], str | None]
) -> list[Finding]:
    """One finding for each entry that its run's file contradicts, and one for the others."""
    if not files:
        return [Finding(subject, "not checked", "no entry or run names one, so none can be told")]
    there = {entry: path for entry, path in files.items() if path.is_file()}
    problems = {entry: problem(entry, path) for entry, path in there.items()}
    failed = [
        Finding(subject, "failed", f"entry {entry.sequence}: {reason}")
        for entry, reason in problems.items()
        if reason is not None
    ]
    matching, away = len(there) - len(failed), len(files) - len(there)
    detail = f"{matching} of the {len(files)} entries that name one match the file of their run"
    if away:
        detail += f"; the run of {away} is not in this home"
    return [*failed, Finding(subject, "ok" if matching else "not checked", detail)]


def _verdict_problem(entry: Entry, path: Path) -> str | None:
    try:
        found = RunFolder(path.parent).verdict()
    except UnavailableError as failure:
        return str(failure)
    if found is None:
        return f"{path} was deleted just now"
    if found.hash != entry.verdict_hash:
        return (
            f"{path} has the hash {found.hash[:12]} and the entry names {entry.verdict_hash[:12]}"
        )
    verdict = found.core.get("verdict")
    if entry.action == "promote" and verdict != "promote":
        return f"it promotes, and the verdict in {path} is {verdict}"
    return None


def _page_problem(recorded: str, path: Path) -> str | None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found == recorded:
        return None
    return f"{path} has the hash {found[:12]} and was written with {recorded[:12]}"
