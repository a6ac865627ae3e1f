"""Acting on a verdict: register the version, write the ledger, then move the alias.

Guarantees: the ledger is written before the alias moves, and the alias is set from the ledger, so
that a run killed at any moment is put right by the next command; a verdict that is already
recorded for the same inputs changes nothing; only a verdict of `promote` moves the champion, and
only if the champion is still the one that the gate compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tasks.checks import Check, Outcome, StageResult
from tasks.errors import UnavailableError
from tasks.ledger import Action, Ledger
from tasks.runs import Verdict

MODEL_DIGEST = "assayline.model_digest"
"""The tag of a version that holds the hash of its model's bytes."""


class Registry(Protocol):
    """What promotion needs of the model registry."""

    def champion_version(self, project: str) -> str | None:
        """The version that serves."""

    def set_champion(self, project: str, version: str) -> None:
        """Let a version serve."""

    def tag_version(self, project: str, version: str, tags: dict[str, str]) -> None:
        """Set tags on a version."""

    def find_version(self, project: str, tag: str, value: str) -> str | None:
        """The newest version with a tag."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A verdict with what it speaks about.

    `serving` is the champion when the gate judged. `model_digest` is the hash of the
    candidate's bytes, its threshold and the rows that it has seen: the same digest means the
    same version.
    """

    project: str
    run_id: str
    verdict: Verdict
    reasons: tuple[str, ...]
    verdict_hash: str
    model_digest: str
    serving: str | None
    approval: str
    when: str
    tags: dict[str, str]


def repair_champion(
    registry: Registry, ledger: Ledger, project: str, run_id: str, when: str
) -> str | None:
    """Finish a move that was cut off between ledger and alias; a sentence where there was one.

    A ledger without entries takes over a champion that serves already, by an entry that says so.
    Raises UnavailableError when the alias was moved by something other than this ledger.
    """
    move = ledger.last_move()
    serving = registry.champion_version(project)
    if move is None and serving is not None:
        why = "it served already when this ledger was begun"
        ledger.append(
            "adopt",
            project=project,
            run_id=run_id,
            candidate_version=serving,
            expected_champion=None,
            to_version=serving,
            verdict_hash="",
            who="assayline",
            why=why,
            when=when,
        )
        return f"version {serving} of {project} serves already; the ledger begins with it"
    if move is None or move.to_version is None or serving == move.to_version:
        return None
    if serving not in (move.from_version, None):
        raise UnavailableError(
            f"the alias 'champion' of {project} is at version {serving} and the ledger says "
            f"version {move.to_version}: something else moved it; set it back, or run with the "
            "home whose ledger moved it"
        )
    registry.set_champion(project, move.to_version)
    return (
        f"the alias 'champion' of {project} was at {_named(serving)}; "
        f"the ledger says version {move.to_version}, and it was moved there"
    )


def act(
    decision: Decision, registry: Registry, ledger: Ledger, register: Callable[[], str]
) -> StageResult:
    """Carry the verdict out and say what was done.

    `register` logs and registers the candidate with the decision's tags; it is called unless the
    same model has a version already.
    """
    same = registry.find_version(decision.project, MODEL_DIGEST, decision.model_digest)
    version = same or register()
    if same is not None and same != decision.serving:
        registry.tag_version(decision.project, same, decision.tags)
    action, outcome, detail = _move(decision, version, registry, ledger)
    champion = registry.champion_version(decision.project)
    checks = (
        Check(
            id="promotion.recorded",
            stage="promotion",
            title="Verdict in the ledger",
            severity="critical",
            outcome=outcome,
            detail=detail,
        ),
    )
    return StageResult(
        stage="promotion",
        summary=detail,
        checks=checks,
        facts={"candidate_version": version, "champion_version": champion, "action": action},
    )


def unchanged(recorded: dict[str, Any]) -> StageResult:
    """The result for a verdict that was recorded before for the same inputs: nothing is done."""
    detail = f"nothing changed since run {recorded['run_id']}: its verdict stands"
    check = Check(
        id="promotion.recorded",
        stage="promotion",
        title="Verdict in the ledger",
        severity="critical",
        outcome="passed",
        detail=detail,
    )
    facts = {name: recorded[name] for name in ("candidate_version", "champion_version", "action")}
    return StageResult(stage="promotion", summary=detail, checks=(check,), facts=facts)


def _move(
    decision: Decision, version: str, registry: Registry, ledger: Ledger
) -> tuple[Action, Outcome, str]:
    action = _action(decision)
    if action == "promote" and decision.serving == version:
        return action, "passed", f"version {version} is already the champion"
    last = ledger.entries()[-1:]
    written = (decision.verdict_hash, action, version)
    if last and (last[0].verdict_hash, last[0].action, last[0].candidate_version) == written:
        return action, "passed", f"version {version} is in the ledger as {action} already"
    moves = action == "promote"
    entry = ledger.append(
        action,
        project=decision.project,
        run_id=decision.run_id,
        candidate_version=version,
        expected_champion=decision.serving,
        to_version=version if moves else decision.serving,
        verdict_hash=decision.verdict_hash,
        who="assayline",
        why="; ".join(decision.reasons),
        when=decision.when,
    )
    if entry is None:
        return (
            "inconclusive",
            "failed",
            f"the champion is no longer {_named(decision.serving)}, which this run compared with; "
            "run again to compare with the present one",
        )
    if moves:
        registry.set_champion(decision.project, version)
        return (
            action,
            "passed",
            f"version {version} is the champion, was {_named(entry.from_version)}",
        )
    stays = f"the champion stays {_named(decision.serving)}"
    if action == "pending":
        return action, "passed", f"version {version} waits for a signature; {stays}"
    return action, "passed", f"version {version} is recorded as {action}; {stays}"


def _action(decision: Decision) -> Action:
    if decision.verdict == "promote" and decision.approval == "approve":
        return "pending"
    if decision.verdict == "inconclusive" and decision.approval == "approve_inconclusive":
        return "pending"
    return decision.verdict


def _named(version: str | None) -> str:
    return "no version" if version is None else f"version {version}"
