"""Acting on a verdict: register the version, write the ledger, then move the alias.

Guarantees: the ledger is written before the alias moves, and the alias is set from the ledger's
head until both agree, so that a run killed at any moment is put right by the next command; a
judgement that is already recorded is not recorded twice; a run moves the champion only by a
verdict of `promote`, never by that of a trial, only if the champion is still the one that the gate
compared with, and never back to a model that somebody rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tasks.checks import Check, Outcome, StageResult
from tasks.judged_versions import choose_version
from tasks.ledger import JUDGEMENTS, SETTLEMENTS, Action, Entry, Ledger
from tasks.ledger_entries import Draft
from tasks.runs import Verdict
from tasks.serving import FILES_DIGEST, Registry, named, settle_alias

IDENTITY = "assayline.identity"
"""The tag of a version that holds the hash of its model, threshold and split."""

Standing = Literal[
    "promote",
    "reject",
    "inconclusive",
    "pending",
    "approve",
    "refuse",
    "expire",
    "rolled_back",
    "overtaken",
]
"""What became of a verdict."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A verdict with what it speaks about.

    `serving` is the champion when the gate judged. `identity` is the hash of the candidate's
    model, its threshold and the rows that it has seen: the same identity means the same version.
    `overrides` are the changes of the project file that make the run a trial: without a signature
    that names them it promotes nothing. `place` is that of the question among the ledger's when the
    wear was measured, `rows` marks the rows of the table, `spent` says in words what the judgement
    spent of the test rows. The rest is as in `tasks.ledger.Entry`.
    """

    project: str
    run_id: str
    verdict: Verdict
    reasons: tuple[str, ...]
    verdict_hash: str
    identity: str
    model_digest: str
    test_version: str
    wear: float
    question: str
    place: int
    rows: str
    epoch: str
    spent: str
    basis: str
    limits_hash: str
    serving: str | None
    approval: str
    expires: str
    when: str
    tags: dict[str, str]
    overrides: tuple[str, ...] = ()


def act(
    decision: Decision,
    registry: Registry,
    ledger: Ledger,
    register: Callable[[], str],
    problem_of: Callable[[str], str | None],
) -> StageResult:
    """Carry the verdict out and say what was done.

    `register` logs and registers the candidate with the decision's tags; it is called unless the
    same model has a version already. `problem_of` says why a version is not the model that was
    judged; one that has a problem is not used. The tags of a version that was ever champion stay.
    """
    same = registry.find_versions(decision.project, IDENTITY, decision.identity)
    version, remark = choose_version(same, register, problem_of)
    before = ledger.entries()
    files = registry.version_tags(decision.project, version).get(FILES_DIGEST, "")
    standing, outcome, detail = _move(decision, version, files, registry, ledger)
    written = any(e.run_id == decision.run_id for e in ledger.entries()[len(before) :])
    served = any(entry.moves and entry.to_version == version for entry in before)
    if version in same and written and not served:
        registry.tag_version(decision.project, version, decision.tags)
    champion = registry.champion_version(decision.project)
    return _result(standing, outcome, remark + detail, version, champion)


def standing_of(recorded: dict[str, Any], ledger: Ledger) -> tuple[Standing, str]:
    """What became of a verdict that an earlier run recorded, and a sentence on it.

    `expire` means that the verdict has to be acted on again.
    """
    version, run_id = recorded["candidate_version"], recorded["run_id"]
    entries = ledger.entries()
    rollback = _rollback_of(version, _digest_of(version, entries), entries)
    if rollback is not None:
        return "rolled_back", _rolled_back(rollback)
    if recorded["action"] == "pending":
        return _standing_of_pending(version, run_id, ledger)
    written = {entry.action for entry in entries if entry.candidate_version == version}
    if recorded["action"] not in written:
        # What a project remembers of its verdicts is a file of the home; the ledger decides.
        return "expire", f"the ledger has no entry '{recorded['action']}' of version {version}"
    return recorded["action"], f"nothing changed since run {run_id}: its verdict stands"


def _standing_of_pending(version: str, run_id: str, ledger: Ledger) -> tuple[Standing, str]:
    """What became of a verdict that a signature was asked for."""
    entries = ledger.entries()
    waiting = [e for e in entries if e.action == "pending" and e.run_id == run_id]
    place = waiting[-1].sequence if waiting else 0
    settled = [e for e in entries if e.refers_to == place and e.action in SETTLEMENTS]
    if settled:
        done = settled[-1]
        if done.action in ("approve", "refuse"):
            verb = "approved" if done.action == "approve" else "refused"
            action: Standing = "approve" if done.action == "approve" else "refuse"
            return action, f"version {version} was {verb} by {done.who}: {done.why}"
        return "expire", done.why
    open_entry = ledger.pending()
    if open_entry is None or open_entry.sequence != place:
        return "expire", "another model was judged since"
    return "pending", f"version {version} waits for a signature since run {run_id}"


def unchanged(recorded: dict[str, Any], ledger: Ledger) -> StageResult:
    """The result for a verdict that was recorded before for the same inputs: nothing is done."""
    standing, detail = standing_of(recorded, ledger)
    outcome: Outcome = "failed" if standing in ("rolled_back", "refuse") else "passed"
    return _result(standing, outcome, detail, recorded["candidate_version"], ledger.champion())


def _result(
    standing: Standing, outcome: Outcome, detail: str, version: str, champion: str | None
) -> StageResult:
    check = Check(
        id="promotion.recorded",
        stage="promotion",
        title="Verdict in the ledger",
        severity="critical",
        outcome=outcome,
        detail=detail,
    )
    facts = {"candidate_version": version, "champion_version": champion, "action": standing}
    return StageResult(stage="promotion", summary=detail, checks=(check,), facts=facts)


def _move(
    decision: Decision, version: str, files: str, registry: Registry, ledger: Ledger
) -> tuple[Standing, Outcome, str]:
    action = _action(decision)
    if action == "pending" and version == decision.serving:
        action = decision.verdict  # there is nothing to sign: it serves
    entries = ledger.entries()
    rollback = _rollback_of(version, decision.model_digest, entries)
    if rollback is not None and action in ("promote", "pending"):
        return "rolled_back", "failed", _rolled_back(rollback)
    if not _is_recorded(decision, action, version, ledger):
        entry = _append(decision, action, version, files, ledger, entries)
        if entry is None:
            return (
                "overtaken",
                "failed",
                f"the champion is no longer {named(decision.serving)}, which this run compared "
                "with; run again to compare with the present one",
            )
        if entry.moves:
            settle_alias(registry, ledger)
            was = named(entry.from_version)
            return "promote", "passed", f"version {version} is the champion, was {was}"
    if action == "promote":
        return "promote", "passed", f"version {version} is already the champion"
    stays = f"the champion stays {named(decision.serving)}"
    if action == "pending":
        return "pending", "passed", f"version {version} waits for a signature; {stays}"
    return decision.verdict, "passed", f"version {version} is recorded as {action}; {stays}"


def _is_recorded(decision: Decision, action: Action, version: str, ledger: Ledger) -> bool:
    """Whether a run that was killed afterwards has written this judgement already."""
    written = (decision.basis, decision.verdict_hash, action, version)
    for entry in reversed(ledger.entries()):
        if (entry.basis, entry.verdict_hash, entry.action, entry.candidate_version) == written:
            if action == "pending":
                return entry == ledger.pending()
            return action != "promote" or ledger.champion() == version
    return False


def _append(
    decision: Decision,
    action: Action,
    version: str,
    files: str,
    ledger: Ledger,
    entries: tuple[Entry, ...],
) -> Entry | None:
    earlier = [
        entry.sequence
        for entry in entries
        if entry.action in JUDGEMENTS
        and (entry.model_digest, entry.test_version)
        == (decision.model_digest, decision.test_version)
        and entry.limits_hash != decision.limits_hash
    ]
    again = f"judged again under other limits than in entry {earlier[-1]}: " if earlier else ""
    return ledger.append(
        Draft(
            action,
            run_id=decision.run_id,
            candidate_version=version,
            expected_champion=decision.serving,
            to_version=version if action == "promote" else None,
            verdict_hash=decision.verdict_hash,
            model_digest=decision.model_digest,
            test_version=decision.test_version,
            wear=decision.wear,
            question=decision.question,
            place=decision.place,
            rows=decision.rows,
            epoch=decision.epoch,
            basis=decision.basis,
            limits_hash=decision.limits_hash,
            refers_to=earlier[-1] if earlier else None,
            expires=decision.expires if action == "pending" else None,
            files_digest=files,
            overrides=decision.overrides,
            who="assayline",
            why=again + " ".join([*decision.reasons, decision.spent]).strip(),
            when=decision.when,
        )
    )


def _action(decision: Decision) -> Action:
    if decision.verdict == "promote" and (decision.approval == "approve" or decision.overrides):
        return "pending"
    if decision.verdict == "inconclusive" and decision.approval == "approve_inconclusive":
        return "pending"
    return decision.verdict


def _rollback_of(version: str, model_digest: str, entries: tuple[Entry, ...]) -> Entry | None:
    """The rollback that took a model out of service, where nothing brought it back.

    The same model may have another version by now: with another split, for example.
    """

    def same(other: str | None) -> bool:
        digest = _digest_of(other, entries)
        return other == version or (digest != "" and digest == model_digest)

    for entry in reversed(entries):
        if entry.moves and same(entry.to_version):
            return None
        if entry.action == "rollback" and same(entry.from_version):
            return entry
    return None


def _digest_of(version: str | None, entries: tuple[Entry, ...]) -> str:
    """The digest of a version's model; empty where no entry names it."""
    judged = (e for e in reversed(entries) if e.candidate_version == version and e.model_digest)
    return next((entry.model_digest for entry in judged), "")


def _rolled_back(rollback: Entry) -> str:
    version = rollback.from_version
    return (
        f"version {version} was rolled back by {rollback.who}: {rollback.why}; no run promotes it "
        f"again, 'assayline rollback PROJECT --to {version}' does"
    )
