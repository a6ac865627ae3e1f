"""What to work on next: at most three sentences from the checks and the priority table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tasks.checks import Check
from tasks.runs import StageRecord

_MOST = 3


def work_next(stages: Sequence[StageRecord]) -> tuple[str, ...]:
    """The most worthwhile first: what blocks, then where the errors are, then what warns.

    A sentence comes from the check or the priority row that supports it.
    """
    checks = [check for stage in stages for check in stage.checks]
    blocking = [c.detail for c in checks if c.blocks and c.outcome == "failed" and not _gate(c)]
    failed = [c for c in checks if c.outcome == "failed" and not c.blocks and not _gate(c)]
    failed = [check for check in failed if check.severity != "info"]
    audited = [check.detail for check in failed if check.stage == "performance_audit"]
    warnings = [check.detail for check in failed]
    priorities = _priorities(stages)
    undecided = [c.detail for c in checks if c.blocks and c.outcome != "failed"]
    ordered = [
        *blocking[:1],
        *_offered(stages),
        *blocking[1:2],
        *undecided[:1],
        *priorities[:1],
        *_weak_slice(stages),
        *audited[:1],
        *priorities[1:2],
        *warnings,
        *priorities[2:],
    ]
    return tuple(dict.fromkeys(ordered))[:_MOST]


def _priorities(stages: Iterable[StageRecord]) -> list[str]:
    for stage in stages:
        if stage.name == "error_analysis" and stage.result is not None:
            rows = stage.result.facts.get("priorities", [])
            return [str(row["sentence"]) for row in rows]
    return []


def _weak_slice(stages: Iterable[StageRecord]) -> list[str]:
    """The first slice that a search found and the other half of dev confirmed."""
    for stage in stages:
        if stage.name == "error_analysis" and stage.result is not None:
            return [str(row["sentence"]) for row in stage.result.facts.get("weak_slices", [])[:1]]
    return []


def _offered(stages: Iterable[StageRecord]) -> list[str]:
    """The mitigated candidate beside a model that a gap refuses."""
    for stage in stages:
        if stage.name == "performance_audit" and stage.result is not None:
            offer = stage.result.facts.get("mitigation_offer", {})
            return [str(offer["sentence"])] if offer else []
    return []


def _gate(check: Check) -> bool:
    """The gate repeats what other stages found; advice comes from the source."""
    return check.stage in ("gate", "promotion")
