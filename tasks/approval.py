"""Settling a run that waits for a signature.

Guarantees: one function settles, whoever asks it; only a named person with a reason, who names the
verdict by its hash and what made the run a trial, moves the champion; an approval is void where the
data, the code, the model, the champion or the page is another than the verdict speaks about, or its
date has passed; every answer that settles is in the ledger, and so is an approval that came too
late.
"""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tasks.ledger import Action, Entry, Ledger, plain_line
from tasks.ledger_entries import Draft
from tasks.serving import Registry, named, settle_alias

PREFIX_LENGTH = 8
"""How many characters of the verdict's hash a signature names at least."""
NAME_LENGTH = 2
"""How many characters a name has at least."""
REASON_LENGTH = 1000
"""How many characters a reason has at most."""

Choice = Literal["approve", "refuse"]
Outcome = Literal["approved", "refused", "unsigned", "void", "closed"]
"""`unsigned`: the signature is not complete and can be given again; `void`: something changed, or
the date has passed; `closed`: the run does not wait for a signature."""

_NAMES = {
    "verdict": "the verdict",
    "page": "the decision page",
    "data": "the data file",
    "code": "Assayline's code",
    "model": "the stored model",
    "registered": "the model that the registry names",
    "champion": "the champion",
}
_VERBS = {"approve": "was approved", "refuse": "was refused", "expire": "was closed"}


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A person's answer to the decision page of run `run_id`.

    `asked_as` is the run under whose id the ledger asks: another one where the run repeats that
    one's verdict. `verdict` is the beginning of the hash of the verdict that was read. `overrides`
    are the changes of the project file by which the run was a trial.
    """

    run_id: str
    asked_as: str
    decision: Choice
    name: str
    reason: str
    verdict: str
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a verdict speaks about: hashes, and the version of the champion.

    `problem` is why the stored model is not the one that was judged, as a clause; empty where it
    is.
    """

    verdict: str
    page: str
    data: str
    code: str
    model: str
    registered: str
    champion: str | None
    problem: str = ""


@dataclass(frozen=True)
class Settlement:
    """What became of a signature: the outcome, a sentence, and the entry that was written."""

    outcome: Outcome
    sentence: str
    entry: Entry | None = None


def settle(
    signature: Signature,
    ledger: Ledger,
    registry: Registry,
    look: Callable[[Entry], tuple[Subject, Subject]],
    now: str,
    page: str = "",
) -> Settlement:
    """Carry a signature out, if it can be.

    `page` is the hash of the decision page that was read, which a refusal names. `look` gives the
    subject of a pending entry as it was judged and as it is now; it is asked for an approval
    only, because a refusal moves nothing. `now` is an ISO time.
    """
    pending = ledger.pending()
    if pending is None or pending.run_id != signature.asked_as:
        return Settlement("closed", describe_closed(ledger, signature.asked_as))
    approves = signature.decision == "approve"
    problem = _problem(signature, pending) or (_unnamed(signature, pending) if approves else "")
    if problem:
        return Settlement("unsigned", problem)
    if not approves:
        return _answer(signature, pending, page, ledger, registry, now)
    if is_expired(pending, now):
        return _expire(pending, ledger, now)
    judged, present = look(pending)
    change = _change(judged, present)
    if change:
        sentence = f"the approval of run {pending.run_id} is void: {change}; run the project again"
        why = f"void when {plain_line(signature.name)} approved it: {change}"
        return _void(sentence, why, pending, ledger, now)
    return _answer(signature, pending, judged.page, ledger, registry, now)


def expire_stale(ledger: Ledger, now: str) -> str | None:
    """Write down that the date of the run that waits has passed; a sentence where it has."""
    pending = ledger.pending()
    if pending is None or not is_expired(pending, now):
        return None
    return _expire(pending, ledger, now).sentence


def is_expired(pending: Entry, now: str) -> bool:
    """Whether a pending entry can no longer be signed."""
    if pending.expires is None:
        return False
    return datetime.datetime.fromisoformat(now) >= datetime.datetime.fromisoformat(pending.expires)


def describe_closed(ledger: Ledger, run_id: str) -> str:
    """Why a run does not wait for a signature, as a sentence."""
    entries = ledger.entries()
    asked = [e for e in entries if e.action == "pending" and e.run_id == run_id]
    if not asked:
        return f"run {run_id} does not wait for a signature"
    place = asked[-1].sequence
    settled = [e for e in entries if e.action in _VERBS and e.refers_to == place]
    if settled:
        done = settled[0]
        verb = _VERBS[done.action]
        by = f" by {done.who}" if done.action != "expire" else ""
        return f"run {run_id} {verb}{by} on {done.when[:10]} already: {done.why}"
    later = next(e for e in entries[place:] if e.moves or e.action == "pending")
    what = f"made {named(later.to_version)} the champion" if later.moves else "asks instead"
    return (
        f"run {run_id} no longer waits for a signature: "
        f"entry {later.sequence} ({later.action}, run {later.run_id}) {what}"
    )


