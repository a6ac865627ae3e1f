"""Is what serves, and what its promotion rested on, still what was judged?

Guarantees: reads and changes nothing; the served model is compared by its digest and asked for its
golden rows, as it is stored and as the registry hands it out; evidence is compared with the digests
that the verdict names. What could not be looked at is said to be that, with the reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from tasks.errors import UnavailableError
from tasks.evidence import EvidenceStore
from tasks.judged_versions import recorded_digests
from tasks.ledger import Entry
from tasks.ledger_audit import Finding
from tasks.registered_models import RegisteredModel, Registry, model_problem, read_version
from tasks.run_folder import RunFolder

_MODELS, _EVIDENCE = "models", "evidence"


def audit_served(registry: Registry, project: str, entries: Sequence[Entry]) -> Finding:
    """The stored files of the version that the ledger lets serve."""
    moves = [entry for entry in entries if entry.moves]
    version = moves[-1].to_version if moves else None
    if version is None:
        return Finding(_MODELS, "not checked", "no version serves")
    try:
        stored = read_version(registry, project, version)
    except UnavailableError as failure:
        return Finding(_MODELS, "failed", str(failure))
    recorded = recorded_digests(version, entries, {})
    foreign = _foreign_types(stored)
    if foreign:
        return _without_loading(stored, recorded.package, foreign)
    problem = model_problem(stored, recorded.package, (), recorded.files)
    if problem is not None:
        return Finding(_MODELS, "failed", problem)
    rows = 0 if stored.golden is None else len(stored.golden)
    return Finding(_MODELS, "ok", f"{_digest_told(stored)}; it gives its {rows} golden rows")


def audit_evidence(entries: Sequence[Entry], runs: Path, store: EvidenceStore) -> list[Finding]:
    """The stored results that the verdicts of promotions name."""
    moves = {e.run_id: e for e in entries if e.moves and e.verdict_hash}
    failed, matching, away = [], 0, 0
    for run_id, entry in moves.items():
        verdict = None
        with contextlib.suppress(UnavailableError):
            verdict = RunFolder(runs / run_id).verdict()
        if verdict is None:
            away += len(entry.run_id) > 0
            continue
        named = verdict.core["hashes"].get("evidence", {})
        keys = verdict.beside.get("stage_keys", {})
        there = {n: keys[n] for n in named if n in keys and store.holds(n, keys[n])}
        away += len(there) < len(named) or not named
        problems = [
            f"{name} ({problem})"
            for name, key in there.items()
            if (problem := _problem(store, name, key, named[name])) is not None
        ]
        if problems:
            told = f"entry {entry.sequence}: {'; '.join(problems)}"
            failed.append(Finding(_EVIDENCE, "failed", told))
        elif there:
            matching += 1
    if not moves:
        return [Finding(_EVIDENCE, "not checked", "no promotion names any")]
    detail = f"{matching} of {len(moves)} promotions have the evidence that their verdict names"
    if away:
        detail += f"; the verdict or some of the evidence of {away} is not in this home"
    return [*failed, Finding(_EVIDENCE, "ok" if matching else "not checked", detail)]


def _problem(store: EvidenceStore, stage: str, key: str, recorded: str) -> str | None:
    problem = store.problem(stage, key)
    if problem is not None:
        return problem
    found = store.digest(stage, key)
    if found == recorded:
        return None
    return f"it has the digest {found[:12]} and the verdict names {recorded[:12]}"


def _foreign_types(stored: RegisteredModel) -> list[str]:
    """Types that loading the model would build, and that nobody has allowed here."""
    from tasks.models import ALLOWED_TYPES, stored_types

    try:
        return sorted(set(stored_types(stored.package)) - ALLOWED_TYPES)
    except Exception:  # bytes that were changed may fail in any way: then they are compared
        return []


def _without_loading(
    stored: RegisteredModel, judged: frozenset[str], foreign: Sequence[str]
) -> Finding:
    """What can be said of a model that only its own project may load."""
    from tasks.models import package_digest

    others = {*judged, stored.digest} - {package_digest(stored.package)}
    if others:
        return Finding(_MODELS, "failed", model_problem(stored, judged) or "")
    return Finding(
        _MODELS,
        "not checked",
        f"{_digest_told(stored)}; its golden rows and what the registry hands out are not checked, "
        f"because that would load {foreign[0]}: 'assayline rollback --drill --allow-imports' does",
    )


def _digest_told(stored: RegisteredModel) -> str:
    beside = (
        "with what is stored beside it"
        if stored.recorded_files
        else "registered before the digest of what is stored beside it was recorded"
    )
    return f"version {stored.version} has the digest that the ledger names, {beside}"
