"""The alias `champion`, kept where the ledger says.

Guarantees: the alias is set from the ledger's head until both agree; a move that was cut off is
finished by the next command; an alias that something else moved is reported and left alone.
"""

from __future__ import annotations

from typing import Protocol

from tasks.errors import UnavailableError
from tasks.ledger import Entry, Ledger
from tasks.ledger_entries import Draft

MODEL_DIGEST = "assayline.model_digest"
"""The tag of a version that holds the hash of its model and threshold."""
FILES_DIGEST = "assayline.files_digest"
"""The tag that holds the hash of what a version keeps beside its model."""


class Registry(Protocol):
    """What promotion needs of the model registry."""

    def champion_version(self, project: str) -> str | None:
        """The version that serves."""

    def set_champion(self, project: str, version: str) -> None:
        """Let a version serve."""

    def version_tags(self, project: str, version: str) -> dict[str, str]:
        """The tags of a version."""

    def tag_version(self, project: str, version: str, tags: dict[str, str]) -> None:
        """Set tags on a version."""

    def find_versions(self, project: str, tag: str, value: str) -> list[str]:
        """The versions with a tag, oldest first."""


def repair_champion(
    registry: Registry,
    ledger: Ledger,
    run_id: str,
    when: str,
    heading_to: str | None = None,
) -> str | None:
    """Finish a move that was cut off between ledger and alias; a sentence where there was one.

    A ledger without entries takes over a champion that serves already, by an entry that says so,
    if Assayline registered it. An alias that is gone is set again. Raises UnavailableError when
    the alias was moved by something other than this ledger, unless it stands where a rollback is
    `heading_to`.
    """
    project = ledger.project
    move, serving = ledger.last_move(), registry.champion_version(project)
    while (head := ledger.last_move()) != move:
        # Another run moved the champion between the two readings.
        move, serving = head, registry.champion_version(project)
    if move is None:
        return None if serving is None else _adopt(registry, ledger, serving, run_id, when)
    if serving == move.to_version:
        if not ledger.is_complete(move):
            ledger.complete(move)
        return None
    if serving is not None and not _cut_off(ledger, move, serving):
        if serving == heading_to:
            return None
        raise UnavailableError(_foreign(ledger, move, serving))
    settle_alias(registry, ledger)
    return (
        f"the alias 'champion' of {project} was at {named(serving)}; "
        f"the ledger says {named(move.to_version)}, and it was moved there"
    )


def settle_alias(registry: Registry, ledger: Ledger) -> None:
    """Set the alias to the ledger's head, until the head stays where it was, and complete it."""
    move = ledger.last_move()
    while move is not None and move.to_version is not None:
        registry.set_champion(ledger.project, move.to_version)
        head = ledger.last_move()
        if head == move:
            ledger.complete(move)
            return
        move = head


def _cut_off(ledger: Ledger, head: Entry, serving: str) -> bool:
    """Whether the alias stands where a writer that was killed left it.

    Either the head's own writer had not moved it yet, or the writer of an earlier move set it
    late. The moves that nobody completed are completed, so that it is told once.
    """
    if serving == head.from_version and not ledger.is_complete(head):
        return True
    late = [e for e in ledger.entries() if e.moves and not ledger.is_complete(e) and e != head]
    for entry in late:
        ledger.complete(entry)
    return any(entry.to_version == serving for entry in late)


def _foreign(ledger: Ledger, head: Entry, serving: str) -> str:
    project, before = ledger.project, [e.to_version for e in ledger.entries() if e.moves]
    ways = f"set it back to {named(head.to_version)} in MLflow"
    if serving in before:
        ways += f", or record the move with 'assayline rollback PROJECT --to {serving}'"
    return (
        f"the alias 'champion' of {project} is at {named(serving)} and the ledger says "
        f"{named(head.to_version)}: something else moved it; {ways}"
    )


def _adopt(registry: Registry, ledger: Ledger, serving: str, run_id: str, when: str) -> str:
    project = ledger.project
    ours = MODEL_DIGEST in registry.version_tags(project, serving)
    if ledger.entries() or not ours:
        reason = "no entry of the ledger says so" if ours else "Assayline did not register it"
        raise UnavailableError(
            f"the alias 'champion' of {project} is at {named(serving)} and {reason}; "
            "remove the alias in MLflow, and run again"
        )
    ledger.append(
        Draft(
            "adopt",
            run_id=run_id,
            candidate_version=serving,
            expected_champion=None,
            to_version=serving,
            who="assayline",
            why="it served already when this ledger was begun",
            when=when,
        )
    )
    return f"version {serving} of {project} serves already; the ledger begins with it"


def named(version: str | None) -> str:
    """The version in words."""
    return "no version" if version is None else f"version {version}"