def _problem(signature: Signature, pending: Entry) -> str:
    """What the signature lacks; empty where it is complete."""
    prefix = signature.verdict.strip().lower()
    if len(plain_line(signature.name)) < NAME_LENGTH:
        return f"a signature needs a name of at least {NAME_LENGTH} characters"
    if not plain_line(signature.reason):
        return "a signature needs a reason"
    if len(plain_line(signature.reason)) > REASON_LENGTH:
        return f"a reason has at most {REASON_LENGTH} characters"
    if len(prefix) < PREFIX_LENGTH:
        return (
            f"a signature names the verdict by at least the first {PREFIX_LENGTH} characters of "
            f"its hash, and has {len(prefix)}; they are on the decision page, under Provenance"
        )
    if not pending.verdict_hash.startswith(prefix):
        return (
            f"the verdict of run {pending.run_id} does not begin with {prefix[:16]}; its hash is "
            "on the decision page of this run, under Provenance"
        )
    return ""


def _unnamed(signature: Signature, pending: Entry) -> str:
    """Which changes of the project file the signature lacks, or names too many."""
    asked = list(pending.overrides)
    given = [plain_line(one) for one in signature.overrides]
    lacking = [one for one in asked if one not in given]
    if lacking:
        words = " ".join(f"--set {shlex.quote(one)}" for one in lacking)
        return (
            f"run {pending.run_id} was a trial, and a signature names what was changed of the "
            f"project file; this one lacks {', '.join(lacking)}: add {words}"
        )
    other = [one for one in given if one not in asked]
    if other:
        named = ", ".join(asked) or "nothing"
        return f"run {pending.run_id} was judged with {named} changed, and not with {other[0]}"
    return ""


def _change(judged: Subject, present: Subject) -> str:
    """What is another than the verdict says, with both values; empty where nothing is."""
    for name, what in _NAMES.items():
        before, after = getattr(judged, name), getattr(present, name)
        if before != after:
            was, now = (
                named(value) if name == "champion" else value[:12] for value in (before, after)
            )
            return f"{what} changed: it was {was} when the run was judged and is {now} now"
    return present.problem


def _answer(
    signature: Signature,
    pending: Entry,
    page: str,
    ledger: Ledger,
    registry: Registry,
    now: str,
) -> Settlement:
    signed = (signature.run_id, signature.name, signature.reason)
    entry = _settling(signature.decision, pending, ledger, *signed, now, page)
    if entry is None:
        return Settlement("closed", describe_closed(ledger, pending.run_id))
    version, project = named(entry.to_version), ledger.project
    if signature.decision == "refuse":
        done = f"run {entry.run_id} is refused by {entry.who}"
        return Settlement("refused", f"{done}: the champion of {project} stays {version}", entry)
    settle_alias(registry, ledger)
    done = f"run {entry.run_id} is approved by {entry.who}: {version} of {project} is the champion"
    return Settlement("approved", f"{done}, was {named(entry.from_version)}", entry)


def _expire(pending: Entry, ledger: Ledger, now: str) -> Settlement:
    why = f"nobody signed it before {(pending.expires or '')[:10]}"
    sentence = f"run {pending.run_id} can no longer be approved: {why}; run the project again"
    return _void(sentence, why, pending, ledger, now)


def _void(sentence: str, why: str, pending: Entry, ledger: Ledger, now: str) -> Settlement:
    """Nothing is promoted, and the run is not asked about again."""
    entry = _settling("expire", pending, ledger, pending.run_id, "assayline", why, now)
    if entry is None:
        return Settlement("closed", describe_closed(ledger, pending.run_id))
    return Settlement("void", sentence, entry)


def _settling(
    action: Action,
    pending: Entry,
    ledger: Ledger,
    run_id: str,
    who: str,
    why: str,
    now: str,
    page: str = "",
) -> Entry | None:
    return ledger.append(
        Draft(
            action,
            run_id=run_id,
            candidate_version=pending.candidate_version,
            expected_champion=pending.from_version,
            to_version=pending.candidate_version if action == "approve" else None,
            verdict_hash=pending.verdict_hash,
            page_hash=page or pending.page_hash,
            model_digest=pending.model_digest,
            test_version=pending.test_version,
            files_digest=pending.files_digest,
            overrides=pending.overrides,
            refers_to=pending.sequence,
            who=plain_line(who),
            why=plain_line(why),
            when=now,
        )
    )
