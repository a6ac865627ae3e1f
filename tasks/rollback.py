"""Going back to an earlier champion: the checks, the ledger's entry, then the alias.

Guarantees: a version serves again only if it was champion before, its bytes are those that the
ledger names, and it predicts its golden rows as it did when it was registered; the ledger is
written before the alias moves, and only if the champion is still the one that was seen; a drill
does all of it but the entry and the move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from tasks import registered_models, serving
from tasks.errors import NotFoundError, UnavailableError, UsageError
from tasks.judged_versions import judgement_of
from tasks.ledger import Entry, Ledger
from tasks.ledger_entries import Draft
from tasks.registered_models import model_problem, read_version
from tasks.serving import named, settle_alias


class Registry(serving.Registry, registered_models.Registry, Protocol):
    """What a rollback needs of the model registry."""

    def versions(self, project: str) -> list[str]:
        """All versions, oldest first."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Who wants which version back, and why; no version means the one before the champion."""

    to_version: str | None
    drill: bool
    who: str
    why: str
    when: str
    extra_types: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """What became of a request. `golden_rows` is how many rows were reproduced.

    `refusal` is the reason, where there is one; `entry` is what the ledger got.
    """

    project: str
    from_version: str | None
    to_version: str
    drill: bool
    golden_rows: int = 0
    refusal: str | None = None
    entry: Entry | None = None

    @property
    def moved(self) -> bool:
        """Whether another version serves now."""
        return self.entry is not None

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        then, now = named(self.from_version), named(self.to_version)
        if self.refusal is not None:
            return f"refused, {then} of {self.project} stays the champion: {self.refusal}"
        proof = f"it gives the same answers on its {self.golden_rows} golden rows"
        if self.drill:
            return (
                f"drill passed, {then} of {self.project} stays the champion: {now} could replace "
                f"it, {proof}"
            )
        return f"{now} is the champion of {self.project}, was {then}; {proof}"

    def to_document(self) -> dict[str, Any]:
        """A JSON value, for programs."""
        entry = {**self.entry.values, "hash": self.entry.hash} if self.entry else None
        return {**asdict(self), "moved": self.moved, "entry": entry}


def roll_back(request: Request, registry: Registry, ledger: Ledger) -> Rollback:
    """Check the target and, unless it is a drill, make it the champion.

    Raises NotFoundError where there is no such version or nothing to go back to; UnavailableError
    where registry or ledger does not answer.
    """
    target, champion = _target_of(request, ledger), ledger.champion()
    known = registry.versions(ledger.project)
    if target not in known:
        shown = ", ".join(known[-5:]) or "none"
        raise NotFoundError(
            f"{ledger.project} has no version {target}; its newest versions are: {shown}"
        )
    done = Rollback(
        project=ledger.project, from_version=champion, to_version=target, drill=request.drill
    )
    moves = [entry for entry in ledger.entries() if entry.moves and entry.to_version == target]
    refusal, golden = _refusal(target, moves, request, registry, ledger.project)
    if refusal is not None:
        return replace(done, refusal=refusal)
    done = replace(done, golden_rows=golden)
    if request.drill:
        return done
    judged = judgement_of(target, ledger.entries()) or moves[-1]
    return _move(done, judged, request, registry, ledger)


def _target_of(request: Request, ledger: Ledger) -> str:
    """The version that is asked for: named, or the one that the champion replaced.

    Raises NotFoundError when there is nothing to go back to.
    """
    champion = ledger.champion()
    if champion is None:
        raise NotFoundError(
            f"{ledger.project} never had a champion, so there is nothing to go back to; run the "
            "project first"
        )
    if request.to_version == champion:
        raise UsageError(f"version {champion} of {ledger.project} is the champion already")
    target = request.to_version or ledger.replaced_by(champion)
    if target is None:
        raise NotFoundError(
            f"version {champion} of {ledger.project} replaced no other, so there is nothing to go "
            "back to; 'assayline history PROJECT' shows what was champion"
        )
    return target


def _refusal(
    target: str, moves: Sequence[Entry], request: Request, registry: Registry, project: str
) -> tuple[str | None, int]:
    """Why the target may not serve, and how many golden rows it reproduces."""
    if not moves:
        return f"only a version that was champion can serve again, and {named(target)} never was", 0
    try:
        stored = read_version(registry, project, target)
    except UnavailableError as failure:
        # The registry has answered, so it is this version's files that are gone or damaged.
        return str(failure), 0
    problem = model_problem(
        stored,
        {entry.model_digest for entry in moves} - {""},
        request.extra_types,
        {entry.files_digest for entry in moves},
    )
    return problem, 0 if problem or stored.golden is None else len(stored.golden)


def _move(
    done: Rollback, judged: Entry, request: Request, registry: Registry, ledger: Ledger
) -> Rollback:
    """The entry, which names the evidence that the target was last judged on; then the alias."""
    entry = ledger.append(
        Draft(
            "rollback",
            run_id=judged.run_id,
            candidate_version=done.to_version,
            expected_champion=done.from_version,
            to_version=done.to_version,
            verdict_hash=judged.verdict_hash,
            page_hash=judged.page_hash,
            model_digest=judged.model_digest,
            test_version=judged.test_version,
            files_digest=judged.files_digest,
            who=request.who,
            why=request.why,
            when=request.when,
        )
    )
    if entry is None:
        now = named(ledger.champion())
        return replace(
            done,
            refusal=f"the champion was {named(done.from_version)} when this rollback began and is "
            f"{now} now; look at 'assayline history PROJECT' and ask again",
        )
    settle_alias(registry, ledger)
    return replace(done, entry=entry)
