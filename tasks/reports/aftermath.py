"""What became of a run's verdict, told from the ledger.

Guarantees: what is told follows from the entries alone, and each step names its entry; a run
without an entry is said to have none.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.ledger import JUDGEMENTS, Entry
from tasks.reports.words import Mark
from tasks.serving import named

_LIVE = Mark("✓", "champion", "good")
_OVER = Mark("–", "superseded", "quiet")
_BAD = Mark("✕", "not promoted", "bad")
_WAITING = Mark("?", "waiting", "caution")
_CLOSED = Mark("–", "expired", "quiet")
_ENDS = {"expire": _CLOSED, "inconclusive": Mark("?", "not decided", "caution")}


@dataclass(frozen=True)
class Step:
    """One entry that concerns the verdict: when, what happened, and why."""

    when: str
    what: str
    why: str
    entry: int


@dataclass(frozen=True)
class Aftermath:
    """Where the verdict stands now, as a mark and a sentence, and the steps that led there.

    `to_sign` is the pending entry that can still be signed, if there is one.
    """

    mark: Mark
    sentence: str
    steps: tuple[Step, ...] = ()
    to_sign: Entry | None = None


def tell_aftermath(run: Mapping[str, Any], entries: Sequence[Entry], now: str) -> Aftermath:
    """What became of a run, given as `run_document` gives it. `now` is an ISO time."""
    own = _own(run, entries)
    if own is None:
        return Aftermath(_BAD, _without_entry(run))
    later = entries[own.sequence :]
    # Why the gate judged so stands on the page, in full.
    judged = _JUDGED[own.action].format(version=named(own.candidate_version))
    steps = [Step(day(own.when), judged, "", own.sequence)]
    move = own
    if own.action == "pending":
        answers = [e for e in later if e.action in _SETTLED and e.refers_to == own.sequence]
        if not answers:
            return _unsettled(own, later, now, tuple(steps))
        move = answers[0]
        steps.append(_step(move, _SETTLED[move.action].format(who=move.who)))
    if move.action not in ("promote", "approve"):
        return Aftermath(_ENDS.get(move.action, _BAD), _ended(move), tuple(steps))
    return _in_service(move, entries[move.sequence :], steps)


_JUDGED = {
    "promote": "The gate promoted {version}",
    "reject": "The gate rejected {version}",
    "inconclusive": "The gate could not decide on {version}",
    "pending": "The gate asked for a signature for {version}",
}
_SETTLED = {
    "approve": "Approved by {who}",
    "refuse": "Refused by {who}",
    "expire": "Closed without a signature",
}


def _own(run: Mapping[str, Any], entries: Sequence[Entry]) -> Entry | None:
    """The run's judgement; that of the run whose verdict it repeats, where it has none itself."""
    judged = [entry for entry in entries if entry.action in JUDGEMENTS]
    mine = [entry for entry in judged if entry.run_id == run["run_id"]]
    same = [entry for entry in judged if entry.verdict_hash == run["verdict_hash"]]
    found = mine or (same if run["verdict_hash"] else [])
    return found[-1] if found else None


def _without_entry(run: Mapping[str, Any]) -> str:
    if run["verdict"] is None:
        return "The data was refused, and the champion stayed."
    return "This run wrote no entry in the ledger, and the champion stayed."


def _unsettled(own: Entry, later: Sequence[Entry], now: str, steps: tuple[Step, ...]) -> Aftermath:
    newer = next((e for e in later if e.moves or e.action == "pending"), None)
    if newer is not None:
        what = _moved(newer) if newer.moves else f"Run {newer.run_id} asked instead"
        sentence = f"Superseded on {day(newer.when)}, before it was signed."
        return Aftermath(_OVER, sentence, (*steps, _step(newer, what)))
    until = own.expires or ""
    if until and _moment(now) >= _moment(until):
        return Aftermath(_CLOSED, f"It could be signed until {day(until)}, and was not.", steps)
    return Aftermath(_WAITING, f"It waits for a signature until {day(until)}.", steps, own)


def _ended(entry: Entry) -> str:
    stays = f"the champion stayed {named(entry.to_version)}"
    if entry.action == "refuse":
        return f"Refused by {entry.who} on {day(entry.when)}; {stays}."
    if entry.action == "expire":
        return f"Closed without a signature on {day(entry.when)}; {stays}."
    word = "Rejected" if entry.action == "reject" else "Not decided"
    return f"{word} on {day(entry.when)}; {stays}."


def _in_service(move: Entry, later: Sequence[Entry], steps: list[Step]) -> Aftermath:
    version = move.to_version
    since, last = move, move
    for entry in later:
        if entry.moves and version in (entry.from_version, entry.to_version):
            steps.append(_step(entry, _moved(entry)))
            last = entry
            since = entry if entry.to_version == version else since
    told = tuple(steps)
    name = named(version).capitalize()
    if last.to_version == version:
        again = "" if since is move else "again "
        return Aftermath(_LIVE, f"{name} is the champion {again}since {day(since.when)}.", told)
    if last.action == "rollback":
        mark = Mark("✕", "rolled back", "bad")
        return Aftermath(mark, f"{name} was rolled back on {day(last.when)} by {last.who}.", told)
    by = f"{named(last.to_version)} of run {last.run_id}"
    return Aftermath(_OVER, f"{name} was superseded on {day(last.when)} by {by}.", told)


def _moved(entry: Entry) -> str:
    champion = f"{named(entry.to_version)} in place of {named(entry.from_version)}"
    if entry.action == "rollback":
        return f"Rolled back by {entry.who}: {champion}"
    how = f"approved by {entry.who}" if entry.action == "approve" else "promoted"
    return f"Run {entry.run_id} was {how}: {champion}"


def _step(entry: Entry, what: str) -> Step:
    return Step(day(entry.when), what, entry.why, entry.sequence)


def day(when: str) -> str:
    """An ISO time as `28 July 2026`."""
    moment = _moment(when)
    return f"{moment.day} {moment:%B %Y}"


def _moment(when: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(when)
